"""Pressure vessels, port tanks and a reactor against closed forms: volume, heat and reaction balances."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulators import Fault, load
from simulators import _pressure_vessel as vessels
from simulators import peroxide_unit as reactor
from simulators import port_tank as port

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def run(kind: str, seconds: int, *faults: Fault, step_s: float = 1.0) -> Any:
    plant = load(kind).Plant(("acme/plant/D-1",), START, 3, faults, period_s=1.0)
    for n in range(round(seconds / step_s) + 1):
        plant.step(START + round(n * step_s * SECOND))
    return plant


@pytest.mark.parametrize("kind", ["pressure_tank", "lpg_sphere"])
@pytest.mark.parametrize("fault", ["leak", "overfill", "drawn_out", "fire_near"])
def test_a_vessel_holds_what_came_less_what_left(kind: str, fault: str) -> None:
    plant = load(kind).Plant(("a/b/c",), START, 3, (Fault(fault, 100),), period_s=1.0)
    unit = plant.units[0]
    before = unit.volume_m3
    for n in range(2500):
        plant.step(START + n * SECOND)
    assert unit.volume_m3 - before == pytest.approx(unit.taken_m3 - unit.leaked_m3 - unit.boiled_m3, abs=1e-9)
    assert (unit.leaked_m3 > 0, unit.boiled_m3 > 0) == (fault == "leak", fault == "fire_near")


def test_a_vessel_boils_at_the_set_pressure_of_its_relief_valve() -> None:
    for mpa in (0.64, 1.35, 1.5):
        assert vessels.vapour_mpa(vessels.boils_c(mpa)) == pytest.approx(mpa, rel=1e-12)
    assert vessels.vapour_mpa(23.0) == pytest.approx(vessels.REFERENCE_MPA)
    unit = run("lpg_sphere", 900, Fault("fire_near", 0)).units[0]
    assert vessels.vapour_mpa(unit.temperature_c) == pytest.approx(1.5)
    assert unit.flowing
    watts = vessels.FIRE_K_S * vessels.FULL * 400 * vessels.DENSITY * vessels.HEAT_J_KG_K
    begin, volume = unit.boiled_m3, unit.volume_m3
    plant = run("lpg_sphere", 901, Fault("fire_near", 0))
    loss = (
        (unit.temperature_c - vessels.AMBIENT_C)
        * (1 - math.exp(-1 / vessels.LOSS_TAU_S))
        * volume
        * vessels.DENSITY
        * vessels.HEAT_J_KG_K
    )
    boiled_kg = (plant.units[0].boiled_m3 - begin) * vessels.DENSITY
    assert boiled_kg * vessels.LATENT_J_KG == pytest.approx(watts - loss, rel=1e-3), "all heat evaporates"


def test_a_leak_is_an_orifice_under_the_vapour_pressure() -> None:
    unit = run("pressure_tank", 600, Fault("leak", 0)).units[0]
    speed = math.sqrt(2 * vessels.vapour_mpa(unit.temperature_c) * 1e6 / vessels.DENSITY)
    assert unit.leaked_m3 == pytest.approx(0.62 * 7.85e-5 * speed * 600, rel=0.01)


def test_a_port_tank_mixes_what_it_holds_and_what_comes() -> None:
    plant = load("port_tank").Plant(("a/b/c",), START, 3, (Fault("hot_product", 0),), period_s=1.0)
    unit = plant.units[0]
    before, volume = unit.temperature_c, unit.volume_m3
    for n in range(400):
        plant.step(START + n * SECOND)
        volume = unit.volume_m3 if n == 0 else volume
        before = unit.temperature_c if n == 0 else before
    hot = sum(port.HOT_C)
    assert unit.temperature_c == pytest.approx(hot - (hot - before) * volume / unit.volume_m3, rel=1e-3)
    assert unit.came_m3 > 180


def test_a_port_tank_holds_what_came_less_what_was_drawn() -> None:
    plant = load("port_tank").Plant(("a/b/c",), START, 3, period_s=1.0)
    unit = plant.units[0]
    before = unit.volume_m3
    flows = [
        next(s.value for s in plant.step(START + n * 10 * SECOND) if s.channel == "flow") for n in range(2000)
    ]
    assert unit.volume_m3 - before == pytest.approx(unit.taken_m3, abs=1e-9)
    assert max(flows) == pytest.approx(port.SHIP_M3_H, abs=25)
    assert min(flows) < 25


def test_the_arm_stands_under_the_curve_of_the_pump() -> None:
    unit = run("port_tank", 200, Fault("valve_shut", 0, severity=0.5)).units[0]
    share = 0.3 - 0.3 * 0.5
    assert unit.arm_mpa == pytest.approx(port.SHUT_OFF_MPA - port.CURVE_MPA * share**2, rel=1e-4)
    unit = run("port_tank", 200, Fault("second_pump", 0)).units[0]
    assert unit.arm_mpa == pytest.approx(
        port.SHUT_OFF_MPA - port.CURVE_MPA * (2900 / 2 / 2000) ** 2, rel=1e-3
    )


def test_what_was_fed_has_reacted_or_waits() -> None:
    for fault in ("cooling_lost", "stirrer_out", "overfeed"):
        plant = load("peroxide_unit").Plant(("a/b/c",), START, 3, (Fault(fault, 20),), period_s=1.0)
        unit = plant.units[0]
        before = unit.waiting_l
        for n in range(1200):
            plant.step(START + n * SECOND)
        assert unit.waiting_l - before == pytest.approx(unit.fed_l - unit.reacted_l, abs=1e-6)
        assert unit.heat_j == pytest.approx(
            reactor.STORE_J_K * (unit.temperature_c - reactor.RATE_C), rel=1e-6, abs=1.0
        )


def test_a_reactor_rests_where_its_jacket_takes_what_the_feed_gives() -> None:
    unit = run("peroxide_unit", 3000).units[0]
    assert unit.temperature_c == pytest.approx(30.0, abs=0.1)
    unit = run("peroxide_unit", 4000, Fault("faster_feed", 0)).units[0]
    watts = reactor.REACTION_J_L * (30 + 8) / 60
    assert unit.temperature_c == pytest.approx(10 + watts / reactor.U_W_K, abs=0.1)
    assert reactor.rate_1_s(30.0) == pytest.approx(1 / 60)
    assert reactor.rate_1_s(40.0) / reactor.rate_1_s(30.0) == pytest.approx(1.88, abs=0.02)


def test_without_coolant_the_interlock_stops_the_feed_and_then_quenches() -> None:
    plant = load("peroxide_unit").Plant(("a/b/c",), START, 3, (Fault("cooling_lost", 0),), period_s=1.0)
    trips, feeds = [], []
    for n in range(600):
        values = {s.channel: s.value for s in plant.step(START + n * SECOND)}
        trips.append(values["trip"])
        feeds.append(values["feed_flow"])
    assert trips == sorted(trips), "it never goes back while the fault lasts"
    assert max(trips) >= reactor.STOPPED
    assert set(feeds[trips.index(reactor.STOPPED) :]) == {0.0}
