"""Two wave heads: arrivals are distance by speed, the upload is whole and fast enough, the wave is as high as
Joukowsky says, and what is no leak triggers nothing."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest

from simulators import Fault, Sample, load
from simulators import npw_pair as npw
from simulators._characteristics import arrivals_s, located_m
from simulators._npw_head import MEAN_S, POST_S, PRE_S
from simulators._payloads import TIMES_MAX, Counters, encode

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
DEVICES = ("a/line/H-1", "a/line/H-2")


def made(*faults: Fault, seed: int = 1, scale: float = 1.0) -> Any:
    return load("npw_pair").Plant(DEVICES, START, seed, faults, scale=scale)


def run(plant: Any, seconds: int, first: int = 0) -> list[Sample]:
    return [s for n in range(first, seconds + 1) for s in plant.step(START + n * SECOND)]


def of(samples: list[Sample], device: int, channel: str) -> list[tuple[float, float]]:
    return [
        ((s.time_ns - START) / SECOND, s.value)
        for s in samples
        if s.device == DEVICES[device] and s.channel == channel and s.value is not None
    ]


def onset_s(wave: list[tuple[float, float]]) -> float:
    """When the front begins: the first of three samples in a row below six sigma of the noise."""
    return next(wave[n][0] for n in range(len(wave) - 2) if all(value < -2.4 for _, value in wave[n : n + 3]))


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("severity", [0.4, 1.0])
def test_a_burst_arrives_after_distance_by_speed_and_is_located(seed: int, severity: float) -> None:
    plant = made(Fault("burst", 20.123, severity=severity), seed=seed)
    samples = run(plant, 60)
    expected = arrivals_s(npw.PIPE, plant.at_m[0])
    seen = []
    for device, way_s in enumerate(expected):
        wave = of(samples, device, "wave")
        seen.append(onset_s(wave) - 20.123)
        assert -0.006 < seen[-1] - way_s < npw.BURST_S, "a hole opens in 50 ms: so late is a weak wave seen"
        first_trigger = next(t for t, value in of(samples, device, "trigger") if value == 1)
        assert 0 < first_trigger - 20.123 - way_s < MEAN_S + 0.05
    assert located_m(npw.PIPE, *seen) == pytest.approx(plant.at_m[0], abs=15.0)


def test_an_upload_is_ten_seconds_at_two_hundred_hertz_and_told_by_its_trigger() -> None:
    plant = made(Fault("burst", 5))
    samples = run(plant, 60)
    for device in (0, 1):
        wave = of(samples, device, "wave")
        steps = {round(b[0] - a[0], 6) for a, b in itertools.pairwise(wave)}
        assert steps == {0.005}
        assert len(wave) == round((PRE_S + POST_S) / 0.005)
        trigger = next(t for t, value in of(samples, device, "trigger") if value == 1)
        assert wave[0][0] == pytest.approx(trigger - PRE_S, abs=0.006)
        codes = [value for _, value in of(samples, device, "trigger")]
        assert codes[0] == 0
        assert codes[-1] == 0, "quiet again"


@pytest.mark.parametrize("severity", [0.4, 0.6, 1.0])
def test_the_wave_is_as_high_as_joukowsky_says(severity: float) -> None:
    plant = made(Fault("burst", 5, severity=severity))
    wave = of(run(plant, 60), 0, "wave")
    at_s = onset_s(wave)
    shown = -sum(v for t, v in wave if at_s + 0.2 < t < at_s + 0.4) / 40
    taken = npw.leak_share(severity) * npw.FLOW_M3_S
    plain = 1000.0 * npw.PIPE.wave_m_s * taken / (2 * npw.PIPE.area_m2) / 1000.0
    pipe = npw.PIPE
    damped = plain * math.exp(
        -pipe.friction * npw.VELOCITY_M_S * plant.at_m[0] / (2 * pipe.diameter_m * pipe.wave_m_s)
    )
    assert shown == pytest.approx(damped, rel=0.12)
    assert [round(npw.leak_share(s), 4) for s in (1e-9, 1.0)] == [0.003, 0.2]


def test_theft_opens_and_closes_and_a_slow_valve_triggers_nothing() -> None:
    plant = made(Fault("theft", 30))
    codes = [v for _, v in of(run(plant, 30 + 300 + 60), 1, "trigger") if v]
    assert codes[0] == 1
    assert 2 in codes, "the tap closes again"
    plant = made(Fault("valve_move", 10, 200), Fault("pigging", 0))
    samples = run(plant, 400)
    assert {v for d in (0, 1) for _, v in of(samples, d, "trigger")} == {0}
    pressures = [v for _, v in of(samples, 0, "pressure")]
    assert max(pressures) - min(pressures) > 0.03, "though the line felt it"


def test_a_tripped_pump_is_heard_first_at_its_own_end() -> None:
    samples = run(made(Fault("pump_trip", 10)), 60)
    first = [next(t for t, v in of(samples, d, "trigger") if v == 1) for d in (0, 1)]
    assert first[0] - 10 < MEAN_S + 0.05
    assert first[1] - first[0] == pytest.approx(npw.WAVE_S, abs=0.1)


def test_a_lost_clock_moves_the_place_by_what_it_says() -> None:
    plant = made(Fault("clock_lost", 0, device=1), Fault("burst", 1000))
    plant.step(START + 999 * SECOND)
    samples = run(plant, 1060, 1000)
    error_s = abs(plant.heads[1].clock_s)
    assert error_s == pytest.approx(0.02, abs=0.002)
    assert plant.heads[1]._estimate_s == pytest.approx(error_s, abs=0.002)
    seen = [onset_s(of(samples, d, "wave")) - 1000 for d in (0, 1)]
    assert abs(located_m(npw.PIPE, *seen) - plant.at_m[1]) == pytest.approx(error_s * 1000 / 2, abs=12)


def test_a_burst_leaves_as_columns_of_one_time_line() -> None:
    plant = made(Fault("burst", 5))
    counters, sizes = Counters(1), []
    for n in range(60):
        for message in encode(plant.step(START + n * SECOND), "json_columns", counters, npw.UNITS):
            body = json.loads(message.payload)
            assert message.topic.endswith("/columns")
            assert len(body["time_ms"]) <= TIMES_MAX
            if "wave" in body["channels"]:
                sizes.append(len(body["time_ms"]))
                assert body["units"] == {"wave": "kPa"}
    assert sizes == [2000, 2000]


def test_the_same_seed_is_the_same_however_long_its_steps() -> None:
    assert run(made(Fault("burst", 5)), 40) == run(made(Fault("burst", 5)), 40)
    assert made(Fault("burst", 5)).at_m != made(Fault("burst", 5), seed=2).at_m
    coarse = made(Fault("burst", 5))
    for n in (0, 20, 60):
        coarse.step(START + n * SECOND)
    fine = made(Fault("burst", 5))
    run(fine, 60)
    assert coarse.line.head_m == pytest.approx(fine.line.head_m)
