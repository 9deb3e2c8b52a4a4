"""Honest counting: received = journalled + refused before the journal; decoded = effective + duplicate +
rejected by reason. Kept in the monitor, so that live and replay count the same."""

from __future__ import annotations

from collections import deque
from typing import Any

import msgspec

from gateway.monitor.outcome import Rejected

KEPT_REJECTIONS = 1000
"""How many rejections are listed one by one; their bytes are in the journal."""


class Counts(msgspec.Struct):
    """Sums since the first entry of the journal."""

    packets: int = 0
    """Journalled."""
    refused: dict[str, int] = {}
    """Refused before the journal, by reason; a SystemFact keeps their head and hash."""
    decoded: int = 0
    """Readings that payloads held; a payload refused whole counts one."""
    effective: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = {}
    """By reason."""
    late: int = 0
    late_alarms: int = 0
    """Times that a condition began among late readings: noted, never annunciated."""
    late_unnoted: int = 0
    """Begins and ends among late readings beyond a device's notes of an hour: counted only."""
    chattering: int = 0
    """Alarms that began a third time or more within a minute."""
    fleeting: int = 0
    """Alarms that were over within a minute."""
    held_ends: int = 0
    """Ends of alarms that chatter or are fleeting again and again, held back by rule."""
    suspect: int = 0
    retained: int = 0
    disordered: int = 0
    bad: int = 0
    """Effective readings of bad quality."""
    uncertain: int = 0
    throttled: int = 0
    """Effective readings beyond their device's rate: judged by limits, kept from trends and history."""
    faults: dict[str, int] = {}
    """A detector's own failures, by detector and place."""

    def add(self, table: str, reason: str, count: int = 1) -> None:
        """One more in a table by reason."""
        sums: dict[str, int] = getattr(self, table)
        sums[reason] = sums.get(reason, 0) + count

    def turned_away(self) -> dict[str, int]:
        """Refused before the journal and rejected after it, by reason."""
        return {
            k: self.refused.get(k, 0) + self.rejected.get(k, 0) for k in {**self.refused, **self.rejected}
        }

    def balanced(self) -> bool:
        """Whether every decoded reading is accounted for."""
        return self.decoded == self.effective + self.duplicates + sum(self.rejected.values())


class Rejections:
    """The newest rejections, to be listed with where their bytes are."""

    def __init__(self) -> None:
        self.recent: deque[Rejected] = deque(maxlen=KEPT_REJECTIONS)

    def export(self) -> list[list[Any]]:
        """Plain rows."""
        return [list(r) for r in self.recent]

    @classmethod
    def load(cls, rows: list[list[Any]]) -> Rejections:
        """From plain rows."""
        kept = cls()
        kept.recent.extend(Rejected(*row) for row in rows)
        return kept
