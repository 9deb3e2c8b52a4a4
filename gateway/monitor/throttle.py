"""One device that sends far beyond its rate costs the others nothing and blinds nobody.

Every reading is journalled and its limits are judged whatever the rate. Of the live readings beyond a
channel's rate, only what follows trends (and the history) is spared: they carry THROTTLED in
``Readings.time``. A rate is the profile's ``max_per_period`` over its period, with a burst of ``BURST``
readings, or of twice an upload where that is more; late and retained readings, a backlog's, neither count
nor are throttled. A device that stays beyond its rate for ``ALARM_AFTER_NS`` has the alarm "flooding", until
nothing was throttled for ``CALM_NS``.

One token bucket a channel, kept as the time at which it is full again (the generic cell rate algorithm of
ITU-T I.371): exact integers of gateway time, so any split of a batch equals the whole and replay equals
live. Cost: about 4 ns a reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NOT_LIVE, THROTTLED, Readings, compiled
from device_profiles import Profile
from gateway.monitor.detector import writable
from gateway.monitor.rooms import grown, one_of
from gateway.monitor.roster import Change, Roster
from gateway.monitor.stored import Rows

BURST = 100
"""Readings a channel may send at once."""
ALARM_AFTER_NS = 10_000_000_000
CALM_NS = 60_000_000_000
NEVER = int(np.iinfo(np.int64).min)
FARTHEST_NS = 1 << 60
"""No profile's numbers may overflow gateway time."""

RULE = np.dtype([("each_ns", "<i8"), ("ahead_ns", "<i8")], align=True)
"""One record a slot: the time one reading costs (0: not watched), and how far ahead of now that may run."""

WATCH = np.dtype(
    [("since_ns", "<i8"), ("last_ns", "<i8"), ("throttled", "<i8"), ("flooding", "<i8")], align=True
)
"""One record a device: when its excess began and was last seen, how much it was, whether it has the alarm."""


def rule_of(profile: Profile) -> tuple[int, int]:
    """(each_ns, ahead_ns) of every channel of a profile."""
    each = min(max(1, profile.period_ns // profile.max_per_period), FARTHEST_NS)
    burst = max(BURST, -(-2 * profile.upload_period_ns // profile.period_ns))
    return each, min((burst - 1) * each, FARTHEST_NS)


Changing = Callable[[npt.NDArray[np.int64]], None]


class Throttle:
    """Buckets by slot and watches by device, of one partition."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self.rules = np.zeros(0, RULE)
        self.full_ns = np.zeros(0, np.int64)
        """Gateway time at which each slot's bucket is full again."""
        self.watches = _new_watches(0)
        self._flooding: set[int] | None = None  # who has the alarm; None: look
        self.grow()
        self._set_rules(roster.active_devices())

    def mark(self, readings: Readings) -> tuple[int, list[tuple[int, int]]]:
        """Set THROTTLED in ``readings.time``; returns how many were, and (row, device) of every device whose
        alarm begins."""
        began = np.empty(len(readings), np.int32)
        throttled, count = _mark(
            self.rules,
            self.full_ns,
            self.watches,
            self._roster.channels.device_of_slot,
            readings.slot,
            readings.received_ns,
            readings.time,
            began,
        )
        rows = began[:count].tolist()
        if rows:
            self._flooding = None
        return throttled, [
            (row, int(self._roster.channels.device_of_slot[readings.slot[row]])) for row in rows
        ]

    def calm(self, now_ns: int, changing: Changing = lambda _devices: None) -> list[int]:
        """Time passed: the devices whose alarm ends. ``changing`` is told of them before they change."""
        if self._flooding is None:
            self._flooding = set(np.flatnonzero(self.watches["flooding"]).tolist())
        devices = sorted(d for d in self._flooding if now_ns - int(self.watches["last_ns"][d]) >= CALM_NS)
        if devices:
            changing(np.array(devices))
            self.watches[devices] = _new_watches(1)[0]
            self._flooding.difference_update(devices)
        return devices

    @property
    def flooding(self) -> bool:
        """Whether any device has the alarm."""
        return bool(self.watches["flooding"].any())

    def figures(self, device: int) -> tuple[float, float]:
        """(readings throttled since it began, readings a second and channel that the device may send)."""
        each = int(self.rules["each_ns"][self._roster.first_slot[device]])
        return float(self.watches["throttled"][device]), 1e9 / max(1, each)

    def changed(self, change: Change) -> None:
        """Another configuration is in force. Who goes on under new slots takes along what stands against it;
        who left is forgotten (its alarm ends with it)."""
        self.grow()
        self._flooding = None
        roster, channels = self._roster, self._roster.channels
        for old, new in change.moved:
            self.full_ns[new] = self.full_ns[old]
        for number in change.retired:
            again = roster.index.get(channels.devices[number].key)
            if again is not None:
                self.watches[again] = self.watches[number]
            self.watches[number] = _new_watches(1)[0]
            slots = roster.slots_of(number)
            self.rules[slots.start : slots.stop] = np.zeros(1, RULE)[0]
        self._set_rules([*change.added, *roster.followers(change.reruled)])

    def grow(self) -> None:
        """Room for every slot and device of the roster."""
        channels = self._roster.channels
        self.rules = grown(self.rules, len(channels), np.zeros(1, RULE)[0])
        self.full_ns = grown(self.full_ns, len(channels), 0)
        self.watches = grown(self.watches, len(channels.devices), _new_watches(1)[0])

    def export(self) -> dict[str, Any]:
        """The buckets and watches, for an ``Image`` that is told what changes; rules follow otherwise."""
        return {"full_ns": Rows(self.full_ns), "watches": Rows(self.watches, device=True)}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported state."""
        self.full_ns = np.frombuffer(bytearray(stored["full_ns"]), np.int64)
        self.watches = writable(stored["watches"], WATCH)
        self._flooding = None

    def _set_rules(self, devices: list[int]) -> None:
        for name, numbers in self._roster.by_profile(devices).items():
            rule = one_of(rule_of(self._roster.profiles[name]), RULE)
            first = self._roster.first_slots(numbers)
            for place in range(len(self._roster.profiles[name].points)):
                self.rules[first + place] = rule[0]


def _new_watches(count: int) -> npt.NDArray[np.void]:
    watches = np.zeros(count, WATCH)
    watches["since_ns"] = watches["last_ns"] = NEVER
    return watches


@compiled
def _mark(
    rules: Any,
    full_ns: Any,
    watches: Any,
    device_of_slot: Any,
    slot: Any,
    received_ns: Any,
    time: Any,
    began: Any,
) -> tuple[int, int]:
    throttled = count = 0
    for i in range(len(slot)):
        rule = rules[slot[i]]
        each = rule["each_ns"]
        if each == 0 or time[i] & NOT_LIVE:
            continue
        now = received_ns[i]
        full = max(full_ns[slot[i]], now)
        if full - now <= rule["ahead_ns"]:
            full_ns[slot[i]] = full + each
            continue
        time[i] |= THROTTLED
        throttled += 1
        watch = watches[device_of_slot[slot[i]]]
        if watch["last_ns"] == NEVER or now - watch["last_ns"] >= CALM_NS:
            watch["since_ns"] = now
            watch["throttled"] = 0
        watch["last_ns"] = max(watch["last_ns"], now)
        watch["throttled"] += 1
        if watch["flooding"] == 0 and now - watch["since_ns"] >= ALARM_AFTER_NS:
            watch["flooding"] = 1
            began[count] = i
            count += 1
    return throttled, count
