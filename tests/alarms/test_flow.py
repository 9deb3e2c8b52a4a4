"""Floods, groups and chattering: against plain counting, in pieces, and never at the cost of a beginning."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alarms import definition, flow_notes
from gateway.alarms.definition import Definition, Place
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import AlarmEvent
from gateway.alarms.flow import (
    FLOOD_BEGINS_ABOVE,
    FLOOD_ENDS_BELOW,
    GROUP_NS,
    HOLD_NS,
    SECOND,
    Flow,
    Held,
    News,
    Stored,
    cause_of,
)
from tests.alarms.made import high

WALL = 1_764_000_000 * SECOND


def gas(device: str = "GD-1", asset: str = "tank-1", condition: str = "silent") -> Definition:
    return definition.device(condition, None, Place("acme", "plant", asset, device, "gas"))


def held(due_ns: int = 0) -> Held:
    return Held(due_ns, 0, None, None, None, (), "", "")


@given(st.lists(st.integers(0, 900), min_size=1, max_size=80), st.integers(1, 40))
def test_a_flood_is_what_counting_every_second_finds(times: list[int], piece: int) -> None:
    times = sorted(times)
    flow, told = Flow(), []
    at = 0
    for second in range(times[-1] + 700):
        now = second * SECOND
        while at < len(times) and times[at] == second:
            flow.annunciated(gas(f"D-{at}"), f"1-{at}-0", now, WALL + now)
            at += 1
        flow.sweep(now)
        told += [(news.began, second) for news in flow.news]
        flow.news.clear()
        if second % piece == 0:  # a restart in the middle
            flow = Flow(msgspec.msgpack.decode(msgspec.msgpack.encode(flow.stored), type=Stored))
    slow, flooded = [], False
    for second in range(times[-1] + 700):
        # one by one: a flood may begin in the middle of a second
        before = [t for t in times if t < second]
        for extra in range(sum(t == second for t in times) + 1):
            within = sum(second - t < 600 for t in before) + extra
            if not flooded and within > FLOOD_BEGINS_ABOVE:
                flooded = True
                slow.append((True, second))
        if flooded and within < FLOOD_ENDS_BELOW:
            flooded = False
            slow.append((False, second))
    assert told == slow
    assert not flow.floods()


def test_a_flood_is_told_with_its_area_and_size() -> None:
    flow = Flow()
    for n in range(15):
        flow.annunciated(gas(f"D-{n}"), f"1-{n}-0", n * SECOND, WALL + n * SECOND)
    (news,) = flow.news
    assert (news.area, news.began, news.alarms) == ("acme", True, FLOOD_BEGINS_ABOVE + 1)
    first = gas("D-0").id
    since_ms = (WALL + 10 * SECOND) // 1_000_000
    assert flow.floods() == [{"area": "acme", "since_ms": since_ms, "alarms": 15, "first": first}]
    assert f"the first was {first}" in flow_notes.flood(news).reason.en
    assert first in flow_notes.flood(news).reason.zh


def test_the_first_alarm_of_a_flood_is_the_oldest_of_the_ten_minutes_in_which_it_began() -> None:
    flow = Flow()
    for n in range(15):  # one a minute is no flood: what came before does not belong to it
        flow.annunciated(gas(f"calm-{n}"), f"1-{n}-0", n * 60 * SECOND, WALL)
    begin = 15 * 60 * SECOND + 600 * SECOND
    for n in range(11):
        flow.sweep(begin + n)
        flow.annunciated(gas(f"D-{n}"), f"2-{n}-0", begin + n, WALL)
        flow = (
            Flow(msgspec.msgpack.decode(msgspec.msgpack.encode(flow.stored), type=Stored)) if n < 10 else flow
        )
    [began] = [news for news in flow.news if news.began]
    assert began.first == gas("D-0").id
    flow.sweep(begin + 700 * SECOND)
    assert flow.news[-1] == News("acme", False, 11, WALL, gas("D-0").id)
    flow.news.clear()
    assert flow.stored == Stored(recent={}, groups={})


def test_the_first_on_an_asset_is_named_until_it_is_quiet_there() -> None:
    flow = Flow()
    assert flow.annunciated(gas("GD-1"), "a", 0, WALL) == ("a", True)
    assert flow.annunciated(gas("GD-2"), "b", GROUP_NS, WALL) == ("a", False)
    assert flow.annunciated(gas("GD-9", asset="tank-2", condition="H"), "c", GROUP_NS, WALL) == ("c", True)
    assert flow.annunciated(gas("GD-3"), "d", 2 * GROUP_NS, WALL) == ("a", False)
    flow.sweep(3 * GROUP_NS + 1)
    assert flow.annunciated(gas("GD-1"), "e", 3 * GROUP_NS + 1, WALL) == ("e", True)


def test_a_group_does_not_go_on_for_ever() -> None:
    flow = Flow()
    firsts = {flow.annunciated(gas(), str(n), n * GROUP_NS, WALL)[0] for n in range(30)}
    assert 2 <= len(firsts) <= 4


def test_what_falls_silent_together_has_the_site_in_common() -> None:
    one, other = gas("GD-1", "tank-1"), gas("GD-2", "tank-2")
    assert cause_of(one) == cause_of(other)
    assert cause_of(gas("GD-1", "tank-1", "H")) != cause_of(gas("GD-2", "tank-2", "H"))
    assert cause_of(definition.system("disk_full")) == "gateway"


@pytest.mark.parametrize(
    ("condition", "priority", "waits"), [("H", 3, True), ("HH", 2, False), ("H", 1, False)]
)
def test_only_what_may_wait_is_held_back(condition: str, priority: int, waits: bool) -> None:
    flow, known = Flow(), msgspec.structs.replace(high(), condition=condition, priority=priority)
    for n in range(3):
        assert not flow.hold(known, held(), n)
        assert flow.is_next_too_many(known.id, n) == (n >= 2)
        flow.annunciated(known, str(n), n, WALL)
    assert flow.chatters(known.id, 3)
    assert flow.hold(known, held(HOLD_NS), 3) == waits
    assert flow.over(HOLD_NS - 1) == []
    assert [name for name, _ in flow.over(HOLD_NS)] == ([known.id] if waits else [])
    assert flow.over(HOLD_NS) == [], "each end is told once"


def test_an_alarm_that_is_gone_leaves_nothing_behind() -> None:
    engine = Engine(EventIds(1, 1))
    known = msgspec.structs.replace(high(), priority=3)
    for _ in range(3):
        assert engine.apply(known, active=True, at_ns=WALL) is not None
        assert engine.apply(known, active=False, at_ns=WALL) is not None
    engine.apply(known, active=True, at_ns=WALL)
    assert engine.flow.hold(known, held(), 0)
    engine.retire([known.id], WALL)
    assert engine.flow.over(HOLD_NS) == []
    engine.now_ns = 2 * GROUP_NS
    engine.flow.sweep(engine.now_ns)
    assert engine.flow.stored.recent == {}


def test_every_change_of_an_occurrence_names_its_group() -> None:
    engine, known = Engine(EventIds(1, 7)), high()
    first = engine.apply(known, active=True, at_ns=WALL)
    over = engine.apply(known, active=False, at_ns=WALL)
    assert isinstance(first, AlarmEvent)
    assert isinstance(over, AlarmEvent)
    assert (first.group, first.first_out) == (first.id, True)
    assert (over.group, over.first_out) == (first.id, True)
    loaded = Engine.load(engine.export())
    assert loaded.export() == engine.export()


@pytest.mark.parametrize(
    ("condition", "priority", "waits"), [("H", 3, True), ("HH", 2, False), ("H", 1, False)]
)
def test_the_fourth_fleeting_alarm_in_ten_minutes_is_held_back_if_it_may_wait(
    condition: str, priority: int, waits: bool
) -> None:
    flow, known = Flow(), msgspec.structs.replace(high(), condition=condition, priority=priority)
    for n in range(3):
        now = n * 150 * SECOND
        flow.annunciated(known, str(n), now, WALL)
        assert not flow.hold(known, held(), now + SECOND)
        assert flow.is_fleeting(known, now + SECOND)
        flow.sweep(now + 100 * SECOND)
        flow = Flow(msgspec.msgpack.decode(msgspec.msgpack.encode(flow.stored), type=Stored))
    flow.annunciated(known, "3", 450 * SECOND, WALL)
    assert flow.hold(known, held(), 451 * SECOND) == waits
    flow.goes_on(known.id)
    flow.sweep(1600 * SECOND)
    assert (flow.stored.short, flow.stored.recent) == ({}, {})
    assert not flow.hold(known, held(), 1600 * SECOND)


def test_a_minute_is_not_fleeting_nor_is_what_is_told_when_it_is_over() -> None:
    flow = Flow()
    flow.annunciated(high(), "a", 0, WALL)
    assert not flow.is_fleeting(high(), 60 * SECOND)
    assert flow.is_fleeting(high(), 60 * SECOND - 1)
    gap = definition.system("possible_gap")
    flow.annunciated(gap, "b", 0, WALL)
    assert not flow.is_fleeting(gap, 0)


def test_what_is_held_back_says_why() -> None:
    flow, known = Flow(), msgspec.structs.replace(high(), priority=3)
    for n in range(3):
        flow.annunciated(known, str(n), n, WALL)
    assert flow.hold(known, held(), 3)
    [(_, chattered)] = flow.over(0)
    assert chattered.flags == ("chattering",)
