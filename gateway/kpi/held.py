"""What speaks against channels being live: alarms as stretches of channels, hours and counts by state.

Guarantee: for every row of the fleet the hours of all states add up to what was expected of it, and so do the
channels at a moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.kpi.fleet import Fleet
from gateway.kpi.stretches import Ints, Mask, SeeingTime, Stretches, union_of_sorted
from gateway.kpi.summary import Summary

STATES = (
    "blind",
    "out_of_service",
    "shelved",
    "suppressed",
    "never_seen",
    "silent",
    "bad",
    "flat",
    "expired",
    "rule_less",
    "live",
)
"""In order of precedence. blind: no core ran, or it had no connection, or no disk. bad: a faulty reading, or
one outside what the instrument can measure."""
_CONDITIONS = {
    "never_seen": "never_seen",
    "silent": "silent",
    "sensor_fault": "bad",
    "out_of_range": "bad",
    "flat": "flat",
    "expired": "expired",
}
_HELD = {"out_of_service": "out_of_service", "shelved": "shelved", "suppressed_by_design": "suppressed"}
HOUR_MS = 3_600_000
_RULE_LESS, _LIVE = STATES.index("rule_less"), STATES.index("live")


@dataclass(slots=True)
class Held:
    """What speaks against channels being live, a line each; times in ms, of the period."""

    row: Ints
    place: Ints
    channel: Ints
    state: Ints
    begin: Ints
    end: Ints

    def take(self, which: Any) -> Held:
        """The chosen lines (mask or index)."""
        columns = (self.row, self.place, self.channel, self.state, self.begin, self.end)
        return Held(*(column[which] for column in columns))

    def and_also(self, other: Held) -> Held:
        """These lines, then those."""
        names = ("row", "place", "channel", "state", "begin", "end")
        return Held(*(np.concatenate([getattr(self, name), getattr(other, name)]) for name in names))


def held_channels(summary: Summary, fleet: Fleet, period: Stretches, mine: Mask) -> Held:
    """Stretches of alarms as stretches of the channels they concern, within what the fleet expected."""
    state_of = _states_of(summary, period)
    chosen = state_of >= 0
    alarm, state = period.event["alarm"][chosen].astype(np.int64), state_of[chosen]
    begin, end = period.begin[chosen], period.end[chosen]
    order = fleet.order
    keys = fleet.rows["key"][order]
    wanted, which = np.unique(alarm, return_inverse=True)
    sought = summary.alarms["key"][wanted]
    low = np.searchsorted(keys, sought, "left")[which]
    high = np.searchsorted(keys, sought, "right")[which]
    line = np.repeat(np.arange(len(alarm)), high - low)
    row = order[_runs(low, high - low)]
    alarm, state, begin, end = alarm[line], state[line], begin[line], end[line]
    place = _places(summary, fleet)[alarm, fleet.rows["layout"][row]] if len(row) else np.zeros(0, np.int64)
    begin = np.maximum(begin, np.maximum(fleet.rows["begin_ms"], fleet.rows["commissioned_ms"])[row])
    end = np.minimum(end, fleet.rows["end_ms"][row])
    keep = mine[row] & (end > begin) & (place != -1)
    row, place, state, begin, end = row[keep], place[keep], state[keep], begin[keep], end[keep]
    widths = fleet.channel_counts()
    count = np.where(place == -2, widths[row], 1)
    line = np.repeat(np.arange(len(row)), count)
    place = np.where(place == -2, 0, place)[line] + _runs(np.zeros(len(count), np.int64), count)
    first = np.concatenate([[0], np.cumsum(widths)])[:-1]
    row = row[line]
    return Held(row, place, first[row] + place, state[line], begin[line], end[line])


def concerning(summary: Summary) -> Mask:
    """Which alarms may speak against a channel: those of devices, and those that were ever taken out of
    service, shelved or suppressed."""
    chosen: Mask = summary.coded("condition", dict.fromkeys(_CONDITIONS, 1), 0) == 1
    for name in _HELD:
        chosen[summary.events["alarm"][summary.events["state"] == summary.code(name)]] = True
    return chosen


def _states_of(summary: Summary, period: Stretches) -> Ints:
    """For each stretch the place in STATES that it means; -1 for none."""
    meant = {condition: STATES.index(state) for condition, state in _CONDITIONS.items()}
    by_condition = np.where(
        summary.coded("category", {"system": 1}, 0) == 1, -1, summary.coded("condition", meant, -1)
    )
    event = period.event
    if not len(event):
        return np.zeros(0, np.int64)
    process = summary.coded("category", {"process": 1}, 0) == 1
    found = np.where(event["active"] == 1, by_condition[event["alarm"]], -1)
    for name, state in _HELD.items():
        holds = event["state"] == summary.code(name)
        # a shelved device alarm leaves the channel's own alarms in service
        holds &= process[event["alarm"]] | (name == "out_of_service")
        found = np.where(holds, STATES.index(state), found)
    return found


def _places(summary: Summary, fleet: Fleet) -> Ints:
    """[alarm, layout] -> place of the alarm's channel; -1: not there, -2: the whole device."""
    columns = [{name: place for place, name in enumerate(layout.channels)} for layout in fleet.layouts]
    by_word = np.array(
        [[-2 if not word else column.get(word, -1) for column in columns] for word in summary.words], np.int64
    ).reshape(len(summary.words), len(columns))
    return np.asarray(by_word[summary.alarms["channel"]], np.int64)


