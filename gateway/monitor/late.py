"""What late readings would have told: found by the same rules, noted and counted, never annunciated.

Late readings are a course of their own beside the live one: limits and states are judged over them in the
order in which they come, with the delays of the rule in the device's own time. No alarm is raised, none is
cleared. A note tells of each time that a condition began or ended there.

A channel whose late readings leave out more than ``GAP_NS`` (or four times its silence) begins anew: what
held before the gap says nothing about what holds after it. Only channels that ever were late have state.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import DISORDER, LATE, NOT_LIVE, Findings, Readings, compiled
from gateway.alarms import reasons
from gateway.alarms.definition import Definition
from gateway.alarms.reasons import Reason
from gateway.monitor.bank import Bank, ChannelDetector
from gateway.monitor.counts import Counts
from gateway.monitor.detector import fault, writable
from gateway.monitor.naming import Naming
from gateway.monitor.recents import NEVER
from gateway.monitor.rooms import grown
from gateway.monitor.roster import Roster

KINDS = ("discrete", "limits")
"""Detectors whose findings need no readings before them."""
GAP_NS = 3_600_000_000_000
"""The number is ours."""
NOTES_A_HOUR = 200
"""Of one device, by the gateway's time; what more there is counts only: a device with a full memory of alarms
must not fill the ledger. The number is ours."""
HOUR_NS = 3_600_000_000_000

Ints = npt.NDArray[np.int64]


class LateFinding(NamedTuple):
    """A condition began or ended among late readings."""

    known: Definition
    began: bool
    reason: Reason
    detail: dict[str, Any]


class Notes:
    """How many notes each device had within this hour."""

    def __init__(self) -> None:
        self._hour = 0
        self._noted: dict[str, int] = {}

    def left(self, device: str, now_ns: int) -> int:
        """How many the device may still have, this one counted; 0 when it had all."""
        hour = now_ns // HOUR_NS
        if hour != self._hour:
            self._hour, self._noted = hour, {}
        had = self._noted.get(device, 0)
        self._noted[device] = min(had + 1, NOTES_A_HOUR)
        return NOTES_A_HOUR - had

    def export(self) -> list[Any]:
        """The whole state."""
        return [self._hour, dict(self._noted)]

    def load(self, stored: list[Any]) -> None:
        """Back to exported state."""
        self._hour, self._noted = stored[0], dict(stored[1])


class Late:
    """The course of late readings of every channel that had any."""

    def __init__(self, roster: Roster, bank: Bank, naming: Naming) -> None:
        self._roster = roster
        self._detectors: list[ChannelDetector] = [d for d in bank if d.kind in KINDS]
        self._naming = naming
        self._findings = Findings()
        self._place: npt.NDArray[np.int32] = np.zeros(0, np.int32)
        """Slot -> record; 0: none. Empty until anything is late."""
        self._slots: Ints = np.zeros(1, np.int64)
        """Record -> slot; record 0 is nobody's."""
        self._newest: Ints = np.full(1, NEVER, np.int64)
        """Newest late device time of a record; NEVER: it begins anew."""
        self._state = {d.kind: np.array([d.module.initial()], d.module.STATE) for d in self._detectors}
        self._notes = Notes()

    def noted(
        self, readings: Readings, wall_ns: int, now_ns: int, counts: Counts
    ) -> tuple[list[LateFinding], list[str]]:
        """As ``judge``, without what goes beyond a device's notes of this hour; all of it is counted.
        now_ns: the gateway's time."""
        told, faults = self.judge(readings, wall_ns)
        kept = []
        for finding in told:
            counts.late_alarms += finding.began
            left = self._notes.left(_place(finding.known), now_ns)
            if left == 0:
                counts.late_unnoted += 1
            else:
                kept.append(_last(finding) if left == 1 else finding)
        return kept, faults

    def judge(self, readings: Readings, wall_ns: int) -> tuple[list[LateFinding], list[str]]:
        """What the late ones among these readings tell, in their order, and the faults of detectors.
        wall_ns: when they came, by the gateway's wall clock."""
        late = readings.take((readings.time & NOT_LIVE) == LATE)
        found: list[tuple[int, int, LateFinding]] = []
        faults: list[str] = []
        if not len(late):
            return [], faults
        record = self._records(late.slot)
        late.time[:] &= ~np.uint8(LATE | DISORDER)  # late in the live course, in order within its own
        cuts = np.zeros(len(late), np.bool_)
        follow(record, late.event_ns, self._gaps(late.slot), self._newest, late.time, cuts)
        edges = [0, *np.flatnonzero(cuts).tolist(), len(late)]
        for begin, end in pairwise(edges):
            if begin == end:
                continue
            part = late.take(slice(begin, end))
            for order, detector in enumerate(self._detectors):
                if cuts[begin]:
                    self._state[detector.kind][record[begin]] = detector.module.initial()
                faults += self._step(detector, part, record[begin:end])
                found += [
                    (begin + int(one["row"]), order, self._told(detector, part, one, wall_ns))
                    for one in self._findings.found()
                ]
        found.sort(key=lambda item: item[:2])
        return [finding for _, _, finding in found], faults

    def forget(self, slots: Ints) -> None:
        """These channels have another rule: what came late before it is no longer followed."""
        if len(self._place):
            records = self._place[slots[slots < len(self._place)]]
            records = records[records != 0]
            self._newest[records] = NEVER
            for detector in self._detectors:
                self._state[detector.kind][records] = detector.module.initial()

    def _records(self, slots: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        self._place = grown(self._place, len(self._roster.channels), 0)
        fresh = np.unique(slots[self._place[slots] == 0])
        if len(fresh):
            had = len(self._slots)
            self._place[fresh] = np.arange(had, had + len(fresh), dtype=np.int32)
            self._slots = np.concatenate([self._slots, fresh.astype(np.int64)])
            self._newest = grown(self._newest, len(self._slots), NEVER)
            for detector in self._detectors:
                state = self._state[detector.kind]
                self._state[detector.kind] = grown(state, len(self._slots), detector.module.initial())
        found: npt.NDArray[np.int32] = self._place[slots]
        return found

    def _gaps(self, slots: npt.NDArray[np.int32]) -> Ints:
        """How long each row's channel may leave out and still be in one course, ns."""
        table, profiles = self._roster.channels, self._roster.profiles
        owners, place = np.unique(table.device_of_slot[slots], return_inverse=True)
        silences = [profiles[table.devices[n].profile].silent_after_ns for n in owners.tolist()]
        gaps: Ints = np.maximum(GAP_NS, 4 * np.array(silences, np.int64))[place]
        return gaps

    def _step(self, detector: ChannelDetector, part: Readings, record: npt.NDArray[np.int32]) -> list[str]:
        self._findings.count = 0
        if not detector.used:
            return []
        rule = detector.rule_of[detector.record_of[part.slot]]
        try:
            detector.module.step(
                detector.rules, self._state[detector.kind], part.at(record, rule), self._findings
            )
        except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is counted
            return [fault(f"late {detector.kind}")]
        return []

    def _told(self, detector: ChannelDetector, part: Readings, finding: Any, wall_ns: int) -> LateFinding:
        row, began = int(finding["row"]), bool(finding["active"])
        slot, event_ns = int(part.slot[row]), int(finding["event_ns"])
        known = self._naming.of_channel(slot, detector, int(finding["condition"]))
        value, limit = (_number(finding[name]) for name in ("value", "limit"))
        why = (reasons.raised if began else reasons.cleared)(known, value, limit)
        behind = reasons.number(round((wall_ns - event_ns) / 1e9))
        at = datetime.fromtimestamp(event_ns // 1_000_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        return LateFinding(
            known,
            began,
            Reason(
                f"{known.id} {'began' if began else 'ended'} at {at}: {why.en}; its reading came {behind} s "
                "later, too late to be annunciated",
                f"{known.id} 于 {at} {'开始' if began else '结束'}:{why.zh};读数迟到 {behind} 秒,"
                "不作为实时报警",
            ),
            {
                "alarm": known.id, "condition": known.condition, "priority": known.priority,
                "enterprise": known.enterprise, "active": began, "event_ns": event_ns, "value": value,
                "limit": limit,
            },
        )  # fmt: skip

    def export(self) -> dict[str, Any]:
        """The whole state, copied."""
        if len(self._slots) == 1:
            return {}
        return {
            "layout": self._layout(),
            "slots": self._slots.tobytes(),
            "newest": self._newest.tobytes(),
            "state": {kind: state.tobytes() for kind, state in self._state.items()},
            "notes": self._notes.export(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported state; nothing was late in a snapshot that has none. ValueError when it holds
        another layout."""
        if not stored:
            return
        if stored["layout"] != self._layout():
            raise ValueError("snapshot holds another layout of late readings")
        if "notes" in stored:
            self._notes.load(stored["notes"])
        self._slots = np.frombuffer(stored["slots"], np.int64).copy()
        self._newest = np.frombuffer(stored["newest"], np.int64).copy()
        self._place = np.zeros(len(self._roster.channels), np.int32)
        self._place[self._slots[1:]] = np.arange(1, len(self._slots), dtype=np.int32)
        for detector in self._detectors:
            self._state[detector.kind] = writable(stored["state"][detector.kind], detector.module.STATE)

    def _layout(self) -> str:
        return repr([(d.kind, d.module.STATE.descr) for d in self._detectors])


@compiled
def follow(
    record: npt.NDArray[np.int32],
    event_ns: Ints,
    gaps: Ints,
    newest: Ints,
    time: npt.NDArray[np.uint8],
    cuts: npt.NDArray[np.bool_],
) -> None:
    """Mark rows that are older than their record's newest (DISORDER), and rows at which a course begins anew
    (``cuts``)."""
    for i in range(len(record)):
        before = newest[record[i]]
        if before == NEVER or event_ns[i] - before > gaps[i] or before - event_ns[i] > gaps[i]:
            cuts[i] = before != NEVER
            newest[record[i]] = event_ns[i]
        elif event_ns[i] < before:
            time[i] |= DISORDER
        else:
            newest[record[i]] = event_ns[i]


def _place(known: Definition) -> str:
    return f"{known.enterprise}/{known.site}/{known.device}"


def _last(finding: LateFinding) -> LateFinding:
    reason = finding.reason
    return finding._replace(
        reason=Reason(
            f"{reason.en}. Further ones of this device within this hour are counted only",
            f"{reason.zh}。本小时内该设备的后续迟到报警只计数,不再逐条记录",
        )
    )


def _number(value: Any) -> float | None:
    plain = float(value)
    return None if plain != plain else plain  # noqa: PLR0124 - NaN is the only value unlike itself
