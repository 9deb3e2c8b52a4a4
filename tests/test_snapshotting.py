"""A snapshot goes to its file while the monitor steps on: whole, as of its position, with little waiting."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from gateway import snapshotting
from gateway.chain import Head
from gateway.errors import JournalFull, SnapshotLeft
from gateway.monitor import stored
from gateway.snapshots import SnapshotStore
from gateway.snapshotting import Handing, Snapshotting
from tests.monitor.world import World, gas


class Writer:
    """Runs the writing on a thread and keeps what came of it."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.done: list[Future[None]] = []

    def __call__(self, work) -> None:
        self.done.append(self.thread.submit(work))


@pytest.fixture
def writer(monkeypatch):
    monkeypatch.setattr(stored, "RUN", 2000)
    monkeypatch.setattr(snapshotting, "ROOM", 6000)
    monkeypatch.setattr(snapshotting, "TURN", 4000)
    made = Writer()
    yield made
    made.thread.shutdown()


def world_of_readings() -> World:
    world = World([gas(i) for i in range(60)])
    for device in range(60):
        world.send(float(device), device=f"acme/plant/GD-{device}")
    return world


def head(position: int) -> Head:
    return Head(position, bytes(32))


def test_it_is_the_moment_it_was_begun_and_the_next_waits_for_its_end(tmp_path, writer):
    world, store = world_of_readings(), SnapshotStore(tmp_path)
    snapshots = Snapshotting(store, 3, 100, 0, writer)
    assert not snapshots.due(99)
    assert snapshots.due(100)
    expected = world.monitor.save()
    snapshots.begin(head(7), world.monitor, 100)
    snapshots.turn()
    assert not snapshots.due(10_000), "the first is not handed over yet"
    for device in range(60):
        world.send(77.0, device=f"acme/plant/GD-{device}")
        snapshots.turn()
    snapshots.finish()
    writer.done[0].result(60)
    found = store.newest()
    assert found is not None
    assert (found.position, found.body) == (7, expected)
    assert snapshots.due(200)
    snapshots.begin(head(7), world.monitor, 200)
    assert len(writer.done) == 1, "nothing happened since"


def test_without_a_thread_it_is_written_at_once(tmp_path):
    world, store = world_of_readings(), SnapshotStore(tmp_path)
    Snapshotting(store, 3, 100, 0).begin(head(7), world.monitor, 100)
    found = store.newest()
    assert found is not None
    assert found.body == world.monitor.save()


def test_a_writer_that_fails_stops_nobody(tmp_path, writer):
    class Full(SnapshotStore):
        def save(self, head, behaviour, body):
            for count, _ in enumerate(body):
                if count == 2:
                    raise JournalFull("disk full")

    world = world_of_readings()
    snapshots = Snapshotting(Full(tmp_path), 3, 100, 0, writer)
    snapshots.begin(head(7), world.monitor, 100)
    snapshots.finish()
    with pytest.raises(JournalFull):
        writer.done[0].result(60)
    assert snapshots.due(200)
    assert not world.monitor.inlet.image.open


def test_a_core_that_ends_by_a_failure_leaves_no_writer_waiting_and_no_half_file(tmp_path, writer):
    world, store = world_of_readings(), SnapshotStore(tmp_path)
    snapshots = Snapshotting(store, 3, 100, 0, writer)
    snapshots.begin(head(7), world.monitor, 100)
    snapshots.turn()
    snapshots.leave()
    with pytest.raises(SnapshotLeft):
        writer.done[0].result(60)
    assert list(tmp_path.iterdir()) == []
    snapshots.leave()
    assert snapshots.due(200)


def test_little_waits_for_a_slow_writer(monkeypatch):
    monkeypatch.setattr(snapshotting, "ROOM", 100)
    handing = Handing(300)
    while handing.room:
        handing.put(bytes(30))
    taken = iter(handing)
    assert [len(next(taken)) for _ in range(2)] == [30, 30]
    assert handing.room
    handing.end(whole=True)
    assert sum(len(piece) for piece in taken) == 60
