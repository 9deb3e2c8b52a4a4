"""A real server or nothing: find the program, or skip with the reason (fail with RISKGATE_NO_SKIP=1)."""

from __future__ import annotations

import fcntl
import os
import random
import shutil
import socket
import tempfile
from pathlib import Path
from typing import IO

import pytest

PLACES = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin"


def find(program: str) -> str:
    """The program's path, or "" if it is not installed."""
    return shutil.which(program) or shutil.which(program, path=PLACES) or ""


def need(program: str) -> str:
    """The program's path; a test without it is skipped, or failed where nothing may be left out."""
    path = find(program)
    if path:
        return path
    reason = f"{program} is not installed: make services"
    if os.environ.get("RISKGATE_NO_SKIP") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


class Ports:
    """Loopback TCP ports, each given once to one process of one user: by a lock of one byte in a shared file,
    which the system takes back when the process ends.

    A port that the system chose would be free again until its server binds it, seconds later, and the next
    asker or the near end of any connection could get the same. So these lie below those that the system
    chooses from.
    """

    LOWEST = 12_000

    def __init__(self) -> None:
        self._file: IO[bytes] | None = None
        self._left: list[int] = []

    def take(self) -> int:
        """One that nobody uses and nobody else will be given."""
        if self._file is None:
            self._file = (Path(tempfile.gettempdir()) / f"riskgate-ports-{os.getuid()}").open("ab")
            self._left = list(range(self.LOWEST, max(self._systems(), self.LOWEST + 5_000)))
            random.shuffle(self._left)
        while self._left:
            port = self._left.pop()
            if self._locked(port) and self._free(port):
                return port
        raise AssertionError("every port was given already")

    def _locked(self, port: int) -> bool:
        assert self._file is not None
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
        except OSError:
            return False
        return True

    @staticmethod
    def _free(port: int) -> bool:
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
            return True

    @staticmethod
    def _systems() -> int:
        """The lowest that the system chooses by itself."""
        try:
            return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
        except (OSError, ValueError):
            return 32_768


_ports = Ports()


def free_port() -> int:
    """A loopback TCP port that nobody uses now, and that nobody else is given while this process lives."""
    return _ports.take()
