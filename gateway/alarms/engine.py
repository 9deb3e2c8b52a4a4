"""Open alarms and how they change. Every change is one event with a reason; what is not open costs nothing.

The engine alone decides what state an alarm is in, by the table in lifecycle.py. It reads no clock and makes
no ids: both are given. Its state is exactly what ``export`` writes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator

import msgspec

from gateway.alarms import commands, lifecycle, reasons
from gateway.alarms.definition import Definition
from gateway.alarms.events import NORMAL, AlarmEvent, CommandEvent
from gateway.alarms.lifecycle import Refusal, Situation, Transition
from gateway.alarms.reasons import Reason


class EventIds:
    """Ids "<partition>-<journal position>-<index>": equal in live and replay."""

    def __init__(self, partition: int, position: int = 0) -> None:
        self.partition = partition
        self.begin(position)

    def begin(self, position: int) -> None:
        """Another journal entry: the index starts at 0."""
        self.position = position
        self.index = 0

    def __call__(self) -> str:
        """The next id."""
        name = f"{self.partition}-{self.position}-{self.index}"
        self.index += 1
        return name


class OpenAlarm(msgspec.Struct, array_like=True):
    """An alarm that is not normal."""

    definition: Definition
    state: str
    process_active: bool
    occurrence: int
    raised_ns: int
    """Gateway wall time at which this occurrence began."""
    changed_ns: int
    event_ns: int = 0
    """Device time of the last change of the condition."""
    value: float | None = None
    limit: float | None = None
    flags: tuple[str, ...] = ()
    extra: float | None = None


class _Stored(msgspec.Struct, array_like=True):
    open: list[OpenAlarm]
    occurrences: dict[str, int]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Stored)


class Engine:
    """The alarms of one partition. Not thread-safe: one thread steps it.

    ``make_id`` gives the id of each event in turn; set it before every journal entry.
    """

    def __init__(self, make_id: Callable[[], str] | None = None) -> None:
        self.make_id: Callable[[], str] = make_id or EventIds(0)
        self._open: dict[str, OpenAlarm] = {}
        self._occurrences: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._open)

    def apply(
        self,
        definition: Definition,
        *,
        active: bool,
        at_ns: int,
        event_ns: int = 0,
        value: float | None = None,
        limit: float | None = None,
        extra: float | None = None,
        flags: tuple[str, ...] = (),
        note_en: str = "",
        note_zh: str = "",
    ) -> AlarmEvent | None:
        """The condition began (``active``) or ended. None when that is no change: a repeated raise, or the
        end of what never was. NaN and infinite values are stored as None. The note joins the reason."""
        known = self._open.get(definition.id)
        at = Situation(known.state, known.process_active) if known else lifecycle.A
        what = lifecycle.RAISED if active else lifecycle.CLEARED
        step = lifecycle.next_state(at, what, latch=definition.latch)
        if isinstance(step, Refusal):
            return None
        value, limit, extra = _finite(value), _finite(limit), _finite(extra)
        explain = reasons.raised if active else reasons.cleared
        reason = _with_note(explain(definition, value, limit, extra), note_en, note_zh)
        alarm = known or OpenAlarm(definition, NORMAL, False, 0, at_ns, at_ns)
        alarm.definition, alarm.event_ns, alarm.flags = definition, event_ns, flags
        alarm.value, alarm.limit, alarm.extra = value, limit, extra
        return self._take(alarm, step, reason, at_ns)

    def find(self, alarm: str) -> OpenAlarm | None:
        """The open alarm of an id."""
        return self._open.get(alarm)

    def occurrence(self, alarm: str) -> int:
        """How often an alarm has occurred; 0 for one that never did."""
        return self._occurrences.get(alarm, 0)

    def open_alarms(self) -> Iterator[OpenAlarm]:
        """Every alarm that is not normal, in the order in which they were raised from normal."""
        return iter(self._open.values())

    def command(self, command: commands.Command, now_ns: int) -> tuple[CommandEvent, list[AlarmEvent]]:
        """Apply or refuse what an operator asks for: see commands.obey."""
        return commands.obey(self, command, now_ns)

    def operate(
        self, alarm: str, what: str, at_ns: int, reason: Reason, *, actor: str, comment: str = ""
    ) -> AlarmEvent | Refusal:
        """An operator's acknowledgement or reset of one alarm, already allowed and aimed at the right
        occurrence."""
        known = self._open.get(alarm)
        at = Situation(known.state, known.process_active) if known else lifecycle.A
        latch = known.definition.latch if known else False
        step = lifecycle.next_state(at, what, latch=latch)
        if isinstance(step, Refusal) or known is None:
            return step if isinstance(step, Refusal) else lifecycle.REFUSED[(lifecycle.A, what)]
        return self._take(known, step, reason, at_ns, actor=actor, comment=comment)

    def retire(self, alarms: Iterable[str], at_ns: int) -> list[AlarmEvent]:
        """These alarms are no longer defined: the open ones among them become normal."""
        events = []
        for name in alarms:
            known = self._open.get(name)
            if known is None:
                continue
            at = Situation(known.state, known.process_active)
            step = lifecycle.next_state(at, lifecycle.RETIRED, latch=known.definition.latch)
            if isinstance(step, Transition):
                reason = Reason(
                    "configuration changed: this alarm is no longer defined", "配置已更改:该报警不再定义"
                )
                events.append(self._take(known, step, reason, at_ns))
        return events

    def redefine(self, definition: Definition) -> None:
        """New texts, priority or latch for an alarm that stays; no event, later ones carry them."""
        known = self._open.get(definition.id)
        if known is not None:
            known.definition = definition

    def export(self) -> bytes:
        """The whole state."""
        return _ENCODER.encode(_Stored(list(self._open.values()), self._occurrences))

    @classmethod
    def load(cls, body: bytes, make_id: Callable[[], str] | None = None) -> Engine:
        """The engine of exported bytes; msgspec.ValidationError when they are not that."""
        stored = _DECODER.decode(body)
        engine = cls(make_id)
        engine._open = {alarm.definition.id: alarm for alarm in stored.open}
        engine._occurrences = stored.occurrences
        return engine

    def _take(
        self,
        alarm: OpenAlarm,
        step: Transition,
        reason: Reason,
        at_ns: int,
        *,
        actor: str = "",
        comment: str = "",
    ) -> AlarmEvent:
        definition, before = alarm.definition, alarm.state
        if step.new_occurrence:
            alarm.occurrence = self._occurrences.get(definition.id, 0) + 1
            alarm.raised_ns = at_ns
            self._occurrences[definition.id] = alarm.occurrence
        alarm.state, alarm.process_active = step.to
        alarm.changed_ns = at_ns
        if alarm.state == NORMAL:
            self._open.pop(definition.id, None)
        else:
            self._open[definition.id] = alarm
        return AlarmEvent(
            id=self.make_id(),
            alarm=definition.id,
            occurrence=alarm.occurrence,
            category=definition.category,
            condition=definition.condition,
            priority=definition.priority,
            state=alarm.state,
            before=before,
            cause=step.cause,
            reason_en=reason.en,
            reason_zh=reason.zh,
            at_ns=at_ns,
            event_ns=alarm.event_ns,
            process_active=alarm.process_active,
            latched=definition.latch,
            enterprise=definition.enterprise,
            site=definition.site,
            asset=definition.asset,
            device=definition.device,
            channel=definition.channel,
            family=definition.family,
            county=definition.county,
            sector=definition.sector,
            latitude=definition.latitude,
            longitude=definition.longitude,
            value=alarm.value,
            limit=alarm.limit,
            extra=alarm.extra,
            unit=definition.unit,
            response_en=definition.response_en,
            response_zh=definition.response_zh,
            clause=definition.clause,
            source_verified=definition.source_verified,
            actor=actor,
            comment=comment,
            flags=alarm.flags,
        )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _with_note(reason: Reason, note_en: str, note_zh: str) -> Reason:
    return Reason(
        f"{reason.en}: {note_en}" if note_en else reason.en,
        f"{reason.zh}:{note_zh}" if note_zh else reason.zh,
    )
