"""Rate, rupture, deviation, noise, spikes, drift: what each finds, and what it leaves alone."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from detectors import cusum, deviation, drift, noise_level, rate_of_change, rupture, spikes, time_to_limit
from tests.detectors.rig import SECOND, found_in, records_in

GAUSS = np.random.default_rng(7)


def noise(count: int, sigma: float = 1.0, phi: float = 0.0) -> np.ndarray:
    """Noise of one sigma whose neighbours are alike by phi."""
    white = GAUSS.standard_normal(count) * sigma * math.sqrt(1.0 - phi * phi)
    if phi == 0.0:
        return white
    made = np.empty(count)
    last = 0.0
    for i, step in enumerate(white):
        last = phi * last + step
        made[i] = last
    return made


def names(
    module: ModuleType, settings: dict[str, Any], values: np.ndarray, period_s: float = 1.0
) -> list[str]:
    return [name for _, name in found_in(module, settings, values, period_s)]


def test_a_step_reads_as_itself() -> None:
    values = np.concatenate([np.full(50, 10.0), np.full(600, 18.0)])
    rule = {"window_ns": 120 * SECOND, "raise_readings": 1}
    assert names(rate_of_change, {**rule, "rise": 7.9}, values) == ["+rising", "-rising"]
    assert names(rate_of_change, {**rule, "rise": 8.1}, values) == []
    assert names(rate_of_change, {**rule, "fall": 7.9}, values) == []
    assert names(rate_of_change, {**rule, "fall": 7.9}, -values) == ["+falling", "-falling"]


@pytest.mark.parametrize("period_s", [1.0, 5.0, 12.0])
def test_a_ramp_reads_as_its_change_over_the_window_whatever_the_period(period_s: float) -> None:
    values = 0.02 * period_s * np.arange(400.0 / period_s)
    rule = {"window_ns": 60 * SECOND, "raise_readings": 1}
    assert names(rate_of_change, {**rule, "rise": 1.1}, values, period_s) == ["+rising"]
    assert names(rate_of_change, {**rule, "rise": 1.21}, values, period_s) == []


def test_what_changed_in_a_gap_has_no_rate() -> None:
    rule = {"window_ns": 60 * SECOND, "rise": 3.0, "raise_readings": 1}
    assert names(rate_of_change, rule, np.array([1.0, 9.0, 9.0, 9.0]), 61.0) == []
    assert names(rate_of_change, rule, np.array([1.0, 9.0, 9.0, 9.0]), 20.0) == ["+rising"]


def test_without_a_number_a_rate_is_a_fifth_of_the_span_and_without_a_span_it_is_refused() -> None:
    usual = rate_of_change.configure({"low": 0.0, "high": 50.0, "span": 50.0, "period_ns": SECOND})
    assert (usual["rise"], usual["fall"]) == (10.0, 10.0)
    with pytest.raises(ValueError, match="rise: is missing"):
        rate_of_change.configure({"period_ns": SECOND})


RUPTURE = {"low": 0.0, "high": 10.0, "span": 10.0, "clear_readings": 2}


def test_a_collapse_is_found_in_three_readings_and_ends_when_the_new_level_is_old() -> None:
    values = np.concatenate([6.0 + noise(300, 0.02), 5.2 + noise(4000, 0.02)])
    (begun, begin), (ended, end) = found_in(rupture, RUPTURE, values, 1.0)
    assert (begin, end, begun) == ("+rupture", "-rupture", 302)
    assert ended - begun == 3600


def test_a_slow_fall_and_a_dip_are_no_rupture() -> None:
    assert names(rupture, RUPTURE, 6.0 - np.linspace(0.0, 2.0, 1000)) == []
    dip = np.full(100, 6.0)
    dip[50:52] = 4.0
    assert names(rupture, RUPTURE, dip) == []
    dip[50:60] = 4.0
    assert found_in(rupture, RUPTURE, dip, 1.0) == [(52, "+rupture"), (61, "-rupture")]


def test_a_deviation_waits_and_keeps_its_deadband() -> None:
    rule = {"setpoint": 50.0, "band": 5.0, "deadband": 1.0, "after_ns": 60 * SECOND, "clear_readings": 1}
    values = np.concatenate([np.full(9, 50.0), np.full(50, 56.0), np.full(9, 50.0), np.full(70, 44.0)])
    assert found_in(deviation, rule, values, 1.0) == [(128, "+below_setpoint")]
    shaky = np.concatenate([np.full(62, 56.0), np.tile([54.5, 55.5], 20), [53.9]])
    assert found_in(deviation, rule, shaky, 1.0) == [(60, "+above_setpoint"), (102, "-above_setpoint")]
    with pytest.raises(ValueError, match="deadband: 6 is not below the band 5"):
        deviation.configure({**rule, "deadband": 6.0})


SHAKE = {"low": -100.0, "high": 100.0, "span": 200.0, "sigma_min": 0.05}


def test_more_noise_and_less_noise_are_found_and_end() -> None:
    values = np.concatenate([noise(1500), noise(300, 5.0), noise(600)])
    (begun, first), (_, second) = found_in(noise_level, SHAKE, values, 1.0)
    assert (first, second) == ("+noisier", "-noisier")
    assert 1500 < begun <= 1590
    values = np.concatenate([noise(1500), noise(300, 0.05), noise(600)])
    assert names(noise_level, SHAKE, values) == ["+quieter", "-quieter"]


def test_a_trend_a_step_and_a_spike_are_no_noise() -> None:
    values = noise(6000) + np.linspace(0.0, 50.0, 6000)
    values[3000:] -= 20.0
    values[4000] += 80.0
    assert names(noise_level, SHAKE, values) == []


def test_a_sudden_wrong_scale_is_told_within_a_block_and_nothing_smooth_is() -> None:
    rule = {**SHAKE, "sudden": 100}
    calm = noise(640)
    (row, name), *_ = found_in(noise_level, rule, np.concatenate([calm[:600], 6.0 * calm[600:]]), 1.0)
    assert name == "+noisier"
    assert 600 <= row < 625
    ramp, step, spike = calm.copy(), calm.copy(), calm.copy()
    ramp[600:] += np.arange(40.0)
    step[600:] += 50.0
    spike[620] += 100.0
    assert [names(noise_level, rule, values[:628]) for values in (ramp, step, spike)] == [[], [], []]


def test_noise_that_fades_below_the_last_digit_is_not_told() -> None:
    assert names(noise_level, {**SHAKE, "sigma_min": 0.5}, np.concatenate([noise(1500), np.zeros(500)])) == []


def test_spikes_need_company() -> None:
    rule = {"low": -100.0, "high": 100.0, "span": 200.0}
    values = noise(2000, 0.3)
    values[500] += 50.0
    assert names(spikes, rule, values) == []
    values[[600, 650, 700]] -= 50.0
    (begun, name), (_, end) = found_in(spikes, rule, values, 1.0)
    assert (begun, name, end) == (701, "+spiky", "-spiky")


def test_steps_and_waves_are_no_spikes() -> None:
    rule = {"low": -100.0, "high": 100.0, "span": 200.0}
    steps = noise(4000, 0.3) + 30.0 * (np.arange(4000) // 20 % 2)
    assert names(spikes, rule, steps) == []


WIDE = {"low": -1000.0, "high": 1000.0, "span": 10.0}


@pytest.mark.parametrize("phi", [0.0, 0.9, 0.99])
def test_correlated_noise_and_a_daily_rhythm_are_no_drift(phi: float) -> None:
    count = 200_000
    values = noise(count, 1.0, phi) + 3.0 * np.sin(np.arange(count) / count * 20.0 * math.pi)
    assert names(drift, WIDE, values) == []


def test_a_creeping_value_is_found_long_before_ten_sigma() -> None:
    creep = np.concatenate([np.zeros(20_000), np.arange(20_000.0) / 4000.0])
    (begun, name), *_ = found_in(drift, WIDE, noise(40_000, 1.0, 0.5) + creep, 1.0)
    assert name == "+drifted_up"
    assert 20_000 < begun < 28_000
    (begun, name), *_ = found_in(drift, WIDE, noise(40_000, 1.0, 0.5) - creep, 1.0)
    assert (name, begun < 28_000) == ("+drifted_down", True)


def test_a_new_level_is_adopted() -> None:
    values = noise(60_000) + np.where(np.arange(60_000) < 20_000, 0.0, 5.0)
    told = names(drift, WIDE, values)
    assert told[0] == "+drifted_up"
    assert told[-1] == "-drifted_up"


def test_the_bound_of_a_run_length_is_siegmunds() -> None:
    for h, run_length in ((4.77, 370), (8.0, 9_600), (12.0, 520_000), (12.65, 1_000_000)):
        assert cusum.run_length_of(0.5, h) == pytest.approx(run_length, rel=0.01)
        assert cusum.bound_of(0.5, run_length) == pytest.approx(h, abs=0.02)
    rule = cusum.configure({"period_ns": 5 * SECOND, "false_per_day": 0.01})
    assert rule["h"] == pytest.approx(13.2, abs=0.03)


@pytest.mark.parametrize("phi", [0.5, 0.9])
def test_whitening_keeps_the_run_length_and_the_shift(phi: float) -> None:
    rule = {"low": -1000.0, "high": 1000.0, "h": 8.0, "warmup": 2000, "sigma_min": 1e-3}
    values = noise(102_000, 1.0, phi)
    false = [name for name in names(cusum, rule, values) if name[0] == "+"]
    raw = [name for name in names(cusum, {**rule, "phi": 0.0}, values) if name[0] == "+"]
    assert len(false) <= 30, "white noise: one in 9,600 readings, ten in all"
    assert len(raw) > 4 * max(len(false), 5)
    values[50_000:] += 4.0
    assert any(50_000 <= row < 50_200 for row, name in found_in(cusum, rule, values, 1.0) if name[0] == "+")


def test_time_to_the_limit_is_told_with_the_rate() -> None:
    rule = {
        "low": 0.0, "high": 100.0, "span": 100.0, "limits": {"H": 50.0, "HH": 80.0},
        "window_ns": 600 * SECOND, "horizon_ns": 7200 * SECOND, "period_ns": 5 * SECOND,
    }  # fmt: skip
    values = 10.0 + noise(4000, 0.2)
    values[2000:] += np.arange(2000.0) * 0.02  # 14.4 an hour: 50 is reached 10,000 s later
    assert names(time_to_limit, rule, values[:2000], 5.0) == []
    (row, name), *_ = found_in(time_to_limit, rule, values, 5.0)
    assert (name, 2000 < row < 3000) == ("+heading_to_limit", True)
    record = records_in(time_to_limit, rule, values, 5.0)[0]
    left_min = (2000 + 40.0 / 0.02 - row) * 5.0 / 60.0
    assert record["limit"] == 50.0
    assert record["value"] == pytest.approx(14.4, rel=0.15)
    assert record["extra"] == pytest.approx(left_min, rel=0.2)
    with pytest.raises(ValueError, match="limit_high: is missing"):
        time_to_limit.configure({**rule, "limits": {}})


def test_noise_between_the_jumps_of_a_load_is_seen_by_the_geometric_mean() -> None:
    """A crane: a pick or a drop every eight readings, at most forty; the transmitter fails half way."""
    random = np.random.default_rng(11)
    load = np.repeat(random.uniform(5.0, 45.0, 150), 8)
    failing = load + random.standard_normal(1200) * np.where(np.arange(1200) < 800, 0.3, 6.0)
    rule = {"block": 40, "sigma_min": 0.2, "raise_blocks": 1}
    assert names(noise_level, rule, failing) == []
    assert names(noise_level, {**rule, "jumps": 1.0}, failing) == ["+noisier"]
    assert names(noise_level, {**rule, "jumps": 1.0}, failing[:800]) == []
