"""Dust plants against closed forms: mass carried by air, a bearing's time constant, Poisson sparks, the cubic
law of a deflagration."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulators import Fault, load
from simulators import bearing_belt as belt
from simulators import dust_concentration as dust
from simulators import explosion_vent as vent
from simulators import spark_duct as spark

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def made(kind: str, *faults: Fault, seed: int = 3) -> Any:
    return load(kind).Plant(("a/b/1", "a/b/2"), START, seed, faults, period_s=1.0)


def shown(plant: Any, second: int) -> dict[str, float]:
    return {
        s.channel: s.value
        for s in plant.step(START + second * SECOND)
        if s.device == "a/b/1" and s.value is not None
    }


def test_dust_in_a_duct_is_what_is_fed_by_what_flows() -> None:
    plant = made("dust_concentration", Fault("overload", 0), Fault("clogging", 0))
    for n in range(300):
        values = shown(plant, n)
    unit = plant.units[0]
    carried = unit.velocity_m_s * dust.SECTION_M2 * dust.percent_mec(unit.feed_g_s, unit.velocity_m_s)
    assert carried / 100 * dust.MEC_G_M3 == pytest.approx(unit.feed_g_s)
    assert unit.feed_g_s == pytest.approx(dust.FEED_G_S * sum(dust.OVERLOAD), rel=1e-6)
    assert values["mass"] == pytest.approx(unit.feed_g_s / (unit.velocity_m_s * dust.SECTION_M2), rel=0.2)
    assert values["concentration"] == 104.0, "beyond its range it shows a little more and no more"
    assert dust.percent_mec(dust.FEED_G_S, dust.VELOCITY_M_S) == pytest.approx(8.0)


def test_a_dry_bearing_warms_with_its_time_constant() -> None:
    plant = made("bearing_belt", Fault("dry_tail", 0))
    before = plant.units[0].tail_c
    for n in range(601):
        shown(plant, n)
    rest = belt.rests_at(0.9 + sum(belt.DRY), belt.AIR_C)
    expected = rest + (before - rest) * math.exp(-600 / belt.TAU_S)
    swing = belt.SWING_K * math.sin(2 * math.pi * 600 / belt.DAY_S)
    assert plant.units[0].tail_c == pytest.approx(expected, abs=swing)
    assert plant.units[1].tail_c == pytest.approx(before, abs=swing)


def test_sparks_come_as_poisson_says_and_the_machine_stops() -> None:
    counts = []
    for seed in range(40):
        plant = made("spark_duct", Fault("striking", 0, severity=0.5), seed=seed)
        for n in range(121):
            values = shown(plant, n)
        counts.append(values["sparks"])
    expected = 60 * (spark.STRIKE_S[0] + spark.STRIKE_S[1] * 0.5 + spark.NORMAL_S)
    assert sum(counts) / 40 == pytest.approx(expected, abs=4 * math.sqrt(expected / 40))
    plant = made("spark_duct", Fault("foreign_metal", 0, 100))
    states = [shown(plant, n) for n in range(200)]
    stopped = next(n for n, values in enumerate(states) if values["panel"] == spark.SHUT_DOWN)
    assert states[stopped]["sparks"] >= spark.STOP
    assert states[stopped + 61]["sparks"] == 0, "a machine that stands makes none"
    assert states[199]["panel"] == spark.READY


def test_water_falls_and_cools_exponentially() -> None:
    plant = made("spark_duct", Fault("water_pump_lost", 0), Fault("frost", 0))
    before = plant.units[0].water_c
    for n in range(31):
        shown(plant, n)
    unit = plant.units[0]
    low = spark.LOST_MPA[0] - spark.LOST_MPA[1]
    assert unit.pressure_mpa == pytest.approx(low + (0.8 - low) * math.exp(-30 / spark.VESSEL_TAU_S))
    cold = sum(spark.FROST_C)
    assert unit.water_c == pytest.approx(cold + (before - cold) * math.exp(-30 / spark.PIPE_TAU_S))


def test_a_vent_opens_where_the_cubic_law_says_and_the_peak_is_kept_for_one_record() -> None:
    at_s = vent.opens_after_s()
    assert 0.05 < at_s < 0.1
    assert vent.SUCTION_KPA + vent.rise_kpa(at_s) == pytest.approx(vent.P_STAT_KPA)
    assert vent.rise_kpa(2 * at_s) == pytest.approx(8 * vent.rise_kpa(at_s))
    plant = made("explosion_vent", Fault("explosion", 5))
    values = [shown(plant, n) for n in range(100)]
    assert values[4]["pressure"] == pytest.approx(vent.SUCTION_KPA, abs=0.2)
    assert values[5]["pressure"] > vent.P_STAT_KPA
    assert values[7]["pressure"] < 1.0
    first = plant.units[0]
    expected = vent.WARM_C + (vent.FIRE_C - vent.WARM_C) * math.exp(-95 / vent.COOL_TAU_S)
    assert first.temperature_c == pytest.approx(expected, rel=0.01)


def test_a_bottle_leaks_exponentially() -> None:
    plant = made("explosion_vent", Fault("bottle_leak", 0, severity=0.5))
    before = plant.units[0].bottle_mpa
    for n in range(501):
        shown(plant, n)
    assert plant.units[0].bottle_mpa == pytest.approx(before * math.exp(-500 * 0.5 / vent.BOTTLE_TAU_S))
