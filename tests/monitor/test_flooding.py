"""One device at a thousand times its rate: the others notice nothing, its limits are judged, it is told."""

from __future__ import annotations

import json

import msgspec
import pytest

from detectors import THROTTLED
from gateway.alarms.events import AlarmEvent
from gateway.monitor.entries import Packets
from gateway.monitor.monitor import Monitor
from gateway.monitor.outcome import Outcome
from gateway.monitor.throttle import CALM_NS
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas

LOUD = "acme/plant/GD-1"
CALM = "acme/plant/GD-2"
STEP_NS = SECOND // 10
EACH_STEP = 20
"""200 readings a second: one each 5 s is expected, 4 a second are allowed."""


class Flood:
    """Steps of 100 ms: the loud device sends 20 readings, the calm one its own one each 5 s."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.steps = 0
        self.sent = 0
        self.loud = self.calm = 4.0

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * SECOND / STEP_NS)):
            self.step()

    def step(self) -> Outcome:
        world = self.world
        world.clock.advance(STEP_NS)
        self.steps += 1
        rows = [self._packet(LOUD, self.loud, n) for n in range(EACH_STEP)]
        if self.steps % 50 == 0:
            rows.append(self._packet(CALM, self.calm, 0))
        self.sent += len(rows)
        return world.step(Packets.of(world.stamp(), world.epoch, rows))

    def _packet(self, device: str, value: float, place: int) -> tuple[bytes, bytes, int, int]:
        time_ms = (self.world.clock.wall_ns() - (EACH_STEP - 1 - place) * 4_000_000) / 1e6
        payload = {"time_ms": time_ms, "value": value, "boot": 1, "seq": self.steps * EACH_STEP + place}
        return f"rg/{device}/lel".encode(), json.dumps(payload).encode(), self.world.clock.mono_ns(), 0


@pytest.fixture
def flood() -> Flood:
    return Flood(World([gas(1), gas(2)]))


def test_every_packet_counts_and_only_the_excess_is_throttled(flood: Flood) -> None:
    flood.run(30)
    counts = flood.world.monitor.counts
    assert counts.packets == counts.decoded == counts.effective == flood.sent == 30 * 200 + 6
    assert counts.balanced()
    assert counts.throttled == 30 * 200 - (100 + 30 * 4) + 1  # the first of all came when the bucket was full
    assert flood.world.told("silent") == []


def test_the_alarm_names_the_device_and_ends_a_minute_after_the_flood(flood: Flood) -> None:
    world = flood.world
    flood.run(10)
    assert world.told("flooding") == []
    flood.run(1)
    [raised] = world.alarms("flooding")
    assert (raised.alarm, raised.category, raised.priority) == (f"{LOUD}/:flooding", "device", 4)
    assert raised.reason_en.startswith("sends far more readings than it may: ")
    assert raised.reason_en.endswith(" beyond 4 a second and channel")
    assert "每通道每秒 4 次" in raised.reason_zh
    assert "超出部分" in raised.response_zh
    flood.run(20)
    assert len(world.alarms("flooding")) == 1
    for _ in range(11):
        world.clock.advance(5 * SECOND)
        world.send(4.0)
    assert len(world.alarms("flooding")) == 1
    for _ in range(2):
        world.clock.advance(5 * SECOND)
        world.send(4.0)
    assert [e.process_active for e in world.alarms("flooding")] == [True, False]


def test_it_ends_without_another_reading_too(flood: Flood) -> None:
    flood.run(12)
    flood.world.wait(59.5)
    assert len(flood.world.alarms("flooding")) == 1
    flood.world.wait(1)
    assert [e.process_active for e in flood.world.alarms("flooding")] == [True, False]


def test_the_loud_devices_limits_are_judged_beyond_its_rate(flood: Flood) -> None:
    flood.run(5.1)  # a reading passes each 250 ms: none in the next step
    flood.loud = 60.0
    outcome = flood.step()
    assert bool((outcome.readings.time & THROTTLED).all())
    [high] = [e for e in outcome.events if isinstance(e, AlarmEvent)]
    assert (high.alarm, high.value) == (f"{LOUD}/lel:HH", 60.0)


def test_the_others_alarm_with_their_own_reading(flood: Flood) -> None:
    flood.run(14.9)
    flood.calm = 60.0
    outcome = flood.step()
    assert f"{CALM}/lel:HH" in [e.alarm for e in outcome.events if isinstance(e, AlarmEvent)]
    calm = outcome.readings.slot == flood.world.monitor.roster.slots_of(1).start
    assert not (outcome.readings.time[calm] & THROTTLED).any()


def test_the_flood_s_end_changes_no_snapshot_of_before(flood: Flood) -> None:
    world = flood.world
    flood.run(11)
    world.clock.advance(CALM_NS)
    expected, image = world.monitor.save(), world.monitor.image()
    world.wait(0.5)
    assert [alarm.cause for alarm in world.alarms("flooding")] == ["raised", "cleared"]
    assert b"".join(bytes(part) for part in image.rest()) == expected


def test_the_others_course_is_the_same_with_and_without_the_flood() -> None:
    quiet, loud = World([gas(1), gas(2)]), World([gas(1), gas(2)])
    flood = Flood(loud)
    for step in range(600):
        value = 4.0 + (step // 50) * 0.25
        flood.calm = value
        flood.step()
        quiet.clock.advance(STEP_NS)
        if (step + 1) % 50 == 0:
            quiet.raw((f"rg/{CALM}/lel", flood._packet(CALM, value, 0)[1]))
    slots = loud.monitor.roster.slots_of(1)
    for one, other in zip(quiet.monitor.bank, loud.monitor.bank, strict=True):
        if one.used:
            assert one.state_at(slots).tobytes() == other.state_at(slots).tobytes(), one.kind


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_in_the_flood_changes_nothing(clean: bool) -> None:
    worlds = [World([gas(1), gas(2)]) for _ in range(2)]
    for restarted, world in enumerate(worlds):
        flood = Flood(world)
        flood.run(12)
        if restarted and clean:
            world.monitor = Monitor.load(world.monitor.save())
        elif restarted:
            world.monitor = Monitor(1)
            for position, entry in world.journal:
                world.monitor.step(position, entry)
        flood.run(3)
        world.wait(61)
    assert worlds[0].events == worlds[1].events
    assert worlds[0].monitor.counts == worlds[1].monitor.counts
    assert [e.process_active for e in worlds[1].alarms("flooding")] == [True, False]


def test_a_snapshot_from_before_throttling_starts_with_full_buckets(flood: Flood) -> None:
    flood.run(12)
    stored = msgspec.msgpack.decode(flood.world.monitor.save())
    del stored["throttle"], stored["counts"]["throttled"]
    flood.world.monitor = Monitor.load(msgspec.msgpack.encode(stored))
    assert flood.world.monitor.counts.throttled == 0
    outcome = flood.step()
    assert not (outcome.readings.time & THROTTLED).any()
    flood.run(1)
    assert flood.world.monitor.counts.throttled > 0


def test_a_device_taken_out_of_the_fleet_takes_its_alarm_along(flood: Flood) -> None:
    flood.run(12)
    flood.world.configure([gas(2)])
    assert [e.state for e in flood.world.alarms("flooding")][-1] == "normal"
    flood.world.wait(70)
    assert len(flood.world.alarms("flooding")) == 2


def test_the_alarm_goes_on_under_another_profile_and_ends(flood: Flood) -> None:
    flood.run(12)
    other = "gas/other"
    profiles = {**PROFILES, other: PROFILES[GAS]}
    flood.world.configure([msgspec.structs.replace(gas(1), profile=other), gas(2)], profiles)
    assert len(flood.world.alarms("flooding")) == 1
    flood.world.wait(61)
    assert [e.process_active for e in flood.world.alarms("flooding")] == [True, False]


def test_an_upload_of_a_backlog_is_not_throttled() -> None:
    """An hour without a link: 720 readings a channel come at once."""
    world = World([gas(1)])
    world.every(5, *[4.0] * 20)
    world.clock.advance(3600 * SECOND)
    now_ms = world.clock.wall_ns() / 1e6
    rows = [{"channel": "lel", "time_ms": now_ms - (719 - n) * 5000, "value": 4.0} for n in range(720)]
    for start in range(0, 720, 60):
        world.raw((f"rg/{LOUD}/batch", json.dumps({"readings": rows[start : start + 60]}).encode()))
    counts = world.monitor.counts
    assert (counts.effective, counts.throttled) == (740, 0)
