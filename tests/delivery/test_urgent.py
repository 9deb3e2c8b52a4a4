"""A priority 1 alarm behind any backlog: sent first, in its alarm's order, once, and never by a sender that
another message holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alarms.events import Event
from gateway.clock import Random
from gateway.delivery import message_lane, receipts, urgent
from gateway.delivery.message_lane import MessageLane
from gateway.delivery.order import AlarmOrder
from gateway.delivery.store import DeliveryStore, Message
from gateway.ledger import Ledger
from gateway.sinks import Batch, Delivered, Later, Refused
from tests.delivery.bench import Bench, alarms, ids, per_alarm
from tests.support.delivery import Answer, SaidMessages, backoff, drive
from tests.support.entries import alarm_event, command_event


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of five, so that a short ledger is a long backlog."""
    monkeypatch.setattr(urgent, "PAGE", 5)
    monkeypatch.setattr(message_lane, "BATCH_EVENTS", 5)


def fire(position: int, alarm: str = "fire", **fields: object) -> Event:
    return alarm_event(position, 0, alarm, **{"priority": 1, **fields})


def lane_of(bench: Bench, sink: SaidMessages, waiting_max: int = 1000) -> MessageLane:
    return MessageLane("out", sink, bench.store, bench.book.view, bench.clock, backoff(), waiting_max)


def test_it_passes_a_backlog_that_is_not_enrolled_yet(bench: Bench) -> None:
    bench.book.write([*alarms(1, 60), fire(61), *alarms(62, 40)])
    sink = SaidMessages()
    drive(bench.message_lanes(sink), bench.clock, 30)
    assert ids(sink.events())[0] == "1-61-0"
    assert sorted(ids(sink.events())) == sorted({f"1-{n}-0" for n in range(1, 102)})


def test_it_passes_a_line_that_is_full(bench: Bench) -> None:
    down = True
    sink = SaidMessages(lambda b: Later("down") if down and b.last != 61 else Delivered("ok"))  # type: ignore[union-attr]
    lane = lane_of(bench, sink, waiting_max=10)
    bench.book.write([*alarms(1, 60), fire(61)])
    drive([lane, *lane.workers], bench.clock, 2)
    assert ids(sink.events()) == ["1-61-0"]
    assert lane.status()["pending"] == 60
    bench.restart()
    lane = lane_of(bench, sink, waiting_max=10)
    assert lane.status()["pending"] == 60
    down = False
    drive([lane, *lane.workers], bench.clock, 90)
    assert ids(sink.events()).count("1-61-0") == 1
    assert len(sink.events()) == 61
    assert lane.status()["pending"] == 0


def test_only_what_waits_for_somebody_goes_ahead_and_its_alarm_keeps_its_order(bench: Bench) -> None:
    bench.book.write([
        fire(1, "fire", priority=2), *alarms(2, 20), fire(22, "fire", state="normal", cause="cleared"),
        fire(23, "gas", state="acknowledged", cause="acknowledged"), *alarms(24, 20), fire(44),
        *alarms(45, 20), fire(65, state="normal", cause="cleared"),
    ])  # fmt: skip
    sink = SaidMessages()
    drive(bench.message_lanes(sink), bench.clock, 30)
    assert ids(sink.events())[:3] == ["1-1-0", "1-22-0", "1-44-0"]
    assert per_alarm(sink.events())["fire"] == [1, 22, 44, 65]
    assert ids(sink.events()).index("1-23-0") > 3


def test_one_sender_is_kept_for_it(bench: Bench) -> None:
    bench.book.write(alarms(1, 4))
    sink = SaidMessages(workers=2)
    lane = lane_of(bench, sink)
    lane.step()
    hanging = [lane.take()[0] for _ in range(3)]
    assert [message is not None for message in hanging] == [True, True, True]
    bench.book.write([fire(5)])
    bench.clock.advance(10**9)
    lane.step()
    assert [worker.name for worker in lane.workers] == ["out/sender-0", "out/sender-1", "out/urgent"]
    lane.workers[-1].step()
    assert ids(sink.events()) == ["1-5-0"]
    bench.book.write(alarms(6, 4, names=9))
    bench.clock.advance(10**9)
    lane.step()
    assert lane.workers[-1].step() > 0, "it takes nothing else"


def test_an_urgent_message_pulls_its_alarm_forward() -> None:
    order = AlarmOrder()
    order.add(Message(1, "a1", "a", 3, 0))
    order.add(Message(2, "b2", "b", 2, 0))
    assert order.take(0, urgent=True) is None
    order.add(Message(3, "a3", "a", 1, 0, urgent=True))
    taken = []
    while (message := order.take(0, urgent=len(taken) < 2)) is not None:
        taken.append(message.event)
        order.done(message)
    assert taken == ["a1", "a3", "b2"]
    assert len(order) == 0


def test_other_filters_look_again_and_send_nothing_twice(bench: Bench) -> None:
    down = True
    sink = SaidMessages(lambda b: Later("down") if down and b.last < 60 else Delivered("ok"))  # type: ignore[union-attr]
    sink.takes = lambda event: event.alarm != "gas"  # type: ignore[attr-defined, method-assign]
    lane = lane_of(bench, sink, waiting_max=10)
    bench.book.write([*alarms(1, 59), fire(60), fire(61, "gas")])
    drive([lane, *lane.workers], bench.clock, 2)
    assert ids(sink.events()) == ["1-60-0"]
    bench.restart()
    other = SaidMessages(sink.says)
    other.filters = "gas too"
    lane = lane_of(bench, other, waiting_max=10)
    drive([lane, *lane.workers], bench.clock, 2)
    assert ids(other.events()) == ["1-61-0"]
    down = False
    drive([lane, *lane.workers], bench.clock, 90)
    assert sorted(ids([*sink.events(), *other.events()])) == sorted(f"1-{n}-0" for n in range(1, 62))


