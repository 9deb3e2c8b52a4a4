"""Events on their way: in ledger order or one by one, through outages, refusals, restarts; on a virtual
clock, with a real ledger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event as happening

from gateway.alarms.events import Event
from gateway.clock import VirtualClock
from gateway.delivery.message_lane import Announcer, MessageLane
from gateway.sinks import Batch, Delivered, Later, Refused
from tests.delivery.bench import Bench, alarms, ids, one, per_alarm, receipts
from tests.support.delivery import Answer, SaidMessages, SaidSink, backoff, drive
from tests.support.entries import alarm_event


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def test_five_minutes_down_lose_nothing_and_keep_the_ledger_order(bench: Bench) -> None:
    up_ns = bench.clock.mono_ns() + 300_000_000_000
    sink = SaidSink(lambda _: Delivered("ok") if bench.clock.mono_ns() >= up_ns else Later("down"))
    lane = bench.ledger_lane(sink)
    wrote: list[Event] = []
    for n in range(60):
        more = alarms(1 + 3 * n, 3)
        bench.book.write(more)
        wrote += more
        drive([lane], bench.clock, 5)
    assert sink.taken == []
    assert lane.status()["lag"] == 180
    assert lane.status()["error"] == "down"
    drive([lane], bench.clock, 90)
    assert ids(sink.events()) == ids(wrote)
    gaps = len(sink.tries)
    assert gaps < 15, "1, 2, 4 ... 60 s, not a hammer"
    assert lane.status()["lag"] == 0
    assert lane.status()["error"] == ""


def test_five_minutes_down_for_a_webhook(bench: Bench) -> None:
    up_ns = bench.clock.mono_ns() + 300_000_000_000
    sink = SaidMessages(lambda _: Delivered("ok") if bench.clock.mono_ns() >= up_ns else Later("down"))
    lanes = bench.message_lanes(sink)
    wrote: list[Event] = []
    for n in range(60):
        more = alarms(1 + 3 * n, 3)
        bench.book.write(more)
        wrote += more
        drive(lanes, bench.clock, 5)
    assert lanes[0].status()["pending"] == 180
    assert lanes[0].status()["oldest_s"] == pytest.approx(300, abs=1)
    drive(lanes, bench.clock, 90)
    assert sorted(ids(sink.events())) == sorted(ids(wrote))
    assert per_alarm(sink.events()) == per_alarm(wrote)
    assert bench.store.waiting("out") == []
    assert len(receipts(bench.store)) == 180


def test_after_a_restart_the_cursor_and_the_attempts_are_where_they_were(bench: Bench) -> None:
    bench.book.write(alarms(1, 5))
    sink = SaidMessages(lambda b: Later("no") if one(b).id == "1-3-0" else Delivered("ok"), max_attempts=6)
    drive(bench.message_lanes(sink), bench.clock, 3)
    before = bench.store.waiting("out")
    assert [m.event for m in before] == ["1-3-0"]
    assert before[0].attempts > 1
    bench.restart()
    drive(bench.message_lanes(sink), bench.clock, 300)
    assert len([b for b in sink.tries if one(b).id == "1-3-0"]) == 6
    assert ids(sink.events()).count("1-1-0") == 1
    assert [d.reason for d in bench.store.deadletters()] == ["given up after 6 attempts; last answer: no"]


def test_a_retrying_message_holds_back_only_its_own_alarm(bench: Bench) -> None:
    bench.book.write(alarms(1, 9))
    sink = SaidMessages(lambda b: Later("no") if one(b).alarm == "alarm0" else Delivered("ok"))  # type: ignore[union-attr]
    drive(bench.message_lanes(sink), bench.clock, 2)
    assert per_alarm(sink.events()) == {"alarm1": [2, 5, 8], "alarm2": [3, 6, 9]}


def test_priority_one_goes_first(bench: Bench) -> None:
    bench.book.write([alarm_event(n, 0, f"a{n}", priority=4) for n in range(1, 30)])
    bench.book.write([alarm_event(30, 0, "fire", priority=1)])
    sink = SaidMessages()
    drive(bench.message_lanes(sink), bench.clock, 1)
    assert ids(sink.events())[0] == "1-30-0"


def test_an_exception_of_a_sink_is_later(bench: Bench) -> None:
    calls = []

    def says(_: Batch) -> Answer:
        calls.append(1)
        if len(calls) < 3:
            raise ZeroDivisionError("a mistake in the sink")
        return Delivered("ok")

    sink = SaidSink(says)
    lane = bench.ledger_lane(sink)
    bench.book.write(alarms(1, 2))
    drive([lane], bench.clock, 0.5)
    assert "ZeroDivisionError" in lane.status()["error"]
    drive([lane], bench.clock, 10)
    assert ids(sink.events()) == ["1-1-0", "1-2-0"]


def test_retry_after_is_obeyed(bench: Bench) -> None:
    sink = SaidMessages(lambda _: Later("429", 30.0))
    bench.book.write(alarms(1, 1))
    drive(bench.message_lanes(sink), bench.clock, 29)
    assert len(sink.tries) == 1
    drive(bench.message_lanes(sink), bench.clock, 6)
    assert len(sink.tries) == 2


def test_the_backoff_doubles_to_a_minute_with_jitter() -> None:
    delays = [backoff(3).delay_s(n, None) for n in range(1, 12)]
    for delay, plain in zip(delays, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60], strict=True):
        assert 0.8 * plain <= delay <= 1.2 * plain
    assert len({round(delay / 60, 6) for delay in [backoff(n).delay_s(9, None) for n in range(20)]}) > 10


def test_an_announcement_passes_a_full_line_and_is_stored_nowhere(bench: Bench) -> None:
    down = True
    sink = SaidMessages(lambda _: Later("down") if down else Delivered("ok"))
    announcer = Announcer("out", sink, bench.clock, backoff())
    announcer.announce(5, "gateway blind: disk full")
    drive([announcer], bench.clock, 10)
    assert sink.announced == []
    down = False
    drive([announcer], bench.clock, 20)
    assert sink.announced == [(5, "gateway blind: disk full")]
    assert bench.store.check_chain().checked == 0


def test_a_full_line_leaves_the_rest_in_the_ledger(bench: Bench) -> None:
    sink = SaidMessages(lambda _: Later("down"))
    lane = MessageLane("out", sink, bench.store, bench.book.view, bench.clock, backoff(), waiting_max=10)
    bench.book.write(alarms(1, 40))
    drive([lane, *lane.workers], bench.clock, 2)
    assert len(bench.store.waiting("out")) == 10
    assert lane.status()["pending"] == 40
    sink.says = lambda _: Delivered("ok")
    drive([lane, *lane.workers], bench.clock, 30)
    assert per_alarm(sink.events()) == per_alarm(alarms(1, 40))


def test_a_new_webhook_may_begin_now(bench: Bench) -> None:
    bench.book.write(alarms(1, 5))
    sink = SaidMessages()
    sink.since = "now"
    drive(bench.message_lanes(sink), bench.clock, 2)
    assert sink.tries == []
    bench.book.write(alarms(6, 2))
    bench.restart()
    drive(bench.message_lanes(sink), bench.clock, 2)
    assert sorted(ids(sink.events())) == ["1-6-0", "1-7-0"]


@pytest.mark.parametrize("kind", ["ledger", "messages"])
def test_a_full_disk_repeats_the_record_and_not_the_sending(bench: Bench, kind: str) -> None:
    bench.book.write(alarms(1, 3))
    sink = SaidSink() if kind == "ledger" else SaidMessages()
    lanes = [bench.ledger_lane(sink)] if kind == "ledger" else bench.message_lanes(sink)  # type: ignore[arg-type]
    lanes[0].step() if kind == "messages" else None
    full = True

    def refuse(*_: object) -> None:
        if full:
            raise OSError("database or disk is full")

    happening.listen(bench.store._engine, "commit", refuse)
    for _ in range(5):
        with pytest.raises(OSError, match="full"):
            lanes[min(1, len(lanes) - 1)].step()
    assert len(sink.tries) == 1
    full = False
    drive(lanes, bench.clock, 2)
    assert sorted(ids(sink.events())) == ["1-1-0", "1-2-0", "1-3-0"]
    assert bench.store.check_chain().ok


def test_a_webhook_without_a_ledger_waits(tmp_path: Path) -> None:
    from gateway.delivery.follow import LedgerFile

    view = LedgerFile(tmp_path / "none.db", VirtualClock())
    assert view.head() == 0
    assert view.events_after(0, 10) == []


@settings(max_examples=12, deadline=None)
@given(
    spec=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=1, max_size=25),
    outcomes=st.lists(st.sampled_from(["ok", "later", "refused", "raise"]), max_size=40),
    restarts=st.sets(st.integers(1, 60), max_size=3),
)
def test_any_outcomes_and_restarts_keep_the_order_of_every_alarm(
    tmp_path_factory: pytest.TempPathFactory,
    spec: list[tuple[int, int]],
    outcomes: list[str],
    restarts: set[int],
) -> None:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.book.write([alarm_event(n + 1, 0, f"a{a}", priority=p) for n, (a, p) in enumerate(spec)])
    left = list(outcomes)

    def says(_: Batch) -> Answer:
        said = left.pop(0) if left else "ok"
        if said == "raise":
            raise OSError("broken")
        return {"ok": Delivered("ok"), "later": Later("x"), "refused": Refused("y")}[said]

    sink = SaidMessages(says, workers=3)
    lanes = bench.message_lanes(sink)
    for turn in range(1, 2000):
        waits = [lane.step() for lane in lanes]
        if min(waits) > 0:
            bench.clock.sleep(min(waits))
        if turn in restarts:
            bench.restart()
            lanes = bench.message_lanes(sink)
        if lanes[0].status()["pending"] == 0:
            break
    sent = {event.id for event in sink.events()}
    dead = {letter.event for letter in bench.store.deadletters()}
    assert sent | dead == {f"1-{n + 1}-0" for n in range(len(spec))}
    assert not sent & dead
    for seqs in per_alarm(sink.events()).values():
        assert seqs == sorted(set(seqs))
    assert bench.store.check_chain().ok
    bench.close()
