"""Readings on their way: live, through gaps and outages, and derived from a real journal by replay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import COLUMNS, LATE, THROTTLED, Readings
from gateway.clock import Random, VirtualClock
from gateway.delivery import readings_lane
from gateway.delivery.catchup import Derivation
from gateway.delivery.health_lane import LINE_MAX, HealthLane
from gateway.delivery.readings_lane import Frame, ReadingsLane, UnderivableError
from gateway.delivery.store import DeliveryStore
from gateway.sinks import Delivered, HealthBatch, Later, ReadingsBatch, Refused
from tests.support.delivery import SaidSink, backoff, drive
from tests.support.readings import good, table

TABLE = table()


class Core:
    """A journal in memory: position -> readings (None: an entry without readings); what a core would say."""

    def __init__(self, clock: VirtualClock) -> None:
        self.entries: list[Readings | None] = []
        self.clock = clock
        self.derived_from: list[int] = []

    def append(self, count: int) -> Frame:
        """One entry of ``count`` readings, as a frame."""
        previous = self.previous()
        self.entries.append(
            good(count, start_ns=1_000_000 * (len(self.entries) + 1), step_ns=1) if count else None
        )
        what = self.entries[-1]
        return Frame(previous, len(self.entries), what or Readings.empty(), TABLE, self.clock.mono_ns())

    def previous(self) -> int:
        """The last position that gave readings."""
        return max((n for n, e in enumerate(self.entries, 1) if e is not None), default=0)

    def derive(self, after: int) -> Iterator[ReadingsBatch]:
        """Replay."""
        self.derived_from.append(after)
        position = after
        while position < len(self.entries):
            position += 1
            yield ReadingsBatch(position, position, self.entries[position - 1] or Readings.empty(), TABLE)

    def times(self) -> list[int]:
        """Every reading there is."""
        return [int(t) for entry in self.entries if entry is not None for t in entry.event_ns]


def times(sink: SaidSink) -> list[int]:
    return [int(t) for b in sink.taken if isinstance(b, ReadingsBatch) for t in b.readings.event_ns]


class Bench:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = VirtualClock()
        self.core = Core(self.clock)
        self.store = DeliveryStore(folder / "delivery.db", self.clock.wall_ns)

    def lane(self, sink: SaidSink) -> ReadingsLane:
        return ReadingsLane("out", sink, self.store, self.core.derive, self.clock, backoff())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.store.close()


def test_live_frames_gather_for_the_linger_and_keep_their_positions(bench: Bench) -> None:
    sink = SaidSink()
    sink.linger_s = 1.0
    lane = bench.lane(sink)
    drive([lane], bench.clock, 0.1)
    for count in (3, 0, 2):
        frame = bench.core.append(count)
        if count:
            lane.offer(frame)
    drive([lane], bench.clock, 0.5)
    assert sink.taken == []
    drive([lane], bench.clock, 2)
    taken = sink.taken[0]
    assert isinstance(taken, ReadingsBatch)
    assert (taken.first, taken.last) == (1, 3)
    assert taken.positions().tolist() == [1, 1, 1, 3, 3]
    assert len(sink.taken) == 1
    assert bench.store.cursor("out", "readings") == 3


def test_a_missing_frame_is_seen_and_derived(bench: Bench) -> None:
    sink = SaidSink()
    lane = bench.lane(sink)
    drive([lane], bench.clock, 0.1)
    lane.offer(bench.core.append(2))
    bench.core.append(2)
    lane.offer(bench.core.append(2))
    drive([lane], bench.clock, 3)
    assert times(sink) == bench.core.times()
    assert bench.core.derived_from == [0, 1]


def test_a_new_connection_derives_what_may_be_missing(bench: Bench) -> None:
    sink = SaidSink()
    lane = bench.lane(sink)
    lane.offer(bench.core.append(2))
    drive([lane], bench.clock, 1)
    bench.core.append(5)
    drive([lane], bench.clock, 1)
    assert len(times(sink)) == 2
    lane.resync()
    drive([lane], bench.clock, 1)
    assert times(sink) == bench.core.times()


def test_frames_of_a_new_connection_that_follow_on_end_the_search_for_what_is_missing(bench: Bench) -> None:
    sink = SaidSink()
    lane = bench.lane(sink)
    lane.offer(bench.core.append(1))
    drive([lane], bench.clock, 1)
    lane.offer(bench.core.append(2))  # of the old connection: derived again, not sent twice
    lane.resync()
    bench.core.append(3)
    lane.offer(bench.core.append(4))
    before = len(bench.core.derived_from)
    drive([lane], bench.clock, 3)
    assert times(sink) == bench.core.times()
    assert len(bench.core.derived_from) == before + 1
    assert not lane.status()["behind"]


def test_readings_beyond_a_device_s_rate_go_to_no_sink_and_are_counted(bench: Bench) -> None:
    sink = SaidSink()
    lane = bench.lane(sink)
    frames = [bench.core.append(count) for count in (3, 2, 4)]
    bench.core.entries[1].time[:] = THROTTLED  # type: ignore[union-attr]
    bench.core.entries[2].time[1:3] = THROTTLED | LATE  # type: ignore[union-attr]
    lane.offer(frames[0])
    drive([lane], bench.clock, 1)
    first = lane.status()
    assert (first["delivered"], first["throttled"], first["cursor"]) == (5, 4, 3)
    assert times(sink) == [
        t for t in bench.core.times() if t not in (2_000_000, 2_000_001, 3_000_001, 3_000_002)
    ]
    for frame in frames:
        lane.offer(frame)  # live as derived
    last = bench.core.append(2)
    bench.core.entries[3].time[:] = THROTTLED  # type: ignore[union-attr]
    taken = len(sink.taken)
    lane.offer(last)
    drive([lane], bench.clock, 1)
    after = lane.status()
    assert (after["throttled"], after["cursor"], len(sink.taken)) == (6, 4, taken)
    assert all(len(b.positions()) == len(b.readings) for b in sink.taken if isinstance(b, ReadingsBatch))


def test_a_journal_that_cannot_fill_a_gap_yet_is_not_asked_without_pause(bench: Bench) -> None:
    lane = bench.lane(SaidSink())
    drive([lane], bench.clock, 0.5)
    frame = bench.core.append(1)
    bench.core.entries.clear()
    lane.offer(replace(frame, previous=3, position=4))
    drive([lane], bench.clock, 10)
    assert len(bench.core.derived_from) < 300


def test_five_minutes_down_with_a_full_line_lose_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings_lane, "LINE_ROWS_MAX", 50)
    up_ns = bench.clock.mono_ns() + 300_000_000_000
    sink = SaidSink(lambda _: Delivered("ok") if bench.clock.mono_ns() >= up_ns else Later("down"))
    lane = bench.lane(sink)
    for _ in range(300):
        lane.offer(bench.core.append(4))
        drive([lane], bench.clock, 1)
        assert lane.status()["pending"] <= 50
    assert lane.status()["lag"] >= 299
    assert lane.status()["error"] == "down"
    drive([lane], bench.clock, 90)
    assert times(sink) == bench.core.times()
    assert lane.status()["lag"] == 0


def test_refused_readings_are_listed_and_do_not_stop_the_rest(bench: Bench) -> None:
    answers = iter([Delivered("1 line", [("reading bad", "400 conflict")]), Refused("no"), Delivered("ok")])
    sink = SaidSink(lambda _: next(answers))
    lane = bench.lane(sink)
    for _ in range(3):
        lane.offer(bench.core.append(1))
        drive([lane], bench.clock, 2)
    dead = bench.store.deadletters("out")
    assert [(d.lane, d.seq, d.part, d.reason) for d in dead] == [
        ("readings", 2, "", "positions 2 to 2: no"),
        ("readings", 1, "reading bad", "400 conflict"),
    ]
    assert bench.store.cursor("out", "readings") == 3


def test_the_cursor_is_written_at_most_once_a_second_and_at_the_end(bench: Bench) -> None:
    sink = SaidSink()
    lane = bench.lane(sink)
    drive([lane], bench.clock, 1)
    for _ in range(20):
        lane.offer(bench.core.append(1))
        while lane.step() == 0.0:
            pass
    assert len(times(sink)) == 20
    assert bench.store.cursor("out", "readings") < 20
    lane.stop()
    assert bench.store.cursor("out", "readings") == 20


def test_what_can_no_longer_be_derived_is_a_dead_letter_and_life_goes_on(bench: Bench) -> None:
    sink = SaidSink()

    def derive(after: int) -> Iterator[ReadingsBatch]:
        if after < 10:
            raise UnderivableError(after + 1, 10, "the journal begins at 11")
        yield from ()

    lane = ReadingsLane("out", sink, bench.store, derive, bench.clock, backoff())
    drive([lane], bench.clock, 1)
    assert "positions 1 to 10 cannot be derived" in bench.store.deadletters("out")[0].reason
    assert bench.store.cursor("out", "readings") == 10


@settings(max_examples=30, deadline=None)
@given(counts=st.lists(st.integers(0, 5), min_size=1, max_size=40), seed=st.integers(0, 2**32))
def test_any_losses_outages_and_restarts_give_every_reading_in_order(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], seed: int
) -> None:
    bench, chance = Bench(tmp_path_factory.mktemp("bench")), Random(seed)
    sink = SaidSink(lambda _: Later("down") if chance.random() < 0.3 else Delivered("ok"))
    sink.linger_s = chance.choice([0.0, 1.0])
    lane = bench.lane(sink)
    for count in counts:
        frame = bench.core.append(count)
        if count and chance.random() < 0.8:
            lane.offer(frame)
        if chance.random() < 0.1:
            lane.resync()
        if chance.random() < 0.1:
            lane.stop()
            lane = bench.lane(sink)
        drive([lane], bench.clock, chance.random() * 2)
    lane.resync()
    drive([lane], bench.clock, 2000, lambda: times(sink)[-1:] == bench.core.times()[-1:])
    assert times(sink) == bench.core.times()
    bench.store.close()


def test_health_keeps_the_newest_and_never_waits() -> None:
    clock = VirtualClock()
    down = True
    sink = SaidSink(lambda _: Later("down") if down else Delivered("ok"))
    lane = HealthLane("out", sink, clock, backoff())
    for n in range(LINE_MAX + 30):
        lane.offer(HealthBatch(n, {"n": float(n)}))
    drive([lane], clock, 60)
    assert lane.status()["forgotten"] == 30
    down = False
    drive([lane], clock, 120)
    assert len(sink.taken) == LINE_MAX
    assert sink.taken[-1] == HealthBatch(LINE_MAX + 29, {"n": float(LINE_MAX + 29)})
    assert lane.status()["pending"] == 0


def test_columns_of_joined_frames_have_the_types_of_readings() -> None:
    clock = VirtualClock()
    core = Core(clock)
    made = readings_lane.joined([core.append(2), core.append(3)])
    for name in COLUMNS:
        assert getattr(made.readings, name).dtype == getattr(Readings.empty(), name).dtype
    assert made.positions().dtype == np.int64


def test_an_empty_folder_derives_nothing(tmp_path: Path) -> None:
    from gateway.paths import DataFolder

    data = DataFolder(tmp_path)
    data.create()
    assert list(Derivation(data, 1)(0)) == []
