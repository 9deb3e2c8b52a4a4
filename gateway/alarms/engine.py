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
from gateway.alarms.events import NORMAL, SHELVED, AlarmEvent, CommandEvent
from gateway.alarms.flow import Flow, Stored
from gateway.alarms.keeping import Kept
from gateway.alarms.lifecycle import Refusal, Transition
from gateway.alarms.openalarm import OpenAlarm, event_of
from gateway.alarms.reasons import Reason
from gateway.alarms.requests import Request, Requests
from gateway.alarms.shelves import Counts, Shelves

UNKNOWN = Refusal(
    "the configuration in force has no such alarm: look at its id", "当前配置中没有该报警:请核对报警编号"
)
_TIME_OVER = Reason("the time of the shelf is over", "搁置时间已到")
_BEFORE = {"HH": "H", "LL": "L"}
_BEGAN = (lifecycle.RAISED, lifecycle.RE_RAISED, lifecycle.BEGAN_QUIETLY)


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


class _Stored(msgspec.Struct, array_like=True):
    open: list[OpenAlarm]
    occurrences: dict[str, int]
    shelves: Counts = {}
    flow: Stored | None = None
    requests: list[Request] = []


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
        self._shelves = Shelves()
        self.flow = Flow()
        self.requests = Requests()
        """What waits for a second person."""
        self.now_ns = 0
        """Gateway time, by which shelves end; set it before every journal entry."""
        self.define: Callable[[str], Definition | None] = lambda _: None
        """The definition of an alarm that is normal, from its id; None for an unknown one."""
        self.group: Callable[[str], Kept | None] = lambda _: None
        """The group of an alarm's channel of which some stay live."""
        self.alarms_of: Callable[[str], list[str]] = lambda _: []
        """Every alarm that may be taken away with a device, from its key; [] for an unknown one."""

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
        at = known.at if known else lifecycle.A
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
        at = known.at if known else lifecycle.A
        latch = known.definition.latch if known else False
        step = lifecycle.next_state(at, what, latch=latch)
        if isinstance(step, Refusal) or known is None:
            return step if isinstance(step, Refusal) else lifecycle.REFUSED[(lifecycle.A, what)]
        return self._take(known, step, reason, at_ns, actor=actor, comment=comment)

    def shelve(
        self, alarm: str, for_ns: int, at_ns: int, reason: Reason, *, actor: str, comment: str
    ) -> AlarmEvent | Refusal:
        """Put an open alarm on the shelf for a time that ends by itself."""
        too_often = self._shelves.allow(alarm, self.now_ns)
        if too_often is not None:
            return too_often
        known, step = self._aimed(alarm, lifecycle.SHELVE, at_ns)
        if known is None or isinstance(step, Refusal):
            return step if isinstance(step, Refusal) else UNKNOWN
        known.until_ns, known.due_ns = at_ns + for_ns, self.now_ns + for_ns
        self._shelves.begin(alarm, known.due_ns, self.now_ns)
        return self._take(known, step, reason, at_ns, actor=actor, comment=comment)

    def take_away(
        self, alarm: str, what: str, at_ns: int, reason: Reason, *, actor: str = "", comment: str = ""
    ) -> AlarmEvent | Refusal:
        """Suppress an alarm by design or take it out of service, one that is normal too."""
        known, step = self._aimed(alarm, what, at_ns)
        if known is None or isinstance(step, Refusal):
            return step if isinstance(step, Refusal) else UNKNOWN
        return self._take(known, step, reason, at_ns, actor=actor, comment=comment)

    def refusal(self, alarm: str, what: str) -> Refusal | None:
        """Why shelving or taking away would be refused now; None if it would be done."""
        known, step = self._aimed(alarm, what, 0)
        if known is None or isinstance(step, Refusal):
            return step if isinstance(step, Refusal) else UNKNOWN
        return self._shelves.allow(alarm, self.now_ns) if what == lifecycle.SHELVE else None

    def _aimed(self, alarm: str, what: str, at_ns: int) -> tuple[OpenAlarm | None, Transition | Refusal]:
        known = self._open.get(alarm) or self._normal(alarm, at_ns)
        if known is None:
            return None, UNKNOWN
        return known, lifecycle.next_state(known.at, what, latch=known.definition.latch)

    def _normal(self, alarm: str, at_ns: int) -> OpenAlarm | None:
        known = self.define(alarm)
        return OpenAlarm(known, NORMAL, False, self.occurrence(alarm), at_ns, at_ns) if known else None

    def end_shelves(self, at_ns: int) -> list[AlarmEvent]:
        """Shelves that are over by gateway time, the earliest first."""
        events = []
        while (over := self._shelves.over(self.now_ns)) is not None:
            due_ns, name = over
            known = self._open.get(name)
            if known is not None and known.state == SHELVED and known.due_ns == due_ns:
                events.append(self._unshelve(known, at_ns, _TIME_OVER))
        return events

    def next_limit_passed(self, event: AlarmEvent | None) -> list[AlarmEvent]:
        """The alarm of the limit before, if it is shelved, comes back when HH or LL of its channel begins:
        things have become worse than what was shelved."""
        before = _BEFORE.get(event.condition) if event is not None and event.category == "process" else None
        if event is None or before is None or event.cause not in _BEGAN:
            return []
        known = self._open.get(f"{event.alarm.removesuffix(event.condition)}{before}")
        if known is None or known.state != SHELVED:
            return []
        reason = Reason(
            f"unshelved: {event.condition} of the same channel was passed",
            f"自动取消搁置:同一通道已越过 {event.condition}",
        )
        return [self._unshelve(known, event.at_ns, reason)]

    def _unshelve(self, known: OpenAlarm, at_ns: int, reason: Reason) -> AlarmEvent:
        return self._take(known, lifecycle.TABLE[known.at, lifecycle.UNSHELVE], reason, at_ns)

    def retire(self, alarms: Iterable[str], at_ns: int) -> list[AlarmEvent]:
        """These alarms are no longer defined: the open ones among them become normal."""
        events = []
        for name in alarms:
            known = self._open.get(name)
            if known is None:
                continue
            at = known.at
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
        return _ENCODER.encode(
            _Stored(
                [*self._open.values()],
                self._occurrences,
                self._shelves.counts,
                self.flow.stored,
                self.requests.pending(),
            )
        )

    @classmethod
    def load(cls, body: bytes, make_id: Callable[[], str] | None = None) -> Engine:
        """The engine of exported bytes; msgspec.ValidationError when they are not that."""
        stored = _DECODER.decode(body)
        engine = cls(make_id)
        engine._open = {alarm.definition.id: alarm for alarm in stored.open}
        engine._occurrences = stored.occurrences
        engine._shelves = Shelves(stored.shelves, (a for a in stored.open if a.state == SHELVED))
        engine.flow = Flow(stored.flow or Stored(on=False))
        engine.requests = Requests(stored.requests)
        return engine

    def _keep(self, alarm: OpenAlarm, step: Transition, at_ns: int) -> None:
        name = alarm.definition.id
        if alarm.state == SHELVED and step.to.state != SHELVED:
            self._shelves.end(name, self.now_ns)
            alarm.until_ns = alarm.due_ns = 0
        if step.new_occurrence:
            alarm.occurrence = self._occurrences[name] = self.occurrence(name) + 1
            alarm.raised_ns = at_ns
        alarm.state, alarm.process_active = step.to
        alarm.changed_ns = at_ns
        if alarm.state == NORMAL:
            self._open.pop(name, None)
        else:
            self._open[name] = alarm

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
        before, name = alarm.state, self.make_id()
        self._keep(alarm, step, at_ns)
        if step.to == lifecycle.B and step.new_occurrence:
            alarm.group, alarm.first_out = self.flow.annunciated(alarm.definition, name, self.now_ns, at_ns)
        elif step.to == lifecycle.A:
            self.flow.goes_on(alarm.definition.id)
        return event_of(
            alarm, before, step.cause, reason, name=name, at_ns=at_ns, actor=actor, comment=comment
        )


def _finite(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


def _with_note(reason: Reason, note_en: str, note_zh: str) -> Reason:
    return Reason(
        f"{reason.en}: {note_en}" if note_en else reason.en,
        f"{reason.zh}:{note_zh}" if note_zh else reason.zh,
    )
