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


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("lel:HH.on_delay_s", 60, "60 loosens a safety limit (longer is looser; gas/combustible_point has"),
        ("lel:HH.off_delay_s", 600, "600 loosens a safety limit (longer is looser"),
        ("lel:HH.deadband", 20, "20 loosens a safety limit (larger is looser"),
        ("lel:H.on_delay_s", -1, "-1 s is no delay; give 0 to 86400 s"),
        ("lel:H.on_delay_s", 1e9, "1e+09 s is no delay"),
        ("lel:H.deadband", -1, "-1 is not in 0..100 %LEL"),
        ("lel:H.deadband", 25, "it would clear only beyond 0 %LEL"),
        ("lel:H.delay", 1, "'delay' is no setting; choose from deadband, on_delay_s, off_delay_s"),
        ("lel:L.deadband", 1, "'lel' has no limit 'L'"),
    ],
)
def test_settings_beside_the_setpoint_that_are_refused(setting: str, value: float, told: str) -> None:
    channel, _, condition = setting.rpartition(":")
    (problem,) = override_problems(GAS, {(channel, condition): value})
    assert problem.partition(": ")[2].startswith(told)
    assert problem.startswith(f"{channel}:{condition.partition('.')[0]}")


def test_settings_beside_the_setpoint_are_taken() -> None:
    own = {("lel", "H.on_delay_s"): 7.5, ("lel", "H.off_delay_s"): 0.0, ("lel", "HH.deadband"): 1.0}
    assert override_problems(GAS, own) == []
    h, hh = (a for a in override(GAS, own).alarms if a.channel == "lel")
    assert (h.setpoint, h.on_delay_ns, h.off_delay_ns) == (25.0, 7_500_000_000, 0)
    before = next(a for a in GAS.alarms if a.condition == "HH")
    assert (hh.deadband, hh.on_delay_ns) == (1.0, before.on_delay_ns)


def test_a_state_of_a_discrete_point_has_delays_of_its_own_only() -> None:
    kit = parse("gas/household_set", TEXTS["gas/household_set"])
    alarm = next(a for a in kit.alarms if a.in_states and a.priority > 1)
    key = (alarm.channel, f"{alarm.condition}.on_delay_s")
    assert override_problems(kit, {key: 3.0}) == []
    assert (
        next(a for a in override(kit, {key: 3.0}).alarms if a.condition == alarm.condition).on_delay_ns == 3e9
    )
    for other in (alarm.condition, f"{alarm.condition}.deadband"):
        assert "has no limit" in override_problems(kit, {(alarm.channel, other): 1.0})[0]


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
