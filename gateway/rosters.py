"""Roster files as they are on disk now: read again when they change; the last good one stays in use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from gateway.errors import ConfigError
from gateway.escalation.roster import NS, RosterError, Shift, Span, gaps, on_duty, overlaps, read

DAY_NS = 86_400 * NS
KEPT_NS = 3_600 * NS
"""How long recurrences worked out stay in use."""


class Roster:
    """One ``[rosters.<name>]``. Every question takes the time; asked from one thread."""

    def __init__(self, name: str, file: str, zone: str, days: int) -> None:
        self.name = name
        self.file = file
        self.zone = zone
        self.days = days
        self.problem = ""
        """Why the file on disk is not in use; "" when it is."""
        self._shifts: list[Shift] = []
        self._made_ns: int | None = None
        self._body = b""
        self._stamp: tuple[int, int] | None = None

    def on_duty(self, at_ns: int) -> list[Shift]:
        """Who is on duty at a moment; [] is a gap."""
        self._look(at_ns)
        return on_duty(self._shifts, at_ns)

    def after(self, at_ns: int) -> list[Shift]:
        """Whoever begins next: the shifts that begin first after a moment; [] if none is known."""
        self._look(at_ns)
        later = [shift for shift in self._shifts if shift.start_ns > at_ns]
        return [shift for shift in later if shift.start_ns == later[0].start_ns]

    def gaps(self, at_ns: int) -> list[Span]:
        """When nobody will be on duty in the next ``days``."""
        self._look(at_ns)
        return gaps(self._shifts, at_ns, at_ns + self.days * DAY_NS)

    def overlaps(self, at_ns: int) -> list[Span]:
        """When several persons will be on duty in the next ``days``."""
        self._look(at_ns)
        return overlaps(self._shifts, at_ns, at_ns + self.days * DAY_NS)

    def _look(self, at_ns: int) -> None:
        fresh = self._made_ns is not None and 0 <= at_ns - self._made_ns < KEPT_NS
        try:
            found = os.stat(self.file)
            stamp = found.st_mtime_ns, found.st_size
            if fresh and stamp == self._stamp:
                return
            with open(self.file, "rb") as source:
                body = source.read()
            shifts = read(body, self.zone, at_ns - DAY_NS, at_ns + (self.days + 2) * DAY_NS)
        except OSError as error:
            self.problem = f"{self.file}: cannot be read: {error.strerror}; correct the path or its rights"
        except RosterError as error:
            self.problem = f"{self.file}: {error}"
        else:
            self._shifts, self._made_ns, self._stamp = shifts, at_ns, stamp
            self._body, self.problem = body, ""
            return
        if not fresh and self._body:
            self._shifts = read(self._body, self.zone, at_ns - DAY_NS, at_ns + (self.days + 2) * DAY_NS)
            self._made_ns = at_ns


def rosters_of(tables: Mapping[str, Any]) -> dict[str, Roster]:
    """Name -> roster, from the configuration."""
    return {name: Roster(name, str(t.file), t.timezone, t.days) for name, t in tables.items()}


def first_look(rosters: Mapping[str, Roster], at_ns: int) -> None:
    """ConfigError with every roster that cannot be read at all."""
    for roster in rosters.values():
        roster.on_duty(at_ns)
    problems = [f"rosters.{r.name}.file: {r.problem}" for r in rosters.values() if r.problem]
    if problems:
        raise ConfigError(problems)
