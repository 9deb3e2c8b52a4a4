"""While the ledger grows as in a flood of alarms, only what is urgent is sent, for five seconds at most."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.delivery.follow import Lane, LedgerFile
from gateway.delivery.surge import FAST_EVENTS, HOLD_NS, MOST_NS, Surge
from tests.delivery.bench import Bench, alarms, ids
from tests.support.delivery import SaidMessages, drive
from tests.support.entries import alarm_event

LOOK_NS = 200_000_000
"""How often the ledger is looked at here."""
FLOOD = 300
"""Events between two looks: 1,500 a second."""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    made.book.view = LedgerFile(made.book.path, made.clock, LOOK_NS / 1e9)
    yield made
    made.close()


def turn(bench: Bench, lanes: list[Lane]) -> None:
    """Each lane once, and then time goes on until the next look."""
    for lane in lanes:
        lane.step()
    bench.clock.advance(LOOK_NS)


def flood(bench: Bench, first: int) -> int:
    """One look's worth of ordinary alarms; where the next begins."""
    bench.book.write(alarms(first, FLOOD, names=FLOOD))
    return first + FLOOD


def test_in_a_flood_only_what_is_urgent_is_sent_and_the_rest_afterwards(bench: Bench) -> None:
    sink = SaidMessages(workers=2)
    lanes = bench.message_lanes(sink)
    turn(bench, lanes)
    after = flood(bench, 1)
    bench.book.write([alarm_event(after, 0, "fire", priority=1)])
    for lane in lanes * 3:
        lane.step()
    assert ids(sink.events()) == [f"1-{after}-0"]
    drive(lanes, bench.clock, 60)
    assert sorted(ids(sink.events())) == sorted(f"1-{n}-0" for n in range(1, after + 1))


def test_a_flood_that_does_not_end_holds_nothing_for_more_than_five_seconds(bench: Bench) -> None:
    sink = SaidMessages(workers=2)
    lanes = bench.message_lanes(sink)
    turn(bench, lanes)
    first, sent = 1, []
    for _ in range(30):
        first = flood(bench, first)
        turn(bench, lanes)
        sent.append(len(sink.events()))
    looks = MOST_NS // LOOK_NS
    assert sent[looks - 1] == 0
    assert sent[-1] > 0


def test_what_was_there_before_the_first_look_is_no_flood(bench: Bench) -> None:
    flood(bench, 1)
    sink = SaidMessages(workers=2)
    lanes = bench.message_lanes(sink)
    for lane in lanes * 3:
        lane.step()
    assert len(sink.events()) > 1


def test_few_alarms_at_once_are_no_flood() -> None:
    surge = Surge()
    surge.grown(FAST_EVENTS - 1, 1, 0)
    assert not surge.on(0)
    surge.grown(FAST_EVENTS, 200_000_000, 0)
    assert not surge.on(0), "500 a second"


@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(1_000_000, 900_000_000)), max_size=60))
def test_it_never_holds_longer_than_it_may(looks: list[tuple[int, int]]) -> None:
    surge, now, held = Surge(), 0, 0
    for events, passed in looks:
        now += passed
        held = held + passed if surge.on(now) else 0
        surge.grown(events, passed, now)
        assert held < MOST_NS
        assert surge.on(now) is False or not surge.on(now + HOLD_NS)
