"""Readings derived from a real journal are the readings that were live, from any cursor and snapshot."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from detectors import Readings
from gateway.delivery.catchup import Derivation, ahead
from gateway.delivery.readings_lane import UnderivableError
from gateway.errors import JournalError
from gateway.journal.journal import Journal
from gateway.journal.segment import segments
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change
from gateway.paths import DataFolder
from gateway.sinks import ReadingsBatch
from gateway.snapshots import SnapshotStore
from tests.support.wait import until

START_NS = 1_764_000_000_000_000_000
PROFILE = "gas/combustible_point"
TEXT = (Path(__file__).parents[2] / f"device_profiles/{PROFILE}.toml").read_text(encoding="utf-8")


def stamp(second: float) -> Stamp:
    return Stamp(START_NS + round(second * 1e9), round(second * 1e9), "boot")


def told(second: int) -> Packets:
    payload = json.dumps({"time_ms": START_NS // 10**6 + second * 1000, "value": second % 40 + 0.5}).encode()
    rows = [(f"rg/acme/north/GD-{n}/lel".encode(), payload, second * 10**9, 0) for n in (1, 2)]
    return Packets.of(stamp(second), 1, rows)


def fleet(asset: str, second: float) -> Entry:
    devices = [Device("acme", "north", asset, f"GD-{n}", PROFILE) for n in (1, 2)]
    return config_change(stamp(second), devices, {PROFILE: TEXT})


def entries() -> Iterator[Entry]:
    yield Started(stamp(0), "0.1.0", BEHAVIOUR, 1)
    yield fleet("old", 0.1)
    for second in range(5, 105, 5):
        yield told(second)
        yield Tick(stamp(second + 0.25))
    yield fleet("new", 105)
    for second in range(110, 205, 5):
        yield told(second)


Row = tuple[int, str, str, int, float]


def rows(position: int, readings: Readings, monitor: Monitor) -> list[Row]:
    channels = [monitor.channels.channel(int(slot)) for slot in readings.slot]
    return [
        (position, c.key, c.asset, int(t), float(v))
        for c, t, v in zip(channels, readings.event_ns, readings.value, strict=True)
    ]


@pytest.fixture
def live(tmp_path: Path) -> tuple[DataFolder, list[Row]]:
    """A journal, and what a monitor said of it live; snapshots at two positions."""
    data = DataFolder(tmp_path)
    data.create()
    journal = Journal(data.journal, segment_bytes=4000)
    monitor, found = Monitor(1), []
    snapshots = SnapshotStore(data.snapshots)
    for entry in entries():
        position = journal.append([entry])[0]
        found += rows(position, monitor.step(position, entry).readings, monitor)
        if position in (20, 50):
            snapshots.save(journal.head, BEHAVIOUR, monitor.save())
    journal.close()
    return data, found


def derived(data: DataFolder, after: int) -> tuple[list[Row], list[ReadingsBatch]]:
    found: list[Row] = []
    batches = []
    for batch in Derivation(data, 1)(after):
        batches.append(batch)
        for n, position in enumerate(batch.positions().tolist()):
            channel = batch.channels.channel(int(batch.readings.slot[n]))
            row = batch.readings
            found.append((position, channel.key, channel.asset, int(row.event_ns[n]), float(row.value[n])))
    return found, batches


@pytest.mark.parametrize("after", [0, 1, 7, 19, 20, 21, 43, 44, 50, 60, 62])
def test_from_any_cursor(live: tuple[DataFolder, list[Row]], after: int) -> None:
    data, expected = live
    found, batches = derived(data, after)
    assert found == [row for row in expected if row[0] > after]
    if after == 0:
        assert {row[2] for row in found} == {"old", "new"}
    firsts = [batch.first for batch in batches]
    lasts = [batch.last for batch in batches]
    assert firsts == [after + 1, *[last + 1 for last in lasts[:-1]]][: len(firsts)]


def test_a_pruned_journal_says_what_is_lost_and_goes_on_from_the_next_snapshot(
    live: tuple[DataFolder, list[Row]],
) -> None:
    data, expected = live
    found = segments(data.journal)
    gone = [segment for segment in found[:-1] if found[found.index(segment) + 1].first <= 21]
    for segment in gone:
        segment.path.unlink()
    begins = segments(data.journal)[0].first
    assert 1 < begins <= 21
    with pytest.raises(UnderivableError) as raised:
        derived(data, 5)
    assert (raised.value.first, raised.value.last) == (6, 20)
    assert derived(data, 20)[0] == [row for row in expected if row[0] > 20]
    for path in data.snapshots.iterdir():
        path.unlink()
    with pytest.raises(JournalError, match="no snapshot of this version"):
        derived(data, 5)


def test_ahead_gives_the_same_batches_and_names_channels_as_they_were(
    live: tuple[DataFolder, list[Row]],
) -> None:
    data, expected = live
    found: list[Row] = []
    for batch in list(ahead(Derivation(data, 1), depth=1)(0)):  # read after all was derived
        for n, position in enumerate(batch.positions().tolist()):
            channel, row = batch.channels.channel(int(batch.readings.slot[n])), batch.readings
            found.append((position, channel.key, channel.asset, int(row.event_ns[n]), float(row.value[n])))
    assert found == expected


def test_ahead_raises_in_its_place_what_the_derivation_raises() -> None:
    def derive(after: int) -> Iterator[ReadingsBatch]:
        yield ReadingsBatch(after + 1, after + 1, Readings.empty(), Monitor(1).channels)
        raise JournalError("gone")

    batches = ahead(derive)(6)
    assert next(batches).last == 7
    with pytest.raises(JournalError, match="gone"):
        next(batches)


def test_ahead_derives_no_further_than_its_depth_and_ends_when_closed() -> None:
    derived: list[int] = []

    def derive(after: int) -> Iterator[ReadingsBatch]:
        for position in range(after + 1, 1000):
            derived.append(position)
            yield ReadingsBatch(position, position, Readings.empty(), Monitor(1).channels)

    batches = ahead(derive, depth=2)(0)
    assert next(batches).last == 1
    until(lambda: len(derived) >= 3, 5, "batches derived ahead")
    assert isinstance(batches, Generator)
    batches.close()
    until(lambda: not any(t.name == "derivation" for t in threading.enumerate()), 5, "the thread has ended")
    assert len(derived) <= 5
