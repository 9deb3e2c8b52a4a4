"""The detectors of single channels: rules shared by all channels that have the same, and a record of state
for each channel that asks for the detector.

Guarantee: a detector costs neither time nor memory for a channel that does not ask for it, but for the place
(int32) that says so; which record a channel has follows from the configuration's changes alone.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

import detectors
from detectors import NO_TIME, Findings, Readings, compiled
from gateway.monitor.detector import fault, field_bytes, writable
from gateway.monitor.rooms import grown, one_of, words
from gateway.monitor.roster import Roster, settings_of, with_setpoints
from gateway.monitor.stored import Rows

PER_READING = (
    "out_of_range",
    "discrete",
    "limits",
    *(kind for kind, module in detectors.advising().items() if not hasattr(module, "INPUTS")),
)
"""Detectors that judge readings, in the order their findings about one reading are told."""

I4 = npt.NDArray[np.int32]
I8 = npt.NDArray[np.int64]
NONE = 0
"""The record, and the rule, of channels that do not ask. It is never judged to be anything."""


class ChannelDetector:
    """One detector's module, rules and records."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.module: ModuleType = detectors.load(kind)
        self.findings = Findings()
        self.rules: npt.NDArray[np.void] = one_of(self.module.configure({}), self.module.PARAMETERS)
        """PARAMETERS, one a rule."""
        self.state: npt.NDArray[np.void] = one_of(self.module.initial(), self.module.STATE)
        """STATE, one a record."""
        self.rule_of: I4 = np.zeros(1, np.int32)
        """Record -> rule."""
        self.record_of: I4 = np.zeros(0, np.int32)
        """Slot -> record. Empty until any channel asks."""
        self._count = 0
        self._texts = [field_bytes(self.rules).tobytes()]  # rule -> its bytes
        self._known = {self._texts[NONE]: NONE}
        self._users = [0]
        self._vacant: list[int] = []  # a heap: every rule of nobody, and some in use again
        self._free: I4 = np.zeros(0, np.int32)  # records of nobody, ascending
        self._lent = False

    @property
    def used(self) -> bool:
        """Whether any channel ever asked for it. Until then nothing is judged."""
        return len(self.rules) > 1

    def grow(self, count: int) -> None:
        """``count`` slots from now on; new ones do not ask."""
        self._count = max(self._count, count)
        if self.used:
            self.record_of = grown(self.record_of, self._count, NONE)

    def configure(self, slots: I8, settings: dict[str, Any] | None) -> I8:
        """Give slots a rule (None: none); returns the slots whose rule changed. Their state starts anew;
        the state of all others is kept."""
        rule = one_of(self.module.configure(settings or {}), self.module.PARAMETERS)
        text = field_bytes(rule).tobytes()
        number = self._known.get(text)
        if number is None:
            self._own()
            number = self._add(rule, text)
        if not self.used:
            return slots[:0]
        changed: I8 = slots[self.rule_of[self.record_of[slots]] != number]
        if len(changed):
            self._own()
            self._leave(changed)
            self._enter(changed, number)
        return changed

    def _add(self, rule: npt.NDArray[np.void], text: bytes) -> int:
        """A rule that nobody has any more makes room for a new one."""
        number = len(self.rules)
        while self._vacant and number == len(self.rules):
            gone = heapq.heappop(self._vacant)
            number = number if self._users[gone] else gone
        if number == len(self.rules):
            self.rules = grown(self.rules, number + 1, rule[0])
            self._users.append(0)
            self._texts.append(text)
            self.grow(self._count)
        else:
            del self._known[self._texts[number]]
        words(self.rules)[number] = words(rule)
        self._texts[number], self._known[text] = text, number
        return number

    def _leave(self, slots: I8) -> None:
        """These ask no longer."""
        records = self._records(slots)
        if not len(records):
            return
        for number, count in zip(*np.unique(self.rule_of[records], return_counts=True), strict=True):
            self._users[number] -= int(count)
            if not self._users[number]:
                heapq.heappush(self._vacant, int(number))
        self.rule_of[records] = NONE
        self.record_of[slots] = NONE
        self._free = np.union1d(self._free, records).astype(np.int32)

    def _enter(self, slots: I8, number: int) -> None:
        """These ask for a rule, and have seen nothing."""
        if number == NONE:
            return
        again, self._free = self._free[: len(slots)], self._free[len(slots) :]
        had, fresh = len(self.state), len(slots) - len(again)
        self.state = grown(self.state, had + fresh, self.module.initial())
        self.rule_of = grown(self.rule_of, had + fresh, NONE)
        records = np.concatenate([again, np.arange(had, had + fresh, dtype=np.int32)])
        words(self.state)[again] = words(one_of(self.module.initial(), self.module.STATE))
        self.rule_of[records] = number
        self.record_of[slots] = records
        self._users[number] += len(slots)

    def move(self, old: I8, new: I8) -> None:
        """Take rule and state along to new slots."""
        if self.used:
            self._own()
            self._leave(np.setdiff1d(new, old))
            taken = self.record_of[old]
            self.record_of[old] = NONE
            self.record_of[new] = taken

    def shift(self, slots: range, delta_ns: int) -> None:
        """The device's clock changed by ``delta_ns``: times in the state move along, so that a running delay
        goes on."""
        records = self._records(slots) if self.used else ()
        for name in self.module.EVENT_TIMES if len(records) else ():
            times = self.state[name][records]
            self.state[name][records] = np.where(times == NO_TIME, times, times + delta_ns)

    def looked_up(self, readings: Readings) -> Readings:
        """The same rows with records as slots, and with their rules."""
        record, rule = np.empty(len(readings), np.int32), np.empty(len(readings), np.int32)
        look_up(self.record_of, self.rule_of, readings.slot, record, rule)
        return readings.at(record, rule)

    def step(self, readings: Readings, looked_up: Readings | None = None) -> str:
        """Judge a batch; the findings stand in ``self.findings``. looked_up: if that was done before. Returns
        "" or what went wrong: a fault of a detector never stops the others."""
        findings, slot = self.findings, readings.slot
        findings.count = 0
        if not self.used:
            return ""
        wrong = ""
        placed = self.looked_up(readings) if looked_up is None else looked_up
        try:
            self.module.step(self.rules, self.state, placed, findings)
        except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is counted
            wrong = fault(self.kind)
        if findings.count:
            found = findings.found()
            found["slot"] = slot[found["row"]]
        return wrong

    def rules_at(self, slots: I8 | range) -> npt.NDArray[np.void]:
        """A copy of the rules that these slots have, one each."""
        found: npt.NDArray[np.void] = self.rules[self.rule_of[self.record_of[np.asarray(slots)]]]
        return found

    def state_at(self, slots: I8 | range) -> npt.NDArray[np.void]:
        """A copy of these slots' state, one each; of one that does not ask, ``initial()``."""
        found: npt.NDArray[np.void] = self.state[self.record_of[np.asarray(slots)]]
        return found

    def _records(self, slots: I8 | range) -> I4:
        records: I4 = self.record_of[np.asarray(slots)]
        asking: I4 = records[records != NONE]
        return asking

    def share(self, other: ChannelDetector) -> bool:
        """Use the other's places if they are the same, so that they are looked up once for both."""
        if self.record_of is not other.record_of:
            same = np.array_equal(self.record_of, other.record_of)
            if not same or not np.array_equal(self.rule_of, other.rule_of):
                return False
            self.record_of, self.rule_of = other.record_of, other.rule_of
            self._lent = other._lent = True
        return True

    def export(self) -> dict[str, Any]:
        """Arrays as they are now, with their layout. Rules and records are not copied before the
        configuration changes; state goes as ``Rows`` of an ``Image`` that is told what changes."""
        self._lent = True
        return {
            "layout": self._layout(),
            "rules": self.rules,
            "rule_of": self.rule_of,
            "record_of": self.record_of,
            "state": Rows(self.state, record_of=self.record_of),
        }

    def _layout(self) -> str:
        return repr(("shared", self.module.PARAMETERS.descr, self.module.STATE.descr))

    def _own(self) -> None:
        """What an export or another detector refers to is copied before it changes."""
        if self._lent:
            self.rules, self.rule_of = self.rules.copy(), self.rule_of.copy()
            self.record_of, self._lent = self.record_of.copy(), False

    def load(self, stored: dict[str, Any]) -> None:
        """Arrays back; ValueError when the layout is another one."""
        if stored["layout"] != self._layout():
            raise ValueError(f"snapshot holds another layout of detector {self.kind}")
        self.rules = writable(stored["rules"], self.module.PARAMETERS)
        self.state = writable(stored["state"], self.module.STATE)
        self.rule_of = np.frombuffer(stored["rule_of"], np.int32).copy()
        self.record_of = np.frombuffer(stored["record_of"], np.int32).copy()
        self._count = len(self.record_of)
        taken = np.zeros(len(self.state), np.bool_)
        taken[self.record_of] = True
        self._free = np.flatnonzero(~taken[1:]).astype(np.int32) + np.int32(1)
        self._users = np.bincount(self.rule_of[taken], minlength=len(self.rules)).tolist()
        self._vacant = [n for n, users in enumerate(self._users) if n and not users]
        self._texts = [text.tobytes() for text in field_bytes(self.rules)]
        self._known = {text: n for n, text in enumerate(self._texts)}


