"""To the moment and to the number: what the engine, the flow of alarms and the checks of commands do at their
edges."""

from __future__ import annotations

import msgspec
import pytest

from device_profiles import AlarmDefinition
from gateway.alarms import definition, lifecycle
from gateway.alarms.commands import ACTIONS
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import OUT_OF_SERVICE, AlarmEvent
from gateway.alarms.flow import (
    CHATTER_NS,
    FLEETING_AGAIN_NS,
    FLOOD_NS,
    GROUP_MAX_NS,
    GROUP_NS,
    SECOND,
    Flow,
    Held,
    Stored,
    cause_of,
)
from gateway.alarms.flow_urgency import SOON_MIN, kept, weigh
from gateway.alarms.lifecycle import Refusal
from tests.alarms.made import PLACE, POINT, Command
from tests.alarms.test_flow_urgency import trend
from tests.alarms.test_shelving import MINUTE, NS, WHY, engine, high, put, shelve

H = high("H").id
HELD = Held(0, 0, None, None, None, (), "", "")
PLAIN = msgspec.structs.replace(high("H"), priority=3)


@pytest.mark.parametrize(
    ("late_ns", "words"),
    [(0, ""), (1, "1e-09"), (2_500_000_000, "2.5"), (100_001_500_000_000, "100002")],
)
def test_a_command_that_comes_too_late_is_told_by_how_much(late_ns: int, words: str) -> None:
    made = engine()
    put(made, "H", active=True)
    command = Command("comment", {"alarm": H, "comment": "x"}, deadline_ns=NS)
    answer, _ = made.command(command, NS + late_ns)
    assert answer.accepted == (not words)
    if words:
        assert answer.reason_en.startswith(f"the command came {words} s after its deadline: ")
        assert f"超过期限 {words} 秒" in answer.reason_zh
    assert (answer.action, answer.source, answer.role) == ("comment", "console", "operator")


def test_the_shortest_deadline_is_one_and_none_is_none() -> None:
    command = Command("drill", {}, role="admin")
    assert not engine().command(command._replace(deadline_ns=1), NS)[0].accepted
    assert engine().command(command, NS)[0].accepted
    answer, _ = engine().command(Command("none", {}), NS)
    assert answer.reason_en.endswith(f"known: {', '.join(ACTIONS)}")


def test_what_is_said_of_nothing_stays_empty() -> None:
    made = engine()
    put(made, "H", active=True)
    shelf = {"alarm": H, "reason": "x", "for_s": 6011.25}
    (event,) = made.command(Command("shelve", shelf), NS)[1]
    assert "for 100.188 min: x" in event.reason_en
    (event,) = made.command(Command("unshelve", {"alarm": H}), NS)[1]
    assert (event.actor, event.comment) == ("li", "")
    told = made.take_away(H, lifecycle.SUPPRESS, NS, WHY)
    assert isinstance(told, AlarmEvent)
    assert (told.actor, told.comment) == ("", "")


def test_a_normal_alarm_taken_away_keeps_its_number_and_is_taken_once() -> None:
    made = engine()
    put(made, "H", active=True)
    made.retire([H], NS)
    told = made.take_away(H, lifecycle.REMOVE, NS, WHY)
    assert isinstance(told, AlarmEvent)
    assert (told.state, told.occurrence, told.before) == (OUT_OF_SERVICE, 1, "normal")
    again = made.take_away(H, lifecycle.REMOVE, NS, WHY)
    assert isinstance(again, Refusal)
    assert "bring it back first" in again.reason_en
    nobodys = made.take_away("acme/x:H", lifecycle.REMOVE, NS, WHY)
    assert isinstance(nobodys, Refusal)
    assert "no such alarm" in nobodys.reason_en


def test_another_text_of_an_open_alarm_is_told_with_its_next_event() -> None:
    made = engine()
    put(made, "H", active=True)
    made.redefine(msgspec.structs.replace(high("H"), priority=4, response_en="call"))
    (event,) = made.command(Command("acknowledge", {"alarm": H, "occurrence": 1}), NS)[1]
    assert (event.priority, event.response_en) == (4, "call")


def test_a_loaded_engine_numbers_its_events_as_it_is_told() -> None:
    made = Engine.load(engine().export(), EventIds(5, 6))
    event = put(made, "H", active=True)
    assert event is not None
    assert (event.id, event.group, event.first_out) == ("5-6-0", "5-6-0", True)


def test_what_was_journalled_before_groups_has_none() -> None:
    made = engine()
    made.flow = Flow(Stored(on=False))
    event = put(made, "H", active=True)
    assert event is not None
    assert (event.group, event.first_out) == ("", False)
    assert made.flow.stored == Stored(on=False)


