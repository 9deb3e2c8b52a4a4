"""Readings beyond their device's rate go to no sink: live, derived, and however a crash repeats them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from detectors import SUSPECT, THROTTLED, Readings
from gateway.clock import VirtualClock
from gateway.delivery.readings_lane import Frame, ReadingsLane
from gateway.delivery.store import DeliveryStore
from gateway.paths import DataFolder
from gateway.sinks import ReadingsBatch, SinkContext, history
from gateway.sinks.history import HistoryReader
from tests.support.delivery import SaidSink, backoff, drive
from tests.support.readings import NOW_NS, readings, table

TABLE = table()
FLAGS = [[0, THROTTLED], [THROTTLED] * 5, [SUSPECT | THROTTLED, SUSPECT, 0]]
"""Time flags of the readings of three journal positions."""
KEPT = [0, 8, 9]


def entries() -> list[Readings]:
    numbers = iter(range(100))
    return [
        readings([(0, NOW_NS + n, float(n), 0, 0, flag) for flag, n in zip(flags, numbers, strict=False)])
        for flags in FLAGS
    ]


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock()


@pytest.fixture
def store(tmp_path: Path, clock: VirtualClock) -> Iterator[DeliveryStore]:
    made = DeliveryStore(tmp_path / "delivery.db", clock.wall_ns)
    yield made
    made.close()


def derive(after: int) -> Iterator[ReadingsBatch]:
    for position, what in enumerate(entries(), 1):
        if position > after:
            yield ReadingsBatch(position, position, what, TABLE)


def values(sink: SaidSink) -> list[float]:
    return [float(v) for b in sink.taken if isinstance(b, ReadingsBatch) for v in b.readings.value]


@pytest.mark.parametrize("live", [True, False])
def test_the_excess_is_passed_over_and_the_cursor_goes_on(
    store: DeliveryStore, clock: VirtualClock, live: bool
) -> None:
    sink = SaidSink()
    nothing: Iterator[ReadingsBatch] = iter(())
    lane = ReadingsLane("out", sink, store, (lambda _: nothing) if live else derive, clock, backoff())
    if live:
        drive([lane], clock, 0.1)
        for position, what in enumerate(entries(), 1):
            lane.offer(Frame(position - 1, position, what, TABLE, clock.mono_ns()))
    drive([lane], clock, 3)
    assert values(sink) == KEPT
    taken = [b for b in sink.taken if isinstance(b, ReadingsBatch)]
    assert np.concatenate([b.positions() for b in taken]).tolist() == [1, 3, 3]
    assert store.cursor("out", "readings") == 3
    assert lane.status()["throttled"] == 7


def test_the_history_holds_the_rest_once(tmp_path: Path, store: DeliveryStore, clock: VirtualClock) -> None:
    for again in range(2):  # the second time: delivery forgot that it had delivered
        sink = history.Sink(history.Settings(), SinkContext("history", str(tmp_path), clock.wall_ns))
        lane = ReadingsLane(f"history-{again}", sink, store, derive, clock, backoff())
        drive([lane], clock, 3)
        sink.close()
    stored = HistoryReader(DataFolder(tmp_path).history).readings(None, 0, NOW_NS * 2)
    assert [float(v) for part in stored for v in part.rows.value] == KEPT
