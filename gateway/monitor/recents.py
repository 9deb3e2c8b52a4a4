"""The last readings of every channel, so that one that comes again is known, at 144 bytes a channel.

A channel's ``RING`` newest believable readings stand in its own record. Those of a suspect time, or by a
clock no longer believed, are kept apart, so that no run of impossible times can make every later reading look
old. Few channels ever have one: these get a record more, in the order in which they first need it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import compiled
from gateway.monitor.rooms import grown
from gateway.monitor.stored import Rows

RING = 8
NEVER = np.iinfo(np.int64).min

RECENT = np.dtype(
    [
        ("newest_ns", "<i8"),
        ("event_ns", "<i8", (RING,)),
        ("value", "<f8", (RING,)),
        ("count", "<i4"),
        ("odd", "<i4"),  # its record in the odd ones; 0 = it has none
    ],
    align=True,
)
"""One record a slot."""

ODD = np.dtype([("event_ns", "<i8", (RING,)), ("value", "<f8", (RING,)), ("next", "<i8")], align=True)
"""One record a slot that needed it."""

_FORMER = np.dtype(
    [
        ("newest_ns", "<i8"),
        ("odd_ns", "<i8", (RING,)),
        ("odd_value", "<f8", (RING,)),
        ("odd_next", "<i8"),
        ("event_ns", "<i8", (RING,)),
        ("value", "<f8", (RING,)),
        ("count", "<i8"),
    ],
    align=True,
)
"""One record a slot, as behaviour 1 wrote it."""


class Recents:
    """Readings remembered, by slot."""

    def __init__(self) -> None:
        self.slots = _fresh(0)
        self.odds = _fresh_odds(1)
        """The first is nobody's."""
        self._used = np.ones(1, np.int64)

    def room(self, rows: int) -> tuple[npt.NDArray[np.void], npt.NDArray[np.void], npt.NDArray[np.int64]]:
        """(slots, odd ones, how many of these are used), for the compiled loops: with an odd one for each of
        so many rows, should they all need one."""
        used = int(self._used[0])
        wanted = min(used + rows, len(self.slots) + 1)
        if wanted > len(self.odds):
            odds = _fresh_odds(min(max(wanted, 2 * len(self.odds)), len(self.slots) + 1))
            odds[:used] = self.odds[:used]
            self.odds = odds
        return self.slots, self.odds, self._used

    def forget_newest(self, slot: int, after_ns: int) -> None:
        """Times of the device's old clock no longer order this channel, if one is after ``after_ns``."""
        if self.slots["newest_ns"][slot] > after_ns:
            _forget(*self.room(1), slot)

    def grow(self, count: int) -> None:
        """Room for so many slots."""
        self.slots = grown(self.slots, count, _fresh(1)[0])

    def export(self) -> dict[str, Any]:
        """What is known now, as values for an ``Image``."""
        return {"slots": Rows(self.slots), "odds": self.odds[: self._used[0]].copy()}

    def load(self, stored: Any) -> None:
        """Back to exported arrays; ValueError when they have another layout."""
        try:
            if isinstance(stored, bytes):
                self._load_former(np.frombuffer(stored, _FORMER))
                return
            self.slots = np.frombuffer(bytearray(stored["slots"]), RECENT)
            self.odds = np.frombuffer(bytearray(stored["odds"]), ODD)
        except ValueError as error:
            raise ValueError(f"snapshot holds another layout of recent readings: {error}") from error
        self._used[0] = len(self.odds)

    def _load_former(self, former: npt.NDArray[np.void]) -> None:
        self.slots = _fresh(len(former))
        for name in ("newest_ns", "event_ns", "value", "count"):
            self.slots[name] = former[name]
        odd = np.flatnonzero((former["odd_ns"] != NEVER).any(axis=1))
        self.odds = _fresh_odds(1 + len(odd))
        for name in ("event_ns", "value", "next"):
            self.odds[name][1:] = former[{"event_ns": "odd_ns"}.get(name, f"odd_{name}")][odd]
        self.slots["odd"][odd] = np.arange(1, len(self.odds))
        self._used[0] = len(self.odds)


def _fresh(count: int) -> npt.NDArray[np.void]:
    """Channels that have had no reading."""
    slots = np.zeros(count, RECENT)
    slots["newest_ns"] = NEVER
    return slots


def _fresh_odds(count: int) -> npt.NDArray[np.void]:
    """Not yet anybody's; the loops set one up when they give it to a channel, so that memory which nobody
    needs is not touched."""
    return np.zeros(count, ODD)


@compiled
def recall(recent: Any, odds: npt.NDArray[np.void], event: int, value: float) -> tuple[bool, bool, int]:
    """(a remembered reading has this time, and this value too, the oldest time remembered)."""
    same_time = twin = False
    oldest = event
    if recent["odd"] != 0:
        odd = odds[recent["odd"]]
        for k in range(RING):
            if event == odd["event_ns"][k]:
                same_time = True
                twin = twin or _same(odd["value"][k], value)
    for k in range(recent["count"]):
        at = recent["event_ns"][k]
        if k == 0 or at < oldest:
            oldest = at
        if at == event:
            same_time = True
            twin = twin or _same(recent["value"][k], value)
    return same_time, twin, oldest


@compiled
def _same(a: float, b: float) -> bool:
    return bool(a == b or (np.isnan(a) and np.isnan(b)))


@compiled
def remember(
    recent: Any,
    odds: npt.NDArray[np.void],
    used: npt.NDArray[np.int64],
    event: int,
    value: float,
    newer: bool,
    suspect: bool,
) -> None:
    """Keep the RING newest believable readings, and suspect ones apart; what is older than a full ring is
    not kept."""
    if suspect:
        _put_apart(recent, odds, used, event, value)
        return
    if newer:
        recent["newest_ns"] = event
    place: Any = recent["count"]
    if place < RING:
        recent["count"] = place + 1
    else:
        place = 0
        for k in range(1, RING):
            if recent["event_ns"][k] < recent["event_ns"][place]:
                place = k
        if event < recent["event_ns"][place]:
            return
    recent["event_ns"][place] = event
    recent["value"][place] = value


@compiled
def _put_apart(
    recent: Any, odds: npt.NDArray[np.void], used: npt.NDArray[np.int64], event: int, value: float
) -> None:
    if recent["odd"] == 0:
        recent["odd"] = used[0]
        odds[used[0]]["event_ns"][:] = NEVER
        used[0] += 1
    odd = odds[recent["odd"]]
    place = odd["next"]
    odd["event_ns"][place] = event
    odd["value"][place] = value
    odd["next"] = (place + 1) % RING


@compiled
def forget(recent: Any, odds: npt.NDArray[np.void], used: npt.NDArray[np.int64]) -> None:
    """The device's clock changed: readings by the old clock order nothing now, but are still known."""
    for k in range(recent["count"]):
        _put_apart(recent, odds, used, recent["event_ns"][k], recent["value"][k])
    recent["newest_ns"] = NEVER
    recent["count"] = 0


@compiled
def _forget(
    slots: npt.NDArray[np.void], odds: npt.NDArray[np.void], used: npt.NDArray[np.int64], slot: int
) -> None:
    forget(slots[slot], odds, used)
