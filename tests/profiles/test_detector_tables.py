"""``[[detector]]``: what a profile may say about anomaly detectors, and what it is told when it is wrong."""

from __future__ import annotations

import pytest

import detectors
from detectors import _settings
from device_profiles import ProfileError, parse
from device_profiles._units import UNITS

HEAD = """
[profile]
title_en = "Tank"
title_zh = "储罐"
edition = "test"
period_s = 10
[[point]]
channel = "level"
title_en = "Level"
title_zh = "液位"
unit = "%"
low = 0
high = 100
[[point]]
channel = "pump"
title_en = "Pump"
title_zh = "泵"
kind = "discrete"
states = { 0 = "off", 1 = "on" }
states_zh = { 0 = "停", 1 = "开" }
[[example]]
stream = "level"
payload = '{"time_ms": 1, "value": 50}'
readings = [{ channel = "level", time_ms = 1, value = 50, quality = "good" }]
[[example]]
stream = "level"
payload = ''
refused = "empty"
"""
TEXTS = """
consequence_en = "a slow leak"
consequence_zh = "缓慢泄漏"
response_en = "look at the trend"
response_zh = "查看趋势"
clause = "no clause"
source_verified = false
"""


def table(kind: str, *lines: str, channel: str = "level") -> str:
    return "\n".join(["[[detector]]", f'channel = "{channel}"', f'kind = "{kind}"', *lines]) + TEXTS


def problems(*tables: str) -> list[str]:
    with pytest.raises(ProfileError) as caught:
        parse("hazchem/tank", HEAD + "".join(tables))
    return [problem.removeprefix("hazchem/tank: ") for problem in caught.value.problems]


def test_the_unit_of_the_tests_exists() -> None:
    assert "%" in UNITS


def test_a_rule_keeps_what_is_given_and_advises_at_the_lowest_priority() -> None:
    profile = parse(
        "hazchem/tank",
        HEAD
        + table("ewma", "limit = 5", "warmup = 100")
        + table("cusum", "target = 50", "sigma = 2", "priority = 3")
        + table("flat", "after_s = 60", "judge_zero = true"),
    )
    departed, shifted, flat = profile.detectors
    assert (departed.settings, departed.priority) == ({"limit": 5.0, "warmup": 100}, 4)
    assert (shifted.settings, shifted.priority) == ({"target": 50.0, "sigma": 2.0}, 3)
    assert flat.settings == {"after_ns": 60 * 10**9, "judge_zero": True}
    assert (flat.response_zh, flat.source_verified) == ("查看趋势", False)


POINT = {
    "low": 0.0,
    "high": 100.0,
    "span": 100.0,
    "clear_readings": 3,
    "period_ns": 10**10,
    "limits": {"L": 10.0, "H": 80.0},
}


def given(setting: detectors.Setting, value: float) -> object:
    """A number of the table as ``configure`` gets it."""
    if setting.unit == "numbers":
        return (value,) * 6
    if setting.unit == "seconds":
        return int(min(value, 1e9) * 1e9)
    return int(value) if setting.unit == "count" else value


def answer(kind: str, settings: dict[str, object]) -> str:
    """What ``configure`` says: "judged", "idle", or why it refuses."""
    module = detectors.load(kind)
    try:
        rule = module.configure(settings)
    except ValueError as problem:
        return str(problem)
    return "judged" if rule.tobytes() != module.configure({}).tobytes() else "idle"


@pytest.mark.parametrize("kind", detectors.advising())
def test_whatever_the_bounds_let_through_the_detector_takes_or_says_why(kind: str) -> None:
    table = detectors.load(kind).SETTINGS
    needed: dict[str, object] = {**POINT}
    for key, setting in table.items():
        if setting.required:
            needed[_settings.name(key, setting)] = given(setting, min(max(setting.low, 1.0), setting.high))
    told = answer(kind, needed)
    assert told == "judged" or ":" in told, told
    for key, setting in table.items():
        for end in (setting.low, setting.high):
            told = answer(kind, {**needed, _settings.name(key, setting): given(setting, end)})
            assert told == "judged" or ":" in told, (key, end, told)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (table("ewma", "weight = 2"), "detector[1].weight: is 2; give a number from 1e-06 to 1"),
        (table("ewma", "h = 2"), "detector[1].h: is not a key of a profile"),
        (table("ewma", "warmup = 1"), "detector[1].warmup: is 1; give a whole number from 2 to 1000000"),
        (table("ewma", channel="lvl"), "detector[1].channel: 'lvl' is no channel; choose from level, pump"),
        (table("ewma", channel="pump"), "detector[1].channel: 'pump' is discrete; detectors judge analog"),
        (table("limits"), "detector[1].kind: 'limits' is not known; choose from "),
        (table("cusum", "target = 1"), "detector[1].sigma: is missing; give target and sigma"),
        (table("cusum", "target = 101", "sigma = 1"), "detector[1].target: is outside the range 0..100"),
        (table("flat"), "detector[1].after_s: is missing; add it"),
        (table("flat", "after_s = 1", "tolerance = 100"), "detector[1].tolerance: 100 is not below the span"),
        (table("ewma") + table("ewma"), "detector[2].kind: ewma on 'level' already stands in detector[1]"),
    ],
)
def test_mistakes_are_told_with_their_place(text: str, told: str) -> None:
    found = problems(text)
    assert any(problem.startswith(told) for problem in found), found
