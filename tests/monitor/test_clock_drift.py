"""Clocks that run fast or slow, and one set back by less than a device may be late."""

from __future__ import annotations

import pytest

from gateway.monitor.channels import Device
from tests.monitor.world import World

MINUTE_S = 60
HOUR_S = 3600
POST = Device("acme", "plant", "pipe", "CP-1", "cathodic_protection/test_post")
NAME = "clock_drift"


def live(world: World, hours: float, share: float = 0.0, ago_s: float = 0.0, every_s: int = 600) -> None:
    """A device whose clock gains ``share``, ``ago_s`` behind already, with some jitter on the way."""
    for number in range(round(hours * HOUR_S / every_s)):
        passed_s = (number + 1) * every_s
        world.every(every_s, 3.0 + number % 5, age_s=ago_s - share * passed_s + 0.4 * (number % 3))


@pytest.mark.parametrize(("share", "gain"), [(500e-6, "gains 4"), (-300e-6, "loses 2")])
def test_a_clock_that_drifts_is_told_within_a_day_and_ends_when_it_keeps_time(
    share: float, gain: str
) -> None:
    world = World()
    live(world, 12)
    assert world.told(NAME) == []
    live(world, 24, share)
    assert world.told(NAME) == ["raised"]
    assert gain in world.alarms(NAME)[0].reason_en
    world.restart()
    live(world, 12, ago_s=-share * 24 * HOUR_S)
    assert world.told(NAME) == ["raised", "cleared"]
    assert world.told("clock_changed") == []


def test_a_fast_clock_that_is_heard_once_a_day_is_told_after_some_days() -> None:
    """It is ahead by more than a device may be after two uploads, and watched all the same."""
    world = World()
    day_s = 24 * HOUR_S
    live(world, 48, every_s=day_s)
    live(world, 24 * 5, 500e-6, every_s=day_s)
    assert world.told(NAME) == ["raised"]


def test_a_crystals_error_and_a_longer_way_are_no_drift() -> None:
    world = World()
    live(world, 30, 80e-6)
    live(world, 30, ago_s=8.0)
    live(world, 30)
    assert world.told(NAME) == []


def test_the_gateways_own_clock_set_is_no_drift() -> None:
    world = World()
    for _ in range(4):
        live(world, 5)
        world.clock.jump(5_000_000_000)
    assert world.told(NAME) == []


def posted(world: World, value: float, ago_s: float) -> None:
    world.clock.advance(600 * 1_000_000_000)
    world.send(value, device=POST.key, channel="e_off", age_s=ago_s)


@pytest.mark.parametrize("moving", [0.0, 0.001])
def test_a_clock_set_back_by_less_than_a_device_may_be_late_is_noticed(moving: float) -> None:
    """With values that stand still its readings look like repeated ones."""
    world = World([POST])
    for number in range(20):
        posted(world, -0.95 + moving * number, 0.0)
    for number in range(4):
        posted(world, -0.90 * bool(moving) - 0.95 * (not moving) + moving * number, HOUR_S)
    assert world.told("clock_changed") == []
    posted(world, -0.95 - moving, HOUR_S)
    assert world.told("clock_changed") == ["raised", "cleared"]
    for number in range(10):
        posted(world, -0.80 + moving * number, HOUR_S)
    assert world.last.readings.time.tolist() == [0]
    assert world.told("clock_changed") == ["raised", "cleared"]


def test_repeated_uploads_and_backlogs_are_no_changed_clock() -> None:
    world = World([POST])
    for number in range(30):
        posted(world, -0.95, 0.0)
        world.send(-0.95, device=POST.key, channel="e_off", age_s=HOUR_S if number > 10 else 0.0)
    assert world.told("clock_changed") == []
    for number in range(20):  # all of it again, at once
        world.send(-0.95, device=POST.key, channel="e_off", age_s=(30 - number) * 600)
    assert world.told("clock_changed") == []
