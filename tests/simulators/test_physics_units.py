"""Plants whose devices stand each for itself, against closed forms: balances close, curves are as written."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulators import Fault, _motion, load
from simulators import _smoke as fire
from simulators import charging_port as port
from simulators import fire_water as water
from simulators import fishing_vessel as vessel
from simulators import reservoir as lake
from simulators import tank as tanks

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def run(kind: str, seconds: int, *faults: Fault, step_s: int = 1) -> Any:
    made = load(kind).Plant(("acme/plant/D-1",), START, 3, faults, period_s=1.0)
    for n in range(0, seconds + 1, step_s):
        made.step(START + n * SECOND)
    return made


def test_what_a_tank_holds_is_what_came_less_what_went() -> None:
    made = load("tank").Plant(("a/b/c",), START, 3, (Fault("overfill", 100),), period_s=1.0)
    before = made.units[0].volume_m3
    for n in range(2000):
        made.step(START + n * SECOND)
    unit = made.units[0]
    assert unit.volume_m3 - before == pytest.approx(unit.taken_m3, abs=1e-9)
    assert unit.volume_m3 == pytest.approx(tanks.VOLUME_M3), "full, and no fuller"


def test_a_tank_warms_by_the_power_of_its_coil() -> None:
    made = load("tank").Plant(("a/b/c",), START, 3, (Fault("coil_stuck", 0),), period_s=1.0)
    unit = made.units[0]
    made.step(START)
    before = unit.temperature_c
    store = unit.volume_m3 * tanks.DENSITY * tanks.HEAT_J_KG_K
    loss = tanks.LOSS_W_K * (before - tanks.AMBIENT_C)
    made.step(START + SECOND)
    assert unit.temperature_c - before == pytest.approx((tanks.COIL_W - loss) / store, rel=0.01)


def test_soot_of_a_growing_fire_is_the_integral_of_what_burns() -> None:
    room = run("fire_panel", 60, Fault("fire", 0)).units[0].room
    assert room.soot_kg == pytest.approx(fire.soot_kg(fire.ALPHA_KW_S2, 60.0), rel=1e-9)
    burnt = sum(fire.ALPHA_KW_S2 * ((n + 0.5) / 10) ** 2 / 10 for n in range(600)) / fire.HEAT_KJ_KG
    assert fire.soot_kg(fire.ALPHA_KW_S2, 60.0) == pytest.approx(fire.SOOT * burnt, rel=1e-5)


def test_a_tank_empties_after_torricelli() -> None:
    made = load("fire_water").Plant(("a/b/c",), START, 3, (Fault("tank_hole", 0),), period_s=1.0)
    before = made.units[0].tank_m
    for n in range(601):
        made.step(START + n * SECOND)
    slope = water.DISCHARGE * water.HOLE_M2 * math.sqrt(2 * water.G) / (2 * water.TANK_M2)
    assert made.units[0].tank_m == pytest.approx((math.sqrt(before) - slope * 600) ** 2, rel=1e-9)


def test_burst_and_pump_meet_on_both_curves() -> None:
    pressure = water.meets_mpa(water.BURST_K)
    flow = water.BURST_K * math.sqrt(pressure)
    assert pressure == pytest.approx(water.SHUT_OFF_MPA - water.CURVE * flow**2)
    assert run("fire_water", 60, Fault("main_burst", 0)).units[0].main_mpa == pytest.approx(
        pressure, rel=1e-6
    )


def test_a_contact_warms_to_what_it_loses() -> None:
    made = run("charging_port", 900, Fault("bad_contact", 0))
    amperes = port.CHARGER_W / port.VOLTS
    rest = port.AIR_C + amperes**2 * sum(port.BAD_OHM) / port.LOSS_W_K
    assert made.units[0].socket_c == pytest.approx(rest, rel=1e-3)


def test_charge_is_the_integral_of_power() -> None:
    made = load("charging_port").Plant(("a/b/c",), START, 3, (Fault("fast_charger", 0),), period_s=1.0)
    made.step(START)
    made.step(START + 5 * SECOND)
    before, given = made.units[0].charge, made.units[0].given_j
    for n in range(6, 600):
        made.step(START + n * SECOND)
    unit = made.units[0]
    assert unit.charge - before == pytest.approx((unit.given_j - given) / port.STORE_J)


def test_a_reservoir_rises_by_what_it_keeps() -> None:
    made = load("reservoir").Plant(("a/b/c",), START, 3, (Fault("flood", 0), Fault("storm", 0)), period_s=1.0)
    before = made.units[0].level_m
    for n in range(3000):
        made.step(START + n * SECOND)
    unit = made.units[0]
    kept = (unit.in_m3 - unit.out_m3) / lake.AREA_M2
    assert unit.level_m - before == pytest.approx(kept, rel=1e-9)
    assert unit.outflow_m3_s > lake.BASE_M3_S, "the spillway runs"
    rain = lake.STORM_MM_S / 1000 * 2999 * lake.CATCHMENT_M2 * lake.RUNOFF
    arrived = unit.in_m3 - (lake.BASE_M3_S + lake.FLOOD_M3_S) * 2999
    assert unit.stored_m3 + arrived == pytest.approx(rain, rel=1e-6), "rain is on its way or has come"


def test_a_crane_never_lifts_beyond_its_chart() -> None:
    made = load("tower_crane").Plant(("a/b/c",), START, 3, period_s=1.0)
    moments = []
    for n in range(4000):
        values = {s.channel: s.value for s in made.step(START + n * SECOND)}
        moments.append(values["load"] * values["radius"])
        assert values["moment"] == pytest.approx(values["load"] * values["radius"], abs=4)
    assert 60 < max(moments) <= 77


def test_a_lift_goes_as_far_as_its_speed_says() -> None:
    made = load("lift").Plant(("a/b/c",), START, 3, period_s=1.0)
    unit = made.units[0]
    gone, fastest, at = 0.0, 0.0, unit.at_m
    for n in range(1, 2000):
        made.step(START + round(n * 0.5 * SECOND))
        gone, at = gone + abs(unit.at_m - at), unit.at_m
        fastest = max(fastest, abs(unit.speed_m_s))
    assert gone == pytest.approx(unit.travelled_m)
    assert fastest == pytest.approx(load("lift").FASTEST_M_S)


def test_a_lorry_is_where_its_speed_took_it() -> None:
    made = load("tanker_truck").Plant(("a/b/c",), START, 3, period_s=1.0)
    unit = made.units[0]
    unit.gone_m = 0.0
    begin = (unit.latitude, unit.longitude)
    for n in range(601):
        made.step(START + n * SECOND)
    north = math.radians(unit.latitude - begin[0]) * _motion.EARTH_M
    middle = math.radians((unit.latitude + begin[0]) / 2)
    east = math.radians(unit.longitude - begin[1]) * _motion.EARTH_M * math.cos(middle)
    assert math.hypot(north, east) == pytest.approx(unit.gone_m, rel=1e-3)


def test_a_hull_rolls_by_the_gain_of_a_driven_oscillator() -> None:
    made = load("fishing_vessel").Plant(("a/b/c",), START, 3, period_s=1.0)
    rolls_by = _motion.gain(vessel.NATURAL_S, vessel.SWELL_S, vessel.DAMPING)
    rolls = [s.value for n in range(600) for s in made.step(START + n * SECOND) if s.channel == "roll"]
    assert max(rolls) == pytest.approx(rolls_by * vessel.SLOPE_DEG, abs=1.2)
    step, phi, speed, shown = 0.001, 0.0, 0.0, []
    own = 2 * math.pi / vessel.NATURAL_S
    for n in range(200_000):
        slope = vessel.SLOPE_DEG * math.sin(2 * math.pi * n * step / vessel.SWELL_S)
        speed += (own**2 * (slope - phi) - 2 * vessel.DAMPING * own * speed) * step
        phi += speed * step
        shown.append(phi)
    assert max(shown[150_000:]) == pytest.approx(rolls_by * vessel.SLOPE_DEG, rel=0.01)
