"""Plants through the real monitor: nothing is refused, and each label with a condition comes true in time."""

from __future__ import annotations

import pytest

from gateway.monitor.channels import Device
from gateway.monitor.entries import Packets
from simulators import Fault, load
from simulators._payloads import Counters
from simulators._sources import Plan, Source, groups
from tests.monitor.world import World

SECOND = 1_000_000_000
KEYS = ("demo/s/D-1", "demo/s/D-2")


@pytest.mark.parametrize(
    ("kind", "fault", "seconds", "period_s"),
    [
        ("npw_pair", Fault("burst", 60.0), 150, 0.0),
        ("npw_pair", Fault("rupture", 60.0, severity=0.4), 150, 0.0),
        ("interference_logger", Fault("stray_current", 100.0), 172_900, 60.0),
        ("explosion_vent", Fault("explosion", 50.0), 200, 0.0),
        ("open_path", Fault("leak", 30.0, severity=0.4), 200, 0.0),
        ("toxic_h2s", Fault("leak", 30.0, severity=0.4), 400, 0.0),
        ("pump_station", Fault("outlet_shut", 30.0), 200, 0.0),
    ],
)
def test_what_a_plant_sends_is_taken_and_its_labels_come_true(
    kind: str, fault: Fault, seconds: int, period_s: float
) -> None:
    module = load(kind)
    world = World([Device("demo", "s", "x", key.rpartition("/")[2], module.PROFILE) for key in KEYS])
    start = world.clock.wall_ns()
    source = Source(Plan(kind, KEYS, (fault,), period_s=period_s), start, 1, Counters(5))
    for time_ns, messages in groups([source], start + seconds * SECOND):
        world.clock.advance(max(0, time_ns - world.clock.wall_ns()))
        rows = [(m.topic.encode(), m.payload.encode(), world.clock.mono_ns(), 0) for m in messages]
        if rows:
            world.step(Packets.of(world.stamp(), world.epoch, rows))
    raised: dict[str, int] = {}
    for event in world.alarms():
        if event.cause == "raised":
            raised.setdefault(event.alarm, event.at_ns)
    assert (world.monitor.counts.rejected, world.monitor.counts.refused) == ({}, {})
    assert (world.monitor.counts.throttled, world.monitor.counts.late, world.monitor.counts.bad) == (0, 0, 0)
    labels = [label for label in source.labels() if label.condition]
    assert labels
    for label in labels:
        heard = raised.get(f"{label.device}/{label.channel}:{label.condition}")
        assert heard is not None, label
        assert label.start_ns <= heard <= label.start_ns + label.within_s * SECOND, label
