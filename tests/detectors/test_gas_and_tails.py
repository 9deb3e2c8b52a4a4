"""Gas: the exposure curve, deaf and saturated sensors. Tails: peaks over threshold. Weeks: seasonal bins."""

from __future__ import annotations

import math

import numpy as np
import pytest

from detectors import UNCERTAIN, Findings, co_exposure, creep, gas_sensor, peaks, seasonal
from tests.detectors.rig import FIRST_NS, SECOND, Rig, found_in, rows_of

HOUR = 3600.0


@pytest.mark.parametrize(
    ("ppm", "earliest_min", "latest_min"),
    [(300.0, 0, 3), (100.0, 10, 40), (50.0, 60, 90), (30.0, 1e9, 1e9), (33.0, 120, 1e9), (500.0, 0, 3)],
)
@pytest.mark.parametrize("period_s", [5.0, 60.0])
def test_the_curve_of_en_50291(ppm: float, earliest_min: float, latest_min: float, period_s: float) -> None:
    count = int(3 * HOUR / period_s)
    told = found_in(co_exposure, {"ppm": 1.0}, np.full(count, ppm), period_s)
    minutes = told[0][0] * period_s / 60.0 if told else 1e9
    assert earliest_min <= minutes <= latest_min


def test_a_dose_falls_in_fresh_air_and_a_gap_adds_no_more_than_it_may() -> None:
    values = np.concatenate([np.full(15, 100.0), np.zeros(60), np.full(20, 100.0)])
    assert found_in(co_exposure, {"ppm": 1.0}, values, 60.0) == []
    assert found_in(co_exposure, {"ppm": 1.0}, np.full(3, 100.0), 3600.0) == []


def test_over_the_range_is_a_dose_too() -> None:
    rig = Rig(co_exposure, {"ppm": 1.0})
    told = [rig.see(60.0 * k, 450.0, UNCERTAIN) for k in range(4)]
    assert [name for names in told for name in names] == ["+co_exposure"]


GAS = {"low": 0.0, "high": 100.0, "span": 100.0, "clear_readings": 2}


def test_full_scale_is_told_after_its_time_though_the_reading_is_uncertain() -> None:
    rig = Rig(gas_sensor, GAS)
    told = {t: rig.see(t, 105.0, UNCERTAIN) for t in range(0, 200, 10)}
    assert {t: names for t, names in told.items() if names} == {120: ["+saturated"]}
    assert [rig.see(t, 5.0) for t in (200, 210)] == [[], ["-saturated"]]


def test_a_sensor_that_loses_its_breath_is_deaf() -> None:
    breath = np.random.default_rng(3).standard_normal(24 * 14) * 0.5
    breath[24 * 10 :] *= 0.1
    rule = {**GAS, "block_ns": int(24 * HOUR) * SECOND}
    (row, name), *more = found_in(gas_sensor, rule, 5.0 + breath, HOUR)
    assert (name, more) == ("+deaf", [])
    assert 24 * 11 < row <= 24 * 13
    assert found_in(gas_sensor, rule, np.zeros(24 * 14), HOUR) == [], "a suppressed zero says nothing"


def test_logarithm_and_exponential_are_right() -> None:
    for x in (1e-15, 1e-6, 0.3, 0.5, 0.999, 1.0, 1.7, 42.0, 1e9):
        assert peaks.logarithm(x) == pytest.approx(math.log(x), rel=1e-11, abs=1e-12)
    for x in (-40.0, -3.3, -1e-9, 0.0, 0.5, 1.0, 17.0, 40.0):
        assert peaks.exponential(x) == pytest.approx(math.exp(x), rel=1e-10)


def test_the_tail_of_an_exponential_is_the_known_one() -> None:
    grid = -np.log(1.0 - (np.arange(peaks.PEAKS) + 0.65) / peaks.PEAKS)
    for share, rate in ((0.02, 1e-4), (0.02, 1e-6)):
        wanted = math.log(share / rate)
        assert peaks.tail(grid, peaks.PEAKS, share, rate) == pytest.approx(wanted, rel=0.25)
    assert peaks.tail(np.zeros(peaks.PEAKS), peaks.PEAKS, 0.02, 1e-6) == 0.0


