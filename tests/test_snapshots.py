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

from gateway.chain import Head
from gateway.durable import file_failure
from gateway.errors import FlushFailed, JournalFull
from gateway.snapshots import SnapshotStore

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


def test_pruning_keeps_the_newest_and_never_removes_the_last_usable_one(tmp_path):
    store = SnapshotStore(tmp_path)
    paths = [store.save(Head(position, DIGEST), 1, b"x" * 100) for position in range(1, 7)]
    (tmp_path / "0000000000000007.new").write_bytes(b"half")
    assert store.keep(4) == [paths[1], paths[0]]
    for path in paths[3:]:
        path.write_bytes(b"damaged")
    assert store.keep(2) == [paths[3]]
    assert sorted(tmp_path.iterdir()) == [paths[2], paths[4], paths[5]]
    found = store.newest()
    assert found is not None
    assert (found.path, store.damaged) == (paths[2], [paths[5], paths[4]])


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
