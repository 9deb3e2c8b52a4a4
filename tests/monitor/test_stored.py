"""A capture is what the monitor was at that moment, whatever it is told afterwards."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.chain import Head
from gateway.monitor import stored
from gateway.monitor.monitor import Monitor
from gateway.monitor.stored import pieces, size_of
from gateway.snapshots import SnapshotStore
from tests.monitor.world import World, gas

plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=5) | st.binary(max_size=9000),
    lambda inner: st.dictionaries(st.text(max_size=5), inner, max_size=4) | st.lists(inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), plain, max_size=5))
def test_the_pieces_are_messagepack_of_the_same(value):
    parts = pieces(value)
    body = b"".join(parts)
    assert msgspec.msgpack.decode(body) == value
    assert size_of(parts) == len(body)


def test_arrays_of_any_shape_and_kind_become_their_bytes():
    record = np.zeros(700, np.dtype([("a", "<i8"), ("b", "<f8", (3,))]))
    record["b"][:, 1] = 2.5
    arrays = [record, np.arange(3, dtype=np.int32), np.zeros(0, np.float64), record["b"]]
    decoded = msgspec.msgpack.decode(b"".join(pieces({"last": arrays})))
    assert decoded == {"last": [array.tobytes() for array in arrays]}


def test_a_table_of_records_is_what_it_was_whatever_changes(monkeypatch):
    monkeypatch.setattr(stored, "RUN", 64)
    record_of = np.zeros(100, np.int32)  # every third slot has a record, the last slot the first of them
    record_of[::-3] = np.arange(1, 35)
    records = np.arange(35) * 11
    image = stored.Image({"of": record_of, "state": stored.Rows(records, record_of=record_of)})
    expected = {"of": record_of.tobytes(), "state": records.tobytes()}
    parts, draw = [], np.random.default_rng(2)
    while (piece := image.next()) is not None:
        parts.append(bytes(piece))
        changed = draw.integers(0, 100, 20)
        image.before(changed, np.zeros(0, np.int64))
        asking = record_of[changed]
        records[asking[asking > 0]] += 1000
    assert (records > 1000).any(), "something did change"
    assert len(parts) > 4
    assert msgspec.msgpack.decode(b"".join(parts)) == expected


def test_a_table_is_what_it_was_whatever_changes_before_its_turn(monkeypatch):
    monkeypatch.setattr(stored, "RUN", 64)
    slots, devices = np.arange(100), np.arange(30) * 7
    image = stored.Image(
        {"a": stored.Rows(slots), "b": [stored.Rows(devices, device=True)], "c": b"x" * 5000}
    )
    expected = {"a": np.arange(100).tobytes(), "b": [devices.tobytes()], "c": b"x" * 5000}
    size, parts, draw = image.size, [], np.random.default_rng(1)
    while (piece := image.next()) is not None:
        assert len(piece) <= 64
        parts.append(bytes(piece))
        changed, moved = draw.integers(0, 100, 9), draw.integers(0, 30, 3)
        if image.open:
            image.before(changed, moved)
        slots[changed] += 1000
        devices[moved] = -1
        if len(parts) == 20:
            image.before_all()
            slots[:], devices[:] = 5, 5
    assert msgspec.msgpack.decode(b"".join(parts)) == expected
    assert size == sum(map(len, parts))
    assert not image.open


def told(number: int) -> World:
    world = World([gas(i) for i in range(50)])
    for second in range(number):
        world.wait(1)
        for device in range(50):
            world.send(10.0 * second + device, device=f"acme/plant/GD-{device}")
    return world


def test_stepping_on_and_other_rules_do_not_change_a_capture(tmp_path):
    world, twin = told(3), told(3)
    parts = world.monitor.capture()
    world.configure([gas(i) for i in range(20, 90)])
    for device in range(20, 90):
        world.send(99.0, device=f"acme/plant/GD-{device}")
    assert b"".join(parts) == twin.monitor.save()
    store = SnapshotStore(tmp_path)
    store.save(Head(7, bytes(32)), 2, parts)
    assert parts == [], "what is written is given back at once"
    found = store.newest()
    assert found is not None
    assert found.body == twin.monitor.save() == Monitor.load(found.body).save()


def test_a_flood_that_is_not_told_yet_is_in_a_capture():
    """Else a core that dies meanwhile gives another ledger than the one that it left, and stays down."""
    world = World([gas(i) for i in range(20)])
    for device in range(20):
        world.send(99.0, device=f"acme/plant/GD-{device}")
    [news] = world.monitor.engine.flow.news
    assert Monitor.load(world.monitor.save()).engine.flow.news == [news]


def two_of_one(world: World, number: int) -> None:
    """The device counts in two runs by turns: two senders."""
    for turn in range(12):
        world.wait(0.25)
        run = turn % 2
        world.send(5.0, device=f"acme/plant/GD-{number}", boot=1 + run, seq=100 * run + turn)


def clock_off(world: World, number: int) -> None:
    """Six readings by a clock an hour behind, seconds apart: the device is re-based."""
    for turn in range(6):
        world.clock.advance(2_000_000_000)
        world.send(60.0 + turn, device=f"acme/plant/GD-{number}", age_s=3600.0)


def wall_set(world: World, number: int) -> None:
    """The gateway's own clock is set, by another amount each time."""
    world.clock.jump(10_000_000_000 * (number + 1))
    world.wait(0.25)


