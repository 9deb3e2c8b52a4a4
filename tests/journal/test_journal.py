"""The journal keeps what it said it kept, in order, chained, in segments."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chain import GENESIS, Head, link
from gateway.durable import has_wal_reset_fix
from gateway.errors import JournalBusy, JournalError, JournalTruncated
from gateway.journal import Journal, JournalReader
from gateway.journal.segment import create, open_writer, require_synchronous, segments
from gateway.monitor.entries import Stamp, Tick, encode
from tests.support.entries import STAMP, entries, packets

HOUR_NS = 3_600_000_000_000


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(entries, max_size=4), max_size=12), st.integers(200, 5000))
def test_everything_comes_back_in_order_across_segments_and_restarts(groups, segment_bytes):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "journal"
        journal = Journal(folder, segment_bytes=segment_bytes, segment_age_ns=2**62)
        written = []
        for number, group in enumerate(groups):
            positions = journal.append(group)
            assert positions == list(range(len(written) + 1, len(written) + 1 + len(group)))
            written += group
            if number % 5 == 4:
                head = journal.head
                journal.close()
                journal = Journal(folder, segment_bytes=segment_bytes, witness=head)
                assert journal.head == head
        reader = JournalReader(folder)
        assert list(reader.read()) == list(enumerate(written, 1))
        assert reader.head() == journal.head
        for after in range(len(written) + 1):
            assert [p for p, _ in reader.read(after, after + 3)] == [
                p for p in range(after + 1, after + 4) if p <= len(written)
            ]
        check = reader.check_chain()
        assert (check.ok, check.checked, check.head) == (True, len(written), journal.head)
        journal.close()


def test_the_digest_is_the_documented_one(tmp_path):
    journal = Journal(tmp_path)
    journal.append([Tick(STAMP), packets(b"x")])
    journal.close()
    rows = list(JournalReader(tmp_path).read_raw())
    first = link(bytes(32), 1, encode(Tick(STAMP)))
    assert rows == [
        (1, encode(Tick(STAMP)), first),
        (2, encode(packets(b"x")), link(first, 2, encode(packets(b"x")))),
    ]


def test_an_empty_journal_has_the_genesis_head_and_no_rows(tmp_path):
    assert JournalReader(tmp_path / "none").head() == GENESIS
    assert list(JournalReader(tmp_path / "none").read()) == []
    journal = Journal(tmp_path / "some")
    assert journal.append([]) == []
    assert journal.head == GENESIS == JournalReader(tmp_path / "some").head()
    assert JournalReader(tmp_path / "some").check_chain().ok
    journal.close()


def test_a_full_segment_is_closed_and_a_new_one_continues_it(tmp_path):
    journal = Journal(tmp_path, segment_bytes=1000)
    for i in range(12):
        journal.append([packets(b"%0300d" % i)])
    journal.close()
    found = segments(tmp_path)
    assert [s.first for s in found] == [1, 4, 7, 10]
    for segment in found[:-1]:
        assert stat.S_IMODE(segment.path.stat().st_mode) == 0o400
        assert not list(tmp_path.glob(f"{segment.path.name}-*")), "a closed segment is one ordinary file"
    digests = {p: digest for p, _, digest in JournalReader(tmp_path).read_raw()}
    closed = [(1, 3, digests[3]), (4, 6, digests[6]), (7, 9, digests[9])]
    assert journal.closed_segments == closed
    again = Journal(tmp_path)
    assert again.closed_segments == closed, "what is closed is offered for anchoring at every start"
    again.close()


def test_a_segment_is_closed_by_the_age_of_its_entries(tmp_path):
    journal = Journal(tmp_path, segment_age_ns=HOUR_NS)
    for minute in (0, 30, 59, 60, 90, 30, 121):
        journal.append([Tick(Stamp(minute * HOUR_NS // 60, 0, "b"))])
        journal.close()
        journal = Journal(tmp_path, segment_age_ns=HOUR_NS)
    journal.close()
    assert [s.first for s in segments(tmp_path)] == [1, 4, 7]


def test_the_live_segment_is_never_checkpointed(tmp_path):
    journal = Journal(tmp_path)
    (segment,) = segments(tmp_path)
    before = segment.path.read_bytes()
    for _ in range(600):  # SQLite by itself would checkpoint after 1000 pages
        journal.append([packets(b"x" * 9000)])
    assert Path(f"{segment.path}-wal").stat().st_size > 600 * 9000
    assert segment.path.read_bytes()[100:] == before[100:]
    journal.close()


def test_a_second_writer_is_refused_and_told_why(tmp_path):
    journal = Journal(tmp_path)
    with pytest.raises(JournalError, match="Only one core may run"):
        Journal(tmp_path)
    journal.close()
    Journal(tmp_path).close()


def test_a_stranger_that_locks_the_file_means_busy_and_nothing_written(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.journal.segment.BUSY_S", 0.05)
    journal = Journal(tmp_path)
    journal.append([Tick(STAMP)])
    stranger = sqlite3.connect(segments(tmp_path)[0].path, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalBusy, match="another program"):
        journal.append([Tick(STAMP)])
    stranger.execute("ROLLBACK")
    stranger.close()
    assert journal.append([Tick(STAMP)]) == [2]
    journal.close()
    assert JournalReader(tmp_path).check_chain().checked == 2


def test_less_than_full_synchronous_is_refused(tmp_path):
    segment = create(tmp_path, GENESIS)
    connection = open_writer(segment, "NORMAL")
    with pytest.raises(JournalError, match="synchronous=1, not FULL"):
        require_synchronous(connection, "FULL", segment.path)
    connection.execute("PRAGMA journal_mode=DELETE")
    with pytest.raises(JournalError, match="instead of WAL"):
        require_synchronous(connection, "NORMAL", segment.path)
    connection.close()
    journal = Journal(tmp_path, synchronous="NORMAL")
    assert any("NORMAL" in warning for warning in journal.warnings)
    journal.close()


@pytest.mark.parametrize(
    ("version", "fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
    ],
)
def test_sqlite_versions_with_the_wal_reset_race_are_known(version, fixed):
    assert has_wal_reset_fix(version) is fixed


def test_a_journal_that_ends_before_its_witness_is_refused(tmp_path):
    journal = Journal(tmp_path / "a", segment_bytes=200)
    heads = [GENESIS]
    for i in range(6):
        journal.append([packets(b"%0200d" % i)])
        heads.append(journal.head)
    journal.close()
    for head in heads:
        Journal(tmp_path / "a", witness=head).close()
    with pytest.raises(JournalTruncated, match="was rewritten"):
        Journal(tmp_path / "a", witness=Head(3, heads[4].digest))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    segments(tmp_path / "b")[-1].path.unlink()
    with pytest.raises(JournalTruncated, match="1 entries are missing"):
        Journal(tmp_path / "b", witness=heads[6])
    with pytest.raises(JournalTruncated, match="5 was durable: 5 entries"):
        Journal(tmp_path / "c", witness=heads[5])
    Journal(tmp_path / "a", witness=heads[6]).close()


def test_one_flipped_bit_in_the_log_loses_its_end_and_the_witness_tells(tmp_path):
    journal = Journal(tmp_path / "a")
    for i in range(40):
        journal.append([packets(b"%0200d" % i)])
    shutil.copytree(tmp_path / "a", tmp_path / "b")  # as after a kill: the log is not merged
    head = journal.head
    journal.close()
    log = next((tmp_path / "b").glob("*-wal"))
    body = bytearray(log.read_bytes())
    body[len(body) // 4] ^= 1
    log.write_bytes(body)
    next((tmp_path / "b").glob("*-shm")).unlink()
    assert JournalReader(tmp_path / "b").head().position < 40, "SQLite says nothing of it"
    with pytest.raises(JournalTruncated, match="are missing"):
        Journal(tmp_path / "b", witness=head)


def test_a_missing_segment_in_the_middle_is_named(tmp_path):
    journal = Journal(tmp_path, segment_bytes=200)
    for i in range(6):
        journal.append([packets(b"%0200d" % i)])
    journal.close()
    segments(tmp_path)[2].path.unlink()
    with pytest.raises(JournalError, match="3"):
        list(JournalReader(tmp_path).read())
    check = JournalReader(tmp_path).check_chain()
    assert (check.ok, check.bad, check.checked) == (False, 3, 2)
    segments(tmp_path)[-2].path.unlink()
    with pytest.raises(JournalError, match="does not continue"):
        Journal(tmp_path)


def test_a_pruned_journal_reads_from_its_beginning_and_refuses_to_skip(tmp_path):
    journal = Journal(tmp_path, segment_bytes=200)
    for i in range(6):
        journal.append([packets(b"%0200d" % i)])
    head = journal.head
    journal.close()
    for segment in segments(tmp_path)[:3]:
        segment.path.unlink()
    reader = JournalReader(tmp_path)
    assert [p for p, _ in reader.read()] == [4, 5, 6]
    assert [p for p, _ in reader.read(3)] == [4, 5, 6]
    assert reader.check_chain().checked == 3
    with pytest.raises(JournalError, match="begins at 4"):
        list(reader.read(2))
    with pytest.raises(JournalError, match="no entry at position 9"):
        reader.entry(9)
    Journal(tmp_path, witness=head).close()


def test_a_renamed_segment_or_another_format_is_refused(tmp_path):
    Journal(tmp_path).close()
    path = segments(tmp_path)[0].path
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE segment SET format = 3")
    connection.close()
    with pytest.raises(JournalError, match="journal format 3"):
        Journal(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE segment SET format = 1")
    connection.close()
    path.rename(tmp_path / f"{5:016}.db")
    with pytest.raises(JournalError, match="says it begins at 1"):
        Journal(tmp_path)
