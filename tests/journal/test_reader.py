"""Readers in other processes and threads: they see only what is durable, and hold nothing."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

from gateway.journal import Journal, JournalReader
from gateway.journal.segment import is_closed, reading, segments
from tests.support.entries import packets

ROOT = Path(__file__).parents[2]

FOLLOW = """
import sys
from pathlib import Path
from gateway.journal import JournalReader
reader, after = JournalReader(Path(sys.argv[1])), 0
while after < int(sys.argv[2]):
    for position, entry in reader.read(after):
        assert position == after + 1, (position, after)
        assert entry.packet(0)[1] == b"%d0" % position, entry
        after = position
check = reader.check_chain()
print(after, check.ok, check.checked)
"""


def test_another_process_follows_while_the_writer_writes_and_rolls(tmp_path):
    folder = tmp_path / "journal"
    journal = Journal(folder, segment_bytes=3000)
    follower = subprocess.Popen(
        [sys.executable, "-c", FOLLOW, str(folder), "400"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    for position in range(1, 401):
        journal.append([packets(b"%d" % position)])
    out, _ = follower.communicate(timeout=300)
    assert out.split() == ["400", "True", "400"]
    journal.close()
    assert len(segments(folder)) > 5


def test_a_reader_between_two_pages_holds_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.journal.reader.PAGE_ROWS", 2)
    journal = Journal(tmp_path, segment_bytes=1000)
    for position in range(1, 5):
        journal.append([packets(b"%d" % position)])
    rows = JournalReader(tmp_path).read()
    assert next(rows)[0] == 1
    for position in range(5, 40):
        journal.append([packets(b"%d" % position)])
    found = segments(tmp_path)
    assert len(found) > 2
    assert all(is_closed(segment) for segment in found[:-1]), "the waiting reader was in nobody's way"
    assert [position for position, _ in rows] == list(range(2, 40))
    journal.close()


def test_a_segment_that_somebody_still_reads_is_closed_later(tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.journal.segment.BUSY_S", 0.01)
    journal = Journal(tmp_path, segment_bytes=300)
    journal.append([packets(b"x" * 400)])
    with reading(segments(tmp_path)[0].path) as connection:
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM entry").fetchone()
        journal.append([packets(b"y" * 400)])
        assert not is_closed(segments(tmp_path)[0])
        assert [p for p, _ in JournalReader(tmp_path).read()] == [1, 2]
    journal.append([packets(b"z" * 400)])
    assert [is_closed(segment) for segment in segments(tmp_path)] == [True, True, False]
    assert JournalReader(tmp_path).check_chain().checked == 3
    journal.close()


def test_the_work_of_closing_can_be_given_to_another_thread(tmp_path):
    threads: list[threading.Thread] = []

    def run(work):
        threads.append(threading.Thread(target=work))
        threads[-1].start()

    journal = Journal(tmp_path, segment_bytes=300, run=run)
    for _ in range(6):
        journal.append([packets(b"x" * 400)])
    for thread in threads:
        thread.join()
    assert [is_closed(segment) for segment in segments(tmp_path)] == [True] * 5 + [False]
    journal.close()


def test_a_journal_whose_writer_was_killed_can_be_read(tmp_path):
    folder = tmp_path / "journal"
    writer = subprocess.Popen(
        [sys.executable, "-m", "tests.journal._writer", str(folder), "9", "10", "100000", "-"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "RISKGATE_CRASH_AT": ""},
        text=True,
    )
    assert writer.stdout is not None
    while writer.stdout.readline().split() != ["ok", "5"]:
        pass
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    for shared in folder.glob("*-shm"):
        shared.unlink()
    reader = JournalReader(folder)
    assert reader.head().position >= 5
    assert reader.check_chain().ok
    with reading(segments(folder)[0].path) as connection:
        try:
            connection.execute("DELETE FROM entry")
            refused = False
        except sqlite3.OperationalError:
            refused = True
    assert refused, "a reader cannot write"
