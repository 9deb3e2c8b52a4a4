"""Two devices under one id are noticed and named; no life of a single device looks like that."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import msgspec
import pytest

from gateway.monitor.channels import Device
from gateway.monitor.entries import Packets
from gateway.monitor.monitor import Monitor
from simulators import Fault, load
from simulators._faults import SHARED
from simulators._payloads import Counters
from simulators._profiles import profile
from simulators._sources import Plan, Source, groups
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas

TOPIC = b"rg/acme/plant/GD-1/lel"
NAME = "duplicate_identity"


@pytest.fixture
def world() -> World:
    return World([gas(1), gas(2)])


class Sender:
    """A device with a clock and a counter of its own."""

    def __init__(self, world: World, *, boot: int = 1, seq: int = 0, ahead_s: float = 0.0) -> None:
        self.world, self.boot, self.seq, self.ahead_s = world, boot, seq, ahead_s

    def payload(self) -> bytes:
        self.seq += 1
        time_ms = self.world.clock.wall_ns() / 1e6 + self.ahead_s * 1000
        value = 4 + self.seq % 7 / 10
        body: dict[str, float] = {"time_ms": time_ms, "value": value}
        if self.boot >= 0:
            body |= {"boot": self.boot, "seq": self.seq}
        return json.dumps(body).encode()

    def send(self) -> None:
        put(self.world, self.payload())


def put(world: World, payload: bytes, flags: int = 0) -> None:
    world.step(Packets.of(world.stamp(), world.epoch, [(TOPIC, payload, world.clock.mono_ns(), flags)]))


def by_turns(world: World, one: Sender, other: Sender, rounds: int, seconds: float = 2.5) -> None:
    for _ in range(rounds):
        for sender in (one, other):
            world.clock.advance(round(seconds * SECOND))
            sender.send()


def test_two_boots_by_turns_are_two_devices_and_both_are_named(world: World) -> None:
    by_turns(world, Sender(world, boot=3, seq=500), Sender(world, boot=7, seq=17), 6)
    (alarm,) = world.alarms(NAME)
    assert (alarm.cause, alarm.priority, alarm.category) == ("raised", 2, "device")
    assert "boot 3 seq 50" in alarm.reason_en
    assert "boot 7 seq 2" in alarm.reason_en
    assert "启动号 3" in alarm.reason_zh


def test_a_profile_says_how_urgent_it_is() -> None:
    other = '[[device_alarm]]\ncondition = "duplicate_identity"\npriority = 4\n\n[[example]]'
    world = World([gas(1)])
    world.configure([gas(1)], PROFILES | {GAS: PROFILES[GAS].replace("[[example]]", other, 1)})
    by_turns(world, Sender(world, boot=3, seq=500), Sender(world, boot=7, seq=17), 6)
    (alarm,) = world.alarms(NAME)
    assert (alarm.priority, alarm.response_en[:17]) == (4, "Find both devices")


def test_two_counters_of_the_same_boot_are_two_devices(world: World) -> None:
    by_turns(world, Sender(world, seq=500), Sender(world, seq=17), 6)
    assert world.told(NAME) == ["raised"]


def test_with_counters_and_clocks_ten_minutes_apart_both_skews_are_named(world: World) -> None:
    by_turns(world, Sender(world, boot=3), Sender(world, boot=7, ahead_s=-600), 700)
    (alarm,) = world.alarms(NAME)
    assert "boot 3" in alarm.reason_en
    assert "clock -600.0 s" in alarm.reason_en


@pytest.mark.parametrize("ahead_s", [-600.0, 3600.0])
def test_without_counters_two_steady_clocks_are_two_devices(world: World, ahead_s: float) -> None:
    one, other = Sender(world, boot=-1), Sender(world, boot=-1, ahead_s=ahead_s)
    for _ in range(200):
        world.clock.advance(5 * SECOND)
        one.send()
    by_turns(world, one, other, 30)
    (alarm,) = world.alarms(NAME)
    assert f"the other {ahead_s:+.1f} s" in alarm.reason_en


def test_it_is_over_when_one_of_them_was_silent_for_six_hours(world: World) -> None:
    one = Sender(world, boot=3)
    by_turns(world, one, Sender(world, boot=7), 6)
    one.send()
    world.clock.advance(6 * 3600 * SECOND)
    world.wait(1)
    assert world.told(NAME) == ["raised", "cleared"]


def test_another_device_is_not_touched_and_replay_tells_the_same(world: World) -> None:
    by_turns(world, Sender(world, boot=3), Sender(world, boot=7), 6)
    assert {alarm.alarm for alarm in world.alarms(NAME)} == {"acme/plant/GD-1/:duplicate_identity"}
    again, events = Monitor(1), []
    for position, entry in world.journal:
        if position == len(world.journal) - 4:
            again = Monitor.load(again.save())
        events += again.step(position, entry).events
    assert msgspec.msgpack.encode(events) == msgspec.msgpack.encode(world.events)
    assert again.save() == world.monitor.save()


def test_an_alarm_goes_on_while_its_device_changes_its_profile(world: World) -> None:
    one, other = Sender(world, boot=3), Sender(world, boot=7)
    by_turns(world, one, other, 6)
    world.configure([msgspec.structs.replace(gas(1), profile="gas/oxygen"), gas(2)])
    world.wait(1)
    world.clock.advance(7 * 3600 * SECOND)
    world.wait(1)
    assert world.told(NAME) == ["raised", "cleared"]


def life(world: World, chance: random.Random, counted: bool) -> Iterator[tuple[bytes, int]]:
    """What one device sends in an eventful life: restarts with and without a kept boot number, clock steps,
    gaps with late uploads in any order and at any pace, losses, repeated and redelivered packets."""
    device = Sender(world, boot=1 if counted else -1)
    backlog: list[bytes] = []
    sent: list[bytes] = []
    offline = 0
    for _ in range(400):
        world.clock.advance(round(chance.choice([5, 5, 5, 2]) * SECOND))
        event = chance.random()
        if event < 0.02 and counted:
            device.boot += chance.choice([0, 1])
            device.seq = 0
        elif event < 0.03:
            device.ahead_s += chance.choice([-7200.0, -90.0, 30.0, 3600.0])
        elif event < 0.05:
            offline = chance.choice([3, 20, 100])
        payload = device.payload()
        if offline:
            offline -= 1
            backlog.append(payload)
            continue
        if chance.random() > 0.03:
            sent.append(payload)
            yield payload, 0
        if backlog and chance.random() < 0.5:
            for _ in range(min(len(backlog), chance.choice([1, 1, 10, 100]))):
                late = backlog.pop(chance.choice([0, 0, 0, -1]))
                sent.append(late)
                yield late, 0
        if sent and chance.random() < 0.05:
            yield sent[-chance.randint(1, min(len(sent), 100))], chance.choice([0, 1])


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_one_device_is_never_taken_for_two(world: World, seed: int, counted: bool) -> None:
    for payload, flags in life(world, random.Random(seed), counted):
        put(world, payload, flags)
    assert world.monitor.counts.effective > 100
    assert world.told(NAME) == []


def test_a_backlog_at_the_pace_of_live_readings_is_one_device(world: World) -> None:
    """The hardest late upload: after a restart, an old packet of the former boot between two live ones."""
    device = Sender(world, boot=1)
    old = []
    for _ in range(100):
        world.clock.advance(5 * SECOND)
        old.append(device.payload())
    device.boot, device.seq = 2, 0
    for late in old:
        world.clock.advance(5 * SECOND)
        device.send()
        put(world, late)
    assert world.monitor.counts.late > 50
    assert world.told(NAME) == []


@pytest.mark.parametrize("counted", [True, False])
@pytest.mark.parametrize("kind", ["gas_room", "pipeline_segment", "lift"])
def test_no_shared_fault_of_a_simulated_device_looks_like_two(kind: str, counted: bool) -> None:
    module = load(kind)
    keys = tuple(f"demo/s/D-{n}" for n in range(max(2, module.Plant.DEVICES_MIN)))
    world = World([Device("demo", "s", "x", key.rpartition("/")[2], module.PROFILE) for key in keys])
    period_s = profile(module.PROFILE).period_ns / SECOND
    faults = tuple(Fault(name, period_s * (20 + 40 * n), period_s * 25) for n, name in enumerate(SHARED))
    start = world.clock.wall_ns()
    source = Source(Plan(kind, keys, faults), start, 1, Counters(5))
    for time_ns, messages in groups([source], start + round(period_s * SECOND * (60 + 40 * len(SHARED)))):
        world.clock.advance(max(0, time_ns - world.clock.wall_ns()))
        rows = []
        for message in messages:
            body = json.loads(message.payload)
            if not counted:
                del body["boot"], body["seq"]
            rows.append((message.topic.encode(), json.dumps(body).encode(), world.clock.mono_ns(), 0))
        if rows:
            world.step(Packets.of(world.stamp(), world.epoch, rows))
    assert world.monitor.counts.effective > 500
    assert world.told(NAME) == []
