"""The local store: every reading once, bit for bit, however its batches are cut and whatever is compacted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import COLUMNS, SUSPECT, Readings
from gateway.paths import DataFolder
from gateway.sinks import Delivered, HealthBatch, ReadingsBatch, Refused, SinkContext, history
from gateway.sinks._columns import Rows, decode, encode
from gateway.sinks._day_file import DayWriter, day_name
from gateway.sinks.history import HistoryReader, Settings, Sink, days_in
from tests.support.readings import HOUR_NS, NOW_NS, batch, good, readings, rows_strategy, table

END_NS = NOW_NS + 400 * HOUR_NS


class Clock:
    def __init__(self) -> None:
        self.now = NOW_NS

    def __call__(self) -> int:
        return self.now


def sink_in(folder: Path, clock: Clock | None = None, **own: object) -> Sink:
    return Sink(Settings.model_validate(own), SinkContext("history", str(folder), clock or Clock()))


def reader_of(folder: Path) -> HistoryReader:
    return HistoryReader(DataFolder(folder).history)


Key = tuple[str, int, int, int, int, int, int, bytes]


def stored(folder: Path, key: str | None = None, start: int = 0, end: int = END_NS) -> list[Key]:
    return [
        (part.channel.key, *row)
        for part in reader_of(folder).readings(key, start, end)
        for row in keys(part.rows)
    ]


def keys(r: Rows | Readings) -> Iterator[tuple[int, int, int, int, int, int, bytes]]:
    for n in range(len(r)):
        yield (
            int(r.event_ns[n]), int(r.received_ns[n]), int(r.packet[n]), int(r.quality[n]), int(r.reason[n]),
            int(r.time[n]), r.value[n : n + 1].tobytes(),
        )  # fmt: skip


def expected(batches: list[ReadingsBatch]) -> list[Key]:
    return [
        (made.channels.channel(int(slot)).key, *row)
        for made in batches
        for slot, row in zip(made.readings.slot, keys(made.readings), strict=True)
    ]


@given(rows_strategy(), st.sampled_from([0, 1, 9]))
def test_columns_come_out_bit_for_bit(rows: list[tuple[int, int, float, int, int, int]], level: int) -> None:
    r = readings(rows)
    made = Rows(
        r.slot, r.event_ns, r.event_ns, r.received_ns, r.event_ns,
        r.packet, r.value, r.quality, r.reason, r.time,
    )  # fmt: skip
    again = decode(encode(made, level))
    for name in Rows.__slots__:
        assert getattr(again, name).tobytes() == getattr(made, name).tobytes()
        assert getattr(again, name).dtype == getattr(made, name).dtype


def test_a_damaged_block_is_named() -> None:
    with pytest.raises(ValueError, match="unknown format"):
        decode(b"\x09\x00\x00\x00\x00")
    with pytest.raises(ValueError, match="damaged"):
        decode(b"\x01\x05\x00\x00\x00" + encode(Rows(*[np.zeros(0, np.int64)] * 10), 1)[5:])


@settings(max_examples=25, deadline=None)
@given(st.lists(rows_strategy(max_size=12), min_size=1, max_size=6), st.data())
def test_round_trip_over_any_cut_repetition_and_compaction(
    tmp_path_factory: pytest.TempPathFactory,
    entries: list[list[tuple[int, int, float, int, int, int]]],
    data: st.DataObject,
) -> None:
    folder = tmp_path_factory.mktemp("history")
    clock = Clock()
    singles = [batch(n + 1, readings(rows)) for n, rows in enumerate(entries)]
    sink = sink_in(folder, clock)
    done = 0
    while done < len(singles):
        # A crash may bring back any number of positions, cut in another way.
        start = data.draw(st.integers(0, done))
        end = data.draw(st.integers(done + 1, len(singles)))
        assert isinstance(sink.deliver(join(singles[start:end])), Delivered)
        done = end
        clock.now += 61_000_000_000
        if data.draw(st.booleans()):
            sink.close()
            sink = sink_in(folder, clock)
    for _ in range(8):
        clock.now += 61_000_000_000
        sink.deliver(batch(done, readings([])))
        assert sorted(stored(folder)) == sorted(expected(singles))
    for slot in range(4):
        key = table().channel(slot).key
        assert sorted(stored(folder, key)) == sorted(row for row in expected(singles) if row[0] == key)
    sink.close()


def join(batches: list[ReadingsBatch]) -> ReadingsBatch:
    columns = [np.concatenate([getattr(b.readings, name) for b in batches]) for name in COLUMNS]
    position = np.concatenate([b.positions() for b in batches])
    return ReadingsBatch(
        batches[0].first, batches[-1].last, Readings(*columns), batches[0].channels, position
    )


def test_closed_hours_become_one_block_a_channel_and_late_data_merges(tmp_path: Path) -> None:
    clock = Clock()
    sink = sink_in(tmp_path, clock)
    hour = NOW_NS - NOW_NS % HOUR_NS
    for n in range(5):
        sink.deliver(batch(n + 1, good(10, slot=n % 2, start_ns=hour + n * 1_000_000_000)))
    clock.now += 61_000_000_000
    sink.deliver(batch(6, good(1, start_ns=hour + HOUR_NS)))
    sink.deliver(batch(7, good(3, slot=0, start_ns=hour + 60_000_000_000)))
    clock.now += 61_000_000_000
    sink.deliver(batch(8, good(1, start_ns=hour + HOUR_NS + 1_000_000_000)))
    counts = tables(tmp_path)
    assert counts["block"] == 2
    assert counts["chunk"] == 2
    parts = list(reader_of(tmp_path).readings(table().channel(0).key, hour, hour + HOUR_NS))
    assert len(parts) == 1
    assert len(parts[0].rows) == 33
    assert (np.diff(parts[0].rows.event_ns) > 0).all()
    sink.close()


def tables(folder: Path) -> dict[str, int]:
    import sqlite3

    found = {"block": 0, "chunk": 0}
    for path in DataFolder(folder).history.glob("*.db"):
        with sqlite3.connect(path) as db:
            for name in found:
                found[name] += db.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
        db.close()
    return found


def test_suspect_time_is_filed_where_it_was_received(tmp_path: Path) -> None:
    sink = sink_in(tmp_path)
    rows = [(0, n * 86_400_000_000_000, 1.0, 0, 0, SUSPECT) for n in range(50)]
    sink.deliver(batch(1, readings(rows)))
    assert len(list(DataFolder(tmp_path).history.glob("*.db"))) == 1
    assert [row[1] for row in stored(tmp_path, start=NOW_NS, end=NOW_NS + 1)] == [row[1] for row in rows]
    sink.close()


def test_interval_is_half_open_and_unknown_channels_are_empty(tmp_path: Path) -> None:
    sink = sink_in(tmp_path)
    sink.deliver(batch(1, good(10)))
    assert len(stored(tmp_path, start=NOW_NS + 2_000_000, end=NOW_NS + 5_000_000)) == 3
    assert stored(tmp_path, "acme/north/GD-9/ch0") == []
    assert [c.key for c in reader_of(tmp_path).channels(0, END_NS)] == ["acme/north/GD-1/ch0"]
    assert reader_of(tmp_path).channels(0, NOW_NS - 100 * HOUR_NS) == []
    sink.close()


def test_a_folder_without_history_is_empty(tmp_path: Path) -> None:
    assert list(reader_of(tmp_path / "nothing").readings(None, 0, END_NS)) == []


def test_old_days_are_dropped_whole(tmp_path: Path) -> None:
    clock = Clock()
    sink = sink_in(tmp_path, clock, retention_days=2)
    for day in range(6):
        sink.deliver(batch(day + 1, good(3, start_ns=NOW_NS + day * 24 * HOUR_NS)))
        for _ in range(3):
            clock.now += 61_000_000_000
            sink.deliver(batch(day + 1, readings([])))
    today = (NOW_NS + 5 * 24 * HOUR_NS) // (24 * HOUR_NS)
    assert days_in(DataFolder(tmp_path).history) == [today - 2, today - 1, today]
    sink.close()


def test_many_days_keep_few_files_open(tmp_path: Path) -> None:
    sink = sink_in(tmp_path, retention_days=0)
    rows = [(0, NOW_NS + day * 24 * HOUR_NS, float(day), 0, 0, 0) for day in range(12)]
    sink.deliver(batch(1, readings(rows)))
    assert len(sink._files) <= history.OPEN_FILES_MAX
    assert len(stored(tmp_path)) == 12
    assert sink.deliver(HealthBatch(1, {})) == Refused("the history keeps readings only")
    sink.close()


def test_a_reader_sees_a_reading_once_while_its_hour_is_compacted(tmp_path: Path) -> None:
    sink = sink_in(tmp_path)
    sink.deliver(batch(1, good(1000)))
    path = DataFolder(tmp_path).history / day_name(NOW_NS // (24 * HOUR_NS))
    before = stored(tmp_path)
    reading = reader_of(tmp_path).readings(None, 0, END_NS)
    first = next(reading)
    writer = sink._files[NOW_NS // (24 * HOUR_NS)]
    assert isinstance(writer, DayWriter)
    assert writer.compact(NOW_NS // HOUR_NS + 1)
    assert not writer.compact(NOW_NS // HOUR_NS + 1)
    assert len(first.rows) == len(before) == 1000
    assert list(reading) == []
    assert stored(tmp_path) == before
    assert path.exists()
    sink.close()
