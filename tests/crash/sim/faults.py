"""Faults of one seed: when they come, and how they are put under the real journal, ledger and core.

A kill is modelled by what it leaves: the files as they are at that moment are copied, and only the copy is
opened again. A disk fault is raised by the connection itself, with SQLite's own codes.
"""

from __future__ import annotations

import random
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SECOND = 1_000_000_000
HOUR_NS = 3600 * SECOND

CORE_POINTS = (
    "before-append",
    "after-append",
    "after-acknowledge",
    "after-step",
    "before-ledger",
    "after-ledger",
    "before-snapshot",
    "after-snapshot",
    "before-segment-roll",
    "after-segment-roll",
)
"""Named places of gateway/crashpoint.py that the core's own thread passes."""
RARE = ("snapshot", "segment-roll")
"""Passed every few minutes; the others at every commit that gives events."""


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing in the gateway may catch it."""


@dataclass(slots=True)
class Trap:
    """Kills at the n-th time a named place is reached; stands in for gateway.crashpoint.reached."""

    name: str = ""
    left: int = 0

    def arm(self, name: str, count: int) -> None:
        """Kill at the ``count``-th passing of ``name`` from now."""
        self.name, self.left = name, count

    def reached(self, name: str) -> None:
        """The core says where it is."""
        if name == self.name:
            self.left -= 1
            if self.left == 0:
                self.name = ""
                raise Killed(name)

    def install(self) -> Callable[[], None]:
        """Put this in place of ``reached`` everywhere in the gateway; returns how to take it out again."""
        changed = []
        for name, module in list(sys.modules.items()):
            if name.startswith("gateway.") and name != "gateway.crashpoint" and hasattr(module, "reached"):
                changed.append((module, module.reached))
                module.reached = self.reached

        def undo() -> None:
            for module, before in changed:
                module.reached = before

        return undo


def sqlite_error(code: int, name: str) -> sqlite3.OperationalError:
    """The exception sqlite3 raises for a result code."""
    error = sqlite3.OperationalError(f"injected {name}")
    error.sqlite_errorcode = code
    error.sqlite_errorname = name
    return error


@dataclass(slots=True)
class Disk:
    """What the disk under the journal answers now; shared by every connection to it."""

    full: bool = False
    fail_flush_in: int = 0
    """Counts COMMITs down; at 0 the flush fails once. 0 is never."""
    full_in: int = 0
    """Counts INSERTs down; at 0 that one finds the disk full."""
    ledger_full_in: int = 0
    """Counts the ledger's transactions down; at 0 that one finds the disk full."""

    def fail(self, what: str, count: int) -> None:
        """The ``count``-th write from now meets this fault of a plan."""
        setattr(
            self,
            {"full_at_nth": "full_in", "ledger_full": "ledger_full_in"}.get(what, "fail_flush_in"),
            count,
        )

    def heal(self) -> None:
        """Everything is written again."""
        self.full = False
        self.full_in = self.fail_flush_in = self.ledger_full_in = 0


class FaultyConnection:
    """A sqlite3 connection whose writes go over ``Disk``; everything else is passed through."""

    def __init__(self, real: sqlite3.Connection, disk: Disk) -> None:
        self._real = real
        self._disk = disk

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def execute(self, sql: str, *parameters: Any) -> Any:
        """COMMIT may find the disk full or not confirm the flush."""
        if sql.startswith("COMMIT"):
            if self._disk.full:
                self._real.execute("ROLLBACK")
                raise sqlite_error(sqlite3.SQLITE_FULL, "SQLITE_FULL")
            if self._disk.fail_flush_in:
                self._disk.fail_flush_in -= 1
                if self._disk.fail_flush_in == 0:
                    self._real.execute("ROLLBACK")
                    raise sqlite_error(sqlite3.SQLITE_IOERR_FSYNC, "SQLITE_IOERR_FSYNC")
        return self._real.execute(sql, *parameters)

    def executemany(self, sql: str, rows: Any) -> Any:
        """An INSERT may find the disk full before anything is written."""
        if self._disk.full_in:
            self._disk.full_in -= 1
            if self._disk.full_in == 0:
                self._real.execute("ROLLBACK")
                raise sqlite_error(sqlite3.SQLITE_FULL, "SQLITE_FULL")
        return self._real.executemany(sql, rows)


@dataclass(slots=True)
class Plan:
    """Everything that will happen in one seed, in time order, as (ns since the start, what, amount)."""

    events: list[tuple[int, str, Any]] = field(default_factory=list)
    duration_ns: int = HOUR_NS

    @classmethod
    def draw(cls, rng: random.Random, duration_ns: int) -> Plan:
        """A different hour for every seed; each kind of fault comes in most of them."""
        plan = cls(duration_ns=duration_ns)

        def at() -> int:
            return rng.randrange(duration_ns // 20, duration_ns * 17 // 20)

        for _ in range(rng.randint(1, 3)):
            plan.add(at(), "link_loss", rng.randrange(2 * SECOND, 150 * SECOND))
        if rng.random() < 0.4:
            plan.add(at(), "session_loss", rng.randrange(2 * SECOND, 40 * SECOND))
        for _ in range(rng.randint(1, 2)):
            plan.add(at(), "disk_full", rng.choice((3, 40, 90, 300)) * SECOND)
        plan.add(at(), "full_at_nth", rng.randint(1, 40))
        if rng.random() < 0.5:
            plan.add(at(), "ledger_full", rng.randint(1, 10))
        if rng.random() < 0.6:
            plan.add(at(), "flush_fails", rng.randint(1, 20))
        for _ in range(rng.randint(1, 3)):
            point = rng.choice(CORE_POINTS)
            plan.add(at(), "kill", (point, 1 if point.endswith(RARE) else rng.randint(1, 6)))
        if rng.random() < 0.5:
            plan.add(at(), "stop", rng.randrange(1 * SECOND, 30 * SECOND))
        if rng.random() < 0.6:
            jump = rng.choice((-3600, 365 * 86400, -30, 90))
            when = at()
            plan.add(when, "wall_jump", jump * SECOND)
            if rng.random() < 0.5:
                plan.add(when + duration_ns // 12, "wall_jump", -jump * SECOND)
        for _ in range(rng.randint(1, 3)):
            plan.add(at(), "config", None)
        plan.events.sort(key=lambda event: event[0])
        return plan

    def add(self, at_ns: int, what: str, amount: Any) -> None:
        """One more fault."""
        self.events.append((at_ns, what, amount))

    def told(self) -> list[str]:
        """For a person who replays a seed."""
        return [f"{at / SECOND:8.1f} s  {what} {amount}" for at, what, amount in self.events]
