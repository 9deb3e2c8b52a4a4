"""Key figures of an alarm system over a period, after ISA-18.2-2016 clause 16 and EEMUA 191.

Guarantee: counted from the ledger's transitions alone, so the same period always gives the same figures. Each
figure carries where its target comes from, and whether that text was read (``source_verified``).
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.alarms.flow import CHATTER_ALARMS, CHATTER_NS, FLOOD_BEGINS_ABOVE, FLOOD_ENDS_BELOW
from gateway.kpi.scope import Scope, WholeCity, seen
from gateway.kpi.stretches import MS, OPEN_MS, Ints, Mask, Stretches, stretches
from gateway.kpi.summary import Summary
from gateway.kpi.targets import FIGURES, PRIORITIES, Figure

MINUTE_MS = 60_000
TEN_MINUTES_MS = 600_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
FLEETING_MS = 60_000
TOP = 10
PLOTTED = 800
"""Intervals of a plot at most, unless they are days."""


class Counted(msgspec.Struct, frozen=True):
    """One alarm and how often it came, or how long it has stood."""

    alarm: str
    count: int
    percent: float
    """Of all that were annunciated."""
    longest_s: float
    """The longest that its condition stood within the period."""


class Flood(msgspec.Struct, frozen=True):
    """One flood; times in unix ms."""

    begin_ms: int
    end_ms: int
    alarms: int


class Kpis(msgspec.Struct, frozen=True):
    """The answer. Times are unix ms."""

    since_ms: int
    until_ms: int
    operators: int
    annunciated: int
    """How often an alarm became unacknowledged: raised, or raised again."""
    figures: list[Figure]
    by_priority: dict[str, int]
    top: list[Counted]
    chattering: list[Counted]
    """Alarms annunciated three times or more within a minute; count: how often in all."""
    fleeting: list[Counted]
    """Alarms that were over within a minute; count: how often that happened."""
    stale: list[Counted]
    """Alarms that stand at the end for more than a day."""
    floods: list[Flood]
    step_ms: int
    """Length of the intervals of ``counts``: ten minutes, an hour or a day."""
    counts: list[int]
    """Alarms annunciated in each interval from the beginning on, for a plot; the last one may be shorter."""

    def figure(self, name: str) -> Figure:
        """The figure of an id; KeyError for one that is not there."""
        found = next((one for one in self.figures if one.id == name), None)
        if found is None:
            raise KeyError(name)
        return found


def kpis(
    ledger: Path, since_ns: int, until_ns: int, scope: Scope | None = None, *, operators: int = 1
) -> Kpis:
    """The figures of since_ns <= t < until_ns. ``ledger``: ``DataFolder.ledger``; ``operators``: positions
    that share these alarms evenly. Times count in whole milliseconds, at least one. ValueError
    for an empty period or no operator; JournalError when the ledger cannot be read."""
    if until_ns <= since_ns or operators < 1:
        raise ValueError("the period must not be empty, and at least one operator shares the alarms")
    summary = Summary.of(ledger)
    mine = seen(scope or WholeCity(), summary.words, summary.alarms)
    since = since_ns // MS
    until = max(until_ns // MS, since + 1)
    return _Count(summary, stretches(summary.events, mine, since, until), since, until, operators).kpis()


class _Count:
    """One period's counting."""

    def __init__(self, summary: Summary, period: Stretches, since: int, until: int, operators: int) -> None:
        self._summary, self._period = summary, period
        self._since, self._until, self._operators = since, until, operators
        event = period.event
        raised = (event["state"] == summary.code("unacknowledged")) & (event["before"] != event["state"])
        self._raised: Mask = raised & (period.begin >= since)
        self._stood = _conditions(period)
        """(alarm, begin, end) of every time that a condition stood."""

    def kpis(self) -> Kpis:
        times = np.sort(self._period.begin[self._raised])
        floods = _floods(times, self._until, self._operators)
        numbers, counts = np.unique(self._period.event["alarm"][self._raised], return_counts=True)
        total = int(counts.sum())
        top = np.lexsort((numbers, -counts))[:TOP]
        stale, chattering, fleeting = self._stale(), self._chattering(), self._fleeting()
        by_priority = {
            name: int((self._period.event["priority"][self._raised] == number).sum())
            for number, name in PRIORITIES.items()
        }
        values = self._rates(times) | self._answers()
        flooded = sum(flood.end_ms - max(flood.begin_ms, self._since) for flood in floods)
        values["flood_percent"] = 100 * flooded / (self._until - self._since)
        values["stale"], values["chattering"] = float(len(stale)), float(len(chattering))
        values["fleeting"] = float(len(fleeting))
        values["top_10_percent"] = _percent(int(counts[top].sum()), total)
        for name, count in by_priority.items():
            values[f"priority_{name}_percent"] = _percent(count, total)
        return Kpis(
            self._since,
            self._until,
            self._operators,
            total,
            [row.with_value(values[row.id]) for row in FIGURES],
            by_priority,
            self._counted(numbers[top], counts[top], total),
            self._counted(chattering[:, 0], chattering[:, 1], total),
            self._counted(fleeting[:, 0], fleeting[:, 1], total),
            self._counted(stale[:, 0], stale[:, 1], total),
            floods,
            *self._plot(times),
        )

    def _plot(self, times: Ints) -> tuple[int, list[int]]:
        span = self._until - self._since
        steps = (TEN_MINUTES_MS, HOUR_MS, DAY_MS)
        step = next((one for one in steps if span <= one * PLOTTED), DAY_MS)
        counts = np.bincount((times - self._since) // step, minlength=-(-span // step))
        return step, counts.tolist()

    def _rates(self, times: Ints) -> dict[str, float | None]:
        """Per operator; intervals are counted from the period's beginning, the last one may be shorter."""
        span, share = self._until - self._since, len(times) / self._operators
        tens = np.bincount((times - self._since) // TEN_MINUTES_MS, minlength=-(-span // TEN_MINUTES_MS))
        hours = np.bincount((times - self._since) // HOUR_MS, minlength=-(-span // HOUR_MS))
        return {
            "per_day": share * DAY_MS / span,
            "per_hour": share * HOUR_MS / span,
            "per_10_min": share * TEN_MINUTES_MS / span,
            "most_in_10_min": float(tens.max()) / self._operators,
            "hours_above_30_percent": 100 * float((hours > 30 * self._operators).mean()),
            "tens_above_10_percent": 100 * float((tens > 10 * self._operators).mean()),
        }

    def _answers(self) -> dict[str, float | None]:
        """How long until acknowledged, and how long in alarm: of what ended within the period."""
        event, period = self._period.event, self._period
        answered = event["cause"] == self._summary.code("acknowledged")
        key = event["alarm"].astype(np.int64) << 32 | event["occurrence"]
        begun, places = np.unique(key[self._raised], return_index=True)
        begin = period.begin[self._raised][places]
        which = np.searchsorted(begun, key[answered])
        known = which < len(begun)
        known[known] = begun[which[known]] == key[answered][known]
        waited = (period.begin[answered][known] - begin[which[known]]) / 1000
        unanswered = len(begun) - len(np.unique(which[known]))
        _, low, high = self._stood
        ended = (high <= self._until) & (high != OPEN_MS) & (high > self._since)
        stood = (high - low)[ended] / 1000
        return {
            "acknowledge_median_s": _quantile(waited, 0.5),
            "acknowledge_p90_s": _quantile(waited, 0.9),
            "not_acknowledged": float(unanswered),
            "in_alarm_median_s": _quantile(stood, 0.5),
            "in_alarm_p90_s": _quantile(stood, 0.9),
        }

    def _stale(self) -> Ints:
        """[alarm, 1] of those whose condition stands at the end for more than a day."""
        alarm, low, high = self._stood
        old = (high == OPEN_MS) & (self._until - low > DAY_MS)
        found = np.unique(alarm[old])
        return np.stack([found, np.ones_like(found)], axis=1)

    def _chattering(self) -> Ints:
        """[alarm, how often it came] of those that came three times within a minute."""
        alarm = self._period.event["alarm"][self._raised].astype(np.int64)
        begin = self._period.begin[self._raised]
        ahead = CHATTER_ALARMS - 1
        if len(alarm) <= ahead:
            return np.zeros((0, 2), np.int64)
        close = (alarm[ahead:] == alarm[:-ahead]) & (begin[ahead:] - begin[:-ahead] <= CHATTER_NS // MS)
        numbers, counts = np.unique(alarm[np.isin(alarm, alarm[ahead:][close])], return_counts=True)
        return _worst(numbers, counts)

    def _fleeting(self) -> Ints:
        """[alarm, how often] of conditions that began in the period and were over within a minute."""
        alarm, low, high = self._stood
        numbers, counts = np.unique(
            alarm[(low >= self._since) & (high - low < FLEETING_MS)], return_counts=True
        )
        return _worst(numbers, counts)

    def _counted(self, numbers: Ints, counts: Ints, total: int) -> list[Counted]:
        alarm, low, high = self._stood
        names = self._summary.names() if len(numbers) else []
        lengths = np.minimum(high, self._until) - np.maximum(low, self._since)
        longest = np.zeros(len(self._summary.alarms), np.int64)
        np.maximum.at(longest, alarm, lengths)
        return [
            Counted(
                names[number],
                count,
                _percent(count, total) or 0.0,
                float(longest[number]) / 1000,
            )
            for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
        ]


def _worst(numbers: npt.NDArray[np.int64], counts: Ints) -> Ints:
    order = np.lexsort((numbers, -counts))
    return np.stack([numbers[order].astype(np.int64), counts[order]], axis=1)


def _conditions(period: Stretches) -> tuple[Ints, Ints, Ints]:
    """(alarm, begin, end) of every time that a condition stood, however often it was raised again or
    acknowledged meanwhile."""
    active = period.event["active"] == 1
    alarm = period.event["alarm"].astype(np.int64)
    if not len(alarm):
        return alarm, alarm, alarm
    goes_on = np.concatenate([[False], active[:-1] & (alarm[1:] == alarm[:-1])])
    starts = np.flatnonzero(active & ~goes_on)
    stops = np.flatnonzero(active & ~np.concatenate([(active & goes_on)[1:], [False]]))
    return alarm[starts], period.begin[starts], period.end[stops]


def _floods(times: Ints, until: int, operators: int) -> list[Flood]:
    """Begins with the alarm that makes it more than ten in ten minutes, ends when fewer than five are; both
    for each operator."""
    if not len(times):
        return []
    place = np.arange(len(times))
    within = place - np.searchsorted(times, times - TEN_MINUTES_MS, side="right") + 1
    begins = np.flatnonzero(within > FLOOD_BEGINS_ABOVE * operators)
    leaves = times + TEN_MINUTES_MS
    left = np.searchsorted(times, leaves, side="right") - place - 1
    ends = leaves[left < FLOOD_ENDS_BELOW * operators]
    floods: list[Flood] = []
    at = -1
    for first in begins.tolist():
        begin = int(times[first])
        if begin < at:
            continue
        later = int(np.searchsorted(ends, begin, side="right"))
        at = min(int(ends[later]) if later < len(ends) else until, until)
        alarms = int(np.searchsorted(times, at) - np.searchsorted(times, begin - TEN_MINUTES_MS, "right"))
        floods.append(Flood(begin, at, alarms))
    return floods


def _percent(part: int, total: int) -> float | None:
    return 100 * part / total if total else None


def _quantile(values: npt.NDArray[np.float64], share: float) -> float | None:
    return float(np.quantile(values, share)) if len(values) else None
