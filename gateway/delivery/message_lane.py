"""Events one by one for a webhook: order per alarm, priority 1 first, a retrying message holds back only its
own alarm. What waits is in delivery.db, so a restart forgets neither messages nor how often they were tried.

That a priority 1 alarm is unanswered waits behind no backlog: it is looked for ahead of the cursor
(urgent.py), and one sender is kept for it when all others hang. While a flood comes, only it is sent
(surge.py).

A message becomes a dead letter when the receiver refuses it, or after max_attempts or max_age_s; it then no
longer holds its alarm back. An accepted ``deadletter_resend`` command puts it in line again.
"""

from __future__ import annotations

import threading
from typing import Any

from gateway import crashpoint
from gateway.clock import Clock
from gateway.delivery.follow import Answer, Backoff, Ledger, carry, log
from gateway.delivery.ledger_lane import BATCH_EVENTS, LANE, resend_ids
from gateway.delivery.order import AlarmOrder
from gateway.delivery.store import DeliveryStore, Message
from gateway.delivery.urgent import Ahead, message_of
from gateway.sinks import Delivered, EventsBatch, Later, Messages, Refused, Sink

WAITING_MAX = 100_000
"""Messages kept in line; further events stay in the ledger until there is room."""
IDLE_S = 1.0
SURGE_S = 0.05
"""How soon senders look again whether the core still needs the machine."""


class MessageSink(Sink, Messages):
    """A sink of single events."""


class MessageLane:
    """Enrols events as messages; its workers, ``Worker``, send them."""

    def __init__(
        self,
        name: str,
        sink: MessageSink,
        store: DeliveryStore,
        ledger: Ledger,
        clock: Clock,
        backoff: Backoff,
        waiting_max: int = WAITING_MAX,
    ) -> None:
        self.name = f"{name}/events"
        self.wake = threading.Event()
        self.sink_name = name
        self.sink = sink
        self.store = store
        self.ledger = ledger
        self.clock = clock
        self.backoff = backoff
        self.workers = [Worker(self, number) for number in range(sink.workers)]
        self.workers.append(Worker(self, sink.workers, urgent=True))
        self._waiting_max = waiting_max
        self._lock = threading.Lock()
        self._order = AlarmOrder()
        for message in store.waiting(name):
            self._order.add(message)
        start = ledger.head() if sink.since == "now" else 0
        self._cursor = store.begin(name, LANE, start, sink.filters)
        self._ahead = Ahead(name, store, ledger, sink.takes, self._cursor)
        self._delivered = 0
        self._error = ""

    def step(self) -> float:
        """Enrol what is new in the ledger; what goes ahead of the line before what is next in it."""
        with self._lock:
            room = self._waiting_max - len(self._order)
        behind, surges = self.ledger.head() - self._cursor, self.ledger.surges()
        if (surges or behind > min(room, BATCH_EVENTS)) and (
            ahead := self._ahead.look(self._cursor, self.clock.wall_ns())
        ):
            self._line_up(ahead)
            return 0.0
        if surges or room <= 0 or behind <= 0:
            return self.ledger.poll_s
        rows = self.ledger.events_after(self._cursor, min(BATCH_EVENTS, room))
        if not rows:
            return self.ledger.poll_s
        now = self.clock.wall_ns()
        messages: list[Message] = []
        for seq, event in rows:
            if self.sink.takes(event) and seq not in self._ahead:
                messages.append(message_of(seq, event, now))
            asked, ids = resend_ids(event, self.sink_name)
            if asked:
                self._enrol(seq - 1, messages[:-1] if messages and messages[-1].seq == seq else messages)
                last = [m for m in messages if m.seq == seq]
                again = self.store.requeue(self.sink_name, ids, seq - 1, event.id, messages=True)
                self._line_up(again)
                messages = last
        self._enrol(rows[-1][0], messages)
        return 0.0

    def stop(self) -> None:
        """Nothing: every message is durable already."""

    def status(self) -> dict[str, Any]:
        """See Lane."""
        head = self.ledger.head()
        with self._lock:
            waiting, oldest = len(self._order), self._order.oldest_ns()
        return {
            "cursor": self._cursor,
            "delivered": self._delivered,
            "pending": waiting + max(0, head - self._cursor - len(self._ahead)),
            "lag": max(0, head - self._cursor),
            "error": self._error if waiting else "",
            "oldest_s": 0.0 if oldest is None else max(0.0, (self.clock.wall_ns() - oldest) / 1e9),
        }

    def take(self, *, urgent: bool = False) -> tuple[Message | None, float]:
        """The next message to send (or urgent message), or how long there will be none."""
        surges = self.ledger.surges()
        with self._lock:
            now = self.clock.mono_ns()
            message = self._order.take(now, urgent=urgent or surges)
            due = self._order.due_ns()
        if message is not None:
            return message, 0.0
        if surges:
            return None, SURGE_S
        return None, IDLE_S if due is None else min(IDLE_S, max(0.001, (due - now) / 1e9))

    def settle(self, message: Message, answer: Answer) -> None:
        """Record what became of an attempt; may be called again when the record could not be written."""
        if isinstance(answer, Later):
            message.error = self._error = answer.reason
            spent = self._spent(message)
            if not spent:
                self.store.failed(self.sink_name, message)
                delay = self.backoff.delay_s(message.attempts, answer.retry_after_s)
                with self._lock:
                    self._order.later(message, self.clock.mono_ns() + round(delay * 1e9))
                return
            answer = Refused(f"{spent}; last answer: {answer.reason}")
        if isinstance(answer, Refused):
            self._error = answer.reason
            self.store.died(self.sink_name, message, answer.reason)
        else:
            self.store.delivered(self.sink_name, message, answer.receipt or "taken")
            self._delivered += 1
        crashpoint.reached("after-cursor")
        with self._lock:
            self._order.done(message)
        self._wake_workers()

    def _spent(self, message: Message) -> str:
        limit = self.sink.max_attempts
        if limit and message.attempts >= limit:
            return f"given up after {message.attempts} attempts"
        age_s = (self.clock.wall_ns() - message.enrolled_ns) / 1e9
        return f"given up after {age_s:.0f} s" if age_s > self.sink.max_age_s else ""

    def _enrol(self, last: int, messages: list[Message]) -> None:
        self.store.enrol(self.sink_name, last, messages)
        self._ahead.passed(self._cursor + 1, last)
        self._cursor = last
        self._line_up(messages)

    def _line_up(self, messages: list[Message]) -> None:
        with self._lock:
            for message in messages:
                self._order.add(message)
        self._wake_workers()

    def _wake_workers(self) -> None:
        for worker in self.workers:
            worker.wake.set()