@pytest.mark.parametrize("degrees", [4, 8, 100])
def test_heavy_tails_are_usual_and_a_new_extreme_is_not(degrees: int) -> None:
    values = np.random.default_rng(degrees).standard_t(degrees, 100_000)
    rule = {"low": -1e6, "high": 1e6, "period_ns": 5 * SECOND, "sigma_min": 0.01, "raise_readings": 2}
    assert found_in(peaks, rule, values, 5.0) == []
    values[60_000:60_004] = 200.0
    assert [name for _, name in found_in(peaks, rule, values, 5.0)] == ["+extreme", "-extreme"]


WEEK = {"low": 0.0, "high": 100.0, "span": 100.0, "clear_readings": 2, "utc_offset_s": 0.0}


def week(weeks: int, per_hour: int = 4) -> np.ndarray:
    hour = np.arange(weeks * 168 * per_hour) // per_hour
    rhythm = np.where((hour % 24 > 7) & (hour % 24 < 19) & (hour % 168 < 120), 60.0, 20.0)
    made: np.ndarray = rhythm + np.random.default_rng(5).standard_normal(len(hour))
    return made


def test_a_working_night_is_unseasonal_and_is_not_learnt() -> None:
    values = week(5)
    odd = slice(3 * 672 + 4 * 26, 3 * 672 + 4 * 29)
    values[odd] = 60.0
    values[odd.start + 672 : odd.stop + 672] = 60.0
    told = found_in(seasonal, WEEK, values, HOUR / 4)
    assert [name for _, name in told] == ["+unseasonal", "-unseasonal"] * 2
    assert [row for row, name in told if name[0] == "+"] == [odd.start + 2, odd.start + 674]
    assert found_in(seasonal, WEEK, week(5), HOUR / 4) == []


def test_a_new_week_is_adopted_after_two_weeks() -> None:
    values = np.concatenate([week(3), 100.0 - week(6)])
    told = found_in(seasonal, WEEK, values, HOUR / 4)
    assert told[0][1] == "+unseasonal"
    assert told[-1][1] == "-unseasonal"
    assert told[-1][0] < 6 * 672


def test_any_split_of_weeks_equals_the_whole() -> None:
    values = week(4, 1)
    values[500:520] += 30.0
    rig = Rig(seasonal, WEEK)
    alone = [(k, name) for k, v in enumerate(values.tolist()) for name in rig.see(HOUR * k, v)]
    assert alone == found_in(seasonal, WEEK, values, HOUR)
    state = np.array([seasonal.initial()], seasonal.STATE)
    rule = np.array([seasonal.configure(WEEK)], seasonal.PARAMETERS)
    seasonal.step(rule, state, rows_of(values, HOUR, FIRST_NS), Findings())
    assert state.tobytes() == rig.state.tobytes()


def test_a_zero_that_drifts_creeps_and_what_comes_at_once_does_not() -> None:
    rule = {"low": 0.0, "high": 200.0, "span": 200.0}  # 0.3 an hour
    noise = np.random.default_rng(3).standard_normal(24 * 60) * 0.2
    hours = np.arange(24 * 60) / 60.0
    drifting = 5.0 + noise + 0.6 * np.clip(hours - 4.0, 0.0, 8.0)
    (row, name), (end, over) = found_in(creep, rule, drifting, 60.0)
    assert (name, over) == ("+creeping_up", "-creeping_up")
    assert 8 * 60 <= row <= 9 * 60
    assert 13 * 60 <= end <= 14 * 60
    assert found_in(creep, rule, 200.0 - drifting, 60.0)[0] == (row, "+creeping_down")
    traffic = 5.0 + noise + 9.0 * (1.0 - np.exp(-np.clip(hours - 4.0, 0.0, None) / 0.5))
    assert found_in(creep, rule, traffic, 60.0) == [], "large at once, then nothing"
    day = 5.0 + noise + 1.0 * np.sin(2 * np.pi * hours / 24.0)
    assert found_in(creep, rule, day, 60.0) == [], "a day's rhythm stays below the rate"
    with pytest.raises(ValueError, match="rate: is missing"):
        creep.configure({"low": 0.0, "high": 1.0})
