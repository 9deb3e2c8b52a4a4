"""The memory of packets: what it gives for a snapshot depends on what it holds alone."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.monitor import identity
from gateway.monitor.identity import Remembered


def filled(keys: list[int]) -> Remembered:
    """A memory whose newer generation got these hashes in this order."""
    memory = Remembered()
    hashes = np.array(keys, np.uint64)
    identity._fill(hashes, np.full(len(keys), 1, np.uint32), memory._hashes[0], memory._numbers[0])
    memory._counts[0] = len(keys)
    return memory


@pytest.mark.parametrize("seed", range(12))
def test_the_order_in_which_packets_came_leaves_no_trace(seed: int) -> None:
    draw = np.random.default_rng(seed)
    count = int(draw.integers(0, 3000))
    # near each other, so that most want a place that is taken; also across the end of the table
    homes = draw.integers(-40, 40, count) + draw.choice([0, 77_000], count)
    keys = np.unique(
        (homes % identity._PLACES).astype(np.uint64)
        + draw.integers(0, 50, count).astype(np.uint64) * np.uint64(identity._PLACES)
    )
    one, other = filled(draw.permutation(keys).tolist()), filled(draw.permutation(keys).tolist())
    exported = one.export()
    assert exported == other.export()
    assert sorted(np.frombuffer(exported["generations"][0][0], np.uint64).tolist()) == keys.tolist()


def test_a_memory_comes_back_as_it_was() -> None:
    draw = np.random.default_rng(1)
    memory = filled(np.unique(draw.integers(0, 1 << 63, identity.REMEMBERED, dtype=np.uint64)).tolist())
    memory.epoch, memory.number, memory.key = ("boot", 3), 7, 12
    again = Remembered()
    again.load(memory.export())
    assert again.export() == memory.export()
    assert (again.epoch, again.number, again.key) == (("boot", 3), 7, 12)
