"""Every profile in the folder keeps its promises: a new file is tested as soon as it is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import detectors
import device_profiles
from device_profiles import LIMITS, Profile, ProfileError, check, parse, quality
from gateway.fleet import read_profiles

TEXTS = read_profiles([])
FIRST_FIVE = {
    "cathodic_protection/test_post",
    "dust/filter_duct",
    "gas/combustible_point",
    "gas/household_set",
    "pipeline/rtu",
}


@pytest.fixture(params=sorted(TEXTS))
def profile(request: pytest.FixtureRequest) -> Profile:
    return parse(request.param, TEXTS[request.param])


def test_all_files_are_found() -> None:
    folder = Path(device_profiles.__file__).parent
    assert set(TEXTS) == {f"{f.parent.name}/{f.stem}" for f in folder.glob("*/*.toml")}
    assert set(TEXTS) >= FIRST_FIVE | {"gas/air_quality_station"}


def test_examples_hold(profile: Profile) -> None:
    assert check(profile) == []
    assert any(e.readings for e in profile.examples)
    assert any(e.refused for e in profile.examples)


def test_every_alarm_is_rationalised_in_both_languages(profile: Profile) -> None:
    assert profile.alarms
    for alarm in profile.alarms:
        for text in (alarm.consequence_en, alarm.response_en, alarm.clause):
            assert text.strip()
        for text in (alarm.consequence_zh, alarm.response_zh):
            assert any("\u4e00" <= letter <= "\u9fff" for letter in text), text
        if "no clause" in alarm.clause:
            assert not alarm.source_verified


def test_safety_alarms_do_not_wait(profile: Profile) -> None:
    for alarm in profile.alarms:
        if alarm.priority == 1:
            assert alarm.on_delay_ns <= 3_000_000_000, (alarm.channel, alarm.condition)


def test_a_changed_example_is_told(profile: Profile) -> None:
    example = next(e for e in profile.examples if e.readings)
    channel, at, _, grade = example.readings[0]
    import msgspec

    other = msgspec.structs.replace(example, readings=((channel, at, 1e6, grade), *example.readings[1:]))
    told = check(msgspec.structs.replace(profile, examples=(other,)))
    assert len(told) == 1
    assert told[0].startswith(f"{profile.id}: example[1]: reading 1: expected {channel} 1e+06")


def test_a_profile_without_examples_does_not_load(profile: Profile) -> None:
    text = TEXTS[profile.id].partition("[[example]]")[0]
    with pytest.raises(ProfileError) as caught:
        parse(profile.id, text)
    assert len(caught.value.problems) == 2
    assert all(problem.startswith(f"{profile.id}: example: none") for problem in caught.value.problems)


def test_device_alarms_are_complete(profile: Profile) -> None:
    assert [a.condition for a in profile.device_alarms] == [
        "silent",
        "never_seen",
        "sensor_fault",
        "out_of_range",
        "clock_changed",
        "clock_drift",
        "flooding",
        "duplicate_identity",
        "expired",
    ]


def test_quality_numbers_agree_with_the_detectors() -> None:
    assert (quality.GOOD, quality.UNCERTAIN, quality.BAD) == (
        detectors.GOOD,
        detectors.UNCERTAIN,
        detectors.BAD,
    )
    assert detectors.REASONS[quality.NO_REASON] == ""
    assert detectors.REASONS[quality.SENSOR_FAULT] == "sensor fault"
    assert detectors.REASONS[quality.OUT_OF_RANGE] == "out of range"
    assert detectors.REASONS[quality.MISSING] == "missing"
    assert detectors.REASONS[quality.SATURATED] == "saturated"


def test_every_limit_condition_is_a_finding_of_the_limits_detector() -> None:
    assert detectors.load("limits").FINDINGS == LIMITS


def test_the_gateway_never_opens_a_valve() -> None:
    """No profile has anything that could be sent to a device; texts say who reopens."""
    household = parse("gas/household_set", TEXTS["gas/household_set"])
    closed = next(a for a in household.alarms if a.condition == "valve_closed")
    assert "by hand" in closed.response_en
    assert household.point("valve") is not None


def test_the_recordings_missing_value_is_bad() -> None:
    station = parse("gas/air_quality_station", TEXTS["gas/air_quality_station"])
    assert all(point.missing == (-200.0,) for point in station.points)
    assert any(
        reading[2] is None and reading[3] == "bad" and "-200" in example.payload
        for example in station.examples
        for reading in example.readings
    )
    assert json.loads(station.examples[0].payload)["original_time_ms"] < 1_200_000_000_000
