"""What every expected device is watched by now: its channels by state.

Guarantee: summed over any group of devices it is what the coverage of that group tells for the same moment.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.kpi.coverage import blind_stretches, blinding
from gateway.kpi.fleet import fleet_of
from gateway.kpi.held import STATES, channel_counts_at, concerning, held_channels
from gateway.kpi.stretches import MS, stretches
from gateway.kpi.summary import Noted, Summary


class Standing(msgspec.Struct, frozen=True):
    """One row a device that is expected at ``at_ms``."""

    at_ms: int
    devices: list[str]
    """ "<enterprise>/<site>/<device>"."""
    counts: npt.NDArray[np.int64]
    """[devices, STATES]: channels in each state."""
    blind: bool
    """Nothing is watched now: no core, no link or no disk."""
    configuration: Noted | None
    """The configuration in force; None before the first."""

    @property
    def expected(self) -> npt.NDArray[np.int64]:
        """Channels of each device."""
        return np.asarray(self.counts.sum(axis=1), np.int64)

    @property
    def live(self) -> npt.NDArray[np.int64]:
        """Live channels of each device."""
        return np.asarray(self.counts[:, STATES.index("live")], np.int64)


def standing(ledger: Path, at_ns: int) -> Standing:
    """Every device that is expected at ``at_ns`` (wall time). ``ledger``: ``DataFolder.ledger``; JournalError
    when it or the journal beside it cannot be read."""
    at = at_ns // MS
    summary = Summary.of(ledger)
    fleet = fleet_of(ledger, summary)
    system = blinding(summary)
    period = stretches(summary.events, system | concerning(summary), at - 1, at)
    blind = any(
        begin < at <= end for begin, end in blind_stretches(ledger, summary, fleet, period, system, at)
    )
    rows = fleet.rows
    all_rows = np.ones(len(rows), np.bool_)
    now = (np.maximum(rows["begin_ms"], rows["commissioned_ms"]) < at) & (rows["end_ms"] >= at)
    held = held_channels(summary, fleet, period, all_rows)
    counts, _ = channel_counts_at(fleet, held, now, at, blind=blind)
    names = fleet.names.split("\n") if fleet.names else []
    known = [note for note in summary.notes if note.kind == "configuration" and note.at_ns <= at_ns]
    chosen = np.flatnonzero(now)
    return Standing(
        at, [names[n] for n in chosen.tolist()], counts[chosen], blind, known[-1] if known else None
    )
