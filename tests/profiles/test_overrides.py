"""Setpoints of one device: stricter is allowed, a safety limit is never made looser, limits stay in order."""

from __future__ import annotations

import pytest

from device_profiles import Profile, is_safety, loosens, override, override_problems, parse
from gateway.fleet import read_profiles

TEXTS = read_profiles([])
GAS = parse("gas/combustible_point", TEXTS["gas/combustible_point"])
RTU = parse("pipeline/rtu", TEXTS["pipeline/rtu"])


@pytest.mark.parametrize(
    ("condition", "after", "looser"),
    [
        ("H", 26, True),
        ("H", 24, False),
        ("HH", 51, True),
        ("L", 24, True),
        ("LL", 24, True),
        ("L", 26, False),
    ],
)
def test_which_way_is_looser(condition: str, after: float, looser: bool) -> None:
    before = 50 if condition == "HH" else 25
    assert loosens(condition, before, after) is looser


def test_the_limits_of_priority_1_and_the_outer_ones_are_safety_limits() -> None:
    assert {a.condition: is_safety(a) for a in GAS.alarms if a.channel == "lel"} == {"H": False, "HH": True}
    for name, text in TEXTS.items():
        for alarm in parse(name, text).alarms:
            assert is_safety(alarm) == (alarm.priority == 1 or alarm.condition in ("LL", "HH"))


def test_stricter_is_taken_and_nothing_else_changes() -> None:
    assert override_problems(GAS, {("lel", "H"): 20, ("lel", "HH"): 40}) == []
    stricter = override(GAS, {("lel", "HH"): 40})
    assert [(a.condition, a.setpoint) for a in stricter.alarms if a.channel == "lel"] == [
        ("H", 25),
        ("HH", 40),
    ]
    assert stricter.points == GAS.points
    assert override(GAS, {}) is GAS


def test_a_limit_that_is_no_safety_limit_may_be_looser() -> None:
    assert override_problems(GAS, {("lel", "H"): 30}) == []


@pytest.mark.parametrize(
    ("profile", "setpoints", "told"),
    [
        (
            GAS,
            {("lel", "HH"): 60},
            "lel:HH: 60 loosens a safety limit (higher is looser; gas/combustible_point has 50",
        ),
        (GAS, {("lel", "HH"): 20}, "'lel' H 25 is not below HH 20 %LEL"),
        (GAS, {("lel", "H"): 500}, "lel:H.setpoint: 500 is outside the range 0..100 %LEL"),
        (GAS, {("lel", "L"): 1}, "lel:L: 'lel' has no limit 'L'; choose from H, HH"),
        (GAS, {("lol", "H"): 1}, "lol:H: no channel 'lol'; choose from lel"),
    ],
)
def test_what_is_refused(profile: Profile, setpoints: dict[tuple[str, str], float], told: str) -> None:
    (problem,) = override_problems(profile, setpoints)
    assert problem.startswith(told)


def test_for_every_shipped_safety_limit_looser_is_refused_and_stricter_is_not() -> None:
    checked = 0
    for name, text in TEXTS.items():
        profile = parse(name, text)
        for alarm in profile.alarms:
            point = profile.point(alarm.channel)
            assert point is not None
            if alarm.condition not in ("LL", "HH") or not is_safety(alarm):
                continue
            step = point.span / 1e6 * (1 if alarm.condition == "HH" else -1)
            key = (alarm.channel, alarm.condition)
            assert "management of change" in override_problems(profile, {key: alarm.setpoint + step})[0]
            assert override_problems(profile, {key: alarm.setpoint - step}) == []
            checked += 1
    assert checked > 10
