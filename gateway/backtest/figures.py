"""Alarm figures of a whole plant before and after, by the same definitions as ``riskgate kpi``.

Guarantee: what was not stepped stands in both as the ledger has it; of what was stepped, each run's own
events stand in its place from where it began. The ledger is only read: both are counted from copies.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec

from gateway.alarms.events import AlarmEvent, Event
from gateway.chain import GENESIS
from gateway.kpi import Kpis, kpis
from gateway.ledger import Ledger, LedgerReader

PART = 20_000
Asset = tuple[str, str, str]


class Figures(msgspec.Struct, frozen=True):
    """Both sides' figures."""

    before: Kpis
    after: Kpis

    def rows(self) -> list[tuple[str, ...]]:
        """A table of those that have a value on either side, heading first."""
        rows: list[tuple[str, ...]] = [("figure", "target", "before", "after")]
        for old, new in zip(self.before.figures, self.after.figures, strict=True):
            if old.value is not None or new.value is not None:
                told = (_told(old.value, old.unit), _told(new.value, new.unit))
                rows.append((old.title_en, old.target, *told))
        counts = (str(self.before.annunciated), str(self.after.annunciated))
        return [*rows, ("Alarms annunciated", "", *counts)]


class Stepped(NamedTuple):
    """What was stepped: the assets, all of them if None, after a journal position."""

    assets: set[Asset] | None
    after: int


def figures(
    ledger: Path,
    stepped: Stepped,
    sides: tuple[list[Event], list[Event]],
    period_ns: tuple[int, int],
    operators: int = 1,
) -> Figures:
    """The figures of a period (since, until; wall clock). JournalError when the ledger cannot be read."""
    told = []
    for events in sides:
        with tempfile.TemporaryDirectory(prefix="riskgate-figures-") as folder:
            copy = Path(folder) / ledger.name
            _write(copy, _both(ledger, stepped, events))
            told.append(kpis(copy, *period_ns, operators=operators))
    return Figures(*told)


def _both(ledger: Path, stepped: Stepped, events: list[Event]) -> Iterator[tuple[int, Event]]:
    """(journal position, event) of the ledger and of one run, in order of position."""
    mine = [(_position(event), event) for event in events if _of(event, stepped)]
    place = 0
    reader = LedgerReader(ledger)
    seq = 0
    while page := reader.events_after(seq):
        seq = page[-1][0]
        for _, event in page:
            position = _position(event)
            while place < len(mine) and mine[place][0] <= position:
                yield mine[place]
                place += 1
            if position <= stepped.after or not _of(event, stepped):
                yield position, event
    yield from mine[place:]


def _of(event: Event, stepped: Stepped) -> bool:
    """Whether it is an alarm of what was stepped; the gateway's own alarms and notes are the ledger's."""
    if not isinstance(event, AlarmEvent) or event.category == "system":
        return False
    return stepped.assets is None or (event.enterprise, event.site, event.asset) in stepped.assets


def _write(path: Path, events: Iterator[tuple[int, Event]]) -> None:
    ledger = Ledger(path)
    part: list[tuple[int, list[Event]]] = []
    count = 0
    for position, group in groupby(events, key=lambda one: one[0]):
        found = [
            msgspec.structs.replace(event, id=f"{event.id.split('-')[0]}-{position}-{n}")
            for n, (_, event) in enumerate(group)
        ]
        part.append((position, found))
        count += len(found)
        if count >= PART:
            ledger.record(part, GENESIS)
            part, count = [], 0
    ledger.record(part, GENESIS)
    ledger.close()


def _position(event: Event) -> int:
    """The journal position that an event's id names."""
    return int(event.id.split("-")[1])


def _told(value: float | None, unit: str) -> str:
    return "-" if value is None else f"{value:.4g} {unit}".strip()