class Bank:
    """Every detector of single channels, and which of them each channel asks for."""

    def __init__(self) -> None:
        self._detectors = [ChannelDetector(kind) for kind in PER_READING]
        self._asks: npt.NDArray[np.uint64] = np.zeros(0, np.uint64)  # bit n: detector n

    def __iter__(self) -> Iterator[ChannelDetector]:
        return iter(self._detectors)

    def __len__(self) -> int:
        return len(self._detectors)

    def grow(self, count: int) -> None:
        """``count`` slots from now on; new ones ask for nothing."""
        self._asks = grown(self._asks, count, 0)
        for detector in self._detectors:
            detector.grow(count)

    def configure(self, detector: ChannelDetector, slots: I8, settings: dict[str, Any] | None) -> I8:
        """As ``ChannelDetector.configure``."""
        changed = detector.configure(slots, settings)
        self._note(detector, changed)
        return changed

    def move(self, old: I8, new: I8) -> None:
        """Take rules and state along to new slots."""
        for detector in self._detectors:
            detector.move(old, new)
            self._note(detector, np.concatenate([old, new]))

    def judge(self, readings: Readings) -> list[str]:
        """Let the detectors judge that any channel of the batch asks for; the findings of all others are
        none. Returns the faults of those that failed."""
        asked = int(asked_by(self._asks, readings.slot))
        faults, looked_up = [], dict[int, Readings]()
        for detector in self._detectors:
            detector.findings.count = 0
            if asked & 1:
                places = id(detector.record_of)
                if places not in looked_up:
                    looked_up[places] = detector.looked_up(readings)
                if fault := detector.step(readings, looked_up[places]):
                    faults.append(fault)
            asked >>= 1
        return faults

    def share(self) -> None:
        """After a configuration's changes: detectors that the same channels ask for share their places."""
        first: list[ChannelDetector] = []
        for detector in self._detectors:
            if detector.used and not any(detector.share(other) for other in first):
                first.append(detector)

    def shift(self, slots: range, delta_ns: int) -> None:
        """As ``ChannelDetector.shift``, of all."""
        for detector in self._detectors:
            detector.shift(slots, delta_ns)

    def _note(self, detector: ChannelDetector, slots: I8) -> None:
        if detector.used and len(slots):
            bit = np.uint64(1 << self._detectors.index(detector))
            asks = detector.record_of[slots] != NONE
            self._asks[slots] = np.where(asks, self._asks[slots] | bit, self._asks[slots] & ~bit)

    def export(self) -> dict[str, Any]:
        """Arrays of every detector in use."""
        return {detector.kind: detector.export() for detector in self._detectors if detector.used}

    def load(self, stored: dict[str, Any], roster: Roster) -> None:
        """Arrays of every detector back. A kind that is not in the snapshot, because nothing used it or an
        older version wrote it, starts fresh, with the rules that the roster's profiles give it."""
        self.grow(len(roster.channels))
        slots = np.arange(len(roster.channels))
        for detector in self._detectors:
            if detector.kind in stored:
                detector.load(stored[detector.kind])
            else:
                self._start(detector, roster)
            self._note(detector, slots)
        self.share()

    def _start(self, detector: ChannelDetector, roster: Roster) -> None:
        for number in roster.active_devices():
            first, device = roster.first_slot[number], roster.channels.devices[number]
            profile = with_setpoints(roster.profiles[device.profile], device.overrides)
            for place in range(len(profile.points)):
                settings = settings_of(profile, place).get(detector.kind)
                if settings is not None:
                    detector.configure(np.array([first + place]), settings)


@compiled
def look_up(record_of: I4, rule_of: I4, slot: I4, record: I4, rule: I4) -> None:
    """Each row's record and rule."""
    for i in range(len(slot)):
        found = record_of[slot[i]]
        record[i], rule[i] = found, rule_of[found]


@compiled
def asked_by(asks: npt.NDArray[np.uint64], slot: I4) -> np.uint64:
    """What any of these channels asks for."""
    asked = np.uint64(0)
    for i in range(len(slot)):
        asked |= asks[slot[i]]
    return asked
