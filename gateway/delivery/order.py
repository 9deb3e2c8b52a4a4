"""Which message goes next: order within an alarm, otherwise most important first, then oldest.

A message that must wait holds back only its own alarm. An urgent one pulls the messages of its alarm that
come before it ahead of every other alarm's. Pure: time comes in, nothing goes out.
"""

from __future__ import annotations

import heapq
from collections import deque

from gateway.delivery.store import Message

URGENT = 0
"""Before every priority."""
_Key = tuple[int, int, str]


class AlarmOrder:
    """Messages of one sink. A taken message must be given back by ``done`` or ``later``."""

    def __init__(self) -> None:
        self._alarms: dict[str, deque[Message]] = {}
        self._urgent: dict[str, int] = {}
        """Alarm -> its newest urgent message's sequence number, while it has one."""
        self._ready: list[_Key] = []
        self._keys: dict[str, _Key] = {}
        """Alarm -> its entry of ``_ready``; another entry of that alarm there is outdated."""
        self._waiting: list[tuple[int, int, str]] = []
        self._count = 0

    def __len__(self) -> int:
        """Messages not done, taken ones too."""
        return self._count

    def add(self, message: Message) -> None:
        """Behind every earlier message of its alarm."""
        self._count += 1
        alarm = message.alarm
        line = self._alarms.setdefault(alarm, deque())
        line.append(message)
        if message.urgent:
            self._urgent[alarm] = max(message.seq, self._urgent.get(alarm, 0))
        if len(line) == 1 or (message.urgent and alarm in self._keys):
            self._push(alarm)

    def take(self, now_ns: int, *, urgent: bool = False) -> Message | None:
        """The next message to send, or None when all wait or are being sent; ``urgent``: of an alarm that has
        an urgent one, or none."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            _, _, alarm = heapq.heappop(self._waiting)
            self._push(alarm)
        while self._ready and self._keys.get(self._ready[0][2]) != self._ready[0]:
            heapq.heappop(self._ready)
        if not self._ready or (urgent and self._ready[0][0] != URGENT):
            return None
        alarm = heapq.heappop(self._ready)[2]
        del self._keys[alarm]
        return self._alarms[alarm][0]

    def done(self, message: Message) -> None:
        """Delivered or dead: the next of its alarm may go."""
        line = self._alarms[message.alarm]
        line.popleft()
        self._count -= 1
        if self._urgent.get(message.alarm) == message.seq:
            del self._urgent[message.alarm]
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
        rank = URGENT if alarm in self._urgent else head.priority
        self._keys[alarm] = key = (rank, head.seq, alarm)
        heapq.heappush(self._ready, key)
