"""Events in ledger order for one sink: the cursor moves only after the sink took the batch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from gateway import crashpoint
from gateway.alarms.events import CommandEvent, Event
from gateway.clock import Clock
from gateway.delivery.follow import Answer, Backoff, Ledger, carry, deliver
from gateway.delivery.store import DeadLetter, DeliveryStore
from gateway.sinks import Delivered, EventsBatch, Later, Refused, Resends, Sink

LANE = "events"
BATCH_EVENTS = 500


def resend_ids(event: Event, sink: str) -> tuple[bool, list[str] | None]:
    """Whether this event asks for this sink's dead letters, and which (None: all)."""
    if not isinstance(event, CommandEvent) or event.action != "deadletter_resend" or not event.accepted:
        return False, None
    if event.args.get("sink") != sink:
        return False, None
    ids = event.args.get("ids") or []
    if event.args.get("all") or not ids:
        return True, None
    return True, [str(i) for i in ids]


class LedgerLane:
    """See the module's docstring."""

    def __init__(
        self, name: str, sink: Sink, store: DeliveryStore, ledger: Ledger, clock: Clock, backoff: Backoff
    ) -> None:
        self.name = f"{name}/events"
        self.wake = threading.Event()
        self._sink_name = name
        self._sink = sink
        self._store = store
        self._ledger = ledger
        self._clock = clock
        self._backoff = backoff
        self._cursor = store.begin(name, LANE, 0, "")  # no filter: it takes every event
        self._batch: EventsBatch | None = None
        self._answer: Delivered | Refused | None = None
        self._queued: list[DeadLetter] = store.queued(name)
        self._due_ns = 0
        self._attempts = 0
        self._error = ""
        self._delivered = 0

    def step(self) -> float:
        """Deliver one batch, or one dead letter again."""
        left = self._due_ns - self._clock.mono_ns()
        if left > 0:
            return left / 1e9
        if self._batch is None and self._ledger.head() > self._cursor:
            rows = self._ledger.events_after(self._cursor, BATCH_EVENTS)
            if rows:
                self._batch = EventsBatch(rows[0][0], rows[-1][0], rows)
        if self._batch is not None:
            return self._send(self._batch)
        if self._queued:
            return self._send_again(self._queued[0])
        return self._ledger.poll_s

    def stop(self) -> None:
        """Nothing: every cursor is durable already."""

    def status(self) -> dict[str, Any]:
        """See Lane."""
        lag = max(0, self._ledger.head() - self._cursor)
        batch = self._batch
        return {
            "cursor": self._cursor,
            "delivered": self._delivered,
            "pending": lag,
            "lag": lag,
            "error": self._error,
            "oldest_s": max(0.0, (self._clock.wall_ns() - batch.events[0][1].at_ns) / 1e9) if batch else 0.0,
        }

    def _send(self, batch: EventsBatch) -> float:
        # An answer that could not be written down is kept: the batch is not sent again for that.
        answer = self._answer or deliver(self._sink_name, self._sink, batch)
        if isinstance(answer, Later):
            return self._wait(answer)
        self._answer = answer
        if isinstance(answer, Refused):
            dead = [
                DeadLetter(
                    LANE,
                    seq,
                    answer.reason,
                    event.id,
                    getattr(event, "alarm", ""),
                    attempts=self._attempts + 1,
                )
                for seq, event in batch.events
            ]
            receipt = ""
        else:
            dead = [DeadLetter(LANE, batch.last, why, part=part) for part, why in answer.refused]
            receipt = answer.receipt or "taken"
        self._take_requests(batch.events)  # before the cursor moves, so that a crash forgets none
        self._store.advance(self._sink_name, LANE, batch.first, batch.last, receipt, dead)
        crashpoint.reached("after-cursor")
        self._delivered += len(batch.events) if receipt else 0
        self._cursor, self._batch, self._answer = batch.last, None, None
        self._settled()
        return 0.0

    def _take_requests(self, events: Sequence[tuple[int, Event]]) -> None:
        for _, event in events:
            asked, ids = resend_ids(event, self._sink_name)
            if asked:
                self._store.requeue(self._sink_name, ids, self._cursor, event.id, messages=False)
                self._queued = self._store.queued(self._sink_name)

    def _send_again(self, letter: DeadLetter) -> float:
        answer = carry(self._sink_name, self._sink, lambda: self._again(letter))
        if isinstance(answer, Later):
            return self._wait(answer)
        if isinstance(answer, Refused):
            self._store.refused_again(self._sink_name, letter, answer.reason)
        elif answer.refused:
            self._store.refused_again(self._sink_name, letter, answer.refused[0][1])
        else:
            self._store.resent(self._sink_name, letter, answer.receipt or "taken")
        self._queued = self._queued[1:]
        self._settled()
        return 0.0

    def _again(self, letter: DeadLetter) -> Answer:
        if letter.part:
            if isinstance(self._sink, Resends):
                return self._sink.resend(letter.part)
            return Refused("this kind of sink cannot send a part again")
        rows = [row for row in self._ledger.events_after(letter.seq - 1, 1) if row[0] == letter.seq]
        if not rows:
            return Refused(f"the ledger no longer holds event {letter.seq}")
        return self._sink.deliver(EventsBatch(letter.seq, letter.seq, rows))

    def _wait(self, answer: Later) -> float:
        self._attempts += 1
        self._error = answer.reason
        delay = self._backoff.delay_s(self._attempts, answer.retry_after_s)
        self._due_ns = self._clock.mono_ns() + round(delay * 1e9)
        return delay

    def _settled(self) -> None:
        self._attempts, self._error, self._due_ns = 0, "", 0


class Muted:
    """Stands for an outward sink in an exercise: takes everything, sends nothing, says so."""

    outward = True
    linger_s = 1.0

    def __init__(self, wants: frozenset[str]) -> None:
        self.wants = wants

    def deliver(self, batch: object) -> Answer:
        """Nothing leaves the machine."""
        return Delivered(f"not sent: exercise ({type(batch).__name__})")

    def close(self) -> None:
        """Nothing is open."""
