"""When a device begins to count, and when its sensor is too old to be trusted: the two days of its fleet row.

Before the day of commissioning a device may be silent: nobody is told. From its day of expiry on it has the
alarm "expired"; its readings are judged all the same, for an old sensor may still see what is there. Days are
those of gateway time in UTC; where the gateway's clock was set, the later of both counts.
"""

from __future__ import annotations

import functools
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gateway.monitor.rooms import grown
from gateway.monitor.roster import Change, Roster, settings_of
from gateway.monitor.silence import Silence
from gateway.monitor.timeline import TimeLine

if TYPE_CHECKING:
    from gateway.monitor.judgement import Judgement

DAY_NS = 86_400_000_000_000
NEVER = int(np.iinfo(np.int32).max)
ALWAYS = int(np.iinfo(np.int32).min)
_EPOCH = date(1970, 1, 1).toordinal()


class Lifetimes:
    """Days by device, and what was done about them."""

    def __init__(self, roster: Roster, silence: Silence) -> None:
        self._roster = roster
        self._silence = silence
        self._begins: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._ends: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._told: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._unwatched: npt.NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._day = ALWAYS
        """What was looked at last; ALWAYS: look again."""
        self._grow()
        self._read(roster.active_devices())

    def change(self, change: Change) -> None:
        """Another configuration is in force, and ``Rules`` watches all that it names."""
        self._grow()
        watched = [*change.added, *change.reset, *self._roster.followers(change.reruled)]
        self._unwatched[watched] = False
        self._told[change.retired] = False  # the alarm ends with its device
        self._begins[change.retired], self._ends[change.retired] = ALWAYS, NEVER
        self._unwatched[change.retired] = False
        self._read([*change.added, *change.retold])
        self._day = ALWAYS

    def due(self, line: TimeLine) -> bool:
        """Whether a day or a configuration began since the last ``sweep``."""
        return _day(line) != self._day

    def calm_until_ns(self, line: TimeLine) -> int:
        """Gateway time at which the next day begins; 0 if something is to be done now."""
        if self.due(line):
            return 0
        ahead = 0 if line.stream else max(0, line.wall_ns - line.now_ns)
        return (self._day + 1) * DAY_NS - ahead

    def sweep(self, line: TimeLine, judgement: Judgement) -> None:
        """Raise and end alarms, begin and end to watch for silence, as the day asks."""
        self._day = today = _day(line)
        early = self._begins > today
        self._watch(np.flatnonzero(self._unwatched & ~early).tolist())
        self._unwatch(np.flatnonzero(early & ~self._unwatched).tolist(), judgement)
        self._unwatched = early
        judgement.upstreams.recount()
        old = self._ends <= today
        for device in np.flatnonzero(old != self._told).tolist():
            day = self._roster.channels.devices[device].expires
            judgement.devices.expired(device, active=bool(old[device]), names=(f"since {day}", f"自 {day}"))
        self._told = old

    def export(self) -> dict[str, Any]:
        """What was done; the days follow from the roster."""
        return {
            "told": np.flatnonzero(self._told).tolist(),
            "unwatched": np.flatnonzero(self._unwatched).tolist(),
            "day": self._day,
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._told[stored["told"]] = True
        self._unwatched[stored["unwatched"]] = True
        self._day = stored["day"]

    def _grow(self) -> None:
        count = len(self._roster.channels.devices)
        self._begins, self._ends = grown(self._begins, count, ALWAYS), grown(self._ends, count, NEVER)
        self._told, self._unwatched = grown(self._told, count, False), grown(self._unwatched, count, False)

    def _read(self, numbers: list[int]) -> None:
        devices = self._roster.channels.devices
        for number in numbers:
            device = devices[number]
            self._begins[number] = _day_of(device.commissioned) if device.commissioned else ALWAYS
            self._ends[number] = _day_of(device.expires) if device.expires else NEVER

    def _watch(self, numbers: list[int]) -> None:
        for name, members in self._roster.by_profile(numbers).items():
            profile, first = self._roster.profiles[name], self._roster.first_slots(members)
            for place in range(len(profile.points)):
                self._silence.begin(first + place, settings_of(profile, place)["silent"])

    def _unwatch(self, numbers: list[int], judgement: Judgement) -> None:
        slots = [self._roster.slots_of(number) for number in numbers]
        for number, mine in zip(numbers, slots, strict=True):
            if self._silence.finds(mine):
                judgement.unwatched(number)
        if slots:
            self._silence.retire(np.concatenate([np.array(mine, np.int64) for mine in slots]))


def _day(line: TimeLine) -> int:
    at_ns = line.now_ns if line.stream else max(line.now_ns, line.wall_ns)
    return at_ns // DAY_NS


@functools.cache
def _day_of(text: str) -> int:
    """Days since 1970."""
    return date.fromisoformat(text).toordinal() - _EPOCH
