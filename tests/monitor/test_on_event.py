"""Channels that come only when something happened, and devices that upload once a day: neither is called
silent, late or flooding for doing so."""

from __future__ import annotations

import json

from gateway.monitor.channels import Device
from gateway.monitor.entries import Packets
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas

HEAD = "acme/plant/NPW-1"
LOGGER = "acme/plant/IL-1"
REGULAR = {
    "pressure": 4.0,
    "noise": 1.0,
    "clock_error": 0.001,
    "trigger": 0,
    "clock": 0,
    "door": 0,
    "supply": 13.0,
}


def columns(world: World, device: str, times: list[float], channels: dict[str, list[float]]) -> None:
    payload = json.dumps({"time_ms": times, "channels": channels}).encode()
    world.raw((f"rg/{device}/columns", payload))


def head() -> World:
    return World([Device("acme", "plant", "section", "NPW-1", "pipeline/npw_head")])


def minute(world: World, count: int) -> None:
    for _ in range(count):
        world.wait(60)
        now = world.clock.wall_ns() / 1e6
        columns(world, HEAD, [now], {name: [value] for name, value in REGULAR.items()})


def burst(world: World, samples: int, lowest: float = -30.0) -> None:
    """The waveform around a trigger some seconds ago, in packets of 1,000 samples, all at once."""
    first = world.clock.wall_ns() / 1e6 - samples * 5 - 2000
    for start in range(0, samples, 1000):
        places = range(start, min(start + 1000, samples))
        wave = [lowest if samples // 4 < n < samples // 2 else 0.5 * (n % 3) for n in places]
        columns(world, HEAD, [first + 5 * n for n in places], {"wave": wave})


def test_a_wave_that_never_came_is_not_missed() -> None:
    world = head()
    minute(world, 10)
    assert world.told("never_seen") == []
    burst(world, 2000)
    minute(world, 10)
    assert world.told("silent") == []


def test_a_head_without_its_minute_record_is_silent_whatever_waves_it_sent() -> None:
    world = head()
    minute(world, 2)
    burst(world, 2000)
    world.wait(125)
    assert [e.alarm for e in world.alarms("silent")] == [f"{HEAD}/:silent"]


def test_a_burst_of_minutes_is_neither_throttled_nor_late() -> None:
    world = head()
    minute(world, 2)
    burst(world, 20_000)
    counts = world.monitor.counts
    assert counts.effective == 20_000 + 2 * len(REGULAR)
    assert counts.throttled == 0
    assert counts.late == 0
    assert world.told("flooding") == []


def test_a_rupture_in_a_burst_is_an_alarm() -> None:
    world = head()
    minute(world, 1)
    burst(world, 1000, lowest=-250.0)
    assert [(e.alarm, e.cause, e.priority) for e in world.alarms("LL")][:1] == [
        (f"{HEAD}/wave:LL", "raised", 1)
    ]


def test_what_was_silent_before_its_profile_said_on_event_still_ends_when_it_speaks() -> None:
    world = World([gas()])
    world.every(5, 3, 3)
    world.send(20, channel="temperature")
    world.every(5, *[3] * 6)
    assert [e.alarm for e in world.alarms("silent")] == ["acme/plant/GD-1/temperature:silent"]
    text = PROFILES[GAS].replace('channel = "temperature"\n', 'channel = "temperature"\non_event = true\n', 1)
    world.configure([gas()], {**PROFILES, GAS: text})
    world.send(21, channel="temperature")
    assert world.told("silent") == ["raised", "cleared"]
    world.every(5, *[3] * 20)
    assert world.told("silent") == ["raised", "cleared"]


def day(world: World, hours: float = 24) -> None:
    """A day in one upload: 8,640 rows, thinned to one in ten to keep the test short."""
    step, rows = 100_000, round(hours * 36)
    first = world.clock.wall_ns() / 1e6 - rows * step
    for start in range(0, rows, 200):
        times = [first + n * step for n in range(start, min(start + 200, rows))]
        columns(world, LOGGER, times, {"e_ir_free": [-1.0 + 0.001 * (n % 7) for n in range(len(times))]})
    channels = {name: [value] for name, value in DAILY.items()}
    columns(world, LOGGER, [world.clock.wall_ns() / 1e6], channels)


REST = (
    "e_on",
    "ac_voltage",
    "coupon_dc",
    "coupon_ac",
    "share_800",
    "share_750",
    "share_0",
    "reference",
    "coupon",
)
DAILY = {"e_quiet": -0.98, "share_850": 1.5, "hours": 24.0, "battery": 3.6} | dict.fromkeys(REST, 0.0)


def skip(world: World, hours: float) -> None:
    """Time passes without packets, a tick a minute."""
    for _ in range(round(hours * 60)):
        world.clock.advance(60 * SECOND)
        world.step(Packets.of(world.stamp(), world.epoch, []))


def test_a_day_without_a_word_is_not_silent_and_what_comes_then_is_not_late() -> None:
    world = World([Device("acme", "plant", "post", "IL-1", "cathodic_protection/interference_logger")])
    for _ in range(3):
        skip(world, 24)
        day(world)
    counts = world.monitor.counts
    assert (world.told("silent"), world.told("never_seen"), world.told("flooding")) == ([], [], [])
    assert counts.late == counts.throttled == 0
    assert counts.effective == 3 * (864 + len(DAILY))
    skip(world, 37)
    assert [e.alarm for e in world.alarms("silent")] == [f"{LOGGER}/:silent"]
    day(world, hours=37)
    assert world.monitor.counts.late > 0, "more than a day old: judged afterwards only"
    world.wait(1)
    assert world.told("silent") == ["raised", "cleared"]
