"""Departures from a channel's own course, lasting shifts, sensors that stick."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors import (
    BAD,
    DISORDER,
    LATE,
    RETAINED,
    SUSPECT,
    THROTTLED,
    UNCERTAIN,
    Findings,
    Readings,
    cusum,
    discrete,
    ewma,
    flat,
    limits,
    out_of_range,
)
from tests.detectors.rig import SECOND, Rig

EWMA = {"weight": 0.1, "limit": 4.0, "warmup": 20, "raise_readings": 3, "clear_readings": 2}
CUSUM = {"target": 10.0, "sigma": 1.0, "k": 0.5, "h": 5.0}
FLAT = {"after_ns": 10 * SECOND, "raise_readings": 3, "clear_readings": 2}


def noise(count: int, seed: int = 1) -> list[float]:
    values: list[float] = (5.0 + 0.1 * np.random.default_rng(seed).standard_normal(count)).tolist()
    return values


def learnt(settings: dict[str, Any], module: ModuleType = ewma) -> Rig:
    rig = Rig(module, settings)
    for t, value in enumerate(noise(200)):
        assert rig.see(t, value) == []
    return rig


def test_mean_and_variance_are_the_plain_ones_while_learning() -> None:
    rig = Rig(ewma, {**EWMA, "weight": 0.01})
    values = noise(20)
    for t, value in enumerate(values):
        rig.see(t, value)
    assert rig.state["mean"][0] == pytest.approx(np.mean(values))
    assert rig.state["variance"][0] == pytest.approx(np.var(values))


def test_a_departure_needs_readings_in_a_row_both_ways() -> None:
    rig = learnt(EWMA)
    assert [rig.see(t, 9.0) for t in (200, 201)] == [[], []]
    assert rig.see(202, 5.0) == []
    assert [rig.see(t, 9.0) for t in (203, 204, 205)] == [[], [], ["+departed"]]
    assert rig.see(206, 5.0) == []
    assert rig.see(207, 5.0, UNCERTAIN) == []  # interrupts the run towards the end
    assert rig.see(208, 5.0) == []
    assert rig.see(209, 5.0) == ["-departed"]


def test_nothing_is_learnt_outside_and_a_lasting_course_is_adopted() -> None:
    rig = learnt({**EWMA, "adopt_readings": 10})
    mean = float(rig.state["mean"][0])
    told = [rig.see(200 + t, 9.0) for t in range(9)]
    assert told == [[], [], ["+departed"], *[[]] * 6]
    assert rig.state["mean"][0] == mean
    assert rig.see(209, 9.0) == ["-departed"]
    assert all(rig.see(210 + t, 4.0 + value) == [] for t, value in enumerate(noise(60, 2)))


def test_a_quiet_channel_is_not_alarmed_by_its_last_digit() -> None:
    rig = Rig(ewma, {**EWMA, "sigma_min": 0.05})
    assert all(rig.see(t, 5.0) == [] for t in range(100))
    assert all(rig.see(100 + t, 5.1) == [] for t in range(10))


def test_a_shift_is_found_when_the_sum_reaches_h_and_ends_at_zero() -> None:
    rig = Rig(cusum, CUSUM)
    assert [rig.see(t, 11.5) for t in range(5)] == [[], [], [], [], ["+shifted_up"]]
    assert rig.see(5, 11.5) == []  # held at h: standing long does not make it end late
    assert [rig.see(6 + t, 10.0) for t in range(10)] == [*[[]] * 9, ["-shifted_up"]]
    assert [rig.see(20 + t, 7.5) for t in range(3)] == [[], [], ["+shifted_down"]]


def test_one_spike_is_no_shift() -> None:
    rig = Rig(cusum, CUSUM)
    assert rig.see(0, 1e9) == []
    assert rig.see(1, 10.0) == []
    assert rig.state["up"][0] == 3.0


def test_target_and_sigma_are_learnt_once_and_kept() -> None:
    rig = Rig(cusum, {"h": 8.0, "warmup": 100})
    values = noise(100)
    for t, value in enumerate(values):
        rig.see(t, value)
    assert rig.state["mean"][0] == pytest.approx(np.mean(values))
    assert 1 / rig.state["scale"][0] == pytest.approx(np.std(values, ddof=1))
    before = rig.state["mean"][0], rig.state["scale"][0]
    told = [change for t in range(50) for change in rig.see(100 + t, 5.2)]
    assert told == ["+shifted_up"]
    assert (rig.state["mean"][0], rig.state["scale"][0]) == before


def test_run_length_without_a_shift_is_as_published() -> None:
    """h 5, k 0.5, white noise: a false finding each 465 to 470 readings (Siegmund, both sides)."""
    channels, random = 1000, np.random.default_rng(1)
    parameters, state = np.zeros(channels, cusum.PARAMETERS), np.zeros(channels, cusum.STATE)
    parameters[:] = cusum.configure({"target": 0.0, "sigma": 1.0, "k": 0.5, "h": 5.0})
    rows, zero = np.arange(channels, dtype=np.int32), np.zeros(channels, np.uint8)
    length = np.zeros(channels)
    for second in range(5000):
        time, found = np.full(channels, second * SECOND), Findings()
        value = random.standard_normal(channels)
        cusum.step(parameters, state, Readings(rows, time, time, value, zero, zero, zero, rows), found)
        begun = found.found()["slot"][found.found()["active"] == 1]
        length[begun] = np.where(length[begun] == 0, second + 1, length[begun])
    assert (length > 0).all()
    assert 410 < length.mean() < 530


def test_a_stuck_value_is_found_after_its_time_and_ends_when_it_moves() -> None:
    rig = Rig(flat, FLAT)
    assert [rig.see(t, 5.0) for t in (0, 4, 8)] == [[], [], []]
    assert rig.see(12, 5.0) == ["+flat"]
    assert rig.see(13, 5.1) == []
    assert rig.see(14, 5.1) == []
    assert rig.see(15, 5.2) == []
    assert rig.see(16, 5.3) == ["-flat"]


def test_two_readings_far_apart_are_no_stuck_sensor() -> None:
    rig = Rig(flat, FLAT)
    assert rig.see(0, 5.0) == []
    assert rig.see(1000, 5.0) == []
    assert rig.see(1001, 5.0) == []
    assert rig.see(1002, 5.0) == ["+flat"]


def test_suppressed_zeros_are_judged_only_when_asked_for() -> None:
    for value, extra, wanted in (
        (0.0, {}, []),
        (0.3, {"deadband": 0.5}, []),
        (0.0, {"judge_zero": True}, ["+flat"]),
        (0.6, {"deadband": 0.5}, ["+flat"]),
    ):
        rig = Rig(flat, {**FLAT, **extra})
        assert [c for t in range(12) for c in rig.see(t, value)] == wanted, (value, extra)


def test_slow_movement_is_measured_from_the_first_value() -> None:
    rig = Rig(flat, {**FLAT, "tolerance": 0.5})
    assert all(rig.see(t, 5.0 + 0.1 * t) == [] for t in range(60))


@pytest.mark.parametrize("module", [ewma, cusum, flat])
def test_what_does_not_count_changes_nothing(module: ModuleType) -> None:
    settings = {ewma: EWMA, cusum: CUSUM, flat: FLAT}[module]
    rig = Rig(module, settings)
    for t in range(4):
        rig.see(t, 5.0 + 0.1 * t)
    before = rig.state.tobytes()
    for t in range(40):
        assert rig.see(4 + t, 99.0, BAD) == []
        assert rig.see(4 + t, float("nan")) == []
        assert rig.see(4 + t, 99.0, UNCERTAIN) == []
        for time in (SUSPECT, DISORDER, LATE, RETAINED, THROTTLED):
            assert rig.see(4 + t, 99.0, time=time) == []
    assert rig.state.tobytes() == before


def test_beyond_the_devices_rate_limits_states_and_range_are_still_judged() -> None:
    rig = Rig(limits, {"limits": {"H": {"setpoint": 8.0}}})
    assert rig.see(0, 9.0, time=THROTTLED) == ["+H"]
    assert rig.see(1, 1.0, time=THROTTLED) == ["-H"]
    rig = Rig(discrete, {"conditions": [{"states": [1]}]})
    assert len(rig.see(0, 1.0, time=THROTTLED)) == 1
    rig = Rig(out_of_range, {"clear_readings": 1})
    assert rig.see(0, 1.0, BAD, time=THROTTLED) == ["+sensor_fault"]


@pytest.mark.parametrize(
    ("module", "settings"),
    [
        (ewma, {"weight": 0.0}),
        (ewma, {"limit": 0.5}),
        (ewma, {"sigma_min": 0.0}),
        (ewma, {"low": 2.0, "high": 1.0}),
        (ewma, {"warmup": 1}),
        (cusum, {"k": 0.0}),
        (cusum, {"h": -1.0}),
        (cusum, {"target": 1.0}),
        (cusum, {"target": 1.0, "sigma": 0.0}),
        (cusum, {"target": 1.0, "sigma": 1.0, "low": 1.0, "high": 1.0}),
        (cusum, {"warmup": 0}),
        (flat, {"after_ns": 0}),
        (flat, {"after_ns": 1, "tolerance": -1.0}),
        (flat, {"after_ns": 1, "raise_readings": 0}),
    ],
)
def test_rules_that_make_no_sense_are_refused(module: ModuleType, settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"must|give|below"):
        module.configure(settings)
