"""A compressed segment tells the same as before, whatever happens while it is made."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chain import GENESIS
from gateway.errors import JournalError, JournalFull
from gateway.journal import Compressor, Journal, JournalReader
from gateway.journal.compress import StoppedError, compress
from gateway.journal.packed import PACKED
from gateway.journal.segment import create, open_writer, read_meta, reading, segments
from tests.support.entries import packets
from tests.support.wait import until

ROOT = Path(__file__).parents[2]


def written(folder, count=40, size=500, segment_bytes=9000):
    journal = Journal(folder, segment_bytes=segment_bytes)
    for i in range(count):
        journal.append([packets(b"%0*d" % (size, i))])
    journal.close()
    return journal.head


def compress_closed(folder):
    return [compress(segment) for segment in segments(folder)]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "journal"
    written(folder)
    return folder


@pytest.fixture(scope="module")
def packed(plain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "journal"
    shutil.copytree(plain, folder)
    assert compress_closed(folder) == [True] * (len(segments(folder)) - 1) + [False]
    return folder


def test_every_reader_is_told_the_same(plain, packed):
    before, after = JournalReader(plain), JournalReader(packed)
    rows = list(before.read_raw())
    assert list(after.read_raw()) == rows
    for position in range(41):
        assert list(after.read_raw(position, position + 3)) == rows[position : position + 3]
        assert after.digest_at(position + 1) == before.digest_at(position + 1)
    assert list(after.read(7)) == list(before.read(7))
    assert after.check_chain() == before.check_chain()
    assert after.head() == before.head()
    assert [s.first for s in segments(packed)] == [s.first for s in segments(plain)]


def test_a_row_is_found_among_several_pages(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.journal.compress.PACK_BYTES", 1200)
    written(tmp_path, 30, 500, 6000)
    rows = list(JournalReader(tmp_path).read_raw())
    assert any(compress_closed(tmp_path))
    with reading(segments(tmp_path)[0].path) as connection:
        (pages,) = connection.execute("SELECT count(*) FROM page").fetchone()
    assert pages > 2
    for position in range(31):
        assert list(JournalReader(tmp_path).read_raw(position, position + 2)) == rows[position : position + 2]


def test_the_file_is_smaller_read_only_and_alone(plain, packed):
    for before, after in list(zip(segments(plain), segments(packed), strict=True))[:-1]:
        assert after.path.stat().st_size < before.path.stat().st_size
        assert stat.S_IMODE(after.path.stat().st_mode) == 0o400
        assert read_meta(after).format == PACKED
    assert {p.suffix for p in packed.iterdir()} <= {".db", ".lock", ".db-wal", ".db-shm"}


def test_the_writer_goes_on_after_compressed_segments_and_offers_the_same_anchors(plain, packed, tmp_path):
    for name, folder in (("a", plain), ("b", packed)):
        shutil.copytree(folder, tmp_path / name)
    journals = [Journal(tmp_path / name, witness=JournalReader(plain).head()) for name in ("a", "b")]
    assert journals[0].closed_segments == journals[1].closed_segments
    for journal in journals:
        assert journal.digest_at(3) == JournalReader(plain).digest_at(3)
        journal.append([packets(b"next")])
        journal.close()
    assert JournalReader(tmp_path / "a").head() == JournalReader(tmp_path / "b").head()


def test_a_segment_whose_successor_is_all_that_follows_is_linked(tmp_path):
    """The start compares the end of the segment before the live one with what the live one continues."""
    head = written(tmp_path, 12, 500, 1000)
    compress_closed(tmp_path)
    journal = Journal(tmp_path, witness=head)
    assert journal.head == head
    journal.close()


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_named_or_changes_nothing(packed, tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("flipped") / "journal"
    shutil.copytree(packed, folder)
    path = data.draw(st.sampled_from([s.path for s in segments(folder)[:-1]]))
    body = bytearray(path.read_bytes())
    offset = data.draw(st.integers(0, len(body) - 1))
    body[offset] ^= data.draw(st.integers(1, 255))
    path.chmod(0o600)
    path.write_bytes(body)
    check = JournalReader(folder).check_chain()
    if check.ok:
        assert list(JournalReader(folder).read_raw()) == list(JournalReader(packed).read_raw())
    else:
        assert str(check.bad) in check.reason or path.name in check.reason
        assert check.checked == check.bad - 1


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE entry SET body = zeroblob(5) WHERE position = 3",
        "UPDATE entry SET body = 'text' WHERE position = 4",
        "UPDATE entry SET body = 7 WHERE position = 4",
        "UPDATE entry SET digest = zeroblob(32) WHERE position = 2",
        "DELETE FROM entry WHERE position = 4",
        "UPDATE segment SET previous = zeroblob(32) || x'01'",
    ],
)
def test_a_damaged_segment_is_left_as_it_is(tmp_path, change):
    written(tmp_path, 40)
    segment = segments(tmp_path)[0]
    segment.path.chmod(0o600)
    connection = sqlite3.connect(segment.path)
    connection.execute(change)
    connection.commit()
    connection.close()
    segment.path.chmod(0o400)
    before = segment.path.read_bytes()
    said: list[str] = []
    with pytest.raises(JournalError):
        compress(segment)
    compressor = Compressor(tmp_path, said.append)
    compressor.start()
    until(lambda: all(read_meta(s).format == PACKED for s in segments(tmp_path)[1:-1]), 20, "the others")
    compressor.close()
    assert len(said) == 1
    assert segment.path.read_bytes() == before
    assert not list(tmp_path.glob("*.pack*"))


def test_what_is_not_closed_to_the_end_is_left_alone(tmp_path):
    segment = create(tmp_path, GENESIS)
    connection = open_writer(segment, "FULL")
    connection.execute("INSERT INTO entry VALUES (1, x'00', x'00')")
    assert not compress(segment)
    segment.path.chmod(0o400)
    assert not compress(segment), "its log is still there"
    connection.close()


def test_no_room_for_the_second_file_is_told_and_tried_again(tmp_path, monkeypatch):
    written(tmp_path)
    usage = shutil.disk_usage(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(shutil, "disk_usage", lambda _path: usage._replace(free=1000))
        with pytest.raises(JournalFull, match="too little room"):
            compress(segments(tmp_path)[0])
    assert compress(segments(tmp_path)[0])


def test_it_can_be_broken_off(tmp_path):
    written(tmp_path)
    before = [s.path.read_bytes() for s in segments(tmp_path)]
    for after in range(3):
        left = [False] * after + [True] * 9
        with pytest.raises(StoppedError):
            compress(segments(tmp_path)[0], lambda left=left: left.pop(0))  # type: ignore[misc]
    assert [s.path.read_bytes() for s in segments(tmp_path)] == before
    assert not list(tmp_path.glob("*.pack*"))


def test_the_thread_takes_each_new_closed_segment_while_others_write_and_read(tmp_path):
    said: list[str] = []
    journal = Journal(tmp_path, segment_bytes=3000)
    compressor = Compressor(tmp_path, said.append)
    compressor.start()
    seen: list[int] = []
    done = threading.Event()

    def follow():
        after = 0
        while not (done.is_set() and after >= 200):
            for position, _ in JournalReader(tmp_path).read(after):
                seen.append(position)
                after = position

    reader = threading.Thread(target=follow)
    reader.start()
    for i in range(200):
        journal.append([packets(b"%0300d" % i)])
        compressor.wake()
    done.set()
    reader.join()
    left = segments(tmp_path)[:-1]

    def compressed() -> bool:
        # a segment that the reader kept from being closed is closed when the next one is full
        journal.append([packets(b"%0300d" % 0)])
        compressor.wake()
        return all(read_meta(s).format == PACKED for s in left)

    until(compressed, 20, "all compressed")
    compressor.close()
    journal.close()
    assert (seen, said) == (list(range(1, 201)), [])
    whole = JournalReader(tmp_path)
    assert whole.check_chain().checked == whole.head().position


CHILD = """
import sys
from pathlib import Path
from gateway.journal.compress import compress
from gateway.journal.segment import segments
for segment in segments(Path(sys.argv[1])):
    print(segment.first, flush=True)
    compress(segment)