def test_a_shelf_may_begin_where_the_last_one_ended_before_its_time() -> None:
    made = engine()
    for _ in range(3):
        assert isinstance(shelve(made, "H", MINUTE), AlarmEvent)
        made.now_ns += 1
        assert made.command(Command("unshelve", {"alarm": H}), NS)[1]
    made.now_ns += 3_600_000_000_000 - 1
    assert isinstance(shelve(made, "H"), Refusal), "counted from when it was brought back"
    made.now_ns += 1
    assert isinstance(shelve(made, "H"), AlarmEvent)


def began(flow: Flow, known: Definition, *times: int) -> Flow:
    for n, at in enumerate(times):
        flow.annunciated(known, f"1-{n}-0", at, NS)
    return flow


def test_three_times_within_a_minute_to_the_moment_is_chattering() -> None:
    flow = began(Flow(), PLAIN, 0, 1, 2)
    assert flow.chatters(H, CHATTER_NS)
    assert not flow.chatters(H, CHATTER_NS + 1)
    flow = began(Flow(), PLAIN, 0, 1)
    assert not flow.chatters(H, 1)
    assert flow.is_next_too_many(H, CHATTER_NS)
    assert not flow.is_next_too_many(H, CHATTER_NS + 1)


def test_fleeting_three_times_in_ten_minutes_to_the_moment_is_too_often() -> None:
    for beyond, waits in ((0, True), (1, False)):
        flow = Flow()
        for at in (0, 200 * SECOND, 400 * SECOND):
            began(flow, PLAIN, at)
            flow.stored.recent = {H: [at]}
            assert flow.is_fleeting(PLAIN, at + SECOND)
        flow.stored.recent = {}
        now = SECOND + FLEETING_AGAIN_NS + beyond
        assert flow.hold(PLAIN, HELD, now) is waits
        if waits:
            [(_, held)] = flow.over(0)
            assert held.flags == ("fleeting",)


def test_the_end_of_a_system_alarm_is_never_held_back() -> None:
    known = msgspec.structs.replace(definition.system("disk_full"), priority=3)
    assert not began(Flow(), known, 0, 1, 2).hold(known, HELD, 3)
    assert began(Flow(), PLAIN, 0, 1, 2).hold(PLAIN, HELD, 3)


def test_an_end_that_is_held_back_goes_when_the_condition_is_there_again() -> None:
    flow = began(Flow(), PLAIN, 0, 1, 2)
    assert flow.hold(PLAIN, HELD, 3)
    assert flow.goes_on(H)
    assert not flow.goes_on(H)
    assert flow.over(0) == []


def test_ends_are_told_in_the_order_in_which_they_are_due() -> None:
    flow = Flow()
    for name, due_ns in (("a", 7), ("b", 5), ("c", 6)):
        flow.stored.held[name] = msgspec.structs.replace(HELD, due_ns=due_ns)
    assert [name for name, _ in flow.over(6)] == ["b", "c"]
    assert [name for name, _ in flow.over(7)] == ["a"]


def test_a_flow_is_restless_while_something_may_be_held_back() -> None:
    assert not Flow().restless
    assert Flow(Stored(recent={H: [1]})).restless
    assert Flow(Stored(held={H: HELD})).restless
    assert Flow(Stored(short={H: [1]})).restless


def test_what_is_over_is_forgotten_to_the_moment() -> None:
    flow = began(Flow(), PLAIN, 0)
    assert flow.is_fleeting(PLAIN, 0)
    for now, recent, groups, short in (
        (GROUP_NS, 1, 1, 1),
        (GROUP_NS + 1, 0, 0, 1),
        (FLEETING_AGAIN_NS, 0, 0, 1),
        (FLEETING_AGAIN_NS + 1, 0, 0, 0),
    ):
        flow.sweep(now)
        stored = flow.stored
        assert (len(stored.recent), len(stored.groups), len(stored.short)) == (recent, groups, short)


def test_a_group_ends_a_minute_after_its_last_and_ten_after_its_first() -> None:
    for gap, same in ((GROUP_NS, True), (GROUP_NS + 1, False)):
        flow = began(Flow(), PLAIN, 0)
        assert (flow.annunciated(PLAIN, "b", gap, NS)[0] == "1-0-0") is same
    times = range(0, GROUP_MAX_NS + 1, GROUP_NS)
    for beyond, same in ((0, True), (1, False)):
        flow = began(Flow(), PLAIN, *times[:-1])
        assert (flow.annunciated(PLAIN, "b", times[-1] + beyond, NS)[0] == "1-0-0") is same


