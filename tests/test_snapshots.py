"""A snapshot is used only if every byte is what was written."""

from __future__ import annotations

import errno
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import snapshots
from gateway.chain import Head
from gateway.durable import file_failure
from gateway.errors import FlushFailed, JournalFull
from gateway.snapshots import SnapshotStore, thinned

ROOT = Path(__file__).parents[1]
DIGEST = bytes(range(32))


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=3000), st.integers(0, 10**15), st.integers(0, 99), st.binary(min_size=32, max_size=32)
)
def test_a_snapshot_comes_back(body, position, behaviour, digest):
    with tempfile.TemporaryDirectory() as name:
        store = SnapshotStore(Path(name) / "snapshots")
        path = store.save(Head(position, digest), behaviour, body)
        found = store.newest()
        assert found is not None
        assert (found.head, found.behaviour, found.body) == (Head(position, digest), behaviour, body)
        assert found.path == path
        assert [p.name for p in path.parent.iterdir()] == [f"{position:016}.snapshot"]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_any_flipped_byte_or_cut_makes_it_unused_and_the_older_one_is_taken(data):
    with tempfile.TemporaryDirectory() as name:
        store = SnapshotStore(Path(name))
        store.save(Head(1, DIGEST), 1, b"old" * 50)
        path = store.save(Head(2, DIGEST), 1, b"new" * 50)
        body = bytearray(path.read_bytes())
        offset = data.draw(st.integers(0, len(body) - 1))
        if data.draw(st.booleans()):
            body[offset] ^= data.draw(st.integers(1, 255))
        else:
            del body[offset:]
        path.write_bytes(body)
        found = store.newest()
        assert found is not None
        assert (found.position, store.damaged) == (1, [path])
        assert [snapshots._whole(p) for p in (path, found.path)] == [False, True]


def test_the_newest_at_or_before_a_position_and_of_a_behaviour(tmp_path):
    store = SnapshotStore(tmp_path)
    assert store.newest() is None
    for position, behaviour in ((5, 1), (9, 1), (12, 2)):
        store.save(Head(position, DIGEST), behaviour, b"%d" % position)

    def position_of(**wanted):
        found = store.newest(**wanted)
        return found.position if found else None

    assert position_of() == 12
    assert position_of(behaviour=1) == 9
    assert position_of(at_or_before=11) == 9
    assert position_of(at_or_before=8, behaviour=1) == 5
    assert position_of(at_or_before=4) is None
    assert position_of(behaviour=3) is None


def positions_of(store):
    return [int(path.stem) for path in store._paths()]


def test_pruning_keeps_the_newest_and_never_removes_the_last_usable_one(tmp_path):
    store = SnapshotStore(tmp_path)
    paths = [store.save(Head(position, DIGEST), 1, b"x" * 100) for position in range(1, 21)]
    (tmp_path / "0000000000000021.new").write_bytes(b"half")
    store.keep(4)
    assert positions_of(store) == [20, 19, 18, 17, 16, 12, 4, 1]
    assert not list(tmp_path.glob("*.new"))
    assert store.keep(4) == []
    for path in paths:
        if int(path.stem) >= 16:
            path.write_bytes(b"damaged")
    store.keep(2)
    assert {20, 19, 12, 4, 1} <= set(positions_of(store))
    found = store.newest()
    assert found is not None
    assert (found.path, found.position) == (paths[11], 12)


def test_a_snapshot_of_another_behaviour_replaces_none(tmp_path):
    store = SnapshotStore(tmp_path)
    for position in range(1, 41):
        store.save(Head(position, DIGEST), 1 if position % 2 else 2, b"")
        store.keep(1)
    for behaviour in (1, 2):
        for wanted in range(3, 40):
            found = store.newest(wanted, behaviour)
            assert found is not None
            assert wanted - found.position <= max(2, 40 - wanted)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=1, max_size=300), st.integers(1, 5))
def test_the_way_to_any_position_is_not_longer_than_from_it_to_the_head(gaps, count):
    made, kept = [], []
    for gap in gaps:
        head = made[0] + gap if made else gap
        made.insert(0, head)
        kept.insert(0, head)
        stay = thinned(kept, head)
        kept = [p for place, p in enumerate(kept) if place < count or p in stay]
    ends = [*kept[1:], made[-1]]
    assert kept[:count] == made[:count]
    assert kept[-1] == made[-1], "the oldest stays"
    for newer, older in zip(kept, ends, strict=True):
        at_most = next((p for p in made if p < newer), newer)
        # The worst place between two kept snapshots is just before the newer one.
        assert older in (newer, at_most) or newer - older <= head - newer


def test_a_year_of_minutes_is_a_few_dozen_files():
    kept = []
    for minute in range(1, 366 * 24 * 60):
        head = minute * 700
        kept.insert(0, head)
        if minute % 50 == 0:  # the rule does not mind how often it is asked
            stay = thinned(kept, head)
            kept = [p for place, p in enumerate(kept) if place < 3 or p in stay]
    assert len(kept) < 60 + 50


SAVE = """
import sys
from pathlib import Path
from gateway.chain import Head
from gateway.snapshots import SnapshotStore
SnapshotStore(Path(sys.argv[1])).save(Head(int(sys.argv[2]), bytes(32)), 1, b"body")
"""


@pytest.mark.parametrize(("place", "position"), [("before-snapshot", 1), ("after-snapshot", 2)])
def test_a_death_around_a_snapshot_leaves_the_old_or_the_new(tmp_path, place, position):
    store = SnapshotStore(tmp_path)
    store.save(Head(1, DIGEST), 1, b"body")
    done = subprocess.run(
        [sys.executable, "-c", SAVE, str(tmp_path), "2"],
        cwd=ROOT,
        env={**os.environ, "RISKGATE_CRASH_AT": place},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL
    found = store.newest()
    assert found is not None
    assert (found.position, store.damaged) == (position, [])


def test_a_write_that_fails_leaves_nothing_behind(tmp_path):
    store = SnapshotStore(tmp_path)
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(FlushFailed):
            store.save(Head(1, DIGEST), 1, os.urandom(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_from_a_failed_one():
    assert isinstance(file_failure(OSError(errno.ENOSPC, "full"), Path("x")), JournalFull)
    assert isinstance(file_failure(OSError(errno.EDQUOT, "quota"), Path("x")), JournalFull)
    assert isinstance(file_failure(OSError(errno.EIO, "broken"), Path("x")), FlushFailed)
