"""delivery.db: what it remembers over a restart, and that its chain notices any change."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from gateway.delivery.store import DeadLetter, DeliveryStore, Message


def open_store(folder: Path) -> DeliveryStore:
    return DeliveryStore(folder / "delivery.db", lambda: 7)


def message(seq: int, alarm: str = "a") -> Message:
    return Message(seq, f"1-{seq}-0", alarm, 2, 5)


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert store.cursor("hook", "events") == 0
    store.enrol("hook", 9, [message(1), message(4), message(6)])
    store.delivered("hook", message(4), "204")
    tried = message(6)
    tried.attempts, tried.error = 3, "503"
    store.failed("hook", tried)
    store.died("hook", message(1), "410")
    store.advance("influx", "readings", 1, 30, dead=[DeadLetter("readings", 30, "400", part="m v=1 5")])
    store.close()
    store = open_store(tmp_path)
    assert store.cursor("hook", "events") == 9
    assert store.cursor("influx", "readings") == 30
    assert store.waiting("hook") == [tried]
    assert [(d.event, d.reason, d.state) for d in store.deadletters("hook")] == [("1-1-0", "410", "dead")]
    assert [d.part for d in store.deadletters("influx")] == ["m v=1 5"]
    assert (store.dead_count("hook"), store.dead_count("influx"), store.dead_count("x")) == (1, 1, 0)
    check = store.check_chain()
    assert check.ok
    assert check.checked == 4, "enrolled, receipt, two dead letters"
    store.close()


def test_dead_letters_are_requeued_by_event_or_number_or_all(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for seq in (1, 2, 3):
        store.died("hook", message(seq), "410")
    number = store.deadletters("hook")[0].id
    assert [m.seq for m in store.requeue("hook", ["1-1-0", str(number)], 10, "1-9-0", messages=True)] == [
        1,
        3,
    ]
    assert [m.seq for m in store.waiting("hook")] == [1, 3]
    assert store.requeue("other", None, 0, "1-9-0", messages=True) == []
    assert [m.seq for m in store.requeue("hook", None, 11, "1-10-0", messages=True)] == [2]
    assert store.dead_count("hook") == 0
    store.delivered("hook", message(1), "204")
    store.died("hook", message(3), "410 again")
    assert [(d.seq, d.reason) for d in store.deadletters("hook")] == [(3, "410 again")]
    assert store.cursor("hook", "events") == 11
    assert store.check_chain().ok
    store.close()


def test_synchronous_is_full_and_the_journal_is_a_write_ahead_log(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store._engine.connect() as db:
        assert db.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert db.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    store.close()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE record SET body = replace(body, '204', '500') WHERE position = 2",
        "DELETE FROM record WHERE position = 2",
        "UPDATE record SET digest = zeroblob(32) WHERE position = 2",
    ],
)
def test_any_change_of_what_happened_is_named(tmp_path: Path, change: str) -> None:
    store = open_store(tmp_path)
    for seq in (1, 2, 3):
        store.delivered("hook", message(seq), "204")
    store.close()
    with sqlite3.connect(tmp_path / "delivery.db") as db:
        db.execute(change)
    db.close()
    store = open_store(tmp_path)
    check = store.check_chain()
    assert not check.ok
    assert check.bad == 2
    store.close()


def test_a_failed_transaction_leaves_the_chain_as_it_was(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.delivered("hook", message(1), "204")
    store.enrol("hook", 1, [message(5)])
    with pytest.raises(Exception, match="UNIQUE"):
        store.enrol("hook", 2, [message(5)])
    assert store.cursor("hook", "events") == 1
    with pytest.raises(TypeError):
        store.advance("hook", "events", 1, 5, receipt=object())  # type: ignore[arg-type]
    store.delivered("hook", message(2), "204")
    assert store.check_chain().checked == 3, "two receipts, one enrolment"
    store.close()
