"""How long each alarm was in which state: transitions as stretches of time, and unions of stretches.

A stretch is [begin, end) in ms of gateway wall time; one that still goes on ends at ``OPEN_MS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
OPEN_MS = 1 << 46
MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Stretches:
    """One a transition, by alarm and then in order. ``event`` is the record that began it."""

    event: npt.NDArray[np.void]
    begin: Ints
    end: Ints


def stretches(events: npt.NDArray[np.void], chosen: Mask, since_ms: int, until_ms: int) -> Stretches:
    """What every chosen alarm (a mask over alarms) was between since and until, also if nothing changed in
    between; exercises are left out. Costs what happened in the period, and one pass over what came before."""
    at, alarm = events["at_ns"], events["alarm"]
    begin = int(np.searchsorted(at, since_ms * MS))
    until = int(np.searchsorted(at, until_ms * MS))
    newest = np.full(len(chosen), -1, np.int64)
    newest[alarm[:begin]] = np.arange(begin)  # of equal places the last one stays
    which = np.concatenate([np.sort(newest[newest >= 0]), np.arange(begin, until)])
    which = which[chosen[alarm[which]] & (events["exercise"][which] == 0)]
    which = which[np.argsort(alarm[which], kind="stable")]
    taken = events[which]
    start = taken["at_ns"] // MS
    end = np.full(len(taken), OPEN_MS, np.int64)
    same = taken["alarm"][1:] == taken["alarm"][:-1]
    end[:-1][same] = start[1:][same]
    return Stretches(taken, start, end)


def union_of_sorted(owner: Ints, begin: Ints, end: Ints) -> Ints:
    """What each stretch adds to the union of those before it; sorted by owner, then begin."""
    if not len(owner):
        return np.zeros(0, np.int64)
    base = int(begin.min())
    room = int(end.max()) - base + 1
    rank = np.cumsum(np.concatenate([[0], owner[1:] != owner[:-1]])) * room
    low, high = rank + (begin - base), rank + (end - base)
    reached = np.maximum.accumulate(high)
    before = np.concatenate([[-1], reached[:-1]])
    return np.asarray(np.maximum(high - np.maximum(low, before), 0), np.int64)


def joined(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Disjoint stretches that cover the same time, in order."""
    out: list[tuple[int, int]] = []
    for begin, end in sorted(pair for pair in pairs if pair[1] > pair[0]):
        if out and begin <= out[-1][1]:
            out[-1] = (out[-1][0], max(end, out[-1][1]))
        else:
            out.append((begin, end))
    return out


class SeeingTime:
    """Time in which the gateway could see: what was blind does not count."""

    def __init__(self, blind: list[tuple[int, int]]) -> None:
        """blind: disjoint and in order."""
        self._begin = np.array([b for b, _ in blind], np.int64)
        self._end = np.array([e for _, e in blind], np.int64)
        self._sum = np.concatenate([[0], np.cumsum(self._end - self._begin)])

    def at(self, time: Any) -> Ints:
        """Time without the blind stretches before it; monotonic."""
        time = np.asarray(time, np.int64)
        if not len(self._begin):
            return np.array(time, np.int64)
        place = np.searchsorted(self._begin, time, side="right")
        last = np.maximum(place - 1, 0)
        inside = np.where(place > 0, np.minimum(time, self._end[last]) - self._begin[last], 0)
        done = np.where(place > 0, self._sum[last], 0)
        return np.asarray(time - done - inside, np.int64)