def fleet_changed(world: World, number: int) -> None:
    world.configure([gas(i) for i in range(number, number + 30)])


HAPPENINGS = {
    "reading": lambda world, n: world.send(30.0 + n, device=f"acme/plant/GD-{n}"),
    "alarm": lambda world, n: world.send(90.0, device=f"acme/plant/GD-{n}"),
    "odd time": lambda world, n: world.send(3.0, device=f"acme/plant/GD-{n}", at_ms=5000.0 + n),
    "again": lambda world, n: world.send(1.0, device=f"acme/plant/GD-{n}", seq=7, dup=True),
    "time": lambda world, n: world.wait(0.25 * n),
    "calm": lambda world, n: (world.clock.advance(7 * 3_600_000_000_000), world.wait(0.25)),
    "link": lambda world, n: (world.link(up=False), world.wait(n), world.link(up=True)),
    "two senders": two_of_one,
    "clock": clock_off,
    "wall": wall_set,
    "fleet": fleet_changed,
}


def check_moment(world: World, then) -> None:
    """What an image was before something happened is what it is after."""
    expected, image = world.monitor.save(), world.monitor.image()
    then()
    assert b"".join(bytes(part) for part in image.rest()) == expected


def test_a_device_whose_clock_is_believed_anew_changes_no_image_of_before():
    world = World([gas(1)])
    for channel in ("lel", "temperature"):
        world.send(20.0, channel=channel)
    slots = world.monitor.inlet.recents.slots
    for _ in range(6):
        world.clock.advance(2_000_000_000)
        check_moment(world, lambda: world.send(20.0, age_s=3600.0))
    assert [alarm.condition for alarm in world.alarms("clock_changed")]
    assert int(slots["count"][1]) == 0, "the other channel's readings are of the old clock"


def test_a_device_that_is_one_sender_again_changes_no_image_of_before():
    world = World([gas(1)])
    two_of_one(world, 1)
    assert [alarm.cause for alarm in world.alarms("duplicate_identity")] == ["raised"]
    world.clock.advance(7 * 3_600_000_000_000)
    check_moment(world, lambda: world.wait(0.25))
    assert [alarm.cause for alarm in world.alarms("duplicate_identity")] == ["raised", "cleared"]


happening = st.tuples(st.sampled_from(sorted(HAPPENINGS)), st.integers(0, 29))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(happening, max_size=12), st.lists(st.tuples(happening, st.integers(0, 9)), max_size=25))
def test_an_image_taken_over_piece_by_piece_is_the_moment_it_was_made(monkeypatch, before, after):
    monkeypatch.setattr(stored, "RUN", 900)
    world = World([gas(i) for i in range(30)])
    for name, number in before:
        HAPPENINGS[name](world, number)
    expected = world.monitor.save()
    image = world.monitor.image()
    parts = [image.next()]
    for (name, number), taken in after:
        HAPPENINGS[name](world, number)
        parts += [image.next() for _ in range(taken)]
    parts += image.rest()
    assert b"".join(bytes(part) for part in parts if part is not None) == expected
    assert Monitor.load(expected).save() == expected
