"""What every lane has in common: carrying a batch to a sink, backing off, and the thread that keeps a lane
going. A lane works in steps, so that tests drive it on a virtual clock without threads."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import structlog

from gateway import crashpoint
from gateway.alarms.events import AlarmEvent, Event
from gateway.clock import Clock, Random
from gateway.delivery.surge import Surge
from gateway.errors import JournalError
from gateway.ledger.reader import LedgerReader
from gateway.sinks import Batch, Delivered, Later, Refused, Sink

POLL_S = 0.02
"""How often the ledger is asked for new events."""
DELAY_MAX_S = 60.0
log = structlog.get_logger("delivery")

Answer = Delivered | Later | Refused


class Ledger(Protocol):
    """Where events come from, and how often to ask it."""

    poll_s: float

    def events_after(self, seq: int, limit: int) -> list[tuple[int, Event]]:
        """(sequence, event) in order."""
        ...

    def most_urgent_after(self, seq: int, limit: int) -> list[tuple[int, AlarmEvent]]:
        """The same, priority 1 alone, however much lies between."""
        ...

    def events_between(self, alarm: str, after: int, last: int) -> list[tuple[int, AlarmEvent]]:
        """(sequence, event) of one alarm, after ``after`` and up to ``last``."""
        ...

    def head(self) -> int:
        """The newest sequence number, at most ``poll_s`` old."""
        ...

    def surges(self) -> bool:
        """Whether it grows so fast that what is not urgent should wait (surge.py)."""
        ...


class LedgerFile:
    """The core's ledger, also before the core has made it; one look at its head serves every lane."""

    def __init__(self, path: Path, clock: Clock, poll_s: float = POLL_S) -> None:
        self.poll_s = poll_s
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._reader: LedgerReader | None = None
        self._head = 0
        self._looked_ns: int | None = None
        self._surge = Surge()

    def events_after(self, seq: int, limit: int) -> list[tuple[int, Event]]:
        """(sequence, event) of what follows ``seq``, oldest first."""
        with self._lock:
            reader = self._open()
        return reader.events_after(seq, limit) if reader else []

    def most_urgent_after(self, seq: int, limit: int) -> list[tuple[int, AlarmEvent]]:
        """(sequence, event) of what has priority 1 after ``seq``, oldest first."""
        with self._lock:
            reader = self._open()
        return reader.most_urgent_after(seq, limit) if reader else []

    def events_between(self, alarm: str, after: int, last: int) -> list[tuple[int, AlarmEvent]]:
        """(sequence, event) of one alarm, after ``after`` and up to ``last``, oldest first."""
        with self._lock:
            reader = self._open()
        return reader.events_between(alarm, after, last) if reader else []

    def head(self) -> int:
        """The newest sequence number, at most ``poll_s`` old; 0 without a ledger."""
        with self._lock:
            self._look()
            return self._head

    def surges(self) -> bool:
        """See Ledger."""
        with self._lock:
            self._look()
            return self._surge.on(self._clock.mono_ns())

    def _look(self) -> None:
        now, before_ns = self._clock.mono_ns(), self._looked_ns
        if before_ns is not None and now - before_ns < self.poll_s * 1e9:
            return
        reader = self._open()
        before, self._head = self._head, reader.last_seq() if reader else 0
        if before_ns is not None:  # what was there before the first look did not come now
            self._surge.grown(self._head - before, now - before_ns, now)
        self._looked_ns = now

    def _open(self) -> LedgerReader | None:
        if self._reader is None and self._path.exists():
            self._reader = LedgerReader(self._path)
        return self._reader


class Backoff:
    """1, 2, 4 ... 60 s, each with up to a fifth of jitter either way; a Retry-After is obeyed, and a little
    more, so that many messages do not come back at once."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def delay_s(self, attempt: int, retry_after_s: float | None) -> float:
        """Seconds after the ``attempt``-th failure in a row, from 1."""
        if retry_after_s is not None:
            return retry_after_s * self._random.uniform(1.0, 1.1)
        return min(DELAY_MAX_S, float(2 ** min(attempt - 1, 6))) * self._random.uniform(0.8, 1.2)


def carry(name: str, sink: Sink, call: Callable[[], Answer]) -> Answer:
    """One attempt. An exception is Later, with its traceback in the log: a sink must never end delivery."""
    crashpoint.reached("sink-before-send")
    try:
        answer = call()
    except Exception as error:
        log.exception("sink raised", sink=name, kind=type(sink).__module__)
        answer = Later(f"the sink itself failed: {type(error).__name__}: {error}")
    crashpoint.reached("sink-after-send")
    return answer


def deliver(name: str, sink: Sink, batch: Batch) -> Answer:
    """``carry`` of one batch."""
    return carry(name, sink, lambda: sink.deliver(batch))


class Lane(Protocol):
    """One stream of work for one sink."""

    name: str
    wake: threading.Event

    def step(self) -> float:
        """Do one piece of work; seconds until there may be more, 0 = at once."""
        ...

    def stop(self) -> None:
        """Keep what must not be forgotten; called once, after the last step unless that one hangs."""
        ...

    def status(self) -> dict[str, Any]:
        """delivered, pending, lag, error, and oldest_s: age of the oldest that waits, 0 when none does."""
        ...


class Follower:
    """A thread that steps one lane until told to stop."""

    def __init__(
        self, lane: Lane, stopping: threading.Event, failed: Callable[[BaseException], None]
    ) -> None:
        self.lane = lane
        self._stopping = stopping
        self._failed = failed
        self.thread = threading.Thread(target=self._run, name=lane.name, daemon=True)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                wait = self.lane.step()
                failures = 0
            except JournalError as error:
                failures += 1
                wait = min(10.0, 0.5 * failures)
                log.warning("lane waits for the journal or ledger", lane=self.lane.name, error=str(error))
            except Exception as error:
                failures += 1
                wait = min(10.0, 0.5 * failures)
                log.exception("lane failed", lane=self.lane.name)
                self._failed(error)
            if wait > 0 and not self._stopping.is_set():
                self.lane.wake.wait(wait)
                self.lane.wake.clear()
