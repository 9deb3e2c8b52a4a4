"""Maintenance windows: what is suppressed, what never is, and that all of it comes back."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alarms.events import SUPPRESSED, encode
from gateway.monitor.channels import Device
from gateway.monitor.maintenance import DEVICES_A_SWEEP
from gateway.monitor.monitor import Monitor
from gateway.monitor.roster import config_change
from gateway.monitor.suppressing import Suppressing, Window
from tests.monitor.world import PROFILES, SECOND, World, gas

MANY = 3 * DEVICES_A_SWEEP
HOUR = 3600


def window(world: World, begin_s: float, end_s: float, **more: Any) -> Window:
    """One that is open from so many to so many seconds from now."""
    now = world.clock.wall_ns()
    span = (now + round(begin_s * SECOND), now + round(end_s * SECOND))
    fields = {"name": "works", "scope": "acme/plant", "asset": "", "spans": (span,)}
    texts = {"reason": "valves are changed", "work_order": "WO-1", "author": "li"}
    return Window(**{**fields, **texts, **more})


def plan(world: World, *windows: Window, devices: list[Device] | None = None) -> None:
    chosen = [gas()] if devices is None else devices
    world.step(config_change(world.stamp(), chosen, PROFILES, Suppressing(windows=windows)))


def suppressed(world: World) -> list[str]:
    """Alarms of the process that are; those about devices follow when they begin."""
    return sorted(
        a.definition.id
        for a in world.monitor.engine.open_alarms()
        if a.state == SUPPRESSED and a.definition.category == "process"
    )


def test_a_window_suppresses_normal_alarms_too_but_no_safety_alarm() -> None:
    world = World()
    plan(world, window(world, 10, 100))
    world.wait(9.5)
    assert suppressed(world) == []
    world.wait(1)
    assert suppressed(world) == ["acme/plant/GD-1/lel:H"]
    (note,) = world.notes("maintenance_began")
    assert note.detail["work_order"] == "WO-1"
    assert "检修 works" in note.reason_zh
    world.every(1, 60.0, 60.0)
    assert [e.state for e in world.alarms("HH")] == ["unacknowledged"], "HH is told all the same"
    world.wait(100)
    assert suppressed(world) == []
    assert [n.kind for n in world.notes("maintenance_ended")] == ["maintenance_ended"]


def test_an_alarm_of_a_device_is_suppressed_when_it_begins() -> None:
    world = World()
    plan(world, window(world, 1, 100))
    world.wait(2)
    world.every(1, None)
    assert [(e.state, e.cause) for e in world.alarms("sensor_fault")] == [
        (SUPPRESSED, "suppressed"),
        (SUPPRESSED, "began_quietly"),
    ]


def test_a_large_site_goes_step_by_step_and_what_stands_goes_first() -> None:
    fleet = [gas(n) for n in range(MANY)]
    world = World(fleet)
    last = fleet[-1].key
    plan(world, window(world, 5, 60), devices=fleet)
    world.every(1, 25.0, 25.0, 25.0, device=last)
    world.wait(2)
    some = suppressed(world)
    assert f"{last}/lel:H" in some
    assert len(some) < MANY
    world.wait(2)
    assert len(suppressed(world)) == MANY
    world.wait(60)
    assert suppressed(world) == []


def test_a_window_that_is_cancelled_ends_at_once_and_one_that_is_prolonged_goes_on() -> None:
    world = World()
    first = window(world, 1, 60)
    plan(world, first)
    world.wait(10)
    began = first.spans[0][0]
    plan(world, msgspec.structs.replace(first, spans=((began, began + HOUR * SECOND),)))
    world.wait(120)
    assert suppressed(world) == ["acme/plant/GD-1/lel:H"]
    assert [e.cause for e in world.alarms("H")] == ["suppressed"], "nothing is told of the longer end"
    plan(world)
    world.wait(1)
    assert suppressed(world) == []


def test_a_device_that_leaves_the_scope_comes_back_and_one_that_comes_is_suppressed() -> None:
    fleet = [gas(1), msgspec.structs.replace(gas(2), asset="yard")]
    world = World(fleet)
    planned = window(world, 1, 600, asset="hall")
    plan(world, planned, devices=fleet)
    world.wait(3)
    assert suppressed(world) == ["acme/plant/GD-1/lel:H"]
    moved = [msgspec.structs.replace(gas(1), asset="yard"), gas(2)]
    plan(world, planned, devices=moved)
    world.wait(3)
    assert suppressed(world) == ["acme/plant/GD-2/lel:H"]


def test_the_clock_set_back_before_the_window_closes_it() -> None:
    world = World()
    plan(world, window(world, 10, 600))
    world.wait(12)
    assert suppressed(world)
    world.clock.jump(-60 * SECOND)
    world.wait(1)
    assert suppressed(world) == []
    world.wait(60)
    assert suppressed(world)


def test_two_windows_over_one_alarm_end_with_the_later_one() -> None:
    world = World()
    site = window(world, 1, 30)
    one = window(world, 5, 60, name="one", scope="acme/plant/GD-1")
    plan(world, site, one)
    world.wait(40)
    assert suppressed(world) == ["acme/plant/GD-1/lel:H"]
    world.wait(30)
    assert suppressed(world) == []


ACTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 120)),
    st.tuples(st.just("value"), st.sampled_from([4.0, 25.0, 60.0])),
    st.tuples(st.just("bad"), st.just(0)),
    st.tuples(st.just("plan"), st.integers(1, 200)),
    st.tuples(st.just("two"), st.integers(1, 200)),
    st.tuples(st.just("fleet"), st.integers(1, 3)),
    st.tuples(st.just("shelve"), st.just(60)),
    st.tuples(st.just("restart"), st.just(0)),
)


@settings(max_examples=30, deadline=None)
@given(acts=st.lists(ACTS, max_size=9))
def test_every_window_ends_and_live_is_replay(acts: list[tuple[str, float]]) -> None:
    world = World()
    planned: tuple[Window, ...] = ()
    for what, number in acts:
        if what == "wait":
            world.wait(number)
        elif what in ("value", "bad"):
            world.every(2, *[number if what == "value" else None] * 4)
        elif what in ("plan", "two"):
            two = ("li", "wang") if what == "two" else ()
            planned = (window(world, 5, 5 + number, safety_by=two),)
            plan(world, *planned)
        elif what == "fleet":
            plan(world, *planned, devices=[gas(n) for n in range(1, int(number) + 1)])
        elif what == "shelve":
            world.command("shelve", alarm="acme/plant/GD-1/lel:H", for_s=number, reason="known")
        else:
            world.monitor = Monitor.load(world.monitor.save())
        world.wait(0.25)  # a plan is looked at when timers are
        by_two = bool(planned and planned[0].safety_by)
        safety = [name for name in suppressed(world) if name.endswith(":HH")]
        assert by_two or not safety
    world.wait(400)
    assert not [a for a in world.monitor.engine.open_alarms() if a.state == SUPPRESSED]
    assert world.monitor.judgement.suppressed.export() == {"causes": {}, "leaving": {}}
    replayed = Monitor(1)
    again = [e for position, entry in world.journal for e in replayed.step(position, entry).events]
    assert [encode(e) for e in again] == [encode(e) for e in world.events]
    assert replayed.save() == world.monitor.save()
