"""Shelves end by themselves, are counted, and give way when things become worse."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.alarms import lifecycle
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import NORMAL, OUT_OF_SERVICE, SHELVED, UNACKNOWLEDGED, AlarmEvent
from gateway.alarms.flow import Flow, Stored
from gateway.alarms.lifecycle import Refusal, Situation, legal
from gateway.alarms.reasons import Reason
from gateway.alarms.shelves import LIVE_NS, MAX_SHELVES
from tests.alarms.made import Command
from tests.alarms.made import high as made_high


def high(condition: str = "H", **more: Any) -> Definition:
    """An alarm that one person may shelve, unless its condition forbids it."""
    return msgspec.structs.replace(made_high(condition, **more), priority=2)


NS = 1_700_000_000_000_000_000
MINUTE = 60_000_000_000
WHY = Reason("the sensor is being cleaned", "传感器正在清洗")
KNOWN = {known.id: known for known in (high("H"), high("HH"), high("L", latch=True))}
RED = msgspec.structs.replace(high("H"), id="acme/plant/GD-1/lel:L1", condition="L1", priority=1)


def engine() -> Engine:
    made = Engine(EventIds(1, 1))
    made.define = {**KNOWN, RED.id: RED}.get
    return made


def put(of: Engine, name: str, *, active: bool) -> AlarmEvent | None:
    return of.apply(high(name), active=active, at_ns=NS + of.now_ns, value=12.0, limit=10.0)


def shelve(of: Engine, name: str, for_ns: int = 10 * MINUTE) -> AlarmEvent | Refusal:
    return of.shelve(high(name).id, for_ns, NS + of.now_ns, WHY, actor="li", comment="")


def pass_time(of: Engine, for_ns: int) -> list[AlarmEvent]:
    of.now_ns += for_ns
    return of.end_shelves(NS + of.now_ns)


def test_a_shelf_ends_to_the_moment_and_what_stands_is_annunciated_anew() -> None:
    made = engine()
    put(made, "H", active=True)
    told = shelve(made, "H")
    assert isinstance(told, AlarmEvent)
    assert (told.state, told.process_active, told.until_ns) == (SHELVED, True, NS + 10 * MINUTE)
    assert pass_time(made, 10 * MINUTE - 1) == []
    [over] = pass_time(made, 1)
    assert (over.state, over.cause, over.occurrence, over.until_ns) == (UNACKNOWLEDGED, "re_raised", 2, 0)


def test_a_condition_that_ends_and_begins_on_the_shelf_is_recorded_and_not_raised() -> None:
    made = engine()
    assert isinstance(shelve(made, "H"), AlarmEvent)  # a normal alarm, known by its definition alone
    began, ended = put(made, "H", active=True), put(made, "H", active=False)
    assert began is not None
    assert ended is not None
    assert (began.cause, began.state, began.occurrence) == ("began_quietly", SHELVED, 0)
    assert (ended.cause, ended.state) == ("ended_quietly", SHELVED)
    [over] = pass_time(made, 10 * MINUTE)
    assert (over.state, over.cause) == (NORMAL, "unshelved")
    assert len(made) == 0


def test_an_alarm_nobody_defined_cannot_be_shelved() -> None:
    told = engine().shelve("acme/plant/none/x:H", MINUTE, NS, WHY, actor="li", comment="")
    assert isinstance(told, Refusal)
    assert "no such alarm" in told.reason_en


def test_the_next_limit_brings_the_shelved_one_back() -> None:
    made = engine()
    put(made, "H", active=True)
    shelve(made, "H")
    [back] = made.next_limit_passed(put(made, "HH", active=True))
    assert (back.alarm, back.state) == (high("H").id, UNACKNOWLEDGED)
    assert "HH of the same channel" in back.reason_en
    assert made.next_limit_passed(put(made, "HH", active=False)) == []


def test_three_times_in_a_row_then_only_after_an_hour_live() -> None:
    made = engine()
    for _ in range(MAX_SHELVES):
        assert isinstance(shelve(made, "H", MINUTE), AlarmEvent)
        assert len(pass_time(made, MINUTE)) == 1
    told = shelve(made, "H")
    assert isinstance(told, Refusal)
    assert "3 times" in told.reason_en
    pass_time(made, LIVE_NS - 1)
    assert isinstance(shelve(made, "H"), Refusal)
    pass_time(made, 1)
    assert isinstance(shelve(made, "H"), AlarmEvent)


@pytest.mark.parametrize("what", [lifecycle.SUPPRESS, lifecycle.REMOVE])
def test_a_restart_keeps_shelves_counts_and_what_is_out_of_service(what: str) -> None:
    made = engine()
    shelve(made, "H")
    made.take_away(high("HH").id, what, NS, WHY, actor="li")
    twin = Engine.load(made.export(), EventIds(1, 2))
    assert twin.export() == made.export()
    twin.now_ns = made.now_ns
    [over] = pass_time(twin, 10 * MINUTE)
    assert over.state == NORMAL
    there = twin.find(high("HH").id)
    assert there is not None
    assert there.state == lifecycle.ENTER[what]


def test_the_state_of_an_engine_written_before_shelves_existed_is_read() -> None:
    made = engine()
    put(made, "H", active=True)

    alarms, occurrences, *_ = msgspec.msgpack.decode(made.export())
    old = msgspec.msgpack.encode([[row[:11] for row in alarms], occurrences])
    again = Engine.load(old, EventIds(1, 2))
    for alarm in made.open_alarms():
        alarm.group, alarm.first_out = "", False
    made.flow = Flow(Stored(on=False))
    assert again.export() == made.export()


def asked(of: Engine, action: str, **args: Any) -> tuple[bool, str, list[AlarmEvent]]:
    answer, told = of.command(Command(action, {"alarm": high("H").id, **args}), NS + of.now_ns)
    assert answer.reason_zh
    assert answer.accepted == bool(told)
    return answer.accepted, answer.reason_en, told


@pytest.mark.parametrize("end", [{"for_s": 600}, {"until_ms": NS // 1_000_000 + 600_000}])
def test_an_operator_shelves_with_a_reason_and_an_end_and_brings_it_back(end: dict[str, int]) -> None:
    made = engine()
    put(made, "H", active=True)
    _, _, [told] = asked(made, "shelve", reason="cleaning", **end)
    assert (told.state, told.until_ns, told.actor, told.comment) == (
        SHELVED, NS + 10 * MINUTE, "li", "cleaning",
    )  # fmt: skip
    assert "for 10 min: cleaning" in told.reason_en
    assert "bring it back first" in asked(made, "acknowledge", occurrence=1)[1]
    _, _, [back] = asked(made, "unshelve")
    assert (back.state, back.occurrence) == (UNACKNOWLEDGED, 2)
    assert "not shelved" in asked(made, "unshelve")[1]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ({"for_s": 600}, "reason"),
        ({"for_s": 600, "reason": "  "}, "reason"),
        ({"reason": "x"}, "needs its end"),
        ({"reason": "x", "for_s": 600, "until_ms": 1}, "needs its end"),
        ({"reason": "x", "for_s": float("nan")}, "needs its end"),
        ({"reason": "x", "for_s": True}, "needs its end"),
        ({"reason": "x", "for_s": 59}, "1 minute to 12 hours"),
        ({"reason": "x", "for_s": 43_201}, "1 minute to 12 hours"),
        ({"reason": "x", "for_s": 600, "alarm": "acme/plant/no/x:H"}, "no such alarm"),
    ],
)
def test_a_refused_shelf_says_why_and_changes_nothing(args: dict[str, Any], words: str) -> None:
    made = engine()
    put(made, "H", active=True)
    before = made.export()
    accepted, reason, _ = asked(made, "shelve", **args)
    assert not accepted
    assert words in reason
    assert made.export() == before


def test_out_of_service_needs_a_work_order_and_lasts_until_it_is_returned() -> None:
    made = engine()
    assert "work_order" in asked(made, "out_of_service", reason="broken")[1]
    _, _, [told] = asked(made, "out_of_service", reason="broken", work_order="WO-7")
    assert told.state == OUT_OF_SERVICE
    assert "WO-7: broken" in told.reason_en
    put(made, "H", active=True)
    assert pass_time(made, 1000 * LIVE_NS) == []
    _, _, [back] = asked(made, "return_to_service")
    assert back.state == UNACKNOWLEDGED


NAMES = st.sampled_from(["H", "HH", "L"])


class Shelves(RuleBasedStateMachine):
    """Any order of everything: legal, complete, and no shelf outlives its time."""

    @initialize()
    def begin(self) -> None:
        self.ids = EventIds(1, 1)
        self.engine = engine()
        self.engine.make_id = self.ids
        self.at = dict.fromkeys(KNOWN, (lifecycle.A, 0))
        self.holds = dict.fromkeys(KNOWN, False)
        self.ends: dict[str, int] = {}

    def book(self, *told: Any) -> None:
        for event in told:
            if not isinstance(event, AlarmEvent):
                continue
            before, occurrence = self.at[event.alarm]
            after = Situation(event.state, event.process_active)
            assert event.before == before.state
            assert legal(before, event.cause, after, latch=event.latched)
            assert event.occurrence == occurrence + (event.cause in ("raised", "re_raised"))
            self.at[event.alarm] = (after, event.occurrence)
            if after.state == SHELVED and before.state != SHELVED:
                self.ends[event.alarm] = self.engine.now_ns + (event.until_ns - event.at_ns)
            elif after.state != SHELVED:
                self.ends.pop(event.alarm, None)

    @rule(name=NAMES, active=st.booleans())
    def condition(self, name: str, active: bool) -> None:
        event = put(self.engine, name, active=active)
        assert (event is not None) == (self.holds[high(name).id] != active)
        self.holds[high(name).id] = active
        self.book(event, *self.engine.next_limit_passed(event))

    @rule(name=NAMES, minutes=st.integers(1, 90))
    def shelve(self, name: str, minutes: int) -> None:
        self.book(shelve(self.engine, name, minutes * MINUTE))

    @rule(name=NAMES, what=st.sampled_from([w for w in lifecycle.INPUTS if w not in ("raised", "cleared")]))
    def operate(self, name: str, what: str) -> None:
        if what == lifecycle.RETIRED:
            self.holds[high(name).id] = False
            self.book(*self.engine.retire([high(name).id], NS + self.engine.now_ns))
        elif what in (lifecycle.SUPPRESS, lifecycle.REMOVE):
            self.book(self.engine.take_away(high(name).id, what, NS + self.engine.now_ns, WHY))
        elif what != lifecycle.SHELVE:
            at_ns = NS + self.engine.now_ns
            self.book(self.engine.operate(high(name).id, what, at_ns, WHY, actor="li"))

    @rule(minutes=st.integers(0, 100))
    def time(self, minutes: int) -> None:
        self.book(*pass_time(self.engine, minutes * MINUTE))

    @rule()
    def restart(self) -> None:
        now_ns = self.engine.now_ns
        self.engine = Engine.load(self.engine.export(), self.ids)
        self.engine.now_ns, self.engine.define = now_ns, KNOWN.get

    @invariant()
    def books_agree(self) -> None:
        for name in KNOWN:
            there = self.engine.find(name)
            at = lifecycle.A if there is None else Situation(there.state, there.process_active)
            assert at == self.at[name][0]
            assert at.process_active == self.holds[name]
            if at.state == SHELVED:
                assert self.engine.now_ns < self.ends[name]
            if at.state == OUT_OF_SERVICE:
                assert there is not None
                assert there.due_ns == 0


TestShelves = Shelves.TestCase
TestShelves.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
