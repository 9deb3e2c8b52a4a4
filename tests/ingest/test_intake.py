"""The hand-over between the two threads: order, bounds, waking."""

from __future__ import annotations

import threading
import time

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.ingest import Item, LinkChange, Packet, RefusedPacket, Run
from gateway.ingest.intake import Intake, item_bytes

LONG_S = 60.0
"""Nothing here takes so long, except a wait that nobody ends."""


def packet(number: int, size: int = 10) -> Packet:
    return Packet(b"", b"x" * size, number, number, 1, 0)


def link(number: int) -> LinkChange:
    return LinkChange(number, True, True, True, "", number)


def refused(number: int) -> RefusedPacket:
    return RefusedPacket(1, number, number, "oversize", "rg/a", b"12345", "", 10**6)


def test_items_leave_as_they_came() -> None:
    intake = Intake(100, 1000)
    items: list[Item] = [packet(1), link(2), refused(3), packet(4)]
    for item in items:
        assert intake.put(item)
    assert (intake.depth, intake.bytes, intake.oldest_received_ns) == (4, 29, 1)
    assert intake.next_group(100, 1000, 0) == items
    assert (intake.depth, intake.bytes, intake.oldest_received_ns) == (0, 0, None)


@given(
    st.lists(st.integers(0, 40), max_size=30),
    st.integers(1, 8),
    st.integers(1, 100),
)
def test_groups_are_bounded_and_nothing_is_lost(sizes: list[int], max_packets: int, max_bytes: int) -> None:
    intake = Intake(1000, 10**6)
    items = [packet(number, size) for number, size in enumerate(sizes)]
    for item in items:
        intake.put(item)
    left: list[Item] = []
    while group := intake.next_group(max_packets, max_bytes, 0):
        assert len(group) <= max_packets
        assert len(group) == 1 or sum(map(item_bytes, group)) <= max_bytes
        left += group
    assert left == items
    assert intake.bytes == 0


def run(first: int, sizes: list[int]) -> Run:
    """Each row has two bytes before and one of topic."""
    ends = np.cumsum([size + 3 for size in sizes])
    starts = ends - np.array(sizes)
    cuts = np.column_stack([starts - 1, starts, starts, ends]).astype(np.int32)
    blob = b"".join(b"hht" + bytes([number % 256]) * size for number, size in enumerate(sizes, first))
    mids = np.arange(first, first + len(sizes), dtype=np.uint16)
    return Run(blob, cuts, mids, np.zeros(len(sizes), np.uint8), first, 1)


@given(
    st.lists(st.lists(st.integers(0, 40), min_size=1, max_size=12) | st.just(None), max_size=8),
    st.integers(1, 8),
    st.integers(1, 100),
)
def test_runs_are_parted_where_the_bound_falls(
    runs: list[list[int] | None], max_packets: int, max_bytes: int
) -> None:
    intake = Intake(1000, 10**6)
    put: list[Packet] = []
    for sizes in runs:
        item = packet(len(put)) if sizes is None else run(len(put), sizes)
        put += [item.packet(row) for row in range(len(item))] if isinstance(item, Run) else [item]
        intake.put(item)
    assert intake.depth == len(put)
    left: list[Packet] = []
    while group := intake.next_group(max_packets, max_bytes, 0):
        rows: list[Packet] = []
        for item in group:
            assert isinstance(item, Packet | Run)
            rows += [item.packet(row) for row in range(len(item))] if isinstance(item, Run) else [item]
        assert len(rows) <= max_packets
        assert len(rows) == 1 or sum(map(item_bytes, group)) <= max_bytes
        left += rows
    assert [p._replace(received_ns=0) for p in left] == [p._replace(received_ns=0) for p in put]
    assert (intake.depth, intake.bytes, intake.room) == (0, 0, 1000)


def test_put_takes_even_when_full_and_says_so() -> None:
    intake = Intake(2, 10**6)
    assert intake.put(packet(1))
    assert not intake.put(packet(2))
    assert not intake.wait_for_room(0)
    assert not intake.put(packet(3)), "a packet that was read is never dropped"
    assert [item.mid for item in intake.next_group(10, 100, 0) if isinstance(item, Packet)] == [1, 2, 3]
    assert intake.wait_for_room(0)


def test_the_byte_bound_shuts_the_gate_too() -> None:
    intake = Intake(1000, 100)
    assert intake.put(packet(1, 99))
    assert not intake.put(packet(2, 1))


def test_room_is_told_to_the_waiting_thread() -> None:
    intake = Intake(1, 1000)
    intake.put(packet(1))
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(intake.wait_for_room(LONG_S)))
    waiting.start()
    intake.next_group(1, 1000, 0)
    waiting.join(LONG_S)
    assert answers == [True]


def test_a_command_wakes_the_core_at_once_and_once() -> None:
    intake = Intake(1, 1000)
    intake.wake()
    start = time.monotonic()
    assert intake.next_group(1, 1000, LONG_S) == []
    assert time.monotonic() - start < LONG_S / 2
    assert intake.next_group(1, 1000, 0.01) == [], "the wake was used up; this one waited for its timeout"
    threading.Timer(0.02, intake.wake).start()
    start = time.monotonic()
    assert intake.next_group(1, 1000, LONG_S) == []
    assert time.monotonic() - start < LONG_S / 2


def test_the_first_arrival_ends_the_wait() -> None:
    intake = Intake(10, 1000)
    threading.Timer(0.02, intake.put, [packet(1)]).start()
    start = time.monotonic()
    assert intake.next_group(10, 1000, LONG_S) == [packet(1)]
    assert time.monotonic() - start < LONG_S / 2


def test_two_threads_and_a_small_bound() -> None:
    intake = Intake(7, 10**6)
    count = 5000
    deepest = 0

    def network() -> None:
        for number in range(count):
            while not intake.wait_for_room(1):
                pass
            intake.put(packet(number))

    thread = threading.Thread(target=network)
    thread.start()
    got: list[int] = []
    while len(got) < count:
        deepest = max(deepest, intake.depth)
        got += [item.mid for item in intake.next_group(3, 10**6, 1) if isinstance(item, Packet)]
    thread.join()
    assert got == list(range(count))
    assert deepest <= 7


def test_whether_something_comes_soon_takes_nothing() -> None:
    intake = Intake(10, 1000)
    assert not intake.soon(0.001)
    threading.Timer(0.02, intake.put, [packet(1)]).start()
    assert intake.soon(LONG_S)
    assert intake.soon(LONG_S), "it is still there"
    assert intake.next_group(10, 1000, 0) == [packet(1)]
    intake.wake()
    assert intake.soon(LONG_S)
    start = time.monotonic()
    assert intake.next_group(10, 1000, LONG_S) == [], "the wake was not used up"
    assert time.monotonic() - start < LONG_S / 2
