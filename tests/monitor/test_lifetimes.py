"""Two days of a device's row: before the one it may be silent, from the other on its sensor is too old."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas

HOUR = 3600 * SECOND
DAY = 24 * HOUR
START = World([]).clock.wall_ns()


def day(number: int) -> str:
    """The day that begins ``number`` days after the world's first."""
    return (datetime.fromtimestamp(START / 1e9, UTC) + timedelta(days=number)).date().isoformat()


def device(number: int = 1, *, begins: int | None = None, ends: int | None = None) -> Device:
    return msgspec.structs.replace(
        gas(number),
        commissioned="" if begins is None else day(begins),
        expires="" if ends is None else day(ends),
    )


def wait(world: World, days: float) -> None:
    world.wait(1)
    world.clock.advance(round(days * DAY))
    world.wait(1)


def replayed(world: World) -> None:
    """From the beginning, and from a snapshot in the middle: the same."""
    again = Monitor(1)
    events = []
    for position, entry in world.journal:
        if position == len(world.journal) // 2:
            again = Monitor.load(again.save())
        events += again.step(position, entry).events
    assert events == world.events
    assert again.save() == world.monitor.save()


def test_an_expired_device_has_an_alarm_until_its_row_has_a_later_day() -> None:
    world = World([device(1, ends=2), device(2, ends=400), device(3)])
    wait(world, 1)
    assert world.told("expired") == []
    wait(world, 1)
    (raised,) = world.alarms("expired")
    assert (raised.device, raised.priority, raised.category, raised.channel) == ("GD-1", 3, "device", "")
    assert raised.reason_en == f"the sensor is past its life: since {day(2)}"
    assert raised.reason_zh == f"传感器已超过使用期限:自 {day(2)}"
    wait(world, 5)
    world.configure([device(1, ends=2), device(2, ends=400), device(3)])
    wait(world, 0.1)
    assert world.told("expired") == ["raised"], "told once"
    world.configure([device(1, ends=900), device(2, ends=400), device(3)])
    wait(world, 0.1)
    assert world.told("expired") == ["raised", "cleared"]
    replayed(world)


def test_limits_of_an_expired_sensor_are_judged() -> None:
    world = World([device(ends=-10)])
    world.wait(1)
    world.every(5.0, 60.0)
    assert world.told("expired") == ["raised"]
    assert world.told("HH") == ["raised"]


def test_the_alarm_of_a_retired_device_ends_and_a_profile_sets_its_priority() -> None:
    other = '[[device_alarm]]\ncondition = "expired"\npriority = 1\n\n[[example]]'
    world = World([])
    world.configure(
        [device(ends=-1), gas(2)], PROFILES | {GAS: PROFILES[GAS].replace("[[example]]", other, 1)}
    )
    world.wait(1)
    assert world.alarms("expired")[0].priority == 1
    world.configure([gas(2)])
    assert world.told("expired")[1:] == ["retired"]
    world.configure([device(ends=-1), gas(2)])
    world.wait(1)
    assert world.told("expired")[2:] == ["raised"]
    replayed(world)


def test_before_its_first_day_nobody_is_told_of_its_silence() -> None:
    world = World([device(1, begins=3), device(2)])
    wait(world, 1)
    assert {e.device for e in world.alarms("never_seen")} == {"GD-2"}
    wait(world, 1)
    world.send(60.0, device="acme/plant/GD-1")
    assert world.alarms("HH")[0].device == "GD-1", "what it says counts"
    wait(world, 0.01)
    assert world.alarms("silent") == []
    midnight = (START // DAY + 3) * DAY
    world.clock.advance(midnight - world.clock.wall_ns())
    world.wait(1)
    assert [e.device for e in world.alarms("never_seen")] == ["GD-2"], (
        "from its first day on it has its time-out"
    )
    world.wait(60)
    assert [e.device for e in world.alarms("never_seen")] == ["GD-2", "GD-1"]
    replayed(world)


@pytest.mark.parametrize("begins", [None, -5])
def test_a_day_that_is_moved_counts_at_once(begins: int | None) -> None:
    world = World([device(1, begins=100)])
    wait(world, 1)
    assert world.alarms("never_seen") == []
    world.configure([device(1, begins=begins)])
    world.wait(60)
    assert world.told("never_seen") == ["raised"]
    world.configure([device(1, begins=100)])
    world.wait(60)
    assert world.told("never_seen") == ["raised", "retired"]
    world.send(1.0)
    world.wait(60)
    assert world.alarms("silent") == []
    replayed(world)
