"""Tells systemd what it asks for, when it asks: ready, alive, stopping (sd_notify(3)). Without NOTIFY_SOCKET
in the environment nothing is told.

``systemd/riskgate.service`` sets WatchdogSec: a gateway whose core no longer turns is not told alive, and is
killed and started again.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping


class Systemd:
    """One unit's side of the conversation."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._ready = False

    @property
    def asks(self) -> bool:
        """Whether anybody listens."""
        return bool(self._address)

    def alive(self) -> None:
        """The gateway sees: ready, the first time; then a sign of life for the watchdog."""
        self._tell("WATCHDOG=1" if self._ready else "READY=1\nWATCHDOG=1")
        self._ready = True

    def stopping(self) -> None:
        """An orderly stop has begun."""
        self._tell("STOPPING=1")

    def _tell(self, words: str) -> None:
        """A datagram that nobody takes is no reason to stop watching."""
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
            link.setblocking(False)
            try:
                link.sendto(words.encode(), self._address)
            except OSError:
                return