"""


@pytest.mark.parametrize("place", ["before-segment-compressed", "after-segment-compressed"])
def test_a_death_around_the_renaming_leaves_the_one_or_the_other(plain, tmp_path, place):
    folder = tmp_path / "journal"
    shutil.copytree(plain, folder)
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(folder)],
        cwd=ROOT,
        env={**os.environ, "RISKGATE_CRASH_AT": f"{place}:2"},
        check=False,
        stdout=subprocess.DEVNULL,
    )
    assert done.returncode == -signal.SIGKILL
    packed = [read_meta(s).format == PACKED for s in segments(folder)]
    assert packed[:3] == [True, place.startswith("after"), False]
    assert list(JournalReader(folder).read_raw()) == list(JournalReader(plain).read_raw())
    Journal(folder).close()
    assert not list(folder.glob("*.pack*"))
    compress_closed(folder)
    assert JournalReader(folder).check_chain() == JournalReader(plain).check_chain()


def test_kills_at_any_moment_lose_nothing(plain, tmp_path):
    folder = tmp_path / "journal"
    shutil.copytree(plain, folder)
    rows = list(JournalReader(plain).read_raw())
    for turn in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert child.stdout is not None
        for _ in range(turn + 1):
            child.stdout.readline()
        child.kill()
        child.communicate()
        assert list(JournalReader(folder).read_raw()) == rows
        Journal(folder).close()
        assert not list(folder.glob("*.pack*"))