class Worker:
    """One connection's worth of sending; ``urgent``: kept for alarms that have an urgent message."""

    def __init__(self, lane: MessageLane, number: int, *, urgent: bool = False) -> None:
        self.name = f"{lane.sink_name}/{'urgent' if urgent else f'sender-{number}'}"
        self.wake = threading.Event()
        self._lane = lane
        self._urgent = urgent
        self._held: tuple[Message, Answer] | None = None
        """An attempt whose outcome is not written down yet: on a full disk it is kept, not sent again."""

    def step(self) -> float:
        """Send one message."""
        if self._held is None:
            message, wait = self._lane.take(urgent=self._urgent)
            if message is None:
                return wait
            taken = message
            answer = carry(self._lane.sink_name, self._lane.sink, lambda: self._deliver(taken))
            message.attempts += 1
            self._held = message, answer
        self._lane.settle(*self._held)
        self._held = None
        return 0.0

    def stop(self) -> None:
        """Nothing to keep."""

    def status(self) -> dict[str, Any]:
        """The lane speaks for its workers."""
        return {}

    def _deliver(self, message: Message) -> Answer:
        rows = [row for row in self._lane.ledger.events_after(message.seq - 1, 1) if row[0] == message.seq]
        if not rows:
            return Refused(f"the ledger no longer holds event {message.seq}")
        return self._lane.sink.deliver(EventsBatch(message.seq, message.seq, rows))


class Announcer:
    """Says "gateway blind" at once, past every queue and stored nowhere: the disk may be full."""

    GIVE_UP_NS = 600_000_000_000

    def __init__(self, name: str, sink: MessageSink, clock: Clock, backoff: Backoff) -> None:
        self.name = f"{name}/announce"
        self.wake = threading.Event()
        self._sink_name = name
        self._sink = sink
        self._clock = clock
        self._backoff = backoff
        self._lock = threading.Lock()
        self._news: list[tuple[int, str, int]] = []
        self._attempts = 0
        self._due_ns = 0

    def announce(self, at_ns: int, reason: str) -> None:
        """Queue one announcement; at most the sixteen newest are kept."""
        with self._lock:
            self._news = [*self._news[-15:], (at_ns, reason, self._clock.mono_ns())]
            self._due_ns = 0
        self.wake.set()

    def step(self) -> float:
        """Send one announcement."""
        now = self._clock.mono_ns()
        with self._lock:
            if not self._news:
                return IDLE_S
            if self._due_ns > now:
                return (self._due_ns - now) / 1e9
            news = self._news[0]
        answer = carry(self._sink_name, self._sink, lambda: self._sink.announce(news[0], news[1]))
        with self._lock:
            if isinstance(answer, Later) and now - news[2] < self.GIVE_UP_NS:
                self._attempts += 1
                delay = self._backoff.delay_s(self._attempts, answer.retry_after_s)
                self._due_ns = now + round(delay * 1e9)
                return delay
            self._news = [kept for kept in self._news if kept is not news]
            self._attempts = 0
        outcome = answer.receipt if isinstance(answer, Delivered) else answer.reason
        log.warning("announcement", sink=self._sink_name, text=news[1], outcome=outcome)
        return 0.0

    def stop(self) -> None:
        """Announcements are not kept."""

    def status(self) -> dict[str, Any]:
        """The lane speaks for it."""
        return {}
