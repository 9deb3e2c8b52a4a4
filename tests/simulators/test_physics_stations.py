"""Stations and what lies under the street, against closed forms: balances, curves that meet, diffusion."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulators import Fault, load
from simulators import aged_section as aged
from simulators import lpg_station as lpg
from simulators import pump_station as pumps
from simulators import restaurant_kitchen as kitchen
from simulators import valve_chamber as chamber
from simulators import wet_collector as wet
from simulators._pressure_vessel import vapour_mpa

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def made(kind: str, *faults: Fault) -> Any:
    return load(kind).Plant(("a/b/1", "a/b/2"), START, 3, faults, period_s=1.0)


def shown(plant: Any, second: int) -> dict[str, float]:
    samples = plant.step(START + second * SECOND)
    return {s.channel: s.value for s in samples if s.device == "a/b/1" and s.value is not None}


def after(plant: Any, seconds: int) -> dict[str, float]:
    for n in range(seconds):
        shown(plant, n)
    return shown(plant, seconds)


def test_hydrogen_gathers_by_its_balance_when_the_fan_stands() -> None:
    plant = made("wet_collector", Fault("fan_trip", 0))
    before, gas = plant.units[0].hydrogen, wet.GAS_M3_S
    values = after(plant, 30)
    rest = wet.rests_at(gas, wet.VENT_M3_S)
    expected = rest + (before - rest) * math.exp(-30 * (wet.VENT_M3_S + gas) / wet.VOLUME_M3)
    assert plant.units[0].hydrogen == pytest.approx(expected)
    assert rest > 8 * before
    assert (values["hydrogen_vent"], values["machines"]) == (1, 1), "the vent opens, the interlock holds"
    assert wet.rate_m3_s(44.0, wet.WATER_C + 10) == pytest.approx(4 * gas, rel=0.01), (
        "twice by 10 K, twice by sludge"
    )


def test_a_kitchen_shuts_its_valve_and_the_gas_goes_by_its_air_change() -> None:
    plant = made("restaurant_kitchen", Fault("leak", 0))
    unit = plant.units[0]
    n = 0
    while unit.open:
        shown(plant, n)
        n += 1
    shut, gas = n - 1, unit.methane
    for n in range(shut + 1, shut + 41):
        values = shown(plant, n)
    air = 2 * kitchen.HOOD_M3_S
    assert unit.methane == pytest.approx(
        0.2 + (gas - 0.2) * math.exp(-40 * air / kitchen.VOLUME_M3), rel=0.02
    )
    assert values["valve"] == kitchen.CLOSED
    assert 0 < shut < 60


def test_an_lpg_station_shuts_down_by_itself_and_its_tank_has_the_vapour_pressure() -> None:
    plant = made("lpg_station", Fault("dispenser_leak", 0), Fault("hot_tank", 0))
    values = [shown(plant, n) for n in range(300)]
    first = next(n for n, v in enumerate(values) if v["esd"] == 1)
    source = sum(lpg.LEAK_LEL)
    crosses = -lpg.AIR_TAU_S * math.log((source - lpg.TRIP_LEL) / (source - 0.3))
    assert first == math.ceil(crosses)
    assert {v["outlet_valve"] for v in values[first:]} == {0.0}
    assert values[-1]["lel_dispenser"] < 1.0, "what is shut leaks no more"
    pressure = (values[-1]["tank_pressure"] - 4) / 16 * lpg.SPAN_MPA
    assert pressure == pytest.approx(vapour_mpa(plant.units[0].temperature_c), abs=0.02)


@pytest.mark.parametrize("opening", [1.0, 0.8, 0.3])
def test_pump_and_line_meet_on_both_curves(opening: float) -> None:
    pressure, flow = pumps.meets(pumps.SUCTION_MPA, opening)
    assert pressure == pytest.approx(pumps.SUCTION_MPA + pumps.LIFT_MPA - pumps.CURVE_MPA * flow**2)
    assert pressure == pytest.approx(pumps.STATIC_MPA + pumps.LINE_MPA * (flow / opening) ** 2)
    assert pumps.meets(pumps.SUCTION_MPA, 1.0) == pytest.approx((6.0, 1.0))


def test_a_shut_outlet_is_no_flow_at_the_shut_off_head_and_a_bearing_warms_by_its_tau() -> None:
    plant = made("pump_station", Fault("outlet_shut", 0), Fault("bearing_dry", 0, device=1))
    before = plant.units[1].bearing_c
    values = after(plant, 120)
    assert values["flow"] < 1.0
    pressure = (values["discharge_pressure"] - 4) / 16 * 10
    assert pressure == pytest.approx(pumps.SUCTION_MPA + pumps.LIFT_MPA, abs=0.05)
    rest = pumps.AIR_C + pumps.RISE_K * (1 + sum(pumps.DRY))
    expected = rest + (before - rest) * math.exp(-120 / pumps.BEARING_TAU_S)
    assert plant.units[1].bearing_c == pytest.approx(expected)


def test_gas_in_a_chamber_and_the_oxygen_it_displaces() -> None:
    plant = made("valve_chamber", Fault("leak", 0), Fault("flooding", 0))
    values = after(plant, 240)
    total = chamber.AIR_M3_S + sum(chamber.LEAK_M3_S)
    share = sum(chamber.LEAK_M3_S) / total * (1 - math.exp(-240 * total / chamber.VOLUME_M3))
    assert values["methane"] == pytest.approx(100 * share / chamber.LEL, abs=1.0)
    assert values["oxygen"] == pytest.approx(chamber.AIR * (1 - share), abs=0.1)
    assert plant.units[0].water_m == pytest.approx(chamber.WATER_M + 240 * chamber.INGRESS_M_S)


def test_soil_gas_creeps_by_diffusion_and_ground_shakes_by_distance() -> None:
    plant = made("aged_section", Fault("leak", 0, severity=0.5))
    after(plant, 600)
    source = aged.SOURCE_LEL[0] + aged.SOURCE_LEL[1] * 0.5
    depth = aged.AWAY_M / (2 * math.sqrt(aged.SPREAD_M2_S * 600))
    assert plant.units[0].gas == pytest.approx(source * math.erfc(depth), rel=1e-3)
    assert aged.shakes_mm_s(4.0, 1.0) / aged.shakes_mm_s(4.0, 4.0) == pytest.approx(4**1.5)
    # the diffusion equation itself: dC/dt = D d2C/dr2, by finite differences around the sensor
    kept, step = aged.AWAY_M, 0.01
    near, here, far = (
        math.erfc(r / (2 * math.sqrt(aged.SPREAD_M2_S * 600))) for r in (kept - step, kept, kept + step)
    )
    change = aged.soil_lel(1.0, 600.5) - aged.soil_lel(1.0, 599.5)
    assert change == pytest.approx(aged.SPREAD_M2_S * (near - 2 * here + far) / step**2, rel=0.01)
