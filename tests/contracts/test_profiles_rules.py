"""Rules over all shipped profiles together: what an operator may rely on whichever device speaks."""

from __future__ import annotations

from collections import Counter

import pytest

from device_profiles import AlarmDefinition, Profile
from device_profiles._model import DetectorRule
from device_profiles._units import UNITS
from tests.support.profiles_page import PAGE, page, shipped

PROFILES = shipped()
SECOND = 1_000_000_000
GAS_UNITS = {"%LEL", "LEL.m", "%VOL", "%MEC", "ppm"}
READ = (
    "GB/T 50493-2019 5.5.2 ",
    "SP0169-2007 practice: ",
    "GB/T 50698-2011: above 4 V",
    "CJJ/T 146-2011 (life 5 years)",
    "CJJ/T 146-2011 (life 3 years, ",
    "GB 55009-2021 6.1.7 ",
    "GB 50156 7.1.1 ",
)
"""Clauses that were read and whose figures are not in doubt; the only ones that may be called verified."""
OUTER = {"LL": "L", "HH": "H"}


@pytest.fixture(params=sorted(PROFILES))
def profile(request: pytest.FixtureRequest) -> Profile:
    return PROFILES[request.param]


def limits(profile: Profile) -> list[AlarmDefinition]:
    return [alarm for alarm in profile.alarms if not alarm.in_states]


def chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)


def test_the_page_of_profiles_says_what_the_files_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(PROFILES), (
        "write it again: python -m tests.support.profiles_page"
    )


def test_everything_has_two_languages(profile: Profile) -> None:
    assert chinese(profile.title_zh)
    assert not chinese(profile.title_en)
    for point in profile.points:
        # A name such as PM10 is the same in both.
        assert chinese(point.title_zh) or point.title_zh == point.title_en, point.channel
        assert not chinese(point.title_en), point.channel
        assert all(map(chinese, point.states_zh.values())), point.channel
        assert not any(map(chinese, point.states.values())), point.channel
    rules: list[AlarmDefinition | DetectorRule] = [*profile.alarms, *profile.detectors]
    for rule in rules:
        assert chinese(rule.consequence_zh), rule.channel
        assert chinese(rule.response_zh), rule.channel
        assert not chinese(rule.consequence_en + rule.response_en + rule.clause), rule.channel
    for text in profile.device_alarms:
        assert chinese(text.response_zh), text.condition
        assert not chinese(text.response_en), text.condition


def test_examples_show_good_and_bad_payloads(profile: Profile) -> None:
    assert sum(bool(e.readings) for e in profile.examples) >= 2
    assert sum(bool(e.refused) for e in profile.examples) >= 2


def test_units_are_known_and_ranges_finite(profile: Profile) -> None:
    for point in profile.points:
        if point.kind == "analog":
            assert point.unit in UNITS - {""}, point.channel
            assert 0 < point.span <= 1e7, point.channel


def test_deadbands_are_some_per_cent_of_the_span(profile: Profile) -> None:
    for alarm in limits(profile):
        point = profile.point(alarm.channel)
        assert point is not None
        assert 0 < alarm.deadband <= 0.1 * point.span, (alarm.channel, alarm.condition)


def test_the_outer_limit_is_at_least_as_urgent_and_as_fast(profile: Profile) -> None:
    found = {(a.channel, a.condition): a for a in limits(profile)}
    for (channel, condition), outer in found.items():
        inner = found.get((channel, OUTER.get(condition, "")))
        if inner is not None:
            assert outer.priority <= inner.priority, (channel, condition)
            assert outer.on_delay_ns <= inner.on_delay_ns, (channel, condition)


def test_gas_and_dust_at_hh_do_not_wait(profile: Profile) -> None:
    for alarm in limits(profile):
        point = profile.point(alarm.channel)
        if point is not None and point.unit in GAS_UNITS and alarm.condition == "HH":
            assert alarm.on_delay_ns <= 3 * SECOND, alarm.channel


def test_only_a_clause_that_was_read_is_called_verified(profile: Profile) -> None:
    for alarm in profile.alarms:
        assert alarm.clause.strip(), (alarm.channel, alarm.condition)
        if alarm.source_verified:
            assert alarm.clause.startswith(READ), (alarm.channel, alarm.clause)
    for rule in profile.detectors:
        assert not rule.source_verified, rule.channel


def test_detectors_only_advise(profile: Profile) -> None:
    assert all(rule.priority >= 3 for rule in profile.detectors)


def test_a_shut_valve_is_reopened_by_hand_on_site(profile: Profile) -> None:
    for alarm in profile.alarms:
        if "valve" in alarm.channel and "closed" in alarm.condition:
            assert "on site" in alarm.response_en, alarm.channel
            assert "by hand" in alarm.response_en, alarm.channel
            assert "手动" in alarm.response_zh, alarm.channel
            assert "现场" in alarm.response_zh, alarm.channel


def test_most_alarms_are_not_of_first_priority() -> None:
    for name, profile in PROFILES.items():
        first = sum(alarm.priority == 1 for alarm in profile.alarms)
        assert first <= len(profile.alarms) / 2, name
    split = Counter(alarm.priority for profile in PROFILES.values() for alarm in profile.alarms)
    total = split.total()
    assert split[1] <= 0.25 * total, split
    assert split[1] + split[2] <= 0.65 * total, split
