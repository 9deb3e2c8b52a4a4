"""Vessels, bridges, platforms, welding machines, cameras against closed forms: kinematics, heat, balances."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from simulators import Fault, _motion, load
from simulators import bridge_approach as bridge
from simulators import camera as cameras
from simulators import merchant_vessel as ship
from simulators import offshore_platform as sea
from simulators import welding_machine as weld

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000


def made(kind: str, *faults: Fault) -> Any:
    return load(kind).Plant(("acme/plant/D-1",), START, 3, faults, period_s=1.0)


def walk(plant: Any, seconds: int, begin: int = 0) -> list[dict[str, float]]:
    return [
        {s.channel: s.value for s in plant.step(START + n * SECOND)}
        for n in range(begin, begin + seconds + 1)
    ]


def test_what_is_under_the_keel_is_water_less_draught_and_squat() -> None:
    assert ship.squat_m(ship.KNOT_KM_H * 10) == pytest.approx(0.8, rel=1e-12), "Barrass: Cb v^2 / 100"
    plant = made("merchant_vessel", Fault("off_fairway", 0, severity=0.6))
    unit = plant.units[0]
    shown = walk(plant, 300)
    lateral = ship.CRUISE_KM_H / 3.6 * 300 * math.sin(math.radians(0.6 * ship.WRONG_DEG))
    assert unit.off_m == pytest.approx(lateral)
    depth = ship.DEPTH_M + ship.TIDE_M * math.sin(unit.tide) - ship.BANK * lateral
    rest = depth - unit.cargo_t / (ship.SEA_T_M3 * ship.WATERPLANE_M2) - ship.squat_m(ship.CRUISE_KM_H)
    assert shown[-1]["under_keel"] == pytest.approx(rest, abs=0.1)
    after = walk(plant, 1000, 301)
    stranded = next(n for n, row in enumerate(after) if row["nav_status"] == ship.AGROUND)
    assert {row["speed"] for row in after[stranded + 1 :]} == {0.0}, "she sits on the ground"


def test_a_ship_without_her_engine_slows_by_the_drag_of_the_hull() -> None:
    plant = made("merchant_vessel", Fault("engine_out", 0))
    begin = (plant.units[0].latitude, plant.units[0].longitude)
    speeds = [row["speed"] for row in walk(plant, 900)]
    rate = ship.DRAG_1_M * ship.CRUISE_KM_H / 3.6
    assert speeds[-1] == pytest.approx(ship.CRUISE_KM_H / (1 + rate * 900), abs=1e-4)
    unit = plant.units[0]
    north = math.radians(unit.latitude - begin[0]) * _motion.EARTH_M
    middle = math.radians((unit.latitude + begin[0]) / 2)
    east = math.radians(unit.longitude - begin[1]) * _motion.EARTH_M * math.cos(middle)
    assert math.hypot(north, east) == pytest.approx(math.log1p(rate * 900) / ship.DRAG_1_M, rel=2e-3)


def test_a_shifted_cargo_heels_to_the_balance_of_its_moment() -> None:
    plant = made("merchant_vessel", Fault("cargo_shift", 0, severity=0.5))
    walk(plant, 900)
    assert math.tan(math.radians(plant.units[0].heel_deg)) == pytest.approx(0.5 + 0.25 * 0.5, rel=1e-4)


def test_a_vessel_adrift_reaches_the_pier_after_distance_over_speed() -> None:
    plant = made("bridge_approach", Fault("adrift", 0, severity=0.8))
    rows = walk(plant, 800)
    way = math.hypot(bridge.ADRIFT_FROM_M, bridge.HALF_SPAN_M)
    speed = bridge.ADRIFT_M_S * 0.8
    hit = next(n for n, row in enumerate(rows) if row["impact"])
    assert hit == pytest.approx(way / speed, abs=2.0)
    assert rows[200]["distance"] == pytest.approx(way - speed * 200, abs=15)
    assert rows[hit + 5]["speed"] < 1.0


def test_a_passage_is_as_long_as_its_speed_says_and_clears_the_deck() -> None:
    plant = made("bridge_approach", Fault("convoy", 0))
    unit, gone, times = plant.units[0], 0.0, []
    for n in range(20_000):
        before, was = unit.along_m, unit.here
        [row] = walk(plant, 0, n)
        assert row["clearance"] == pytest.approx(bridge.DECK_M - unit.level_m - row["height"], abs=0.3)
        if was and unit.here:
            gone += 1
            assert unit.along_m - before == pytest.approx(unit.speed_m_s if n else 0.0)
        elif was:
            times.append((gone, unit.speed_m_s))
            gone = 0.0
    assert len(times) > 3
    for seconds, speed in times:
        assert seconds == pytest.approx(2 * bridge.RANGE_M / speed, abs=2.0)


def test_a_recorder_keeps_what_came_less_what_it_dropped() -> None:
    plant = made("camera", Fault("disk_failing", 100, severity=0.5))
    unit = plant.units[0]
    before, disk = unit.stored_bytes, unit.disk_bytes
    rows = walk(plant, 1000)
    assert unit.stored_bytes - before == pytest.approx(unit.taken_bytes - unit.dropped_bytes, rel=1e-9)
    assert unit.disk_bytes == pytest.approx(disk * math.exp(-cameras.LOST_1_S * 0.5 * 901), rel=1e-6)
    held = unit.stored_bytes / (unit.frames * cameras.FRAME_BYTES * 86_400)
    assert rows[-1]["storage_days"] == pytest.approx(held, abs=1e-3)
    assert cameras.sun(43_200) == pytest.approx(1.0)
    assert cameras.sun(0) == pytest.approx(-1.0)


def test_a_machine_gives_off_what_it_loses() -> None:
    plant = made("welding_machine", Fault("fan_off", 0))
    unit = plant.units[0]
    begin = unit.case_c
    walk(plant, 300)
    kept = weld.CASE_J_K * (unit.case_c - begin)
    assert unit.lost_j - unit.given_off_j == pytest.approx(kept)
    amperes = 2 * weld.AMPERES[1]
    losses = weld.IDLE_W + amperes * (20 + 0.04 * amperes) * (1 / weld.EFFICIENCY - 1)
    rest, tau = weld.AIR_C + losses / weld.STILL_W_K, weld.CASE_J_K / weld.STILL_W_K
    assert unit.case_c == pytest.approx(rest + (begin - rest) * math.exp(-300 / tau), rel=1e-6)
    assert weld.arc_v(150) == pytest.approx(26.0)


def test_a_locked_machine_does_not_weld() -> None:
    for fault in ("strange_card", "expired_card", "permit_over"):
        rows = walk(made("welding_machine", Fault(fault, 0)), 600)
        assert {(row["current"], row["lock"]) for row in rows} == {(0.0, 0)}
    welded = [row for row in walk(made("welding_machine"), 600) if row["current"]]
    assert welded
    assert all(row["voltage"] == pytest.approx(20 + 0.04 * row["current"], abs=1.5) for row in welded)


def test_a_module_fills_by_its_balance_until_the_shut_down_isolates_the_source() -> None:
    plant = made("offshore_platform", Fault("gas_leak", 0, severity=0.5))
    unit = plant.units[0]
    rest = sea.GAS_LEL[0] + 0.5 * sea.GAS_LEL[1]
    for n in range(20):
        plant.step(START + n * SECOND)
        assert unit.lel.gas == pytest.approx(rest * (1 - math.exp(-n / sea.MODULE_TAU_S)), rel=1e-9)
    rows = walk(plant, 600, 20)
    assert max(row["esd"] for row in rows) == 1
    assert rows[-1]["lel"] < 2, "nothing flows any more"


def test_heat_of_the_platform_goes_by_its_time_constants() -> None:
    plant = made("offshore_platform", Fault("oil_pump_off", 0), Fault("full_load", 0))
    walk(plant, 1500)
    unit = plant.units[0]
    rest = sea.AIR_C + sum(sea.PUMPLESS_K)
    begin = sea.AIR_C + sea.OIL_K
    assert unit.oil_c == pytest.approx(rest + (begin - rest) * math.exp(-1500 / sea.OIL_TAU_S), rel=1e-9)
    full = sea.AIR_C + sea.INVERTER_K + sea.INVERTER_FULL_K
    assert unit.inverter_c == pytest.approx(full, abs=0.01)


def test_the_sea_grows_towards_its_height_for_the_wind() -> None:
    plant = made("offshore_platform", Fault("storm", 0))
    unit = plant.units[0]
    for n in range(0, 86_400, 60):
        plant.step(START + n * SECOND)
    assert unit.wave_m == pytest.approx(0.21 * sum(sea.STORM_M_S) ** 2 / 9.81, rel=1e-3)


@pytest.mark.parametrize("kind", ["merchant_vessel", "fishing_vessel", "tanker_truck"])
def test_the_places_that_are_sent_are_as_far_apart_as_the_speed_says(kind: str) -> None:
    plant = load(kind).Plant(
        ("acme/plant/D-1",), START, 3, period_s=10.0, scale=5.0 if "fishing" in kind else 1.0
    )
    rows = [{s.channel: s.value for s in plant.step(START + n * 10 * SECOND)} for n in range(60)]
    for before, after in itertools.pairwise(rows):
        north = math.radians(after["latitude"] - before["latitude"]) * _motion.EARTH_M
        east = math.radians(after["longitude"] - before["longitude"]) * _motion.EARTH_M
        east *= math.cos(math.radians(after["latitude"]))
        speed = (before["speed"] + after["speed"]) / 2 / 3.6
        assert math.hypot(north, east) == pytest.approx(speed * 10, rel=0.1)
