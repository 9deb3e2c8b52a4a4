"""Readings for one sink: live while it keeps up, derived from the journal when it does not.

Live frames wait in a bounded line. Each says which journal position gave readings before it, so a frame that
is missing (line overflowed, core or delivery restarted) is seen, and everything after the cursor is derived
again by replay. Readings beyond their device's rate are counted as throttled and go to no sink: they are in
the journal, and its limits have judged them. The cursor is written at most once a second: readings sinks are
idempotent or know what they have.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from detectors import COLUMNS, THROTTLED, Readings
from gateway import crashpoint
from gateway.clock import Clock
from gateway.delivery.follow import Answer, Backoff, deliver
from gateway.delivery.store import DeadLetter, DeliveryStore
from gateway.errors import RiskgateError
from gateway.monitor.channels import ChannelTable
from gateway.sinks import Delivered, Later, ReadingsBatch, Refused, Sink

LANE = "readings"
LINE_ROWS_MAX = 1_000_000
"""Live readings kept for a sink that hesitates, about 35 MB, shared by all sinks: some seconds. After longer,
all since a snapshot must be derived again, a minute's worth of journal."""
LINE_FRAMES_MAX = 8192
BATCH_ROWS = 20_000
KEEP_EVERY_NS = 1_000_000_000
IDLE_S = 1.0
EMPTY_S = 0.05
"""Pause after a derivation that found nothing."""


class UnderivableError(RiskgateError):
    """The journal no longer holds what these positions' readings would be derived from."""

    def __init__(self, first: int, last: int, reason: str) -> None:
        self.first, self.last = first, last
        super().__init__(f"readings of positions {first} to {last} cannot be derived: {reason}")


Derive = Callable[[int], Iterator[ReadingsBatch]]
"""Readings of every journal position after the given one, in order, until the journal's end; a batch may be
empty and then only says how far it looked."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One journal position's readings as they came over the live channel."""

    previous: int
    position: int
    readings: Readings
    channels: ChannelTable
    arrived_ns: int