def test_a_refused_one_is_a_dead_letter_once_and_may_be_sent_again(bench: Bench) -> None:
    refuse = True
    sink = SaidMessages(lambda b: Refused("410") if refuse and b.last == 61 else Delivered("ok"))  # type: ignore[union-attr]
    bench.book.write([*alarms(1, 60), fire(61)])
    lanes = bench.message_lanes(sink)
    drive(lanes, bench.clock, 60)
    assert [letter.event for letter in bench.store.deadletters()] == ["1-61-0"]
    refuse = False
    resend = command_event(62, 0, "deadletter_resend")
    bench.book.write([type(resend)(**{**_fields(resend), "args": {"sink": "out", "all": True}})])
    drive(lanes, bench.clock, 10)
    assert ids(sink.events())[-1] == "1-61-0"
    assert bench.store.deadletters() == []


def _fields(event: object) -> dict[str, object]:
    return {name: getattr(event, name) for name in event.__struct_fields__}  # type: ignore[attr-defined]


def test_a_delivery_of_an_earlier_version_goes_on(bench: Bench) -> None:
    bench.book.write([*alarms(1, 8), fire(9), *alarms(10, 30), fire(40)])
    sink = SaidMessages(lambda _: Later("down"))
    lane = lane_of(bench, sink, waiting_max=20)
    for _ in range(3):
        lane.step()
    assert lane.status()["cursor"] == 10
    bench.store.close()
    file = bench.folder / "delivery.db"
    with sqlite3.connect(file) as db:
        db.execute("DROP TABLE ahead")
        db.execute("DELETE FROM cursor WHERE lane = 'ahead'")
        db.execute("DELETE FROM message WHERE seq = 40")
        db.execute("ALTER TABLE message DROP COLUMN urgent")
    db.close()
    bench.store = DeliveryStore(file, bench.clock.wall_ns)
    assert [m.seq for m in bench.store.waiting("out") if m.urgent] == [9]
    sink = SaidMessages()
    lane = lane_of(bench, sink, waiting_max=9)
    drive([lane, *lane.workers], bench.clock, 30)
    assert set(ids(sink.events())[:2]) == {"1-9-0", "1-40-0"}
    assert len(ids(sink.events())) == len(set(ids(sink.events()))) == 40


def test_a_ledger_of_an_earlier_version_gets_the_index(tmp_path: Path) -> None:
    file = tmp_path / "ledger.db"
    Ledger(file).close()
    with sqlite3.connect(file) as db:
        db.execute("DROP INDEX event_most_urgent")
    Ledger(file).close()
    question = (
        "EXPLAIN QUERY PLAN SELECT seq FROM event WHERE priority = 1 AND seq > ? ORDER BY priority, seq"
    )
    with sqlite3.connect(file) as db:
        assert "event_most_urgent" in str(db.execute(question, (5,)).fetchall())
    db.close()


@settings(max_examples=25, deadline=None)
@given(
    spec=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 3), st.booleans()), min_size=6, max_size=40),
    outcomes=st.lists(st.sampled_from(["ok", "later", "refused"]), max_size=30),
    restarts=st.sets(st.integers(1, 60), max_size=3),
    room=st.integers(1, 12),
)
def test_whatever_goes_ahead_every_alarm_keeps_its_order_and_nothing_comes_twice(
    tmp_path_factory: pytest.TempPathFactory,
    spec: list[tuple[int, int, bool]],
    outcomes: list[str],
    restarts: set[int],
    room: int,
) -> None:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    wrote = [
        alarm_event(n + 1, 0, f"a{a}", "unacknowledged" if waits else "normal", priority=p)
        for n, (a, p, waits) in enumerate(spec)
    ]
    bench.book.write(wrote)
    left = list(outcomes)

    def says(_: Batch) -> Answer:
        said = left.pop(0) if left else "ok"
        return {"ok": Delivered("ok"), "later": Later("x"), "refused": Refused("y")}[said]

    sink = SaidMessages(says, workers=2)
    lane, chance = lane_of(bench, sink, room), Random(len(spec))
    for turn in range(1, 3000):
        workers = [*lane.workers]
        chance.shuffle(workers)
        waits = [each.step() for each in (lane, *workers)]
        if min(waits) > 0:
            bench.clock.sleep(min(waits))
        if turn in restarts:
            bench.restart()
            lane = lane_of(bench, sink, room)
        if lane.status()["pending"] == 0:
            break
    sent = ids(sink.events())
    dead = [letter.event for letter in bench.store.deadletters()]
    assert sorted([*sent, *dead]) == sorted(ids(list(wrote)))
    for seqs in per_alarm(sink.events()).values():
        assert seqs == sorted(seqs)
    assert bench.store.check_chain().ok
    (account,) = receipts.accounts(bench.folder / "delivery.db")
    assert account.missing == set()
    assert account.passed_over == 0
    bench.close()
