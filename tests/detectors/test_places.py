"""Closed forms: geodesy, wave location with flow, closest approach, corners of areas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import COLUMNS, Findings, Readings, _geo, cpa, geofence, ground_speed, npw, route

SECOND = 1_000_000_000
METRES = 111_195.08


def rows(roles: list[int], times_s: list[float], values: list[float]) -> Readings:
    slot, zero = np.array(roles, np.int32), np.zeros(len(roles), np.uint8)
    time = (np.array(times_s) * SECOND).astype(np.int64)
    return Readings(slot, time, time, np.array(values, float), zero, zero, zero, slot)


def judge(module, rule: dict, readings: Readings) -> list[tuple[str, float, float, float]]:  # type: ignore[no-untyped-def,type-arg]
    parameters = np.array([module.configure(rule)], module.PARAMETERS)
    state, found = np.array([module.initial()], module.STATE), Findings()
    module.step(parameters, state, readings, found)
    names = module.FINDINGS
    return [
        (
            ("+" if f["active"] else "-") + names[f["condition"]],
            float(f["event_ns"]) / SECOND,
            float(f["value"]),
            float(f["extra"]),
        )
        for f in found.found()
    ]


def course(places: list[tuple[float, float]], step_s: float = 10.0) -> Readings:
    """Positions, latitude then longitude."""
    times = [step_s * (k // 2) for k in range(2 * len(places))]
    return rows([0, 1] * len(places), times, [number for place in places for number in place])


@settings(deadline=None)
@given(st.floats(-1000, 1000))
def test_cosine_and_sine_are_those_of_the_library_to_a_millionth_of_a_millionth(degrees: float) -> None:
    assert _geo.cosine(degrees) == pytest.approx(math.cos(math.radians(degrees)), abs=2e-12)
    assert _geo.sine(degrees) == pytest.approx(math.sin(math.radians(degrees)), abs=2e-12)


@settings(deadline=None)
@given(st.floats(-60, 60), st.floats(-180, 180), st.floats(-0.15, 0.15), st.floats(-0.15, 0.15))
def test_metres_are_those_of_the_great_circle(
    latitude: float, longitude: float, north: float, east: float
) -> None:
    there = longitude + east
    there = there - 360 if there > 180 else there + 360 if there < -180 else there
    x, y = _geo.plane(latitude + north, there, latitude, longitude)
    p, q, turn = math.radians(latitude), math.radians(latitude + north), math.radians(east)
    half = math.sin((q - p) / 2) ** 2 + math.cos(p) * math.cos(q) * math.sin(turn / 2) ** 2
    great = 2 * 6_371_009.0 * math.asin(math.sqrt(half))
    assert math.hypot(x, y) == pytest.approx(great, rel=2e-5, abs=0.1)


@pytest.mark.parametrize("flow_m_s", [-2.0, 0.0, 2.0])
@pytest.mark.parametrize("place_m", [1000.0, 17_000.0, 49_000.0])
def test_a_leak_is_where_both_travel_times_say_with_the_flow(place_m: float, flow_m_s: float) -> None:
    length, a = 50_000.0, 1000.0
    arrivals = place_m / (a - flow_m_s), (length - place_m) / (a + flow_m_s)
    k = np.arange(800)
    parts = []
    for role, arrival in enumerate(arrivals):
        times = 100.0 + arrival - 2.0 + 0.005 * k
        wave = np.clip((times - 100.0 - arrival) / 0.02 + 0.5, 0.0, 1.0)  # 20 ms from level to level
        values = -30.0 * wave + 0.05 * (k % 2)
        parts.append(rows([role] * len(k), list(times), list(values)))
    given_rule = {"length": length, "wave_speed": a, "flow_speed": flow_m_s, "wave_error": 0.0}
    both = Readings(
        *(
            np.concatenate(columns)
            for columns in zip(*([getattr(part, name) for name in COLUMNS] for part in parts), strict=True)
        )
    )
    found = judge(npw, given_rule, both)
    assert [what for what, _, _, _ in found] == ["+leak_located"]
    assert found[0][2] == pytest.approx(place_m, abs=1.0)
    assert found[0][3] < 5.0
    if flow_m_s:  # leaving the flow out costs L v / 2a
        still = judge(npw, {**given_rule, "flow_speed": 0.0}, both)
        if still:
            assert abs(still[0][2] - place_m) == pytest.approx(length * 2.0 / (2 * a), rel=0.05)


def test_the_error_of_a_place_grows_with_the_clocks() -> None:
    k = np.arange(600)
    wave = np.where(k >= 200, -30.0, 0.0) + 0.05 * (k % 2)
    both = [rows([role] * 600, list(50 + 0.005 * k + role), list(wave)) for role in (0, 1)]
    clocks = rows([2, 3], [10.0, 10.0], [0.010, 0.0])
    parts = [clocks, *both]
    joined = Readings(*(np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS))
    found = judge(npw, {"length": 20_000.0, "wave_speed": 1100.0, "wave_error": 0.0}, joined)
    assert found[0][3] == pytest.approx(1.96 * 5.5, rel=0.05)  # 10 ms are 5.5 m


def test_the_corners_of_an_area_count() -> None:
    u_shape = (
        30.0,
        122.0,
        30.0,
        122.3,
        30.3,
        122.3,
        30.3,
        122.2,
        30.1,
        122.2,
        30.1,
        122.1,
        30.3,
        122.1,
        30.3,
        122.0,
    )
    inside, notch = (30.05, 122.15), (30.2, 122.15)
    given_rule = {"area": u_shape, "raise_readings": 1}
    found = judge(geofence, given_rule, course([inside, notch, inside]))
    assert [what for what, _, _, _ in found] == ["+left_area", "-left_area"]
    metres = 0.05 * METRES * math.cos(math.radians(30.2))
    assert found[0][2] == pytest.approx(metres, rel=0.002)
    closed = judge(geofence, {**given_rule, "inside": 0}, course([notch, inside, notch]))
    assert [what for what, _, _, _ in closed] == ["+entered_area", "-entered_area"]


def test_an_area_across_the_date_line() -> None:
    given_rule = {"area": (10.0, 179.9), "radius": 30_000.0, "raise_readings": 1}
    found = judge(geofence, given_rule, course([(10.0, 179.95), (10.0, -179.9), (10.0, -179.5)]))
    assert [what for what, _, _, _ in found] == ["+left_area"]
    assert found[0][2] == pytest.approx(0.6 * METRES * math.cos(math.radians(10)) - 30_000, rel=0.002)


def test_distance_to_a_route_is_to_its_nearest_leg() -> None:
    given_rule = {"places": (30.0, 122.0, 30.0, 122.1, 30.1, 122.1), "corridor": 1000.0, "raise_readings": 1}
    found = judge(route, given_rule, course([(30.0, 122.05), (30.05, 122.09), (30.05, 122.08)]))
    assert [what for what, _, _, _ in found] == ["+off_route"]
    assert found[0][2] == pytest.approx(0.02 * METRES * math.cos(math.radians(30.05)), rel=0.002)


def test_latitudes_and_longitudes_of_different_times_are_no_position() -> None:
    given_rule = {"area": (30.0, 122.0), "radius": 1000.0, "raise_readings": 1, "apart_ns": 2 * SECOND}
    apart = rows([0, 1, 0, 1], [0, 30, 60, 90], [31.0, 122.0, 31.0, 122.0])
    assert judge(geofence, given_rule, apart) == []
    near = rows([1, 0], [0, 1], [122.0, 31.0])
    assert len(judge(geofence, given_rule, near)) == 1


def test_two_vessels_on_crossing_courses() -> None:
    """One goes north, the other west, both at 18 km/h, 3 km north and 3.4 km east of it: closest 283 m."""
    values, roles, times = [], [], []
    for minute in range(15):
        gone = 300.0 * minute / METRES
        cosine = math.cos(math.radians(30.0))
        own = (30.0 + gone, 122.0, 18.0, 0.0)
        other = (30.0 + 3000 / METRES, 122.0 + (3400 / METRES - gone) / cosine, 18.0, 270.0)
        for role, value in [
            *zip((2, 3, 0, 1), (own[2], own[3], own[0], own[1]), strict=True),
            *zip((6, 7, 4, 5), (other[2], other[3], other[0], other[1]), strict=True),
        ]:
            roles.append(role)
            values.append(value)
            times.append(60.0 * minute)
    found = judge(cpa, {"distance": 500.0}, rows(roles, times, values))
    assert [what for what, _, _, _ in found] == ["+close_approach", "-close_approach"]
    assert found[0][2] == pytest.approx(400 / math.sqrt(2), rel=0.02)
    assert found[0][3] == pytest.approx(10.67 - found[0][1] / 60, abs=0.1)
    assert found[1][1] / 60 == pytest.approx(11.5, abs=1.0)


def test_vessels_that_pass_clear_or_lie_still_are_no_approach() -> None:
    values, roles, times = [], [], []
    for minute in range(15):
        for role, value in (
            (2, 18.0),
            (3, 0.0),
            (0, 30.0 + 300.0 * minute / METRES),
            (1, 122.0),
            (6, 0.4),
            (7, 180.0),
            (4, 30.027),
            (5, 122.02),
        ):
            roles.append(role)
            values.append(value)
            times.append(60.0 * minute)
    assert judge(cpa, {"distance": 500.0}, rows(roles, times, values)) == []


def test_speed_over_ground_against_the_reported_one() -> None:
    values, roles, times = [], [], []
    for k in range(30):
        reported = 50.0 if k < 20 else 5.0
        for role, value in ((0, 30.0 + 50 / 3.6 * 30 * k / METRES), (1, 122.0 + 1e-6 * k), (2, reported)):
            roles.append(role)
            values.append(value)
            times.append(30.0 * k)
    found = judge(ground_speed, {"raise_readings": 4}, rows(roles, times, values))
    assert [what for what, _, _, _ in found] == ["+speed_disagrees"]
    assert found[0][2] == pytest.approx(50.0, rel=1e-3)


@pytest.mark.parametrize(("km_h", "told"), [(20.0, ["+speed_disagrees", "-speed_disagrees"]), (5.0, [])])
def test_a_latitude_that_stands_while_the_ship_sails_disagrees(km_h: float, told: list[str]) -> None:
    """Most of her way is east, so that the speed over ground alone hardly shows it; who lies still may."""
    values, roles, times = [], [], []
    for k in range(60):
        north = 30.0 + 1e-4 * (20 if 20 <= k < 40 else k)
        for role, value in ((0, north), (1, 122.0 + km_h / 3.6 * 60 * k / METRES / 0.866), (2, km_h)):
            roles.append(role)
            values.append(value)
            times.append(60.0 * k)
    found = judge(ground_speed, {"raise_readings": 4, "gap_ns": 600 * 10**9}, rows(roles, times, values))
    assert [what for what, _, _, _ in found] == told


@pytest.mark.parametrize(
    ("module", "settings", "told"),
    [
        (geofence, {"area": (30.0, 122.0, 31.0)}, "area"),
        (geofence, {"area": (91.0, 122.0)}, "latitude"),
        (geofence, {"radius": 5.0}, "area: is missing"),
        (route, {"places": (30.0, 122.0)}, "places"),
        (route, {"places": (30.0, 122.0, 30.0, 190.0)}, "longitude"),
        (cpa, {"places": (30.0,)}, "places"),
        (npw, {"wave_speed": 1000.0}, "length: is missing"),
        (npw, {"length": 300.0}, "end"),
    ],
)
def test_settings_that_make_no_sense_are_told(module, settings: dict, told: str) -> None:  # type: ignore[no-untyped-def,type-arg]
    with pytest.raises(ValueError, match=told):
        module.configure(settings)
