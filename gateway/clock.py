"""The one place that reads the clock and makes randomness; everything else is given them."""

from __future__ import annotations

import random
import secrets
import time
import uuid
from typing import Protocol

Random = random.Random


class Clock(Protocol):
    """Two clocks: the wall for stamps, the monotonic for durations. Both in nanoseconds."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 UTC; may jump when the machine's time is corrected."""
        ...

    def mono_ns(self) -> int:
        """Nanoseconds of this boot; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        ...


class SystemClock:
    """The machine's clocks."""

    def wall_ns(self) -> int:
        """Nanoseconds since 1970 UTC."""
        return time.time_ns()

    def mono_ns(self) -> int:
        """Nanoseconds of this boot."""
        return time.monotonic_ns()

    def sleep(self, seconds: float) -> None:
        """Block this thread."""
        time.sleep(seconds)


class VirtualClock:
    """A clock that only moves when told: tests and simulations."""

    def __init__(self, wall_ns: int = 1_700_000_000_000_000_000, mono_ns: int = 1_000_000_000) -> None:
        self._wall_ns = wall_ns
        self._mono_ns = mono_ns

    def wall_ns(self) -> int:
        """The virtual wall clock."""
        return self._wall_ns

    def mono_ns(self) -> int:
        """The virtual monotonic clock."""
        return self._mono_ns

    def sleep(self, seconds: float) -> None:
        """Move both clocks ahead."""
        self.advance(round(seconds * 1e9))

    def advance(self, duration_ns: int) -> None:
        """Move both clocks ahead by a duration."""
        self._wall_ns += duration_ns
        self._mono_ns += duration_ns

    def jump(self, duration_ns: int) -> None:
        """Move only the wall clock, as a time correction does; may be negative."""
        self._wall_ns += duration_ns


def new_boot_id() -> str:
    """A fresh identity for one start of the gateway."""
    return uuid.uuid4().hex[:16]


def new_id() -> str:
    """A fresh identity for one command."""
    return uuid.uuid4().hex


def new_seed() -> int:
    """A fresh seed, journalled in Started so that replay draws the same numbers."""
    return random.SystemRandom().getrandbits(63)


def new_secret() -> str:
    """256 bits that nobody can guess, as text for addresses and cookies."""
    return secrets.token_urlsafe(32)
