"""When each shelf ends by gateway time, and how often an alarm was shelved in a row: no shelf is for ever."""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from gateway.alarms.lifecycle import Refusal
from gateway.alarms.openalarm import OpenAlarm

MAX_SHELVES = 3
LIVE_NS = 3_600_000_000_000
"""An alarm can be shelved three times in a row, then only after it was live for an hour. The numbers are
ours: ISA-18.2 asks for a limit and leaves it to the plant."""
_TOO_OFTEN = Refusal(
    f"shelved {MAX_SHELVES} times in a row: it must be live for an hour first; a fault that lasts is taken "
    "out of service with a work order",
    f"已连续搁置 {MAX_SHELVES} 次:须先保持有效一小时;长期故障请凭工单停用",
)

Counts = dict[str, tuple[int, int]]
"""Alarm id -> how many shelves in a row, and when the last of them ended (or will) by gateway time, ns."""


class Shelves:
    """The times of all shelves. Whether an alarm is on its shelf, the alarm itself says."""

    def __init__(self, counts: Counts | None = None, shelved: Iterable[OpenAlarm] = ()) -> None:
        self.counts: Counts = counts or {}
        self._due = [(alarm.due_ns, alarm.definition.id) for alarm in shelved]
        heapq.heapify(self._due)

    def allow(self, alarm: str, now_ns: int) -> Refusal | None:
        """Why it cannot be shelved once more; None if it can."""
        return _TOO_OFTEN if self._in_a_row(alarm, now_ns) >= MAX_SHELVES else None

    def begin(self, alarm: str, due_ns: int, now_ns: int) -> None:
        """It lies on the shelf until ``due_ns``."""
        self.counts[alarm] = (self._in_a_row(alarm, now_ns) + 1, due_ns)
        heapq.heappush(self._due, (due_ns, alarm))

    def end(self, alarm: str, now_ns: int) -> None:
        """It left the shelf, in time or before."""
        self.counts[alarm] = (self.counts[alarm][0], now_ns)

    def over(self, now_ns: int) -> tuple[int, str] | None:
        """The next (end, alarm) that is over, once; the alarm may have left that shelf long ago."""
        return heapq.heappop(self._due) if self._due and self._due[0][0] <= now_ns else None

    def _in_a_row(self, alarm: str, now_ns: int) -> int:
        count, ended_ns = self.counts.get(alarm, (0, 0))
        return 0 if now_ns - ended_ns >= LIVE_NS else count
