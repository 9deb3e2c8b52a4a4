"""Escalation carried out: calls are made from the ledger and the clock, kept, then sent until they arrive.

A call is durable before it is sent, so that a restart sends it again under the same id, never as a new one.
One that is answered before it arrives is withdrawn. Nobody on duty is no reason not to call: the message says
so, and the alarm gateway:roster_gap stands.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from gateway import crashpoint
from gateway.alarms.events import AlarmEvent
from gateway.clock import Clock
from gateway.delivery.call_store import DELIVERED, FAILED, WITHDRAWN, Call, CallStore
from gateway.delivery.follow import Answer, Backoff, Ledger, carry, log
from gateway.escalation.calls import Calls, Coming
from gateway.escalation.message import body_of
from gateway.escalation.roster import Shift
from gateway.escalation.steps import Step
from gateway.rosters import Roster
from gateway.sinks import Calls as CallingSink
from gateway.sinks import Later, Refused, Sink

POLL_S = 0.25
PAGE = 500
FAILED_TOLD_NS = 3_600_000_000_000
"""How long the alarm about a call that reached nobody stands after the last one."""


Recall = Callable[[], Iterable[tuple[int, AlarmEvent]]]
"""Events of every alarm that waits now, each from the one that began it."""


class Escalations:
    """Makes the calls; ``callers`` send them, one a sink."""

    name = "escalation"

    def __init__(
        self,
        steps: Sequence[Step],
        rosters: Mapping[str, Roster],
        calls: CallStore,
        ledger: Ledger,
        recall: Recall,
        clock: Clock,
    ) -> None:
        self.wake = threading.Event()
        self.callers: dict[str, Caller] = {}
        self._rosters = rosters
        self._store = calls
        self._ledger = ledger
        self._recall = recall
        self._clock = clock
        self._lock = threading.Lock()
        self._calls = Calls(steps, calls.made())
        self._cursor = -1

    def step(self) -> float:
        """Follow the ledger, then make what is due."""
        if self._cursor < 0:
            head = self._ledger.head()
            with self._lock:
                for seq, known in self._recall():
                    self._calls.follow(seq, known)
            self._cursor = head
        while self._ledger.head() > self._cursor:
            rows = self._ledger.events_after(self._cursor, PAGE)
            if not rows:
                break
            with self._lock:
                for seq, event in rows:
                    self._calls.follow(seq, event)
            self._cursor = rows[-1][0]
        now = self._clock.wall_ns()
        with self._lock:
            ready = self._calls.due(now)
        for due in ready:
            call = self._store.make(due, body_of(due, self._who(due.step, now), now), now)
            crashpoint.reached("after-call")
            with self._lock:
                self._calls.called(due, now)
            log.warning("escalated", call=call.id, who=due.step.who, alarms=len(due.stretches))
            self.callers[call.sink].put(call)
        return POLL_S

    def stop(self) -> None:
        """Nothing: every call is durable already."""

    def status(self) -> dict[str, Any]:
        """Alarms that wait, and what is wrong with each roster."""
        with self._lock:
            waiting = len(self._calls)
        return {"waiting": waiting, "rosters": self.gaps()}

    def gaps(self) -> dict[str, str]:
        """Roster -> what is wrong with it in the days it is looked at; "" when nothing is."""
        now = self._clock.wall_ns()
        with self._lock:
            return {name: roster.problem or _told(roster, now) for name, roster in self._rosters.items()}

    def rosters(self) -> list[dict[str, Any]]:
        """Each roster: who is on duty now, who begins next, when nobody will be. Times are ns."""
        now = self._clock.wall_ns()
        with self._lock:
            return [
                {
                    "name": name,
                    "zone": roster.zone,
                    "days": roster.days,
                    "problem": roster.problem,
                    "now": [shift._asdict() for shift in roster.on_duty(now)],
                    "next": [shift._asdict() for shift in roster.after(now)],
                    "gaps": [[span.start_ns, span.end_ns] for span in roster.gaps(now)],
                }
                for name, roster in self._rosters.items()
            ]

    def open(self, limit: int) -> dict[str, Any]:
        """ "calls": those about which nobody has answered yet, newest first, each with its "next" step;
        "coming": the steps that follow if nobody answers, soonest first. Times are ns."""
        with self._lock:
            coming = self._calls.coming(limit)
            begun = self._calls.called_about()
        calls = []
        for row in self._store.about(begun, limit):
            later = next((one for one in coming if one.began in row["began"]), None)
            calls.append(row | {"next": later and _step(later)})
        return {"calls": calls, "coming": [_step(one) for one in coming]}

    def waits(self, call: Call) -> bool:
        """Whether any alarm of a call is still unanswered."""
        with self._lock:
            return self._cursor < 0 or any(self._calls.goes_on(alarm, began) for alarm, began in call.about)

    def _who(self, step: Step, at_ns: int) -> list[Shift]:
        kind, _, name = step.who.partition(":")
        if kind != "roster":
            return []
        with self._lock:
            return self._rosters[name].on_duty(at_ns)


class Caller:
    """Sends the calls of one sink, oldest first; one that must wait holds back none."""

    def __init__(
        self, name: str, sink: Sink, made_by: Escalations, calls: CallStore, clock: Clock, backoff: Backoff
    ) -> None:
        self.name = f"{name}/calls"
        self.wake = threading.Event()
        self._sink_name = name
        self._sink: Any = sink
        assert isinstance(sink, CallingSink)
        self._made_by = made_by
        self._store = calls
        self._clock = clock
        self._backoff = backoff
        self._lock = threading.Lock()
        self._line = [(call, 0) for call in calls.waiting() if call.sink == name]
        self._delivered = 0
        self._error = ""

    def put(self, call: Call) -> None:
        """One more to send."""
        with self._lock:
            self._line.append((call, 0))
        self.wake.set()

    def step(self) -> float:
        """Send one call."""
        now = self._clock.mono_ns()
        with self._lock:
            ready = next((pair for pair in self._line if pair[1] <= now), None)
            due = min((at for _, at in self._line), default=now + round(1e9))
        if ready is None:
            return min(1.0, max(0.001, (due - now) / 1e9))
        call = ready[0]
        if not self._made_by.waits(call):
            self._done(ready, WITHDRAWN, "answered before it arrived")
            return 0.0
        answer: Answer = carry(
            self._sink_name, self._sink, lambda: self._sink.call(call.id, call.subject, call.at_ns, call.body)
        )
        call.attempts += 1
        wall = self._clock.wall_ns()
        if isinstance(answer, Later):
            if (wall - call.at_ns) / 1e9 < self._sink.max_age_s:
                call.outcome = self._error = answer.reason
                self._store.tried(call)
                delay = self._backoff.delay_s(call.attempts, answer.retry_after_s)
                with self._lock:
                    self._line[self._line.index(ready)] = (call, self._clock.mono_ns() + round(delay * 1e9))
                return 0.0
            answer = Refused(f"given up after {call.attempts} attempts; last answer: {answer.reason}")
        if isinstance(answer, Refused):
            self._done(ready, FAILED, answer.reason)
        else:
            self._delivered += 1
            self._done(ready, DELIVERED, answer.receipt or "taken")
        return 0.0

    def stop(self) -> None:
        """Nothing: every call is durable already."""

    def status(self) -> dict[str, Any]:
        """See Lane; failed: calls given up in the last hour."""
        wall = self._clock.wall_ns()
        with self._lock:
            pending = len(self._line)
            oldest = min((call.at_ns for call, _ in self._line), default=wall)
        return {
            "delivered": self._delivered,
            "pending": pending,
            "lag": 0,
            "error": self._error if pending else "",
            "oldest_s": max(0.0, (wall - oldest) / 1e9),
            "failed": self._store.failed_after(self._sink_name, wall - FAILED_TOLD_NS),
        }

    def _done(self, ready: tuple[Call, int], state: str, outcome: str) -> None:
        self._store.settle(ready[0], state, outcome, self._clock.wall_ns())
        with self._lock:
            self._line.remove(ready)


def _step(one: Coming) -> dict[str, Any]:
    return {"step": one.step.name, "who": one.step.who, "at_ns": one.at_ns, "alarm": one.alarm}


def _told(roster: Roster, now_ns: int) -> str:
    found = roster.gaps(now_ns)
    if not found:
        return ""
    start, end = (datetime.fromtimestamp(ns / 1e9, UTC) for ns in found[0][:2])
    return f"nobody on duty from {start:%Y-%m-%d %H:%M}Z to {end:%Y-%m-%d %H:%M}Z, {len(found)} gaps in all"
