"""Interference loggers: one upload a day with what AS 2832.1 asks, labels that come true, closed forms."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest

from device_profiles import codecs, quality
from simulators import Fault, Sample, load
from simulators import interference_logger as logger
from simulators._payloads import Counters, encode
from simulators._profiles import profile
from simulators.cp_post import DAY_S, coupon_a_m2, metro_v

START = 1_764_010_800_000_000_000
"""Three hours after local midnight: a logger's day is its own."""
SECOND = 1_000_000_000
DEVICES = ("a/pipe/L-1", "a/pipe/L-2")
KNOWN = profile(logger.PROFILE)


def run(
    days: float, *faults: Fault, step_s: int = 60, seed: int = 1
) -> tuple[Any, list[tuple[float, Sample]]]:
    """(plant, (second of the upload, sample) of all)."""
    plant = load("interference_logger").Plant(DEVICES, START, seed, faults, period_s=float(step_s))
    found = []
    for t in range(0, round(days * DAY_S) + 1, step_s):
        found += [(float(t), s) for s in plant.step(START + t * SECOND)]
    return plant, found


def value(sample: Sample) -> float:
    point = KNOWN.point(sample.channel)
    assert point is not None
    number = None if sample.value is None else float(sample.value)
    row = codecs.Row(sample.channel, number, None, None, sample.quality)  # type: ignore[arg-type]
    return float(quality.judge(point, row)[0])


def over(channel: str, condition: str, shown: float) -> bool:
    alarm = next(a for a in KNOWN.alarms if (a.channel, a.condition) == (channel, condition))
    if alarm.in_states:
        return int(shown) in alarm.in_states
    return shown <= alarm.setpoint if condition in {"L", "LL"} else shown >= alarm.setpoint


@pytest.mark.parametrize("faults", [(), (Fault("telluric", 0),), (Fault("late_trains", 0),)])
def test_a_normal_day_comes_in_one_upload_and_raises_nothing(faults: tuple[Fault, ...]) -> None:
    plant, found = run(2, *faults)
    assert {t for t, _ in found} == {DAY_S, 2 * DAY_S}
    counts = Counter((s.device, s.channel) for t, s in found if t == DAY_S)
    assert set(counts) == {(d, p.channel) for d in DEVICES for p in KNOWN.points}
    assert counts[(DEVICES[0], "e_on")] == 1441
    assert counts[(DEVICES[0], "share_850")] == 1
    for _, s in found:
        for alarm in KNOWN.alarms:
            assert alarm.channel != s.channel or not over(s.channel, alarm.condition, value(s)), s
    assert all(label.must_not_alarm for label in plant.labels())


@pytest.mark.parametrize("severity", [0.4, 0.6, 1.0])
@pytest.mark.parametrize("fault", [f for f, shown in logger.FAULTS.items() if not shown[0].quiet])
def test_labels_come_true_with_the_upload(fault: str, severity: float) -> None:
    plant, found = run(4, Fault(fault, 30_000.0, severity=severity, device=1), step_s=120)
    labels = plant.labels()
    assert labels
    for label in labels:
        shown = [
            (t, s) for t, s in found if (s.device, s.channel) == (label.device, label.channel)
            and over(s.channel, label.condition, value(s))
        ]  # fmt: skip
        assert shown, label
        assert all(s.time_ns >= label.start_ns for _, s in shown), "before its fault"
        assert shown[0][0] - 30_000.0 <= label.within_s, label
        assert label.must_detect_within_s == label.within_s
        assert not [s for _, s in found if s.device == DEVICES[0] and over_any(s)], "the other one is well"


def over_any(sample: Sample) -> bool:
    return any(
        over(sample.channel, a.condition, value(sample)) for a in KNOWN.alarms if a.channel == sample.channel
    )


def test_shares_are_counted_over_the_day_and_quiet_is_without_trains() -> None:
    assert logger.shares([-1.0, -0.84, -0.79, -0.7, 0.1]) == {
        "share_850": 80.0, "share_800": 60.0, "share_750": 40.0, "share_0": 20.0,
    }  # fmt: skip
    _, found = run(1, Fault("stray_current", 0, device=0), step_s=10)
    told = {s.channel: value(s) for _, s in found if s.device == DEVICES[0]}
    size = logger.OWN_METRO_V + sum(logger.STRAY_V)
    moments = [START / 1e9 + t for t in range(0, 86_400, 10)]
    expected = 100 * sum(logger.PROTECTED_V + size * metro_v(t) > -0.85 for t in moments) / len(moments)
    assert told["share_850"] == pytest.approx(expected, abs=0.5)
    assert told["e_quiet"] == pytest.approx(logger.PROTECTED_V, abs=0.002), "no train, no shift"
    assert told["hours"] == pytest.approx(24.0)


def test_density_follows_the_holiday_formula_and_the_pipe_its_time_constant() -> None:
    _, found = run(1, Fault("ac_interference", 0), Fault("protection_lost", 3600.0), step_s=60)
    mine = [s for _, s in found if s.device == DEVICES[0]]
    volts = [value(s) for s in mine if s.channel == "ac_voltage"]
    amperes = [value(s) for s in mine if s.channel == "coupon_ac"]
    assert amperes[100] == pytest.approx(coupon_a_m2(volts[100]), rel=0.02)
    free = {(s.time_ns - START) // SECOND: value(s) for s in mine if s.channel == "e_ir_free"}
    lost = sum(logger.LOST_V)
    # inside the quiet window, ten minutes after the fault began (a step of one minute early)
    expected = logger.PROTECTED_V + lost * (1 - math.exp(-660 / logger.SLOW_S))
    assert free[3600 + 600] == pytest.approx(expected, abs=0.01)


def test_shared_faults_are_in_the_upload_and_an_upload_fits_the_wire() -> None:
    plant, found = run(
        1, Fault("stuck", 3600.0, 7200.0), Fault("sensor_fault", 20_000.0, 600.0, channel="e_on")
    )
    during = [
        s.value for _, s in found
        if s.device == DEVICES[0] and s.channel == "e_on" and 3600 <= (s.time_ns - START) / SECOND < 10_800
    ]  # fmt: skip
    assert len(set(during)) == 1
    assert sum(s.value is None for _, s in found) == 10
    assert {label.kind: label.condition for label in plant.labels()} == {
        "stuck": "",
        "sensor_fault": "sensor_fault",
    }
    messages = encode([s for _, s in found], "json_columns", Counters(1), logger.UNITS)
    assert max(len(m.payload) for m in messages) <= KNOWN.max_payload_bytes
    assert sum(len(json.loads(m.payload)["time_ms"]) for m in messages) > 2 * 1441
    assert run(1, step_s=600)[1] == run(1, step_s=600)[1] != run(1, step_s=600, seed=2)[1]
