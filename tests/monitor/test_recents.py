"""The last readings of a channel: what is remembered, against plain lists; and the layout of behaviour 1."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.monitor.recents import _FORMER, NEVER, ODD, RECENT, RING, Recents, recall, remember
from gateway.monitor.stored import pieces

SLOTS = 5
reading = st.tuples(
    st.integers(0, SLOTS - 1), st.integers(0, 12), st.sampled_from([1.0, 2.0, float("nan")]), st.booleans()
)
told = st.lists(st.one_of(reading, st.integers(0, SLOTS - 1)), max_size=120)
"""(slot, event time, value, suspect) of a reading, or a slot whose device's clock changed."""


class Plain:
    """The same by lists: believable readings, and the odd ones in the order they came."""

    def __init__(self) -> None:
        self.ring: list[tuple[int, float]] = []
        self.odd: list[tuple[int, float]] = []

    def hear(self, event: int, value: float, suspect: bool) -> None:
        if suspect:
            self.odd = [*self.odd, (event, value)][-RING:]
        elif len(self.ring) < RING:
            self.ring.append((event, value))
        else:
            place = min(range(RING), key=lambda k: self.ring[k][0])
            if event >= self.ring[place][0]:
                self.ring[place] = (event, value)

    def forget(self) -> None:
        self.odd = [*self.odd, *self.ring][-RING:]
        self.ring = []

    def recall(self, event: int, value: float) -> tuple[bool, bool, int]:
        known = [v for e, v in self.ring + self.odd if e == event]
        twin = any(v == value or (np.isnan(v) and np.isnan(value)) for v in known)
        return bool(known), twin, min((e for e, _ in self.ring), default=event)


def stored(recents: Recents):
    return msgspec.msgpack.decode(b"".join(pieces(recents.export())))


def follow(recents: Recents, plain: list[Plain], steps) -> None:
    for step in steps:
        if isinstance(step, int):
            recents.forget_newest(step, NEVER)
            if plain[step].ring:
                plain[step].forget()
            continue
        slot, event, value, suspect = step
        slots, odds, used = recents.room(1)
        newer = event > slots["newest_ns"][slot]
        remember(slots[slot], odds, used, event, value, newer, suspect)
        plain[slot].hear(event, value, suspect)


def check(recents: Recents, plain: list[Plain]) -> None:
    slots, odds, _ = recents.room(0)
    for slot in range(SLOTS):
        for event in range(13):
            for value in (1.0, 2.0, np.nan):
                assert recall(slots[slot], odds, event, value) == plain[slot].recall(event, value)


@settings(max_examples=60, deadline=None)
@given(told, told)
def test_what_came_is_known_as_by_plain_lists_also_after_a_snapshot(before, after):
    recents, plain = Recents(), [Plain() for _ in range(SLOTS)]
    recents.grow(SLOTS)
    follow(recents, plain, before)
    again = Recents()
    again.load(stored(recents))
    follow(again, plain, after)
    check(again, plain)


def test_only_a_channel_that_needs_it_has_a_second_record():
    recents = Recents()
    recents.grow(100_000)
    slots, odds, used = recents.room(20_000)
    assert RECENT.itemsize == 144
    assert len(odds) == 20_001
    for slot in range(3):
        for event in range(20):
            remember(slots[slot], odds, used, event, 1.0, True, slot == 1)
    assert len(stored(recents)["odds"]) == 2 * ODD.itemsize
    assert [int(slots["odd"][slot]) for slot in range(3)] == [0, 1, 0]


def test_every_channel_of_a_batch_may_need_one_at_once():
    recents = Recents()
    recents.grow(300)
    for event in range(2):
        slots, odds, used = recents.room(300)
        for slot in range(300):
            remember(slots[slot], odds, used, event, float(slot), False, True)
    assert int(used[0]) == len(recents.odds) == 301
    assert recall(slots[299], odds, 1, 299.0) == (True, True, 1)


def test_records_of_behaviour_1_are_read():
    former = np.zeros(2, _FORMER)
    former["newest_ns"] = former["odd_ns"] = NEVER
    former["count"][1], former["newest_ns"][1] = 2, 7
    former["event_ns"][1, :2], former["value"][1, :2] = (5, 7), (1.5, 2.5)
    former["odd_ns"][1, 0], former["odd_value"][1, 0], former["odd_next"][1] = 99, 3.5, 1
    recents = Recents()
    recents.load(former.tobytes())
    slots, odds, used = recents.room(0)
    assert recall(slots[1], odds, 7, 2.5) == (True, True, 5)
    assert recall(slots[1], odds, 99, 3.5) == (True, True, 5)
    assert recall(slots[0], odds, 7, 2.5) == (False, False, 7)
    assert (int(slots["newest_ns"][1]), int(odds["next"][1]), int(used[0])) == (7, 1, 2)


def test_another_layout_is_refused():
    with pytest.raises(ValueError, match="recent readings"):
        Recents().load({"slots": bytes(RECENT.itemsize - 8), "odds": b""})
    with pytest.raises(ValueError, match="recent readings"):
        Recents().load(bytes(_FORMER.itemsize - 1))
