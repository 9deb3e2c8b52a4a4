"""The devices of the configuration in force, by name: what a list of devices shows."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np

from gateway.kpi.fleet import Fleet, fleet_of
from gateway.kpi.scope import Scope, WholeCity, seen
from gateway.kpi.stretches import MS, OPEN_MS
from gateway.kpi.summary import Summary, key_of


class Registered(msgspec.Struct, frozen=True):
    """One device of the fleet."""

    device: str
    """ "<enterprise>/<site>/<device>"."""
    enterprise: str
    county: str
    sector: str
    profile: str
    channels: tuple[str, ...]
    commissioned: str
    """The day from which it is expected; "" = always."""


def registered(
    ledger: Path, scope: Scope | None = None, *, after: str = "", limit: int = 100, **wanted: str
) -> tuple[list[Registered], str | None]:
    """(devices in force by name, what ``after`` has to be for the next ones; None at the end).

    wanted: ``enterprise``, ``county``, ``sector``, ``family``; "" takes all. JournalError when the ledger or
    a configuration cannot be read.
    """
    fleet = fleet_of(ledger, Summary.of(ledger))
    mine = seen(scope or WholeCity(), fleet.words, fleet.rows) & (fleet.rows["end_ms"] == OPEN_MS)
    codes = {word: code for code, word in enumerate(fleet.words)}
    for column, word in wanted.items():
        if word:
            mine &= fleet.rows[column] == codes.get(word, -1)
    names = fleet.names.split("\n")
    found = sorted((names[row], row) for row in np.flatnonzero(mine).tolist() if names[row] > after)
    shown = [_registered(fleet, name, row) for name, row in found[:limit]]
    return shown, shown[-1].device if len(found) > limit else None


def device_of(ledger: Path, device: str, scope: Scope | None = None) -> Registered | None:
    """One device that is, or last was, in the fleet; None if there is none inside the scope."""
    fleet = fleet_of(ledger, Summary.of(ledger))
    rows = np.flatnonzero(fleet.rows["key"] == key_of(device))
    mine = seen(scope or WholeCity(), fleet.words, fleet.rows)
    chosen = [row for row in rows.tolist() if mine[row]]
    return _registered(fleet, device, chosen[-1]) if chosen else None


def _registered(fleet: Fleet, name: str, row: int) -> Registered:
    held = fleet.rows[row]
    layout = fleet.layouts[held["layout"]]
    day = int(held["commissioned_ms"])
    enterprise, county, sector = (fleet.words[held[column]] for column in ("enterprise", "county", "sector"))
    commissioned = datetime.fromtimestamp(day * MS / 1e9, UTC).date().isoformat() if day > 0 else ""
    return Registered(name, enterprise, county, sector, layout.profile, layout.channels, commissioned)
