"""Duplicate, late, suspect, retained, disordered, clocks that change: each rule as a story."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import DISORDER, LATE, RETAINED, SUSPECT
from tests.monitor.world import SECOND, World

HH = "HH"


def steady(world: World, count: int = 5, value: float = 3.0) -> None:
    world.every(5, *([value] * count))


def test_the_same_reading_takes_effect_once() -> None:
    world = World()
    steady(world)
    at_ms = world.clock.wall_ns() / 1e6
    world.send(60, at_ms=at_ms + 1)
    world.send(60, at_ms=at_ms + 1)
    assert len(world.last.readings) == 0
    assert world.monitor.counts.duplicates == 1
    assert world.told(HH) == ["raised"]


def test_the_same_time_with_another_value_takes_effect_as_suspect() -> None:
    world = World()
    steady(world)
    at_ms = world.clock.wall_ns() / 1e6
    world.send(60, at_ms=at_ms)
    assert world.last.readings.time.tolist() == [SUSPECT | DISORDER]
    assert world.alarms(HH)[-1].flags == ("suspect_time", "out_of_order")


def test_a_frozen_clock_does_not_blind_a_device_and_never_clears() -> None:
    world = World()
    steady(world)
    frozen = world.clock.wall_ns() / 1e6
    for value in (60, 61, 3, 2, 1, 4, 5):
        world.clock.advance(5 * SECOND)
        world.send(value, at_ms=frozen)
    assert world.told(HH) == ["raised"]


def test_a_payload_known_by_boot_and_seq_is_a_duplicate_even_in_a_batch_longer_than_memory() -> None:
    world = World()
    start = world.clock.wall_ns() // 1_000_000
    batch = {
        "boot": 1,
        "seq": 1,
        "time_ms": [start - 100_000 + 1000 * i for i in range(100)],
        "channels": {"lel": [float(i % 7) for i in range(100)]},
    }
    payload = json.dumps(batch).encode()
    world.raw(("rg/acme/plant/GD-1/columns", payload))
    assert len(world.last.readings) == 100
    world.raw(("rg/acme/plant/GD-1/columns", payload), dup=True)
    assert len(world.last.readings) == 0
    assert world.last.duplicates == 100


def test_a_stuck_sequence_counter_does_not_blind_a_device() -> None:
    world = World()
    for value in (3, 3, 60):
        world.clock.advance(5 * SECOND)
        world.send(value, seq=7)
    assert world.told(HH) == ["raised"]
    assert "suspect_time" in world.alarms(HH)[-1].flags


def test_a_reboot_of_the_device_starts_its_counter_anew() -> None:
    world = World()
    for seq in (50, 51, 52):
        world.clock.advance(5 * SECOND)
        world.send(3, seq=seq, boot=1)
    for seq in (50, 51, 52):
        world.clock.advance(5 * SECOND)
        world.send(4, seq=seq, boot=2)
    assert world.monitor.counts.duplicates == 0
    assert world.monitor.counts.suspect == 0


def test_without_time_and_counter_only_the_brokers_redelivery_is_a_duplicate() -> None:
    world = World()
    packet = ("rg/acme/plant/GD-1/lel", b'{"value": 3}')
    world.raw(packet)
    world.clock.advance(5 * SECOND)
    world.raw(packet)
    assert world.monitor.counts.effective == 2, "the same value again is a new reading"
    world.link(up=False)
    world.link(up=True, present=True)
    world.raw(packet, dup=True)
    assert world.monitor.counts.duplicates == 1
    world.raw(packet)
    assert world.monitor.counts.effective == 3


def test_late_readings_are_history_only() -> None:
    world = World()
    steady(world)
    world.send(70, age_s=3600)
    assert world.last.readings.time.tolist() == [LATE | DISORDER]
    assert world.told(HH) == []
    assert world.monitor.counts.late == 1


def test_late_good_readings_never_clear() -> None:
    world = World()
    steady(world)
    world.every(5, 60)
    for age in (900, 800, 700, 600, 500):
        world.send(3, age_s=age)
    assert world.told(HH) == ["raised"]


def test_replayed_old_safe_values_hide_nothing() -> None:
    world = World()
    steady(world, 20)
    captured = [entry for _, entry in world.journal if type(entry).__name__ == "Packets"]
    world.every(5, 60)
    for entry in captured:
        world.clock.advance(SECOND)
        for row in range(len(entry)):
            topic, payload = entry.packet(row)
            world.raw((topic.decode(), payload))
    assert world.told(HH) == ["raised"]


def test_retained_values_are_not_live() -> None:
    world = World()
    world.send(70, retained=True, age_s=10)
    assert world.last.readings.time.tolist() == [RETAINED]
    assert world.told(HH) == []
    world.send(3, seq=1, retained=True)
    world.send(60, seq=1)
    assert world.told(HH) == ["raised"], (
        "a retained copy must not make the live packet look like a repetition"
    )


@pytest.mark.parametrize("at_ms", [0, 1_000, 4_102_444_800_000, 7.5e12, -5.0, 1e300])
def test_impossible_times_may_raise_but_never_clear_and_touch_nobody_else(at_ms: float) -> None:
    world = World()
    steady(world)
    world.send(60, at_ms=at_ms)
    assert world.last.readings.time[0] & SUSPECT
    assert world.told(HH) == ["raised"]
    for value in (3, 2, 1, 3, 2, 1):
        world.send(value, at_ms=at_ms + value)
    assert world.told(HH) == ["raised"]
    world.every(5, 3, 3, 3, 3)
    assert world.told(HH)[-1] == "cleared", "one impossible time must not hold the next good ones back"
    assert world.notes("clock_jump") == []


def test_a_clock_set_back_is_believed_after_five_agreeing_readings() -> None:
    world = World()
    steady(world)
    for value in (3, 3, 3, 3):
        world.every(5, value, age_s=3600)
    assert world.told("clock_changed") == []
    world.every(5, 60, age_s=3600)
    assert world.told("clock_changed") == ["raised", "cleared"]
    assert world.told(HH) == ["raised"], "the fifth reading takes effect"
    world.every(5, 3, 3, 3, 3, age_s=3600)
    assert world.told(HH)[-1] == "cleared"


def test_a_clock_set_ahead_is_believed_too() -> None:
    world = World()
    steady(world)
    world.every(5, *[3] * 5, age_s=-1800)
    assert world.told("clock_changed") == ["raised", "cleared"]
    world.every(5, 60, age_s=-1800)
    assert world.told(HH) == ["raised"]


def test_a_new_device_with_a_wrong_clock_is_never_blind() -> None:
    world = World()
    world.every(5, 60, age_s=7200)
    assert world.told(HH) == ["raised"]
    assert "suspect_time" in world.alarms(HH)[0].flags


def test_a_fast_devices_backlog_after_an_outage_does_not_move_its_clock() -> None:
    """Found by broker chaos: forty milliseconds apart, all of it arrives at once, an hour late."""
    world = World()
    steady(world)
    start = world.clock.wall_ns() / 1e6 - 3_600_000
    for number in range(500):
        world.clock.advance(1_000_000)
        world.send(3, at_ms=start + 40 * number, seq=number)
    assert world.told("clock_changed") == []
    assert world.monitor.counts.late == 500
    world.every(5, 60)
    assert world.last.readings.time.tolist() == [0]


def test_a_burst_uploaded_late_does_not_move_the_devices_clock() -> None:
    world = World()
    steady(world)
    start = world.clock.wall_ns() // 1_000_000 - 3_600_000
    burst = {
        "time_ms": [start + 10 * i for i in range(50)],
        "channels": {"lel": [float(i) for i in range(50)]},
    }
    world.raw(("rg/acme/plant/GD-1/columns", json.dumps(burst).encode()))
    assert world.told("clock_changed") == []
    world.every(5, 60)
    assert world.told(HH) == ["raised"]


@pytest.mark.parametrize("jump_s", [-3600, 3600, 365 * 86400, -43_200])
def test_the_gateways_own_clock_jump_moves_no_timer_and_no_device(jump_s: int) -> None:
    world = World()
    steady(world)
    offset_s = 0.0
    world.clock.jump(jump_s * SECOND)
    offset_s = jump_s
    world.wait(4)
    assert world.told("silent") == [], "no timer fires early"
    assert len(world.notes("clock_jump")) == 1
    # the device's own clock did not jump: its times now look wrong by the jump, and are still its own
    world.every(1, 60, age_s=offset_s)
    assert world.last.readings.time.tolist() == [0]
    assert world.told(HH) == ["raised"]
    assert world.told("clock_changed") == []
    world.wait(11)
    assert world.told("silent") == ["raised"], "no silence is missed"


def test_a_gateway_clock_set_back_by_years_fails_high() -> None:
    world = World()
    steady(world)
    world.clock.jump(-5 * 365 * 86_400 * SECOND)
    world.every(5, 60, age_s=-5 * 365 * 86_400)
    assert world.told(HH) == ["raised"]
    assert world.alarms(HH)[0].flags == ("suspect_time",)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.floats(-7200, 7200),
            st.sampled_from([1.0, 30.0, 60.0, 70.0]),
            st.integers(0, 30_000),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_whatever_the_times_counts_balance_and_replay_is_equal(
    readings: list[tuple[float, float, int, bool]],
) -> None:
    world = World()
    for age, value, pause_ms, dup in readings:
        world.clock.advance(pause_ms * 1_000_000)
        world.send(value, age_s=age, dup=dup)
        if dup:
            world.raw(world_packet(world), dup=True)
    counts = world.monitor.counts
    assert counts.balanced()
    again = World.__new__(World)
    again.monitor = type(world.monitor)(1)
    events = [e for position, entry in world.journal for e in again.monitor.step(position, entry).events]
    assert events == world.events
    assert again.monitor.save() == world.monitor.save()
    assert np.all(world.monitor.last_quality <= 2)


def world_packet(world: World) -> tuple[str, bytes]:
    """The packet sent last."""
    entry = world.journal[-1][1]
    topic, payload = entry.packet(0)  # type: ignore[union-attr]
    return topic.decode(), payload


def test_a_redelivered_window_longer_than_every_memory_takes_effect_once() -> None:
    """Found by killing the gateway: 200 packets of one device come again, oldest first, newest last."""
    world = World()
    sent: list[tuple[str, bytes]] = []
    for seq in range(200):
        world.clock.advance(SECOND // 50)
        world.send(60 if seq % 40 < 20 else 3, seq=seq)
        sent.append(world_packet(world))
    before = len(world.alarms())
    live = world.monitor.counts.effective
    world.link(up=False)
    world.link(up=True, present=True, expected=True)
    for packet in sent:
        world.raw(packet, dup=True)
        assert not (world.last.readings.time & LATE == 0).any()
    assert len(world.alarms()) == before
    counts = world.monitor.counts
    assert counts.duplicates + counts.late == 200
    assert counts.effective == live + counts.late


def test_no_run_of_impossible_times_makes_good_readings_look_old() -> None:
    world = World()
    steady(world)
    for number in range(30):
        world.clock.advance(SECOND)
        world.send(3, at_ms=4_102_444_800_000 + number * 77_000)
    for number in range(4):
        world.clock.advance(SECOND)
        world.send(3, age_s=-1800 - 50 * number)
    world.every(5, 60)
    assert world.last.readings.time.tolist() == [0]
    assert world.told(HH) == ["raised"]
