"""From findings and commands to events: every change goes through the alarm engine, in one order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import DISORDER, SUSPECT, Findings, Readings
from gateway.alarms import definition, flow_notes, flow_urgency
from gateway.alarms.commands import obey
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import AlarmEvent, NoteEvent
from gateway.alarms.flow import CHATTERING, FLEETING, HOLD_NS, Held
from gateway.alarms.taking import expired
from gateway.monitor.bank import Bank
from gateway.monitor.counts import Counts
from gateway.monitor.design import Design
from gateway.monitor.device_alarms import DeviceAlarms
from gateway.monitor.entries import OperatorCommand
from gateway.monitor.groups import Groups
from gateway.monitor.late import Late
from gateway.monitor.naming import Naming
from gateway.monitor.outcome import Outcome
from gateway.monitor.roster import Change, Roster
from gateway.monitor.silence import Silence
from gateway.monitor.timeline import TimeLine

MAX_NOTE = 300
"""Characters of a system condition's figures in its reason."""


class Judgement:
    """The events of one entry are numbered in the order they are made."""

    def __init__(
        self,
        engine: Engine,
        roster: Roster,
        bank: Bank,
        groups: Groups,
        silence: Silence,
        counts: Counts,
        partition: int,
    ) -> None:
        self._engine, self._counts = engine, counts
        self._roster = roster
        self._bank = bank
        self._groups = groups
        self._naming = Naming(roster)
        self.late = Late(roster, bank, self._naming)
        self._late_before = 0
        self._ids = EventIds(partition)
        engine.make_id = self._ids
        engine.define = self._naming.of_id
        engine.group = self._naming.kept
        engine.alarms_of = self._naming.ids_of_device
        self._outcome = Outcome(0)
        self._wall_ns = 0
        self.exercise = False
        self.devices = DeviceAlarms(self._naming, self.put)
        self.design = Design(
            engine, roster, silence, self._naming, self.devices, self._tell, lambda: self._wall_ns, self.note
        )
        self.suppressed, self.upstreams = self.design.suppressed, self.design.upstreams
        self.maintenance, self.states = self.design.maintenance, self.design.states

    def _tell(self, event: AlarmEvent) -> None:
        self._outcome.events.append(event)

    def begin(self, outcome: Outcome, line: TimeLine, *, exercise: bool) -> None:
        """Events from now on belong to this outcome."""
        self._ids.begin(outcome.position)
        self._outcome = outcome
        self._wall_ns = line.wall_ns
        self._engine.now_ns = line.now_ns
        self._late_before = self._counts.late
        self.exercise = exercise

    def judge(self, readings: Readings) -> list[str]:
        """Let every detector see the readings; findings act in the readings' order. Returns the faults of
        detectors that failed."""
        faults = self._bank.judge(readings)
        if self._counts.late != self._late_before and self._engine.flow.stored.on:
            faults += self._late(readings)
        found = [
            (
                int(finding["row"]),
                order,
                self._naming.of_channel(int(finding["slot"]), detector, number),
                finding,
            )
            for order, detector in enumerate(self._bank)
            if detector.findings.count
            for finding in detector.findings.found()
            for number in (int(finding["condition"]),)
        ]
        if len(self._groups):
            more, failed = self._groups.judge(readings, len(self._bank))
            found += more
            faults += failed
        found.sort(key=lambda item: item[:2])  # stable: a detector's own order within a row stays
        changed = []
        for row, _, known, finding in found:
            self._apply(known, finding, int(readings.time[row]))
            changed.append((row, known.id, bool(finding["active"]), int(finding["event_ns"])))
        if changed and len(self._groups):
            for (row, _, known, finding), evidence in self._groups.weigh(readings, changed):
                note = ", ".join(name for name in evidence if self._stands(name))
                self._apply(known, finding, int(readings.time[row]), note[:MAX_NOTE])
        return faults

    def _stands(self, name: str) -> bool:
        alarm = self._engine.find(name)
        return alarm is not None and alarm.process_active

    def silence_of_channels(self, findings: Findings) -> None:
        """Channels that fell silent or spoke again."""
        for finding in findings.found():
            name = "never_seen" if finding["condition"] else "silent"
            self._apply(self._naming.silence(int(finding["slot"]), name), finding, 0)

    def silence_of_devices(self, findings: Findings, now_ns: int) -> None:
        """Whole devices that fell silent or spoke again."""
        for finding in self.upstreams.from_the_top(findings.found()):
            self.upstreams.found(
                int(finding["slot"]), "never_seen" if finding["condition"] else "silent",
                active=bool(finding["active"]), value=_number(finding["value"]),
                limit=_number(finding["limit"]), now_ns=now_ns,
            )  # fmt: skip

    def unwatched(self, device: int) -> None:
        """A device may be silent from now on: what was found is over."""
        key = self._roster.channels.devices[device].key
        mine = [i for i in self._open_ids() if i.startswith(f"{key}/")]
        self._retire(sorted(i for i in mine if i.endswith((":silent", ":never_seen"))))
        self.upstreams.forget(key)

    def condition(self, subject: str, *, active: bool, detail: dict[str, Any] | None = None) -> None:
        """A condition of the gateway itself began or ended; ``subject`` is "name" or "name.of_what"."""
        name, _, of_what = subject.partition(".")
        note = ", ".join(f"{key} {value}" for key, value in sorted((detail or {}).items()))[:MAX_NOTE]
        self.put(
            definition.system(name, of_what),
            active=active,
            event_ns=0,
            value=None,
            limit=None,
            flags=(),
            note=note,
        )

    def command(self, entry: OperatorCommand) -> None:
        """Apply or refuse an operator's command; both are recorded."""
        answer, events = obey(self._engine, entry, self._wall_ns)
        self._outcome.events += [answer, *events]

    def shelves(self, now_ns: int) -> None:
        """Bring back what was shelved until now, and end what waited too long for a second person."""
        self._engine.now_ns = now_ns
        self._outcome.events += self._engine.end_shelves(self._wall_ns)
        self.design.sweep(now_ns)
        self._outcome.events += expired(self._engine, self._wall_ns)

    def flow(self, now_ns: int) -> None:
        """Tell the ends that were held back long enough, and the floods that began or ended."""
        flow = self._engine.flow
        for name, held in flow.over(now_ns):
            known = self._engine.find(name)
            if known is not None:
                self._change(
                    known.definition, active=False, event_ns=held.event_ns, value=held.value,
                    limit=held.limit, extra=held.extra, flags=held.flags,
                    note_en=held.note_en or "it came and went, so its end was held back for a minute",
                    note_zh=held.note_zh or "反复报警,恢复延后一分钟告知",
                )  # fmt: skip
        flow.sweep(now_ns)
        for news in flow.news:
            kind, reason, detail = flow_notes.flood(news)
            self.note(kind, reason.en, reason.zh, detail)
        flow.news.clear()

    def _late(self, readings: Readings) -> list[str]:
        """Note what readings would have told that came too late; returns the faults of detectors."""
        told, faults = self.late.noted(readings, self._wall_ns, self._engine.now_ns, self._counts)
        for known, began, reason, detail in told:
            standing = self._engine.find(known.id)
            now = "normal" if standing is None else standing.state
            self.note("late_alarm" if began else "late_alarm_over", *reason, {**detail, "now": now})
        return faults

    def note(self, kind: str, reason_en: str, reason_zh: str, detail: dict[str, Any]) -> None:
        """Record something that needs no operator."""
        self._outcome.events.append(
            NoteEvent(
                id=self._ids(),
                kind=kind,
                at_ns=self._wall_ns,
                reason_en=reason_en,
                reason_zh=reason_zh,
                detail=detail,
            )
        )

    def rule_changed(self, kind: str, slots: npt.NDArray[np.int64]) -> None:
        """These channels have another rule now: what the old one raised is over."""
        self.late.forget(slots)
        open_ids = self._open_ids()
        if not open_ids:
            return
        for slot in slots.tolist():
            if open_ids.intersection(ids := self._naming.ids_of_channel(slot, kind)):
                self._retire([i for i in ids if i in open_ids])

    def roster_changed(self, change: Change) -> None:
        """Devices left or lost channels: their alarms are over."""
        self._naming.forget()
        channels = self._roster.channels
        open_ids = self._open_ids()
        for number in change.retired:
            key = channels.devices[number].key
            now = self._roster.index.get(key)
            kept = set() if now is None else {p.channel for p in self._roster.profile_of(now).points} | {""}
            mine = [i for i in open_ids if i.startswith(f"{key}/")]
            self._retire(sorted(i for i in mine if i[len(key) + 1 :].partition(":")[0] not in kept))
        for alarm in list(self._engine.open_alarms()):
            again = self._naming.again(alarm.definition)
            if again is not None:
                self._engine.redefine(flow_urgency.kept(again, alarm.definition))
        self.design.changed(self._engine.now_ns)

    def groups_changed(self) -> None:
        """Devices, profiles or tables changed: alarms of groups that are gone or begin anew are over."""
        over = self._groups.change()
        self._retire([name for name in over if self._engine.find(name) is not None])
        if len(self._groups):
            self._groups.recount(self._standing())
        for name, known in self._groups.definitions().items() if len(self._groups) else ():
            if (standing := self._engine.find(name)) is not None:
                self._engine.redefine(flow_urgency.kept(known, standing.definition))

    def _standing(self) -> set[str]:
        """Alarms whose condition holds; the end of one that chatters may be known and not told yet."""
        held = self._engine.flow.stored.held
        return {
            alarm.definition.id
            for alarm in self._engine.open_alarms()
            if alarm.process_active and alarm.definition.id not in held
        }

    def _open_ids(self) -> set[str]:
        return {alarm.definition.id for alarm in self._engine.open_alarms()}

    def _retire(self, ids: list[str]) -> None:
        self._outcome.events += self._engine.retire(ids, self._wall_ns)

    def _apply(self, known: Definition, finding: Any, time: int, note: str = "") -> None:
        flags = []
        if time & SUSPECT:
            flags.append("suspect_time")
        if time & DISORDER:
            flags.append("out_of_order")
        self.put(
            known,
            active=bool(finding["active"]),
            event_ns=int(finding["event_ns"]),
            value=_number(finding["value"]),
            limit=_number(finding["limit"]),
            extra=_number(finding["extra"]) or None,
            flags=tuple(flags),
            note=note,
        )

    def put(
        self,
        known: Definition,
        *,
        active: bool,
        event_ns: int,
        value: float | None,
        limit: float | None,
        flags: tuple[str, ...],
        extra: float | None = None,
        note: str = "",
        note_zh: str = "",
    ) -> None:
        """The condition of an alarm began or ended; the note joins the reason."""
        if self.exercise:
            flags = (*flags, "exercise")
        flow, now_ns = self._engine.flow, self._engine.now_ns
        if active:
            flow.goes_on(known.id)
            if flow.stored.on:
                known, urgent = flow_urgency.weigh(known, extra)
                note, note_zh = (
                    flow_urgency.joined(note, urgent.en),
                    flow_urgency.joined(note_zh or note, urgent.zh),
                )
            if flow.is_next_too_many(known.id, now_ns):
                flags = (*flags, CHATTERING)
            if self.maintenance.on:
                self.maintenance.before(known)
        else:
            standing = self._engine.find(known.id)
            if standing is None or not standing.process_active:
                return
            known = flow_urgency.kept(known, standing.definition)
            held = Held(now_ns + HOLD_NS, event_ns, value, limit, extra, flags, note, note_zh or note)
            if not self.exercise and flow.hold(known, held, now_ns):
                self._counts.held_ends += 1
                return
            if flow.is_fleeting(known, now_ns):
                flags = (*flags, FLEETING)
        self._change(known, active=active, event_ns=event_ns, value=value, limit=limit, extra=extra,
                     flags=flags, note_en=note, note_zh=note_zh or note)  # fmt: skip

    def _change(self, known: Definition, **what: Any) -> None:
        why = self.suppressed.why(known.id)
        if why is not None:  # else nobody would see in the list why it is not told
            what["note_en"] = flow_urgency.joined(what["note_en"], why.en)
            what["note_zh"] = flow_urgency.joined(what["note_zh"], why.zh)
        event = self._engine.apply(known, at_ns=self._wall_ns, **what)
        if event is not None:
            self._counts.chattering += CHATTERING in event.flags and event.process_active
            self._counts.fleeting += FLEETING in event.flags and not event.process_active
            self._outcome.events += [event, *self._engine.next_limit_passed(event)]


def _number(value: Any) -> float | None:
    plain = float(value)
    return None if plain != plain else plain  # noqa: PLR0124 - NaN is the only value unlike itself
