"""Derive the kept summaries anew and say which of them told something else than their source."""

from __future__ import annotations

from pathlib import Path

from gateway.kpi import fleet, summary


def derive_again(ledger: Path) -> list[str]:
    """Names of the files in ``lookback/`` that differed from the ledger and the journal; all are as these
    have it now. JournalError when one of the sources cannot be read."""
    fresh, same = summary.rebuilt(ledger)
    differed = [] if same else [summary.FILE]
    if not fleet.rebuilt(ledger, fresh):
        differed.append(fleet.FILE)
    return differed
