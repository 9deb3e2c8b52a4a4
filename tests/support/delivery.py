"""What delivery's tests share: a real ledger, sinks that answer as told, and a virtual clock that drives
lanes without threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from gateway.alarms.events import Event
from gateway.chain import Head
from gateway.clock import Clock, Random
from gateway.delivery.follow import Backoff, Lane, LedgerFile
from gateway.ledger import Ledger
from gateway.sinks import Batch, Delivered, EventsBatch, Later, Refused

Answer = Delivered | Later | Refused
Says = Callable[[Batch], Answer]


class Book:
    """A real ledger file and delivery's view of it."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.path = folder / "ledger.db"
        self._ledger = Ledger(self.path)
        self._position = self._ledger.applied
        self.view = LedgerFile(self.path, clock, 0.5)

    def write(self, events: Iterable[Event]) -> None:
        """Record events, each as the outcome of a journal position of its own."""
        told = []
        for event in events:
            self._position = max(self._position + 1, int(event.id.split("-")[1]))
            told.append((self._position, [event]))
        self._ledger.record(told, Head(self._position, self._position.to_bytes(32, "big")))

    def close(self) -> None:
        """Close the writer."""
        self._ledger.close()


class SaidSink:
    """A sink in this process: it answers what ``says`` returns and remembers what it took."""

    outward = True
    linger_s = 0.0

    def __init__(
        self, says: Says | None = None, wants: Iterable[str] = ("events", "readings", "health")
    ) -> None:
        self.wants = frozenset(wants)
        self.says: Says = says or (lambda _: Delivered("ok"))
        self.taken: list[Batch] = []
        self.tries: list[Batch] = []
        self.closed = False
        self._lock = threading.Lock()

    def deliver(self, batch: Batch) -> Answer:
        """Answer as told."""
        with self._lock:
            self.tries.append(batch)
        answer = self.says(batch)
        if isinstance(answer, Delivered):
            with self._lock:
                self.taken.append(batch)
        return answer

    def close(self) -> None:
        """Remember."""
        self.closed = True

    def events(self) -> list[Event]:
        """Every event taken, in order."""
        return [event for b in self.taken if isinstance(b, EventsBatch) for _, event in b.events]


class SaidMessages(SaidSink):
    """The same, one event at a time."""

    def __init__(
        self, says: Says | None = None, workers: int = 1, max_attempts: int = 0, max_age_s: float = 1e9
    ) -> None:
        super().__init__(says, ["events"])
        self.workers = workers
        self.max_attempts = max_attempts
        self.max_age_s = max_age_s
        self.since = "start"
        self.filters = "alarms"
        self.announced: list[tuple[int, str]] = []

    def takes(self, event: Event) -> bool:
        """Alarms only."""
        return hasattr(event, "alarm")

    def announce(self, at_ns: int, reason: str) -> Answer:
        """Remember."""
        answer = self.says(EventsBatch(0, 0, []))
        if isinstance(answer, Delivered):
            self.announced.append((at_ns, reason))
        return answer


def backoff(seed: int = 1) -> Backoff:
    """Jitter from a seed."""
    return Backoff(Random(seed))


def drive(lanes: list[Lane], clock: Clock, seconds: float, until: Callable[[], bool] | None = None) -> None:
    """Step lanes in turn for so long, or until something is true; time passes only when all are idle."""
    end = clock.mono_ns() + round(seconds * 1e9)
    while clock.mono_ns() < end:
        if until is not None and until():
            return
        waits = [lane.step() for lane in lanes]
        if min(waits) > 0:
            clock.sleep(min(*waits, max(0.0, (end - clock.mono_ns()) / 1e9)))
