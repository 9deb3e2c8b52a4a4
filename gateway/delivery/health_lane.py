"""The gateway's own figures for one sink: only what is new matters, so a full line forgets the oldest and
nothing is kept over a restart."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

from gateway.clock import Clock
from gateway.delivery.follow import Backoff, deliver
from gateway.sinks import HealthBatch, Later, Sink

LINE_MAX = 720
IDLE_S = 1.0


class HealthLane:
    """See the module's docstring."""

    def __init__(self, name: str, sink: Sink, clock: Clock, backoff: Backoff) -> None:
        self.name = f"{name}/health"
        self.wake = threading.Event()
        self._sink_name = name
        self._sink = sink
        self._clock = clock
        self._backoff = backoff
        self._line: deque[HealthBatch] = deque(maxlen=LINE_MAX)
        self._batch: HealthBatch | None = None
        self._due_ns = 0
        self._attempts = 0
        self._error = ""
        self._delivered = 0
        self._forgotten = 0

    def offer(self, batch: HealthBatch) -> None:
        """Put figures in line; never waits."""
        self._forgotten += len(self._line) == LINE_MAX
        self._line.append(batch)
        self.wake.set()

    def step(self) -> float:
        """Deliver one set of figures."""
        now = self._clock.mono_ns()
        if now < self._due_ns:
            return (self._due_ns - now) / 1e9
        if self._batch is None:
            if not self._line:
                return IDLE_S
            self._batch = self._line.popleft()
        answer = deliver(self._sink_name, self._sink, self._batch)
        if isinstance(answer, Later):
            self._attempts += 1
            self._error = answer.reason
            delay = self._backoff.delay_s(self._attempts, answer.retry_after_s)
            self._due_ns = now + round(delay * 1e9)
            return delay
        self._batch = None
        self._attempts, self._error = 0, ""
        self._delivered += 1
        return 0.0

    def stop(self) -> None:
        """Figures are not kept."""

    def status(self) -> dict[str, Any]:
        """See Lane."""
        return {
            "delivered": self._delivered,
            "pending": len(self._line),
            "forgotten": self._forgotten,
            "lag": 0,
            "error": self._error,
            "oldest_s": 0.0,
        }