def _runs(first: Ints, count: Ints) -> Ints:
    """first[0], first[0] + 1, ... count[0] of them, then those of the next."""
    total = int(count.sum())
    offset = np.repeat(np.cumsum(count) - count, count)
    return np.asarray(np.arange(total) - offset + np.repeat(first, count), np.int64)


def channel_hours(
    fleet: Fleet,
    held: Held,
    begins: Ints,
    ends: Ints,
    mine: Mask,
    blind: list[tuple[int, int]],
) -> npt.NDArray[np.float64]:
    """Channel-hours by row and state, [rows, states]."""
    seeing = SeeingTime(blind)
    widths = fleet.channel_counts()
    bare = _ruleless(fleet)
    spans = np.where(mine, np.maximum(ends - begins, 0), 0)
    clear = np.where(spans > 0, seeing.at(ends) - seeing.at(begins), 0)
    out = np.zeros((len(widths), len(STATES)))
    out[:, 0] = (spans - clear) * widths
    low = seeing.at(np.maximum(held.begin, begins[held.row]))
    high = seeing.at(np.minimum(held.end, ends[held.row]))
    some = high > low
    held, low, high = held.take(some), low[some], high[some]
    order = np.lexsort((low, held.channel))
    held, low, high = held.take(order), low[order], high[order]
    without_rule = bare[fleet.rows["layout"][held.row], held.place] if len(held.row) else np.zeros(0, bool)
    done: npt.NDArray[np.float64] = np.zeros(len(widths))
    for state in range(1, _RULE_LESS):
        if not (held.state == state).any():
            continue
        upto = held.state <= state
        added = union_of_sorted(held.channel[upto], low[upto], high[upto]).astype(float)
        reached = np.asarray(np.bincount(held.row[upto], added, len(widths)), np.float64)
        out[:, state] = reached - done
        done = reached
    length = union_of_sorted(held.channel, low, high).astype(float)
    hidden = np.bincount(held.row[without_rule], length[without_rule], len(widths))
    out[:, _RULE_LESS] = clear * bare.sum(axis=1)[fleet.rows["layout"]] - hidden if len(widths) else 0
    out[:, _LIVE] = clear * widths - done - out[:, _RULE_LESS]
    return out / HOUR_MS


def _ruleless(fleet: Fleet) -> Mask:
    """[layout, place]: whether no rule judges the channel."""
    widest = max((len(layout.channels) for layout in fleet.layouts), default=0)
    out = np.zeros((len(fleet.layouts), widest), np.bool_)
    for number, layout in enumerate(fleet.layouts):
        out[number, : len(layout.ruleless)] = layout.ruleless
    return out


def channel_counts_at(
    fleet: Fleet, held: Held, now: Mask, until: int, *, blind: bool
) -> tuple[npt.NDArray[np.int64], Held]:
    """Channels by row and state at the end, and those of them that an alarm speaks against, each once."""
    widths = fleet.channel_counts()
    out = np.zeros((len(widths), len(STATES)), np.int64)
    if blind:
        out[now, 0] = widths[now]
        return out, held.take(slice(0))
    standing = held.take((held.begin < until) & (held.end >= until) & now[held.row])
    order = np.lexsort((standing.begin, standing.state, standing.channel))
    standing = standing.take(order)
    standing = standing.take(np.concatenate([[True], np.diff(standing.channel) != 0])[: len(order)])
    np.add.at(out, (standing.row, standing.state), 1)
    if len(widths):
        bare, layout = _ruleless(fleet), fleet.rows["layout"]
        covered = bare[layout[standing.row], standing.place]
        hidden = np.bincount(standing.row[covered], minlength=len(widths))
        out[:, _RULE_LESS] = np.where(now, bare.sum(axis=1)[layout] - hidden, 0)
    out[:, _LIVE] = np.where(now, widths - out.sum(axis=1), 0)
    return out, standing


def unheld(fleet: Fleet, counts: npt.NDArray[np.int64], standing: Held, limit: int) -> Held:
    """So many of the channels that no alarm speaks against and that are not live all the same: blind, or
    without a rule."""
    state = _RULE_LESS if counts[:, _RULE_LESS].any() else 0
    rows = np.flatnonzero(counts[:, state])[: max(0, limit)]
    widths = fleet.channel_counts()
    row, place = np.repeat(rows, widths[rows]), _runs(np.zeros(len(rows), np.int64), widths[rows])
    channel = np.concatenate([[0], np.cumsum(widths)])[row] + place
    if state == _RULE_LESS and len(row):
        chosen = _ruleless(fleet)[fleet.rows["layout"][row], place] & ~np.isin(channel, standing.channel)
        row, place, channel = row[chosen], place[chosen], channel[chosen]
    none = np.zeros(len(row), np.int64)
    return Held(row, place, channel, none + state, none, none)
