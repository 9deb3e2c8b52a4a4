"""Cathodic protection and filters against closed forms."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from simulators import Fault, cp_rectifier, load
from simulators.cp_post import POLARISED_V, TAU_S, ZONE_S, metro_v
from simulators.dust_filter import DUST_KG_M3, FACE_M_S, K1_PA_S_M, K2_PA_S_M_KG
from simulators.gas_room import POISON_TAU_S

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
DEVICES = ("a/b/1", "a/b/2")


def plant(kind: str, *faults: Fault, period_s: float = 60.0) -> Any:
    return load(kind).Plant(DEVICES, START, 1, faults, period_s=period_s)


def test_a_damaged_coating_depolarises_one_post_with_the_time_constant() -> None:
    made = plant("cp_post", Fault("coating_damage", 0, device=1))
    for n in range(200):
        made.step(START + n * 60 * SECOND)
        target = 0.2 * POLARISED_V
        expected = target + (POLARISED_V - target) * math.exp(-n * 60 / TAU_S)
        assert made.polarisation[1] == pytest.approx(expected, rel=1e-9)
        assert made.polarisation[0] == pytest.approx(POLARISED_V)


def test_trains_run_every_three_to_eight_minutes_and_not_at_night() -> None:
    def local(hour: float) -> float:
        return 86_400.0 * 20_000 - ZONE_S + hour * 3600

    night = [metro_v(local(0.5) + t) for t in range(4 * 3600)]
    assert set(night) == {0.0}
    rush = [metro_v(local(4.5) + t) for t in range(19 * 3600)]
    starts = [t for t in range(1, len(rush)) if rush[t] > 0 >= rush[t - 1]]
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert gaps
    assert all(180 <= gap <= 480 for gap in gaps)
    assert max(rush) == pytest.approx(1.0, abs=1e-3)
    assert min(rush) == pytest.approx(-0.5, abs=1e-3)


def test_the_cake_is_the_dust_that_came() -> None:
    made = plant("dust_filter", Fault("bridging", 0), period_s=1.0)
    unit = made.filters[0]
    came = unit.cake_kg_m2
    for n in range(1, 120):
        before = unit.duct_m_s
        made.step(START + n * SECOND)
        came += DUST_KG_M3 * FACE_M_S * before / 20.0
        drag = K1_PA_S_M + K2_PA_S_M_KG * unit.cake_kg_m2
        assert unit.dp_pa == pytest.approx(drag * FACE_M_S * unit.duct_m_s / 20.0)
    assert unit.cake_kg_m2 == pytest.approx(came, rel=1e-9)


def test_poison_lets_the_gain_fall_by_its_time_constant() -> None:
    made = plant("gas_room", Fault("poisoned", 0, device=1, severity=0.5))
    for n in range(100):
        made.step(START + n * 60 * SECOND)
    assert made.gain[1] == pytest.approx(math.exp(-99 * 60 * 0.5 / POISON_TAU_S))
    assert made.gain[0] == 1.0


@pytest.mark.parametrize(("gas", "demanded"), [((), False), ((Fault("leak", 3600),), True)])
def test_poison_is_demanded_where_there_was_gas_to_miss(gas: tuple[Fault, ...], demanded: bool) -> None:
    made = plant("gas_room", Fault("poisoned", 0), *gas)
    assert made.labels()[0].must_detect_within_s is not None, "before the run nobody knows"
    for n in range(100):
        made.step(START + n * 60 * SECOND)
    assert (made.labels()[0].must_detect_within_s is not None) == demanded


def test_a_rectifier_holds_the_set_potential_by_its_steady_current() -> None:
    made = plant("cp_rectifier")
    for n in range(60):
        values = {s.channel: s.value for s in made.step(START + n * 60 * SECOND) if s.device == "a/b/1"}
    assert cp_rectifier.steady_a() == pytest.approx(8.0)
    assert made.units[0].current_a == pytest.approx(8.0, rel=1e-3)
    assert values["e_on"] == pytest.approx(cp_rectifier.SET_V, abs=0.01)
    ohms = (values["output_voltage"] - cp_rectifier.BACK_V) / values["output_current"]
    assert ohms == pytest.approx(values["loop_resistance"], rel=0.03)


def test_without_current_the_ohmic_part_is_gone_at_once_and_the_rest_after_its_time_constant() -> None:
    made = plant("cp_rectifier", Fault("rectifier_out", 0))
    before = made.units[0].polarisation_v
    for n in range(200):
        values = {s.channel: s.value for s in made.step(START + n * 60 * SECOND) if s.device == "a/b/1"}
        left = before * math.exp(-n * 60 / cp_rectifier.TAU_S)
        assert made.units[0].polarisation_v == pytest.approx(left, rel=1e-9)
        if n:
            assert values["e_on"] == pytest.approx(cp_rectifier.NATURAL_V - left, abs=0.01)


def test_damaged_coating_costs_current_until_the_voltage_ends() -> None:
    made = plant("cp_rectifier", Fault("coating_damage", 0))
    for n in range(3 * 1440):
        made.step(START + n * 60 * SECOND)
    expected = cp_rectifier.steady_a(damage=cp_rectifier.DAMAGE)
    assert made.units[0].current_a == pytest.approx(expected, rel=0.01)
    assert made.units[1].current_a == pytest.approx(8.0, rel=0.01)
    made = plant("cp_rectifier", Fault("bed_drying", 0))
    for n in range(60):
        values = {s.channel: s.value for s in made.step(START + n * 60 * SECOND) if s.device == "a/b/1"}
    most = (cp_rectifier.LIMIT_V - cp_rectifier.BACK_V) / made.units[0].loop_ohm
    assert made.units[0].current_a == pytest.approx(most)
    assert values["output_voltage"] == pytest.approx(cp_rectifier.LIMIT_V, abs=0.3)
