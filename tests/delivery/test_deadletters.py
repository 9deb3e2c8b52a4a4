"""What a sink refuses for good is listed, holds nothing back, and is sent again by the command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.alarms.events import Event
from gateway.sinks import Delivered, Later, Refused
from tests.delivery.bench import Bench, alarms, ids, one
from tests.support.delivery import SaidMessages, SaidSink, drive
from tests.support.entries import command_event


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.close()


def resend(position: int, **args: object) -> Event:
    return msgspec.structs.replace(command_event(position, 0, "deadletter_resend"), args=args)


def test_a_dead_letter_does_not_hold_back_its_alarm(bench: Bench) -> None:
    bench.book.write(alarms(1, 6, names=1))
    sink = SaidMessages(lambda b: Refused("410 gone") if one(b).id == "1-2-0" else Delivered("ok"))
    lanes = bench.message_lanes(sink)
    drive(lanes, bench.clock, 5)
    assert ids(sink.events()) == ["1-1-0", "1-3-0", "1-4-0", "1-5-0", "1-6-0"]
    assert [(d.event, d.reason) for d in bench.store.deadletters("out")] == [("1-2-0", "410 gone")]


def test_old_messages_die_of_age(bench: Bench) -> None:
    bench.book.write(alarms(1, 1))
    sink = SaidMessages(lambda _: Later("down"), max_age_s=100)
    drive(bench.message_lanes(sink), bench.clock, 400)
    assert "given up after" in bench.store.deadletters("out")[0].reason


def test_dead_letters_are_sent_again_by_the_command(bench: Bench) -> None:
    refuse = True
    sink = SaidMessages(lambda _: Refused("410") if refuse else Delivered("ok"))
    lanes = bench.message_lanes(sink)
    bench.book.write(alarms(1, 4))
    drive(lanes, bench.clock, 1)
    assert bench.store.dead_count("out") == 4
    refuse = False
    bench.book.write([resend(5, sink="other", all=True), resend(6, sink="out", ids=["1-2-0"])])
    drive(lanes, bench.clock, 1)
    assert ids(sink.events()) == ["1-2-0"]
    bench.book.write([msgspec.structs.replace(resend(7, sink="out", all=True), accepted=False)])
    drive(lanes, bench.clock, 1)
    assert len(sink.events()) == 1
    bench.book.write([resend(8, sink="out", all=True)])
    drive(lanes, bench.clock, 1)
    assert sorted(ids(sink.events())) == ["1-1-0", "1-2-0", "1-3-0", "1-4-0"]
    assert bench.store.dead_count("out") == 0
    bench.restart()
    drive(bench.message_lanes(sink), bench.clock, 5)
    assert len(sink.events()) == 4


def test_the_command_works_for_sinks_in_ledger_order(bench: Bench) -> None:
    refuse = True
    sink = SaidSink(lambda _: Refused("never") if refuse else Delivered("ok"))
    lane = bench.ledger_lane(sink)
    bench.book.write(alarms(1, 3))
    drive([lane], bench.clock, 1)
    assert sorted(d.event for d in bench.store.deadletters("out")) == ["1-1-0", "1-2-0", "1-3-0"]
    refuse = False
    bench.book.write([resend(4, sink="out")])
    drive([lane], bench.clock, 1)
    assert sorted(ids(sink.events())) == ["1-1-0", "1-2-0", "1-3-0", "1-4-0"]
    assert bench.store.dead_count("out") == 0


def test_refused_parts_of_a_batch_are_dead_letters_and_the_rest_is_done(bench: Bench) -> None:
    sink = SaidSink(lambda _: Delivered("2 lines", [("line 2", "400 conflict")]))
    lane = bench.ledger_lane(sink)
    bench.book.write(alarms(1, 3))
    drive([lane], bench.clock, 1)
    dead = bench.store.deadletters("out")
    assert [(d.part, d.reason) for d in dead] == [("line 2", "400 conflict")]
    bench.book.write([resend(4, sink="out", ids=[str(dead[0].id)])])
    sink.says = lambda _: Delivered("ok")
    drive([lane], bench.clock, 1)
    assert [d.reason for d in bench.store.deadletters("out")] == [
        "this kind of sink cannot send a part again"
    ]
