"""A capture is what the monitor was at that moment, whatever it is told afterwards."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gateway.chain import Head
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
