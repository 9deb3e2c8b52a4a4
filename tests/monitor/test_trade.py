"""Detectors of one trade as the shipped profiles ask for them, through the real monitor."""

from __future__ import annotations

import pytest

from gateway.evaluate.lives import Wanted
from gateway.evaluate.plant_run import live
from simulators import Fault, load
from simulators._sources import Plan


def heard(source: str, hours: float, *faults: Fault) -> list[tuple[str, str, float]]:
    """(channel, condition, seconds) of every alarm."""
    count = max(1, load(source).Plant.DEVICES_MIN)
    devices = tuple(f"e/{source}/D-{k + 1}" for k in range(count))
    run = live([Wanted(Plan(source, devices, faults), 1003, hours * 3600)], bundle_s=10.0)
    assert run.rejected == 0
    assert run.readings > 0
    return [(h.channel, h.condition, h.at_s) for h in run.heard]


@pytest.mark.parametrize(
    ("source", "hours", "fault", "at_s", "channel", "condition", "within_s"),
    [
        ("npw_pair", 0.2, "burst", 300, "wave", "leak_located", 60),
        ("cp_rectifier", 4, "cable_broken", 3 * 3600, "output_current", "no_current", 300),
        ("casting_pit", 0.5, "pump_loss", 900, "casting_length", "cooling_short", 15),
        ("bridge_approach", 1, "adrift", 1800, "distance", "bridge_danger", 600),
        ("dust_filter", 5, "bridging", 4 * 3600, "filter_dp", "pulse_overdue", 900),
        ("dust_filter", 5, "bag_burst", 4 * 3600, "filter_dp", "bag_burst", 40),
        ("bearing_belt", 2, "dry_tail", 3600, "bearing_tail", "bearing_climbs", 300),
        ("cp_post", 48, "metro", 30 * 3600, "e_on", "stray_current", 3 * 3600),
    ],
)
def test_a_fault_is_told_at_its_channel(
    source: str, hours: float, fault: str, at_s: float, channel: str, condition: str, within_s: float
) -> None:
    alarms = heard(source, hours, Fault(fault, at_s))
    times = [at for where, what, at in alarms if (where, what) == (channel, condition)]
    assert times, alarms
    assert at_s < times[0] <= at_s + within_s


@pytest.mark.parametrize(
    ("source", "hours"),
    [
        ("npw_pair", 1), ("cp_rectifier", 24), ("casting_pit", 2), ("bridge_approach", 4),
        ("merchant_vessel", 12), ("fishing_vessel", 12), ("tanker_truck", 6), ("interference_logger", 50),
    ],
)  # fmt: skip
def test_normal_life_is_silent(source: str, hours: float) -> None:
    assert heard(source, hours) == []
