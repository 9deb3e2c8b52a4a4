"""The gateway's own time, from the stamps of journal entries only.

``now_ns`` never goes back: durations come from the monotonic clock within one boot, from the wall across
boots; with the "stream" clock it is the greatest event time decoded. ``wall_ns`` stamps events.
"""

from __future__ import annotations

from typing import Any

from gateway.monitor.entries import Stamp

JUMP_NS = 2_000_000_000
"""A wall clock that moves this much more or less than the monotonic one has been set."""


class TimeLine:
    """Advances with every entry."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.wall_ns = 0
        self.mono_ns = 0
        self.boot = ""
        self.stream = False

    def advance(self, stamp: Stamp) -> int:
        """Take an entry's stamp; returns by how much the wall clock was set since the last entry, in ns,
        0 if less than two seconds."""
        jump, was = 0, self.boot
        if stamp.boot == self.boot:
            elapsed = max(0, stamp.mono_ns - self.mono_ns)
            drift = stamp.wall_ns - self.wall_ns - elapsed
            if abs(drift) > JUMP_NS:
                jump = drift
        else:
            elapsed = max(0, stamp.wall_ns - self.wall_ns) if self.boot else 0
            self.boot = stamp.boot
            if self.now_ns == 0 and not self.stream:
                self.now_ns = stamp.wall_ns
        if not self.stream:
            self.now_ns += elapsed
        self.wall_ns = stamp.wall_ns
        # within one round an entry may bear a stamp a little older than the one before it
        self.mono_ns = max(self.mono_ns, stamp.mono_ns) if stamp.boot == was else stamp.mono_ns
        return jump

    def received(self, mono_ns: int) -> int:
        """Gateway time of a monotonic reading of this boot; never ahead of now."""
        return self.now_ns - max(0, self.mono_ns - mono_ns)

    def arrived(self, mono_ns: int) -> int:
        """Wall time of a monotonic reading of this boot."""
        return self.wall_ns - max(0, self.mono_ns - mono_ns)

    def export(self) -> dict[str, Any]:
        """Plain values."""
        return dict(vars(self))

    @classmethod
    def load(cls, stored: dict[str, Any]) -> TimeLine:
        """The time line of exported values."""
        line = cls()
        vars(line).update(stored)
        return line