class ReadingsLane:
    """See the module's docstring."""

    def __init__(
        self, name: str, sink: Sink, store: DeliveryStore, derive: Derive, clock: Clock, backoff: Backoff
    ) -> None:
        self.name = f"{name}/readings"
        self.wake = threading.Event()
        self._sink_name = name
        self._sink = sink
        self._store = store
        self._derive = derive
        self._clock = clock
        self._backoff = backoff
        self._lock = threading.Lock()
        self._line: deque[Frame] = deque()
        self._line_rows = 0
        self._newest = 0
        self._cursor = self._kept = store.cursor(name, LANE)
        self._kept_ns = 0
        self._behind = True
        self._resync = False
        self._heard = False
        self._derived: Iterator[ReadingsBatch] | None = None
        self._derived_from = 0
        self._batch: ReadingsBatch | None = None
        self._dead: list[DeadLetter] = []
        self._due_ns = 0
        self._attempts = 0
        self._error = ""
        self._delivered = 0
        self._throttled = 0
        self._catch_ups = 0

    def offer(self, frame: Frame) -> None:
        """Put a live frame in line; never waits, drops the oldest when the line is full."""
        with self._lock:
            self._heard = True
            self._line.append(frame)
            self._line_rows += len(frame.readings)
            self._newest = max(self._newest, frame.position)
            while self._line_rows > LINE_ROWS_MAX or len(self._line) > LINE_FRAMES_MAX:
                self._line_rows -= len(self._line.popleft().readings)
        if self._line_rows >= BATCH_ROWS or not self._sink.linger_s:
            self.wake.set()

    def resync(self) -> None:
        """The core connected anew: what it sent before may be missing.

        Once everything up to a frame of the new connection is there, nothing is: later gaps are seen.
        """
        with self._lock:
            self._line.clear()
            self._line_rows = 0
            self._behind = self._resync = True
            self._heard = False
        self.wake.set()

    def step(self) -> float:
        """Deliver one batch, live or derived."""
        now = self._clock.mono_ns()
        if now < self._due_ns:
            return (self._due_ns - now) / 1e9
        if self._dead:
            self._keep()  # nothing more is sent before these are written down
        if self._batch is None:
            wait = self._catch_up() if self._behind else self._gather(now)
            if wait is not None:
                self._keep()
                return wait
        return self._send()

    def stop(self) -> None:
        """Write the cursor."""
        self._keep(at_once=True)

    def status(self) -> dict[str, Any]:
        """See Lane."""
        with self._lock:
            arrived = self._line[0].arrived_ns if self._line else None
            lag = max(0, self._newest - self._cursor)
            return {
                "cursor": self._cursor,
                "delivered": self._delivered,
                "throttled": self._throttled,
                "pending": self._line_rows,
                "lag": lag,
                "behind": self._behind,
                "catch_ups": self._catch_ups,
                "error": self._error,
                "oldest_s": (self._clock.mono_ns() - arrived) / 1e9 if lag and arrived is not None else 0.0,
            }

    def _catch_up(self) -> float | None:
        """Fetch the next derived batch; None when there is one to send."""
        if self._derived is None:
            with self._lock:
                self._resync = False
            self._derived, self._derived_from = self._derive(self._cursor), self._cursor
            self._catch_ups += 1
        try:
            batch = next(self._derived, None)
        except UnderivableError as error:
            self._derived = None
            self._cursor = max(self._cursor, error.last)
            self._dead.append(DeadLetter(LANE, error.last, str(error)))
            self._keep()
            return 0.0
        except Exception:
            self._derived = None
            raise
        if batch is None:
            self._derived = None
            with self._lock:
                self._behind = self._resync and not self._heard
            return 0.0 if self._cursor > self._derived_from else EMPTY_S
        if batch.last <= self._cursor:
            return 0.0
        if not len(batch.readings):
            self._cursor = batch.last
            return 0.0
        self._batch = self._without_throttled(batch)
        return None

    def _without_throttled(self, batch: ReadingsBatch) -> ReadingsBatch:
        kept = (batch.readings.time & THROTTLED) == 0
        if kept.all():
            return batch
        self._throttled += len(kept) - int(kept.sum())
        return replace(batch, readings=batch.readings.take(kept), position=batch.positions()[kept])

    def _gather(self, now: int) -> float | None:
        """Make one batch of the contiguous frames in line; None when there is one to send."""
        with self._lock:
            while self._line and self._line[0].position <= self._cursor:
                self._line_rows -= len(self._line.popleft().readings)
            if not self._line:
                return min(IDLE_S, self._sink.linger_s or IDLE_S / 4)
            if self._line[0].previous > self._cursor:
                self._behind = True
                return 0.0
            ripe_ns = self._line[0].arrived_ns + round(self._sink.linger_s * 1e9)
            if ripe_ns > now and self._line_rows < BATCH_ROWS:
                return (ripe_ns - now) / 1e9
            frames = self._contiguous()
        self._batch = self._without_throttled(joined(frames))
        return None

    def _contiguous(self) -> list[Frame]:
        frames = [self._line.popleft()]
        rows = len(frames[0].readings)
        while self._line and rows < BATCH_ROWS:
            head = self._line[0]
            if head.previous > frames[-1].position or head.channels is not frames[0].channels:
                break
            rows += len(head.readings)
            frames.append(self._line.popleft())
        self._line_rows -= rows
        return frames

    def _send(self) -> float:
        batch = self._batch
        if batch is None:
            return 0.0
        answer: Answer = Delivered()
        if len(batch.readings):
            answer = deliver(self._sink_name, self._sink, batch)
        if isinstance(answer, Later):
            self._attempts += 1
            self._error = answer.reason
            delay = self._backoff.delay_s(self._attempts, answer.retry_after_s)
            self._due_ns = self._clock.mono_ns() + round(delay * 1e9)
            return delay
        if isinstance(answer, Refused):
            why = f"positions {batch.first} to {batch.last}: {answer.reason}"
            self._dead.append(DeadLetter(LANE, batch.last, why))
        else:
            self._dead += [DeadLetter(LANE, batch.last, why, part=part) for part, why in answer.refused]
            self._delivered += len(batch.readings)
        self._cursor, self._batch = batch.last, None
        self._attempts, self._error, self._due_ns = 0, "", 0
        self._keep()
        return 0.0

    def _keep(self, *, at_once: bool = False) -> None:
        now = self._clock.mono_ns()
        due = at_once or now - self._kept_ns >= KEEP_EVERY_NS
        if not self._dead and (self._cursor == self._kept or not due):
            return
        self._store.advance(self._sink_name, LANE, self._kept + 1, self._cursor, dead=self._dead)
        self._dead = []
        self._kept, self._kept_ns = self._cursor, now
        crashpoint.reached("after-cursor")


def joined(frames: list[Frame]) -> ReadingsBatch:
    """One batch of the frames of contiguous positions; at least one."""
    columns = [np.concatenate([getattr(f.readings, name) for f in frames]) for name in COLUMNS]
    position = np.repeat([f.position for f in frames], [len(f.readings) for f in frames]).astype(np.int64)
    return ReadingsBatch(
        frames[0].position, frames[-1].position, Readings(*columns), frames[0].channels, position
    )