def test_a_flood_counts_ten_minutes_to_the_moment() -> None:
    for span, flooded in ((FLOOD_NS - 1, True), (FLOOD_NS, False)):
        flow = began(Flow(), PLAIN, *range(10), span)
        assert bool(flow.news) is flooded
        assert bool(flow.floods()) is flooded
    (one,) = began(Flow(), PLAIN, *range(11)).floods()
    assert isinstance(one["since_ms"], int)


def test_a_trend_told_by_another_priority_keeps_its_own_raise() -> None:
    standing, now = weigh(trend(priority=3), 3.0).known, weigh(trend(priority=4), 3.0).known
    assert (standing.priority, now.priority, now.base_priority) == (2, 3, 4)
    assert kept(now, standing) == now


def test_a_trend_is_weighed_at_the_edges_of_its_minutes() -> None:
    for minutes, raised in ((0.0, True), (SOON_MIN, True), (SOON_MIN + 0.5, False), (0.5, True)):
        weighed = weigh(trend(), minutes)
        assert (weighed.known.priority == 3) is raised
        if raised:
            assert weighed.why.en.endswith(f": {minutes:g} min are left, {SOON_MIN:g} or fewer")
            assert weighed.why.zh.endswith(f":剩余 {minutes:g} 分钟,不多于 {SOON_MIN:g} 分钟")


def test_an_alarm_is_over_after_one_good_reading_unless_told_otherwise() -> None:
    texts = dict.fromkeys(("consequence_en", "consequence_zh", "response_en", "response_zh", "clause"), "x")
    rule = AlarmDefinition(channel="lel", condition="H", source_verified=True, **texts)  # type: ignore[arg-type]
    assert definition.process(rule, POINT, PLACE).clear_readings == 1


def test_what_was_not_given_with_a_change_is_not_told() -> None:
    made = engine()
    event = put(made, "H", active=True)
    assert event is not None
    assert (event.event_ns, event.extra, event.flags, event.comment) == (0, None, (), "")
    noted = made.apply(
        definition.system("disk_full"), active=True, at_ns=NS, note_en="used 0.93", note_zh="已用 0.93"
    )
    assert noted is not None
    assert (noted.reason_en[-11:], noted.reason_zh[-8:]) == (": used 0.93", ":已用 0.93")


def test_only_the_next_limit_that_begins_brings_a_shelved_one_back() -> None:
    made = engine()
    put(made, "H", active=True)
    shelve(made, "H")
    passed = put(made, "HH", active=True)
    assert passed is not None
    over = put(made, "HH", active=False)
    assert made.next_limit_passed(None) == []
    assert made.next_limit_passed(over) == []
    assert made.next_limit_passed(msgspec.structs.replace(passed, category="device")) == []
    assert [event.alarm for event in made.next_limit_passed(passed)] == [H]
    assert made.next_limit_passed(passed) == [], "it is not shelved any more"


def test_of_a_flood_so_much_is_kept_as_decides() -> None:
    flow = began(Flow(), PLAIN, *range(15))
    (area,) = flow.stored.areas.values()
    assert (len(area.times), len(area.names), area.alarms) == (11, 11, 15)
    (news,) = flow.news
    assert (news.since_ns, news.alarms) == (NS, 11)


def test_alarms_of_an_asset_belong_together_and_without_one_those_of_a_device() -> None:
    assert cause_of(PLAIN) == "acme/plant/tank-1"
    assert cause_of(msgspec.structs.replace(PLAIN, asset="")) == "acme/plant/GD-1"
    silent = definition.device("never_seen", None, PLACE)
    assert cause_of(silent) == "acme/plant:silence"


def test_a_flood_that_is_over_leaves_nothing_of_itself() -> None:
    flow = began(Flow(), PLAIN, *range(7), *[300 * SECOND + n for n in range(4)])
    assert flow.floods()
    flow.sweep(FLOOD_NS + 6)
    (area,) = flow.stored.areas.values()
    assert (len(area.times), area.since_ns, area.alarms, area.first) == (4, 0, 0, "")
    assert flow.floods() == []


def test_a_shelved_alarm_is_not_shelved_again() -> None:
    made = engine()
    assert isinstance(shelve(made, "H"), AlarmEvent)
    before = made.export()
    again = shelve(made, "H")
    assert isinstance(again, Refusal)
    assert again.reason_en == "this alarm is shelved: bring it back first"
    assert made.export() == before
