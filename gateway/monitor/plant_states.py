"""Alarms that mean nothing while the plant is in some state: a low flow behind a pump that stands still.

Guarantee: only a state that is known suppresses. One that is stale, bad or late, or of a device that is not
there or not the only one of its kind on the asset, suppresses nothing: the alarm is told. No safety alarm has
such a rule; a profile that asks for one does not load.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import GOOD, NOT_LIVE, SUSPECT, Readings
from device_profiles import Point, Profile, SuppressWhen
from gateway.alarms.reasons import Reason
from gateway.monitor.roster import Roster
from gateway.monitor.silence import FOR_EVER, Silence
from gateway.monitor.suppressing import Suppressed

PREFIX = "state:"
_OVER = Reason("no longer suppressed: the plant's state is another one", "解除设计抑制:设备状态已改变")
_UNKNOWN = Reason("no longer suppressed: the plant's state is not known", "解除设计抑制:设备状态未知")


class _Rule(NamedTuple):
    alarm: str
    cause: str
    states: tuple[int, ...]
    after_ns: int
    """How long it goes on when the state has become another one: a pump that starts needs its time."""


class PlantStates:
    """The rules of the fleet in force, and the last known state of each channel that they ask for."""

    def __init__(self, roster: Roster, silence: Silence, suppressed: Suppressed) -> None:
        self._roster, self._silence, self._suppressed = roster, silence, suppressed
        self._rules: dict[int, list[_Rule]] = {}
        """State channel's slot -> what follows from it."""
        self._points: dict[int, tuple[str, Point, int]] = {}
        """Slot -> (key, point, ns after which it is stale; 0: when its device is silent)."""
        self._slots: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        self._known: dict[str, tuple[int, int]] = {}
        """Key of a state channel -> (state, gateway time at which it came)."""
        self._due: dict[str, int] = {}
        """ "<alarm> <cause>" -> gateway time until which a cause goes on whose state is over."""
        self._build()

    @property
    def on(self) -> bool:
        """Whether a rule is in force."""
        return bool(self._rules)

    @property
    def calm_until_ns(self) -> int:
        """Gateway time before which no state becomes stale."""
        stale = [self._known[key][1] + after for key, _, after in self._points.values() if key in self._known]
        return min((*stale, *self._due.values()), default=FOR_EVER)

    def take(self, readings: Readings) -> None:
        """States that came, before the readings are judged."""
        for row in np.flatnonzero(np.isin(readings.slot, self._slots)).tolist():
            if int(readings.time[row]) & (NOT_LIVE | SUSPECT):
                continue
            slot, value = int(readings.slot[row]), float(readings.value[row])
            key = self._points[slot][0]
            if readings.quality[row] == GOOD and value.is_integer():
                self._known[key] = int(value), int(readings.received_ns[row])
            else:
                self._known.pop(key, None)
            self._judge(slot, int(readings.received_ns[row]))

    def sweep(self, now_ns: int) -> None:
        """Forget what is stale."""
        for slot, (key, _, after) in self._points.items():
            if key not in self._known:
                continue
            device = int(self._roster.channels.device_of_slot[slot])
            if (after and now_ns - self._known[key][1] > after) or (
                not after and self._silence.finds(self._roster.slots_of(device))
            ):
                del self._known[key]
                self._judge(slot, now_ns)
        if self._due and min(self._due.values()) <= now_ns:
            for slot in self._points:
                self._judge(slot, now_ns)

    def changed(self, now_ns: int) -> None:
        """Another configuration is in force."""
        self._build()
        asked = {(rule.alarm, rule.cause) for rules in self._rules.values() for rule in rules}
        for alarm, cause in self._suppressed.pairs(PREFIX):
            if (alarm, cause) not in asked:
                self._due.pop(f"{alarm} {cause}", None)
                self._suppressed.end(alarm, cause, _OVER)
        keys = {key for key, _, _ in self._points.values()}
        self._known = {key: state for key, state in self._known.items() if key in keys}
        for slot in self._points:
            self._judge(slot, now_ns)

    def export(self) -> dict[str, Any]:
        """Plain values; the rules follow from the roster."""
        return {"known": self._known, "due": self._due}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to what was exported."""
        self._known = {key: (state, at_ns) for key, (state, at_ns) in stored.get("known", {}).items()}
        self._due = dict(stored.get("due", {}))

    def _build(self) -> None:
        self._rules, self._points = {}, {}
        devices, profiles = self._roster.channels.devices, self._roster.profiles
        asking = {name for name, profile in profiles.items() if profile.suppress_when}
        for number in self._roster.followers(asking):
            for rule in profiles[devices[number].profile].suppress_when:
                for slot, key, profile, point in self._state_of(number, rule):
                    after = 0 if point.on_event else profile.silent_after_ns
                    self._points[slot] = key, point, after
                    cause = f"{PREFIX}{key}={','.join(map(str, rule.states))}"
                    alarm = f"{devices[number].key}/{rule.channel}:{rule.condition}"
                    self._rules.setdefault(slot, []).append(_Rule(alarm, cause, rule.states, rule.after_ns))
        self._slots = np.array(sorted(self._points), np.int32)

    def _state_of(self, number: int, rule: SuppressWhen) -> Iterator[tuple[int, str, Profile, Point]]:
        """Where the rule's state comes from: one channel, or none."""
        devices = self._roster.channels.devices
        found = [number]
        if rule.of:
            place = _place(devices[number])
            found = [n for n in self._roster.followers({rule.of}) if _place(devices[n]) == place]
        if len(found) != 1:
            return
        profile = self._roster.profile_of(found[0])
        for slot, point in zip(self._roster.slots_of(found[0]), profile.points, strict=True):
            if point.channel == rule.state and point.kind == "discrete":
                yield slot, f"{devices[found[0]].key}/{point.channel}", profile, point

    def _judge(self, slot: int, now_ns: int) -> None:
        key, point, _ = self._points[slot]
        known = self._known.get(key)
        for rule in self._rules[slot]:
            holds = self._suppressed.has(rule.alarm, rule.cause)
            name = f"{rule.alarm} {rule.cause}"
            if known is not None and known[0] in rule.states:
                self._due.pop(name, None)
                if not holds:
                    self._suppressed.begin(rule.alarm, rule.cause, _why(key, point, known[0]))
            elif holds:
                due = now_ns if known is None else self._due.setdefault(name, now_ns + rule.after_ns)
                if due <= now_ns:
                    self._due.pop(name, None)
                    self._suppressed.end(rule.alarm, rule.cause, _UNKNOWN if known is None else _OVER)


def _place(row: Any) -> tuple[str, str, str]:
    return row.enterprise, row.site, row.asset


def _why(key: str, point: Point, state: int) -> Reason:
    en, zh = point.states.get(str(state), str(state)), point.states_zh.get(str(state), str(state))
    return Reason(f"suppressed by design: {key} is {en!r}", f"按设计抑制:{key} 为“{zh}”")
