"""What two runs over one recording differ in: alarms that came, alarms that did not, alarms at another time.

Guarantee: alarms raised after = before + added - removed, for all together and for each alarm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from gateway.alarms.events import AlarmEvent, Event
from gateway.backtest.figures import Figures

EXAMPLES = 5
"""Of each kind, the earliest; and the latest one."""
OPEN = 1 << 62


@dataclass(slots=True)
class _Stood:
    """One time that an alarm's condition stood, gateway time in ns."""

    begin: AlarmEvent
    end_ns: int = OPEN


class Example(msgspec.Struct, frozen=True):
    """One alarm that only one of the two runs gave."""

    alarm: str
    added: bool
    """Whether it is new; else it is gone."""
    at_ms: int
    priority: int
    reason_en: str
    reason_zh: str


class PerAlarm(msgspec.Struct, frozen=True):
    """One alarm that differs."""

    alarm: str
    before: int
    after: int
    added: int
    removed: int
    earliest_s: float
    """Of those that both runs gave: how much earlier or later it came, from the most negative ..."""
    latest_s: float
    """... to the most positive; 0 where none moved."""


class Difference(msgspec.Struct, frozen=True):
    """The answer of a back-test. Times are unix ms."""

    version: str
    since_ms: int
    until_ms: int
    entries: int
    devices: int
    """Devices that were stepped: those whose rules change, and what shares an asset with them."""
    changed: int
    """Devices whose rules change."""
    before: int
    """Alarms raised with the rules as they were."""
    after: int
    added: int
    removed: int
    moved: int
    """Alarms that both give, at another time."""
    alarms: list[PerAlarm]
    examples: list[Example]
    loosened: list[str]
    """Safety limits that would be looser than the profile has them, or than they are in force."""
    figures: Figures | None = None
    """Alarm figures of the whole plant before and after, if they were asked for."""

    def rows(self) -> list[tuple[str, str]]:
        """A table, heading first."""
        return [
            ("what", "figure"),
            ("rules", self.version),
            ("entries stepped", str(self.entries)),
            ("devices with other rules", f"{self.changed} ({self.devices} stepped)"),
            ("alarms as it was", str(self.before)),
            ("alarms with these rules", str(self.after)),
            ("difference", f"+{self.added} / -{self.removed} alarms, {self.moved} at another time"),
            ("safety limits made looser", str(len(self.loosened))),
        ]

    def alarm_rows(self) -> list[tuple[str, ...]]:
        """The alarms that differ, heading first; [] if none does."""
        if not self.alarms:
            return []
        head = ("alarm", "before", "after", "+", "-", "earliest s", "latest s")
        return [head] + [
            (
                a.alarm,
                *map(str, (a.before, a.after, a.added, a.removed)),
                f"{a.earliest_s:+.1f}",
                f"{a.latest_s:+.1f}",
            )
            for a in self.alarms
        ]


class Compared(msgspec.Struct, frozen=True):
    """``compare``'s figures, as of Difference."""

    before: int
    after: int
    added: int
    removed: int
    moved: int
    alarms: list[PerAlarm]
    examples: list[Example]


def compare(before: Iterable[Event], after: Iterable[Event], since_ns: int, until_ns: int) -> Compared:
    """Compare the alarms raised in since_ns <= at_ns < until_ns. One alarm of each run is the same one if
    their conditions stood at the same time; each has one partner at most."""
    old, new = (_stood(events, since_ns, until_ns) for events in (before, after))
    alarms: list[PerAlarm] = []
    single: list[tuple[AlarmEvent, bool]] = []
    moved = 0
    for name in sorted(old.keys() | new.keys()):
        mine, theirs = old.get(name, []), new.get(name, [])
        gone, fresh, shifts = _paired(mine, theirs)
        single += [(e, False) for e in gone] + [(e, True) for e in fresh]
        moved += sum(1 for shift in shifts if shift)
        if gone or fresh or any(shifts):
            low, high = min([0, *shifts]) / 1e9, max([0, *shifts]) / 1e9
            alarms.append(PerAlarm(name, len(mine), len(theirs), len(fresh), len(gone), low, high))
    single.sort(key=lambda one: one[0].at_ns)
    total_old, total_new = (sum(map(len, side.values())) for side in (old, new))
    added = sum(1 for _, fresh_one in single if fresh_one)
    examples = [
        Example(e.alarm, is_new, e.at_ns // 1_000_000, e.priority, e.reason_en, e.reason_zh)
        for kind in (True, False)
        for e, is_new in _some([one for one in single if one[1] is kind])
    ]
    return Compared(total_old, total_new, added, len(single) - added, moved, alarms, examples)


def _some(single: list[tuple[AlarmEvent, bool]]) -> list[tuple[AlarmEvent, bool]]:
    return single if len(single) <= EXAMPLES else [*single[: EXAMPLES - 1], single[-1]]


def _stood(events: Iterable[Event], since_ns: int, until_ns: int) -> dict[str, list[_Stood]]:
    found: dict[str, list[_Stood]] = {}
    standing: dict[str, _Stood] = {}
    for event in events:
        if not isinstance(event, AlarmEvent):
            continue
        known = standing.get(event.alarm)
        if event.process_active and known is None:
            standing[event.alarm] = one = _Stood(event)
            if since_ns <= event.at_ns < until_ns and event.cause in {"raised", "re_raised"}:
                found.setdefault(event.alarm, []).append(one)
        elif not event.process_active and known is not None:
            known.end_ns = event.at_ns
            del standing[event.alarm]
    return found


def _paired(old: list[_Stood], new: list[_Stood]) -> tuple[list[AlarmEvent], list[AlarmEvent], list[int]]:
    """(only in old, only in new, shifts ns of the pairs); both lists are in order of time."""
    gone: list[AlarmEvent] = []
    fresh: list[AlarmEvent] = []
    shifts: list[int] = []
    i = j = 0
    while i < len(old) and j < len(new):
        a, b = old[i], new[j]
        if a.end_ns < b.begin.at_ns:
            gone.append(a.begin)
            i += 1
        elif b.end_ns < a.begin.at_ns:
            fresh.append(b.begin)
            j += 1
        else:
            shifts.append(b.begin.at_ns - a.begin.at_ns)
            i += 1
            j += 1
    gone += [one.begin for one in old[i:]]
    fresh += [one.begin for one in new[j:]]
    return gone, fresh, shifts
