"""The coverage ledger: every expected channel is in exactly one state, at each moment of a period.

Guarantee: the states add up to what was expected. A channel in several states counts in the first of STATES,
so that "live" is only what nothing speaks against.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.journal import JournalReader
from gateway.kpi.fleet import Fleet, fleet_of
from gateway.kpi.held import STATES, Held, channel_counts_at, channel_hours, concerning, held_channels, unheld
from gateway.kpi.scope import Scope, WholeCity, seen
from gateway.kpi.stretches import MS, OPEN_MS, Ints, Mask, Stretches, joined, stretches
from gateway.kpi.summary import Summary
from gateway.paths import DataFolder

BLIND = ("link_down", "link_stalled", "disk_full")
"""Conditions of the gateway in which no reading arrives or is taken."""
GROUPINGS = ("enterprise", "county", "sector", "family")
SILENT_CORE_MS = 60_000
"""A core writes four times a second at least; later than this after its newest entry it is not running."""
_LIVE = STATES.index("live")


class Share(msgspec.Struct, frozen=True):
    """One group, or all together."""

    by: str
    """all, enterprise, county, sector or family."""
    name: str
    expected: int
    """Channels expected at the end of the period."""
    channels: dict[str, int]
    """State -> channels in it at the end of the period; adds up to ``expected``."""
    coverage_percent: float | None
    """Live of expected, at the end of the period; None if none is expected."""
    expected_hours: float
    """Channel-hours of the period."""
    hours: dict[str, float]
    """State -> channel-hours; adds up to ``expected_hours``."""
    period_coverage_percent: float | None
    """Live of expected, over the period."""


class ChannelState(msgspec.Struct, frozen=True):
    """One channel that is not live at the end of the period, and what it is then."""

    channel: str
    """ "<enterprise>/<site>/<device>/<channel>"."""
    state: str
    since_ms: int
    """When the condition that decides began; 0 for one that always holds."""


class Coverage(msgspec.Struct, frozen=True):
    """The answer. Times are unix ms."""

    since_ms: int
    until_ms: int
    total: Share
    groups: list[Share]
    not_yet_commissioned: int
    """Channels whose day of commissioning is after the end of the period: not expected yet."""
    blind: list[tuple[int, int]]
    """Stretches in which nothing was watched."""
    not_live: list[ChannelState]
    """The first of those not live, worst state first; see ``not_live_beyond``."""
    not_live_beyond: int
    """How many more there are."""


def coverage(
    ledger: Path, since_ns: int, until_ns: int, scope: Scope | None = None, *, list_limit: int = 100
) -> Coverage:
    """Coverage of since_ns <= t < until_ns, and at its end. ``ledger``: ``DataFolder.ledger``; the journal
    beside it holds the fleets. JournalError when one cannot be read; ValueError for an empty period."""
    if until_ns <= since_ns:
        raise ValueError("the period is empty: its end must be after its beginning")
    since, until = since_ns // MS, until_ns // MS
    summary = Summary.of(ledger)
    fleet = fleet_of(ledger, summary)
    system = blinding(summary)
    period = stretches(summary.events, system | concerning(summary), since, until)
    blind = blind_stretches(ledger, summary, fleet, period, system, until)
    inside = joined([(max(begin, since), min(end, until)) for begin, end in blind])
    rows = fleet.rows
    mine = seen(scope or WholeCity(), fleet.words, rows)
    held = held_channels(summary, fleet, period, mine)
    begins = np.maximum(rows["begin_ms"], rows["commissioned_ms"])
    ends = rows["end_ms"]
    hours = channel_hours(
        fleet, held, np.clip(begins, since, until), np.clip(ends, since, until), mine, inside
    )
    now = mine & (begins < until) & (ends >= until)
    awaited = mine & (rows["commissioned_ms"] >= until) & (rows["begin_ms"] < until) & (ends >= until)
    blind_now = any(begin < until <= end for begin, end in blind)
    counts, listed = channel_counts_at(fleet, held, now, until, blind=blind_now)
    listed = listed.and_also(unheld(fleet, counts, listed, list_limit - len(listed.row)))
    widths = fleet.channel_counts()
    total, groups = _shares(fleet, mine, counts, hours)
    names = _named(fleet, listed, list_limit)
    beyond = total.expected - total.channels["live"] - len(names)
    return Coverage(since, until, total, groups, int(widths[awaited].sum()), inside, names, beyond)


def blinding(summary: Summary) -> Mask:
    """Which alarms say that nothing is watched."""
    system = summary.coded("category", {"system": 1}, 0) == 1
    found: Mask = system & (summary.coded("condition", dict.fromkeys(BLIND, 1), 0) == 1)
    return found


def blind_stretches(
    ledger: Path, summary: Summary, fleet: Fleet, period: Stretches, system: Mask, until: int
) -> list[tuple[int, int]]:
    """Disjoint stretches in which nothing was watched: no core, no link, no disk."""
    pairs = list(fleet.stopped)
    chosen = system[period.event["alarm"]] & (period.event["active"] == 1)
    pairs += list(zip(period.begin[chosen].tolist(), period.end[chosen].tolist(), strict=True))
    first = summary.notes[0].at_ns // MS if summary.notes else until
    pairs.append((0, first))  # before the gateway first ran it watched nothing
    journal = JournalReader(DataFolder(ledger.parent).journal)
    head = journal.head().position
    if head:
        last = journal.entry(head).stamp.wall_ns // MS
        if until - last > SILENT_CORE_MS:
            pairs.append((last, OPEN_MS))
    return joined(pairs)


def _shares(
    fleet: Fleet, mine: Mask, counts: Ints, hours: npt.NDArray[np.float64]
) -> tuple[Share, list[Share]]:
    total = _share("all", "", counts.sum(axis=0), hours.sum(axis=0))
    groups = []
    size = len(fleet.words)
    counted, spent_in = np.flatnonzero(counts.any(axis=0)), np.flatnonzero(hours.any(axis=0))
    for by in GROUPINGS:
        codes = fleet.rows[by].astype(np.int64)
        channels, spent = _sums(codes, counts, counted, size), _sums(codes, hours, spent_in, size)
        there = np.zeros(size, np.bool_)
        there[codes[mine]] = True
        for code in np.flatnonzero(there).tolist():
            if channels[code].any() or spent[code].any():
                groups.append(_share(by, fleet.words[code], channels[code].astype(np.int64), spent[code]))
    groups.sort(key=lambda share: (GROUPINGS.index(share.by), share.name))
    return total, groups


def _sums(codes: Ints, table: npt.NDArray[Any], states: Ints, size: int) -> npt.NDArray[np.float64]:
    """Sums of the table's rows by code, of the states that occur."""
    out = np.zeros((size, table.shape[1]))
    for column in states.tolist():
        out[:, column] = np.bincount(codes, table[:, column], size)
    return out


def _share(by: str, name: str, counts: Ints, hours: npt.NDArray[np.float64]) -> Share:
    expected, expected_hours = int(counts.sum()), float(hours.sum())
    return Share(
        by,
        name,
        expected,
        dict(zip(STATES, counts.tolist(), strict=True)),
        100 * int(counts[_LIVE]) / expected if expected else None,
        round(expected_hours, 6),
        {state: round(max(0.0, value), 6) for state, value in zip(STATES, hours.tolist(), strict=True)},
        100 * float(hours[_LIVE]) / expected_hours if expected_hours else None,
    )


def _named(fleet: Fleet, listed: Held, limit: int) -> list[ChannelState]:
    if not len(listed.row) or limit <= 0:
        return []
    names = fleet.names.split("\n")
    chosen = np.lexsort((listed.channel, listed.state))[:limit].tolist()
    return [
        ChannelState(
            f"{names[listed.row[n]]}/"
            f"{fleet.layouts[fleet.rows['layout'][listed.row[n]]].channels[listed.place[n]]}",
            STATES[listed.state[n]],
            int(listed.begin[n]),
        )
        for n in chosen
    ]
