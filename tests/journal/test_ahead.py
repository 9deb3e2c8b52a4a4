"""Zeros ahead in the live segment's log: they save the disk work and never touch an entry."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from gateway.errors import FlushFailed
from gateway.journal import Journal, ahead
from tests.support.entries import packets

CHUNK = 256 << 10


def log_of(journal_folder):
    (path,) = journal_folder.glob("*.db-wal")
    return path


def test_the_log_does_not_grow_with_every_commit(tmp_path):
    journal = Journal(tmp_path, ahead_bytes=CHUNK)
    journal.append([packets(b"%d" % 1)])
    sizes = []
    for n in range(200):
        journal.append([packets(b"%d" % n)])
        sizes.append(log_of(tmp_path).stat().st_size)
    journal.close()
    assert len(set(sizes)) < 20, "it grows by chunks"
    assert sizes[-1] > CHUNK


def test_nothing_of_an_entry_is_overwritten(tmp_path):
    plain, filled = Journal(tmp_path / "a"), Journal(tmp_path / "b", ahead_bytes=CHUNK)
    for n in range(300):
        plain.append([packets(b"%d" % n)])
        filled.append([packets(b"%d" % n)])
    assert filled.head == plain.head
    filled.close()
    again = Journal(tmp_path / "b", ahead_bytes=CHUNK)
    assert again.head == plain.head
    assert list(again.read()) == list(plain.read())
    plain.close()
    again.close()


def test_the_same_when_the_zeros_come_late_or_out_of_turn(tmp_path):
    waiting: list[Callable[[], None]] = []
    journal = Journal(tmp_path, ahead_bytes=CHUNK, run=waiting.append)
    plain = Journal(tmp_path / "plain")
    for n in range(400):
        journal.append([packets(b"%d" % n)])
        plain.append([packets(b"%d" % n)])
        if n % 37 == 36:
            while waiting:
                waiting.pop()()
    head = journal.head
    journal.close()
    with_zeros = Journal(tmp_path, witness=head)
    assert list(with_zeros.read()) == list(plain.read())
    with_zeros.close()
    plain.close()


def test_a_closed_segment_keeps_no_zeros(tmp_path):
    journal = Journal(tmp_path, segment_bytes=20_000, ahead_bytes=CHUNK)
    while len(list(tmp_path.glob("*.db"))) < 3:
        journal.append([packets(b"%d" % 1)])
    assert len(list(tmp_path.glob("*-wal"))) == 1
    closed = sorted(tmp_path.glob("*.db"))[0]
    assert closed.stat().st_size < 60_000
    journal.close()


@pytest.mark.parametrize(("number", "goes_on"), [(28, True), (5, False)])
def test_a_full_disk_is_left_to_sqlite_and_a_failed_flush_stops_the_journal(
    tmp_path, monkeypatch, number, goes_on
):
    def fail(descriptor):
        raise OSError(number, os.strerror(number))

    journal = Journal(tmp_path, ahead_bytes=CHUNK)
    monkeypatch.setattr(ahead.os, "fdatasync", fail)
    journal.append([packets(b"%d" % 1)])
    if goes_on:
        assert journal.append([packets(b"%d" % 2)]) == [2]
    else:
        with pytest.raises(FlushFailed, match="did not take a write or a flush"):
            journal.append([packets(b"%d" % 2)])
    journal.close()
