"""Devices behind a dead concentrator: one alarm for it, and nobody's silence stays suppressed for ever."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alarms.events import SUPPRESSED, AlarmEvent, encode
from gateway.alarms.lifecycle import Situation, legal
from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from tests.monitor.world import World, gas

NAMES = ["GD-1", "GD-2", "GD-3", "C-1", "C-2", "G-1"]
TREE = {"GD-1": "C-1", "GD-2": "C-1", "GD-3": "C-2", "C-1": "G-1", "C-2": "G-1"}
OTHER = {"GD-1": "C-2", "GD-2": "C-2", "C-1": "G-1"}
TREES = (TREE, OTHER, {}, {"GD-1": "C-1", "GD-2": "C-1", "C-1": "GD-1"})
"""The last leads round in a ring: no list that is read gives it, and a journal may hold anything."""
LONG_S = 400.0
"""Longer than the time-out of the profile, the waiting and the grace together."""


def fleet(tree: dict[str, str], names: list[str]) -> list[Device]:
    return [
        msgspec.structs.replace(
            gas(), device=name, upstream=f"acme/plant/{tree[name]}" if name in tree else ""
        )
        for name in names
    ]


def speak(world: World, names: list[str], seconds: float) -> None:
    for _ in range(max(1, round(seconds / 5))):
        for name in names:
            world.send(4.0, device=f"acme/plant/{name}")
        world.wait(5)


def silent(world: World) -> dict[str, str]:
    """Device -> state of its open alarm that says that it is not heard."""
    return {
        a.definition.device: a.state
        for a in world.monitor.engine.open_alarms()
        if a.definition.condition in ("silent", "never_seen")
        and a.process_active
        and not a.definition.channel
    }


def test_a_dead_gateway_of_two_levels_is_one_alarm() -> None:
    world = World(fleet(TREE, NAMES))
    speak(world, NAMES, 20)
    world.wait(LONG_S)
    states = silent(world)
    told = [name for name, state in states.items() if state != SUPPRESSED]
    assert sorted(states) == sorted(NAMES)
    assert told == ["G-1"]
    raised = [e for e in world.alarms("silent") if e.device == "G-1"]
    assert "5 devices report through it" in raised[0].reason_en
    assert "5 台设备经由其上报" in raised[0].reason_zh
    newest = {e.device: e for e in world.alarms("silent")}["GD-1"]
    assert newest.state == SUPPRESSED
    assert "no reading for" in newest.reason_en
    assert "acme/plant/C-1, through which it reports, is not heard" in newest.reason_en, "the list tells why"
    assert "按设计抑制:其上级设备 acme/plant/C-1 无读数" in newest.reason_zh


def test_nobody_waits_where_no_upstream_is_known() -> None:
    plain, tree = World(fleet({}, ["GD-1"])), World(fleet({"GD-1": "C-1"}, ["GD-1", "C-1"]))
    for world in (plain, tree):
        for _ in range(12):
            world.send(4.0)
            if world is tree:
                world.send(4.0, device="acme/plant/C-1")
            world.wait(5)
    plain.wait(60)
    assert silent(plain) == {"GD-1": "unacknowledged"}
    assert plain.monitor.judgement.upstreams.export() == {"quiet": {}, "dead": {}}
    speak(tree, ["C-1"], 60)
    assert silent(tree) == {}, "it waits for the others"
    speak(tree, ["C-1"], 60)
    assert silent(tree) == {"GD-1": "unacknowledged"}


def test_two_levels_fall_silent_together_before_the_gateway_is_missed() -> None:
    """The gateway itself speaks on: all that report through it are its pulse."""
    world = World(fleet(TREE, NAMES))
    speak(world, NAMES, 20)
    speak(world, ["G-1"], LONG_S)
    assert {name for name, state in silent(world).items() if state != SUPPRESSED} == set()
    down = world.alarms("upstream_down")
    assert [(e.device, e.cause) for e in down] == [("G-1", "raised")]


def test_a_device_that_leaves_a_dead_concentrator_alarms_by_itself() -> None:
    world = World(fleet(TREE, NAMES))
    speak(world, NAMES, 20)
    world.wait(LONG_S)
    world.configure(fleet({**TREE, "GD-1": "C-9"}, NAMES))
    assert silent(world)["GD-1"] == "unacknowledged"
    assert silent(world)["GD-2"] == SUPPRESSED


def test_a_concentrator_that_is_retired_leaves_nobody_suppressed() -> None:
    world = World(fleet({"GD-1": "C-1", "GD-2": "C-1"}, NAMES))
    speak(world, NAMES, 20)
    speak(world, ["GD-3", "C-2", "G-1"], LONG_S)
    assert silent(world) == {"GD-1": SUPPRESSED, "GD-2": SUPPRESSED, "C-1": "unacknowledged"}
    world.configure(fleet({}, [name for name in NAMES if name != "C-1"]))
    assert silent(world) == {"GD-1": "unacknowledged", "GD-2": "unacknowledged"}


def test_time_stands_still_while_the_gateway_is_deaf() -> None:
    world = World(fleet(TREE, NAMES))
    speak(world, NAMES, 20)
    world.wait(LONG_S)
    speak(world, ["G-1", "C-1", "C-2"], 20)  # the grace of GD-1 to GD-3 runs
    world.link(up=False)
    world.wait(LONG_S)
    assert set(silent(world).values()) == {SUPPRESSED}
    world.link(up=True, present=True, expected=True)
    speak(world, NAMES, 60)
    assert silent(world) == {}


def test_a_shelved_silence_is_suppressed_when_it_leaves_the_shelf() -> None:
    world = World(fleet({"GD-1": "C-1", "GD-2": "C-1"}, ["GD-1", "GD-2", "C-1"]))
    speak(world, ["GD-1", "GD-2", "C-1"], 20)
    speak(world, ["GD-2", "C-1"], 150)
    assert silent(world) == {"GD-1": "unacknowledged"}
    shelved = world.command("shelve", alarm="acme/plant/GD-1/:silent", for_s=60, reason="known")
    assert shelved.accepted, shelved.reason_en
    speak(world, ["GD-1", "GD-2", "C-1"], 20)
    world.wait(LONG_S)
    states = silent(world)
    assert states == {"GD-1": SUPPRESSED, "GD-2": SUPPRESSED, "C-1": "unacknowledged"}


ACTS = st.one_of(
    st.tuples(st.just("speak"), st.lists(st.sampled_from(NAMES), max_size=6), st.integers(5, 200)),
    st.tuples(st.just("link"), st.just([]), st.integers(5, 100)),
    st.tuples(st.just("fleet"), st.lists(st.sampled_from(NAMES), min_size=1, unique=True), st.integers(0, 3)),
    st.tuples(st.just("restart"), st.just([]), st.just(0)),
    st.tuples(st.just("shelve"), st.sampled_from(NAMES).map(lambda n: [n]), st.just(60)),
)


@settings(max_examples=25, deadline=None)
@given(acts=st.lists(ACTS, max_size=7))
def test_suppression_ends_and_live_is_replay(acts: list[tuple[str, list[str], int]]) -> None:
    world = World(fleet(TREE, NAMES))
    for what, names, number in acts:
        _act(world, what, names, number)
    world.configure(fleet(TREE, NAMES))
    speak(world, NAMES, LONG_S)
    for _ in range(5):  # shelves and ends that are held back are over, too
        speak(world, NAMES, 30)
    kept = [a.definition.id for a in world.monitor.engine.open_alarms() if a.state == SUPPRESSED]
    assert kept == []
    assert world.monitor.judgement.suppressed.export() == {"causes": {}, "leaving": {}}
    _all_legal(world)
    replayed = Monitor(1)
    again = [e for position, entry in world.journal for e in replayed.step(position, entry).events]
    assert [encode(e) for e in again] == [encode(e) for e in world.events]
    assert replayed.save() == world.monitor.save()


@settings(max_examples=15, deadline=None)
@given(acts=st.lists(ACTS, max_size=5))
def test_whoever_is_silent_alarms_or_is_suppressed_under_one_that_does(
    acts: list[tuple[str, list[str], int]],
) -> None:
    world = World(fleet(TREE, NAMES))
    for what, names, number in acts:
        _act(world, what, names, number)
    world.configure(fleet(TREE, NAMES))
    speak(world, NAMES, 200)
    world.wait(LONG_S)
    states = silent(world)
    assert sorted(states) == sorted(NAMES)
    assert states["G-1"] != SUPPRESSED


def _act(world: World, what: str, names: list[str], number: int) -> None:
    if what == "speak":
        speak(world, names, number)
    elif what == "link":
        world.link(up=False)
        world.wait(number)
        world.link(up=True, present=True, expected=True)
    elif what == "fleet":
        world.configure(fleet(TREES[number], names))
    elif what == "restart":
        world.monitor = Monitor.load(world.monitor.save())
    else:
        world.command("shelve", alarm=f"acme/plant/{names[0]}/:silent", for_s=number, reason="known")


def _all_legal(world: World) -> None:
    stands: dict[str, Any] = {}
    for event in world.events:
        if isinstance(event, AlarmEvent):
            before = stands.get(event.alarm, Situation("normal", False))
            after = Situation(event.state, event.process_active)
            assert legal(before, event.cause, after, latch=event.latched), event
            stands[event.alarm] = after
