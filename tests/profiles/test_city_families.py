"""The other families of the city plan: what each profile must and must not say."""

from __future__ import annotations

import pytest

from device_profiles import Profile, check, parse
from gateway.fleet import read_profiles

TEXTS = read_profiles([])
NAMES = [
    "hazchem/atmospheric_tank",
    "hazchem/pressure_tank",
    "hazchem/port_tank",
    "hazchem/peroxide_unit",
    "hazchem/lpg_sphere",
    "casting/deep_well_pit",
    "fire/panel_point",
    "fire/household_smoke",
    "fire/fire_water",
    "charging/port",
    "lift/car",
    "site/tower_crane",
    "site/pm10",
    "bridge/approach",
    "reservoir/level",
    "camera/presence",
    "offshore/platform",
    "moving/tanker_truck",
    "moving/fishing_vessel",
    "moving/merchant_vessel",
    "moving/welding_machine",
]
MOVING = [name for name in NAMES if name.startswith("moving/")]


def load(name: str) -> Profile:
    return parse(name, TEXTS[name])


@pytest.mark.parametrize("name", NAMES)
def test_there_are_two_good_and_two_bad_examples(name: str) -> None:
    profile = load(name)
    assert check(profile) == []
    assert sum(bool(e.readings) and not e.refused for e in profile.examples) >= 2
    assert sum(bool(e.refused) for e in profile.examples) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_practice_is_never_called_verified(name: str) -> None:
    for alarm in load(name).alarms:
        if alarm.source_verified:
            assert alarm.clause.startswith("GB/T 50493-2019 5.5.2"), (alarm.channel, alarm.condition)


@pytest.mark.parametrize("name", MOVING)
def test_a_position_in_degrees_has_no_limit_by_itself(name: str) -> None:
    profile = load(name)
    for channel, end in (("latitude", 90), ("longitude", 180)):
        point = profile.point(channel)
        assert point is not None
        assert (point.unit, point.low, point.high) == ("deg", -end, end)
    assert not {a.channel for a in profile.alarms} & {"latitude", "longitude", "heading"}


@pytest.mark.parametrize("name", ["moving/tanker_truck", "moving/fishing_vessel", "moving/merchant_vessel"])
def test_speed_of_moving_assets_is_in_kilometres_an_hour(name: str) -> None:
    point = load(name).point("speed")
    assert point is not None
    assert point.unit == "km/h"


def test_the_casting_plc_s_own_trip_is_a_latched_first_priority() -> None:
    trip = next(a for a in load("casting/deep_well_pit").alarms if a.channel == "plc_trip")
    assert (trip.in_states, trip.priority, trip.latch, trip.on_delay_ns) == ((1,), 1, True, 0)


def test_a_camera_tells_of_coverage_only() -> None:
    camera = load("camera/presence")
    assert {a.channel for a in camera.alarms} == {"view"}
    assert {a.priority for a in camera.alarms} == {4}


def test_points_of_a_fire_panel_are_states() -> None:
    assert {p.kind for p in load("fire/panel_point").points} == {"discrete"}
