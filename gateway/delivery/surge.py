"""When the ledger grows so fast that the core needs the machine: what is not urgent waits a little.

A flood of alarms costs delivery more work than the core, on the same processors and the same disk. Priority 1
and escalation go on meanwhile.
"""

from __future__ import annotations

FAST_EVENTS = 100
FAST_S = 1000.0
"""A surge is so many events between two looks at the ledger, and so many a second."""
HOLD_NS = 250_000_000
"""It lasts so long beyond the last fast growth: the core writes a group of events at a time."""
MOST_NS = 5_000_000_000
"""And so long in all; then everything goes on, however fast the ledger grows."""


class Surge:
    """Fed with every look at the ledger's end. Times are monotonic, in ns.

    >>> surge = Surge()
    >>> surge.grown(600, 20_000_000, 0)
    >>> surge.on(0), surge.on(HOLD_NS)
    (True, False)
    """

    def __init__(self) -> None:
        self._begun_ns = self._until_ns = -MOST_NS

    def grown(self, events: int, within_ns: int, now_ns: int) -> None:
        """The ledger grew by so many events between the last look and this one."""
        if events < FAST_EVENTS or events * 1e9 < FAST_S * within_ns:
            return
        if now_ns >= self._until_ns:
            self._begun_ns = now_ns
        self._until_ns = now_ns + HOLD_NS

    def on(self, now_ns: int) -> bool:
        """Whether what is not urgent should wait."""
        return now_ns < self._until_ns and now_ns - self._begun_ns < MOST_NS
