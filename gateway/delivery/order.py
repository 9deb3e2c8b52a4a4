"""Which message goes next: order within an alarm, otherwise most important first, then oldest.

A message that must wait holds back only its own alarm. Pure: time comes in, nothing goes out.
"""

from __future__ import annotations

import heapq
from collections import deque

from gateway.delivery.store import Message


class AlarmOrder:
    """Messages of one sink. A taken message must be given back by ``done`` or ``later``."""

    def __init__(self) -> None:
        self._alarms: dict[str, deque[Message]] = {}
        self._ready: list[tuple[int, int, str]] = []
        self._waiting: list[tuple[int, int, str]] = []
        self._count = 0

    def __len__(self) -> int:
        """Messages not done, taken ones too."""
        return self._count

    def add(self, message: Message) -> None:
        """Behind every earlier message of its alarm."""
        self._count += 1
        line = self._alarms.setdefault(message.alarm, deque())
        line.append(message)
        if len(line) == 1:
            heapq.heappush(self._ready, (message.priority, message.seq, message.alarm))

    def take(self, now_ns: int) -> Message | None:
        """The next message to send, or None when all wait or are being sent."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, _, alarm = heapq.heappop(self._waiting)
            self._push(alarm)
        if not self._ready:
            return None
        return self._alarms[heapq.heappop(self._ready)[2]][0]

    def done(self, message: Message) -> None:
        """Delivered or dead: the next of its alarm may go."""
        line = self._alarms[message.alarm]
        line.popleft()
        self._count -= 1
        if line:
            self._push(message.alarm)
        else:
            del self._alarms[message.alarm]

    def later(self, message: Message, due_ns: int) -> None:
        """The same message again, not before ``due_ns``."""
        heapq.heappush(self._waiting, (due_ns, message.seq, message.alarm))

    def due_ns(self) -> int | None:
        """When the next waiting message may go; None when none waits."""
        return self._waiting[0][0] if self._waiting else None

    def oldest_ns(self) -> int | None:
        """When the oldest message was enrolled."""
        return min((line[0].enrolled_ns for line in self._alarms.values()), default=None)

    def _push(self, alarm: str) -> None:
        head = self._alarms[alarm][0]
        heapq.heappush(self._ready, (head.priority, head.seq, alarm))
