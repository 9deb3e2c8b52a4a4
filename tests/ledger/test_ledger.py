"""The ledger holds every event once, in order, and what follows from them."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from gateway.alarms.events import NORMAL, AlarmEvent, encode
from gateway.chain import GENESIS, Head, link
from gateway.errors import BehaviourDiffers, FlushFailed, JournalError, JournalFull
from gateway.ledger import Ledger, LedgerReader
from tests.support.entries import alarm_event, command_event, note_event, outcomes
from tests.support.need import need

ROOT = Path(__file__).parents[2]


def head(position: int) -> Head:
    return Head(position, position.to_bytes(32, "big"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.db"


@settings(max_examples=30, deadline=None)
@given(outcomes())
def test_what_is_recorded_is_read_and_follows_the_chain(told):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "ledger.db"
        ledger = Ledger(path)
        middle = len(told) // 2
        ledger.record(told[:middle], head(1))
        ledger.close()
        ledger = Ledger(path)
        ledger.record(told[middle:], head(told[-1][0]))
        reader = LedgerReader(path)
        events = [event for _, group in told for event in group]
        assert reader.events_after(0, 1000) == list(enumerate(events, 1))
        assert reader.events_after(2, 1) == list(enumerate(events, 1))[2:3]
        digest = bytes(32)
        for seq, event in enumerate(events, 1):
            digest = link(digest, seq, encode(event))
        assert reader.chain_digest() == Head(len(events), digest)
        assert reader.check_chain().ok
        assert reader.check_chain().checked == ledger.last_seq == reader.event_count() == len(events)
        assert (ledger.applied, ledger.witness()) == (told[-1][0], head(told[-1][0]))
        newest = {e.alarm: e for e in events if isinstance(e, AlarmEvent)}
        assert {e.alarm: e for _, e in reader.open_alarms()} == {
            alarm: e for alarm, e in newest.items() if e.state != NORMAL
        }
        assert list(ledger.events_at_or_after(told[middle][0])) == [
            (seq, position, event)
            for seq, (position, event) in enumerate(((p, e) for p, group in told for e in group), 1)
            if position >= told[middle][0]
        ]
        ledger.close()


def test_a_replay_compares_and_writes_nothing(path):
    told = [(p, [alarm_event(p, 0, "a"), note_event(p, 1)]) for p in (2, 5, 9)]
    ledger = Ledger(path)
    ledger.record(told, head(9))
    ledger.close()
    ledger = Ledger(path)
    before = LedgerReader(path).chain_digest()
    ledger.expect_after(1)
    for position, events in told:
        ledger.record([(position, events)], head(11))
    assert LedgerReader(path).chain_digest() == before
    assert ledger.witness() == head(9)
    ledger.record([*told[2:], (10, [note_event(10, 0)])], head(11))
    assert (ledger.last_seq, ledger.applied, ledger.witness()) == (7, 10, head(11))
    ledger.close()


@pytest.mark.parametrize(
    "other",
    [
        [alarm_event(5, 0, "a"), note_event(5, 1)],
        [alarm_event(5, 0, "a", priority=1)],
        [],
        [note_event(5, 0)],
    ],
)
def test_other_events_at_a_recorded_position_are_refused(path, other):
    ledger = Ledger(path)
    ledger.record([(5, [alarm_event(5, 0, "a")])], head(5))
    with pytest.raises(BehaviourDiffers, match=r"journal position 5, event [01]"):
        ledger.record([(5, other), (6, [note_event(6, 0)])], head(6))
    assert ledger.last_seq == LedgerReader(path).event_count() == 1
    ledger.close()


def test_events_at_a_position_that_had_none_are_refused(path):
    ledger = Ledger(path)
    ledger.record([(5, [note_event(5, 0)])], head(5))
    with pytest.raises(BehaviourDiffers, match="position 3, event 0: the ledger holds no event"):
        ledger.record([(3, [note_event(3, 0)])], head(6))
    ledger.close()


@pytest.mark.parametrize(
    ("offered", "missed"), [((5, 9), 2), ((2, 9), 5), ((2, 11), 5), ((2, 5, 11), 9), ((11,), 2)]
)
def test_a_replay_that_gives_nothing_where_something_is_recorded_is_refused(path, offered, missed):
    ledger = Ledger(path)
    ledger.record([(p, [note_event(p, 0)]) for p in (1, 2, 5, 9)], head(9))
    ledger.expect_after(1)
    replayed = [(position, [note_event(position, 0)]) for position in offered]
    with pytest.raises(BehaviourDiffers, match=f"position {missed}: .*gives nothing"):
        ledger.record(replayed, head(11))
    assert ledger.last_seq == 4
    ledger.close()


REST = "type, alarm, occurrence, priority, category, action, at_ns, body, digest FROM event WHERE seq = 1"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE event SET body = 'x' WHERE seq = 1",
        "DELETE FROM event WHERE seq = 1",
        "INSERT OR REPLACE INTO event SELECT * FROM event WHERE seq = 1",
        f"INSERT OR REPLACE INTO event SELECT 4, position, idx, 'new', {REST}",
        f"INSERT OR REPLACE INTO event SELECT 4, 99, 0, id, {REST}",
        f"INSERT INTO event SELECT 9, 99, 0, 'new', {REST}",
    ],
)
def test_events_cannot_be_changed_removed_or_replaced(path, change):
    ledger = Ledger(path)
    ledger.record([(p, [note_event(p, 0)]) for p in (1, 2, 3)], head(3))
    ledger.close()
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(change)
    connection.close()


@pytest.mark.parametrize(
    ("change", "bad"),
    [
        ("UPDATE event SET body = CAST(replace(body, 'limit', 'l1mit') AS BLOB) WHERE seq = 2", 2),
        ("UPDATE event SET digest = zeroblob(32) WHERE seq = 3", 3),
        ("DELETE FROM event WHERE seq = 4", 4),
        ("UPDATE event SET alarm = 'b' WHERE seq = 5", 5),
        ("UPDATE event SET priority = 4 WHERE seq = 1", 1),
        ("UPDATE event SET at_ns = 0 WHERE seq = 1", 1),
        ("UPDATE event SET position = 77 WHERE seq = 6", 6),
        ("UPDATE alarm_state SET state = 'acknowledged' WHERE alarm = 'a'", 6),
        ("DELETE FROM alarm_state", 6),
        ("INSERT INTO alarm_state SELECT 'z', 3, state, 1, category, '', '', '', body FROM alarm_state", 3),
    ],
)
def test_a_change_behind_the_triggers_is_named(path, change, bad):
    ledger = Ledger(path)
    ledger.record([(p, [alarm_event(p, 0, "a")]) for p in range(1, 7)], head(6))
    ledger.close()
    connection = sqlite3.connect(path)
    for name in ("event_no_update", "event_no_delete", "event_next"):
        connection.execute(f"DROP TRIGGER {name}")
    connection.execute(change)
    connection.commit()
    connection.close()
    check = LedgerReader(path).check_chain()
    assert (check.ok, check.bad) == (False, bad)
    assert str(bad) in check.reason


def test_a_damaged_end_is_refused_at_start(path):
    ledger = Ledger(path)
    ledger.record([(p, [note_event(p, 0)]) for p in (1, 2, 3)], head(3))
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER event_no_delete")
    connection.execute("DELETE FROM event WHERE seq = 2")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="event 3 does not continue"):
        Ledger(path)


def test_questions(path):
    ledger = Ledger(path)
    ledger.record(
        [
            (1, [alarm_event(1, 0, "low", priority=3), alarm_event(1, 1, "high", priority=1)]),
            (2, [alarm_event(2, 0, "south", site="south"), command_event(2, 1, "deadletter_resend")]),
            (3, [alarm_event(3, 0, "low", NORMAL, priority=3), alarm_event(3, 1, "mid")]),
            (4, [alarm_event(4, 0, "high", "acknowledged", priority=1), command_event(4, 1)]),
        ],
        head(4),
    )
    reader = LedgerReader(path)
    assert [(seq, e.alarm, e.state) for seq, e in reader.open_alarms()] == [
        (7, "high", "acknowledged"),
        (6, "mid", "unacknowledged"),
        (3, "south", "unacknowledged"),
    ]
    assert [e.alarm for _, e in reader.open_alarms(limit=1, offset=1)] == ["mid"]
    assert [e.alarm for _, e in reader.open_alarms(site="south", enterprise="acme")] == ["south"]
    assert [e.alarm for _, e in reader.open_alarms(priority=1, device="high")] == ["high"]
    assert reader.open_count() == 3
    assert [(seq, e.state) for seq, e in reader.history_of("low")] == [(1, "unacknowledged"), (5, "normal")]
    assert [seq for seq, _ in reader.history_of("high", limit=1)] == [7]
    assert [(seq, e.action) for seq, e in reader.commands("acknowledge")] == [(8, "acknowledge")]
    assert [seq for seq, _ in reader.commands("deadletter_resend")] == [4]
    assert (reader.last_seq(), reader.event_count(), reader.witness()) == (8, 8, head(4))
    ledger.close()


def test_an_empty_ledger_and_a_missing_one(path):
    with pytest.raises(JournalError, match="cannot be read"):
        LedgerReader(path).event_count()
    ledger = Ledger(path)
    assert (ledger.applied, ledger.last_seq, ledger.witness()) == (0, 0, None)
    ledger.record([], head(1))
    ledger.record([(1, [])], head(1))
    reader = LedgerReader(path)
    assert (reader.chain_digest(), reader.witness(), reader.open_alarms()) == (GENESIS, None, [])
    assert reader.check_chain().ok
    ledger.close()


def test_anchors_are_kept_once_and_a_changed_segment_is_named(path):
    ledger = Ledger(path)
    ledger.anchor([(1, 9, b"a" * 32), (10, 20, b"b" * 32)])
    ledger.anchor([(1, 9, b"a" * 32), (21, 30, b"c" * 32)])
    with pytest.raises(JournalError, match="begins at 10"):
        ledger.anchor([(10, 20, b"x" * 32)])
    assert [first for first, _, _ in LedgerReader(path).anchors()] == [1, 10, 21]
    ledger.close()


def test_a_second_writer_and_a_newer_format_are_refused(path):
    ledger = Ledger(path)
    with pytest.raises(JournalError, match="Only one core"):
        Ledger(path)
    ledger.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE ledger SET format = 2")
    connection.commit()
    connection.close()
    with pytest.raises(JournalError, match="ledger format 2"):
        Ledger(path)


def test_a_full_disk_writes_nothing_and_the_same_record_succeeds_later(path):
    ledger = Ledger(path)
    ledger.record([(1, [note_event(1, 0)])], head(1))
    pages = ledger._connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    ledger._connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    ledger._connection.commit()
    told = [(2, [alarm_event(2, i, f"a{i}", comment="x" * 2000) for i in range(20)])]
    with pytest.raises(JournalFull):
        ledger.record(told, head(2))
    assert (ledger.last_seq, LedgerReader(path).event_count(), ledger.witness()) == (1, 1, head(1))
    ledger._connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    ledger._connection.commit()
    ledger.record(told, head(2))
    assert ledger.last_seq == 21
    assert LedgerReader(path).check_chain().ok
    ledger.close()


FAILING = """
import sys
from pathlib import Path
from gateway.chain import Head
from gateway.errors import FlushFailed
from gateway.ledger import Ledger
from tests.support.entries import note_event
ledger = Ledger(Path(sys.argv[1]))
for p in range(1, 9):
    try:
        ledger.record([(p, [note_event(p, 0)])], Head(p, bytes(32)))
        print("ok", flush=True)
    except FlushFailed:
        print("failed", flush=True)
