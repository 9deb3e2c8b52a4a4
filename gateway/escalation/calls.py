"""When which step calls about which alarms: equal events, calls made and time give equal calls.

An alarm waits from the event that left it unacknowledged until somebody acknowledges it, it is normal again,
or it is shelved, suppressed or taken out of service. While its condition is over but nobody has answered, no
call begins; if it comes back before anybody answered, the time since the first counts, so that a condition
that comes and goes is escalated all the same. One step calls once for one such stretch of waiting.

Alarms that are due for the same step go into one call, and a step calls at most every ``GAP_NS``: in a flood
a person's phone rings once, not ten thousand times.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from gateway.alarms.events import RETURNED, UNACKNOWLEDGED, AlarmEvent, Event
from gateway.escalation.steps import Step

GAP_NS = 10_000_000_000
"""Ours, not a standard's."""
WAITING = frozenset({UNACKNOWLEDGED, RETURNED})


@dataclass(slots=True)
class Stretch:
    """One stretch of waiting of one alarm."""

    began: str
    """Id of the event that began it: with a step's name it names a call for ever."""
    since_ns: int
    seq: int
    event: AlarmEvent
    """The newest: its occurrence is the one to be answered."""
    called: dict[str, int] = field(default_factory=dict)
    """Step -> when it called, by the wall clock."""


@dataclass(frozen=True, slots=True)
class Due:
    """One call that is to be made now."""

    step: Step
    level: int
    """1 for the first step of a chain."""
    stretches: Sequence[Stretch]
    """Most important first, then longest unanswered."""

    @property
    def id(self) -> str:
        """Names this call: equal when it is worked out again."""
        return f"{min(s.began for s in self.stretches)}-call-{self.step.name}"


@dataclass(frozen=True, slots=True)
class Coming:
    """A step that calls at this moment unless somebody answers before."""

    at_ns: int
    step: Step
    alarm: str
    began: str


class Calls:
    """See the module's docstring. ``made``: (began, step, when in ns) of every call already made."""

    def __init__(self, steps: Sequence[Step], made: Iterable[tuple[str, str, int]] = ()) -> None:
        self._steps = {step.name: step for step in steps}
        self._after: dict[str, list[Step]] = {}
        for step in steps:
            self._after.setdefault(step.follows, []).append(step)
        self._waiting: dict[str, Stretch] = {}
        self._made: dict[str, dict[str, int]] = {}
        self._newest: dict[str, int] = {}
        for began, name, at_ns in made:
            self._made.setdefault(began, {})[name] = at_ns
            self._newest[name] = max(at_ns, self._newest.get(name, at_ns))
        self._timers: list[tuple[int, str, str, str]] = []
        self._ripe: dict[str, dict[str, str]] = {}
        """Step -> alarm -> began: due, and not called yet."""

    def __len__(self) -> int:
        """Alarms that wait and that some step concerns."""
        return len(self._waiting)

    def waits(self, alarm: str, began: str) -> bool:
        """Whether this stretch of waiting still goes on and its condition holds."""
        stretch = self._waiting.get(alarm)
        return stretch is not None and stretch.began == began and stretch.event.state == UNACKNOWLEDGED

    def goes_on(self, alarm: str, began: str) -> bool:
        """Whether nobody has answered yet, and it is not normal again."""
        stretch = self._waiting.get(alarm)
        return stretch is not None and stretch.began == began

    def follow(self, seq: int, event: Event) -> None:
        """Take the next event; one that was taken already changes nothing."""
        if not isinstance(event, AlarmEvent):
            return
        stretch = self._waiting.get(event.alarm)
        if stretch is not None and seq <= stretch.seq:
            return
        if event.state not in WAITING or (stretch is None and event.state != UNACKNOWLEDGED):
            self._end(event.alarm)
            return
        if stretch is not None and event.before in WAITING:
            stretch.seq, stretch.event = seq, event
            return
        self._end(event.alarm)
        first = [step for step in self._after.get("", []) if step.concerns(event)]
        if first:
            begun = Stretch(event.id, event.at_ns, seq, event, self._made.pop(event.id, {}))
            self._waiting[event.alarm] = begun
            for step in first:
                self._plan(begun, step, begun.since_ns)

    def called_about(self) -> list[str]:
        """What began each stretch that goes on and about which somebody was called."""
        return [stretch.began for stretch in self._waiting.values() if stretch.called]

    def coming(self, limit: int) -> list[Coming]:
        """The steps that follow if nobody answers, soonest first; of those ripe already the time is past."""
        found = [
            Coming(at, self._steps[name], alarm, began)
            for at, name, alarm, began in self._timers
            if self.waits(alarm, began)
        ]
        found += [
            Coming(self._newest.get(name, 0) + GAP_NS, self._steps[name], alarm, began)
            for name, ripe in self._ripe.items()
            for alarm, began in ripe.items()
            if self.waits(alarm, began)
        ]
        return heapq.nsmallest(limit, found, key=lambda one: (one.at_ns, one.step.name, one.alarm))

    def due(self, now_ns: int) -> list[Due]:
        """The calls to be made now. The same again until ``called`` says that they were."""
        while self._timers and self._timers[0][0] <= now_ns:
            _, name, alarm, began = heapq.heappop(self._timers)
            if (stretch := self._waiting.get(alarm)) is not None and stretch.began == began:
                self._ripe.setdefault(name, {})[alarm] = began
        found = []
        for name, ripe in self._ripe.items():
            newest = self._newest.get(name)
            if newest is not None and 0 <= now_ns - newest < GAP_NS:
                continue
            ready = [self._waiting[alarm] for alarm, began in ripe.items() if self.waits(alarm, began)]
            if ready:
                ready.sort(key=lambda s: (s.event.priority, s.since_ns, s.seq))
                found.append(Due(self._steps[name], self._level(name), ready))
        return sorted(found, key=lambda due: (due.level, due.step.name))

    def called(self, due: Due, at_ns: int) -> None:
        """This call is durable: it is not due again, and the steps that follow begin to count."""
        name = due.step.name
        self._newest[name] = at_ns
        for stretch in due.stretches:
            stretch.called[name] = at_ns
            self._ripe.get(name, {}).pop(stretch.event.alarm, None)
            for step in self._after.get(name, []):
                self._plan(stretch, step, at_ns)

    def _plan(self, stretch: Stretch, step: Step, since_ns: int) -> None:
        """Set the timer of a step; where it called before a restart, those of the steps that follow it."""
        done = stretch.called.get(step.name)
        if done is None:
            timer = (since_ns + step.after_ns, step.name, stretch.event.alarm, stretch.began)
            heapq.heappush(self._timers, timer)
            return
        for later in self._after.get(step.name, []):
            self._plan(stretch, later, done)

    def _end(self, alarm: str) -> None:
        stretch = self._waiting.pop(alarm, None)
        if stretch is not None:
            for ripe in self._ripe.values():
                ripe.pop(alarm, None)

    def _level(self, name: str) -> int:
        level, step = 1, self._steps[name]
        while step.follows:
            level, step = level + 1, self._steps[step.follows]
        return level