"""


def test_after_a_failed_flush_nothing_more_is_recorded(path):
    trace = ["-f", "-o", str(path.parent / "trace"), "-P", f"{path}-wal", "-e", "trace=fdatasync"]
    fault = ["-e", "inject=fdatasync:error=EIO:when=6"]
    done = subprocess.run(
        [need("strace"), *trace, *fault, sys.executable, "-c", FAILING, str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    said = done.stdout.split()
    recorded = said.index("failed")
    assert set(said[recorded:]) == {"failed"}
    ledger = Ledger(path)
    assert ledger.last_seq in (recorded, recorded + 1)
    assert LedgerReader(path).check_chain().ok
    ledger.close()
    assert issubclass(FlushFailed, JournalError)


def test_a_reader_sees_whole_transactions_while_the_writer_writes(path):
    ledger = Ledger(path)
    reader = LedgerReader(path)
    seen = 0
    for p in range(1, 60):
        ledger.record([(p, [alarm_event(p, i, f"a{i}") for i in range(3)])], head(p))
        events = reader.events_after(seen, 100)
        assert len(events) == 3
        seen = events[-1][0]
        assert len(reader.open_alarms()) == 3
    assert Path(f"{path}-wal").stat().st_size < 1001 * 4200, "no reader keeps the log from being reused"
    ledger.close()
