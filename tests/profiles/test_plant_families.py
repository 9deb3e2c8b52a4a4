"""Gas, pipeline, cathodic protection, dust: what each profile must and must not say."""

from __future__ import annotations

import pytest

from device_profiles import AlarmDefinition, Profile, check, parse
from gateway.fleet import read_profiles

TEXTS = read_profiles([])
NAMES = [
    "gas/open_path",
    "gas/toxic_co",
    "gas/toxic_h2s",
    "gas/oxygen",
    "gas/commercial_kitchen",
    "gas/lpg_station",
    "pipeline/npw_head",
    "pipeline/pump_station",
    "pipeline/valve_chamber",
    "pipeline/aged_section",
    "cathodic_protection/rectifier",
    "cathodic_protection/interference_logger",
    "dust/concentration",
    "dust/bearing_belt",
    "dust/spark_detection",
    "dust/vent_burst",
    "dust/metal_hydrogen",
]
HOUR = 3600 * 10**9


def load(name: str) -> Profile:
    return parse(name, TEXTS[name])


def alarm(name: str, channel: str, condition: str) -> AlarmDefinition:
    return next(a for a in load(name).alarms if (a.channel, a.condition) == (channel, condition))


@pytest.mark.parametrize("name", NAMES)
def test_there_are_three_good_and_two_bad_examples(name: str) -> None:
    profile = load(name)
    assert check(profile) == []
    assert sum(bool(e.readings) and not e.refused for e in profile.examples) >= 3
    assert sum(bool(e.refused) for e in profile.examples) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_an_example_shows_every_channel(name: str) -> None:
    profile = load(name)
    shown = {channel for e in profile.examples for channel, *_ in e.readings}
    assert shown == {p.channel for p in profile.points}


@pytest.mark.parametrize("name", NAMES)
def test_every_state_of_a_fault_has_an_alarm_or_is_normal(name: str) -> None:
    profile = load(name)
    for point in profile.points:
        faults = {int(n) for n, text in point.states.items() if "fault" in text or "broken" in text}
        told = {n for a in profile.alarms if a.channel == point.channel for n in a.in_states}
        if point.channel != "inlet_valve" or name != "gas/lpg_station":
            assert faults <= told, point.channel


@pytest.mark.parametrize(
    ("name", "channel", "figures"),
    [
        ("gas/open_path", "gas", {"H": 1, "HH": 2}),
        ("gas/toxic_co", "co", {"H": 17, "HH": 34}),
        ("gas/toxic_h2s", "h2s", {"H": 7, "HH": 14}),
        ("pipeline/pump_station", "lel", {"H": 25, "HH": 50}),
        ("cathodic_protection/interference_logger", "e_quiet", {"H": -0.85, "L": -1.2}),
    ],
)
def test_figures_of_read_clauses(name: str, channel: str, figures: dict[str, float]) -> None:
    found = {a.condition: a for a in load(name).alarms if a.channel == channel}
    assert {condition: a.setpoint for condition, a in found.items()} == figures
    assert all(a.source_verified for a in found.values())


def test_oxygen_is_dangerous_on_both_sides() -> None:
    assert alarm("gas/oxygen", "oxygen", "L").setpoint == 19.5
    assert alarm("gas/oxygen", "oxygen", "H").setpoint == 23.5
    assert not alarm("gas/oxygen", "oxygen", "LL").source_verified


def test_figures_that_could_not_be_confirmed_say_so() -> None:
    unconfirmed = [
        ("gas/commercial_kitchen", "co", "HH"),
        ("gas/lpg_station", "tank_temperature", "H"),
        ("cathodic_protection/interference_logger", "coupon_ac", "HH"),
        ("cathodic_protection/interference_logger", "share_850", "H"),
        ("dust/concentration", "concentration", "HH"),
        ("dust/bearing_belt", "bearing_head", "H"),
        ("dust/metal_hydrogen", "hydrogen", "HH"),
    ]
    assert not any(alarm(*which).source_verified for which in unconfirmed)


def test_what_happened_stays_told_until_it_is_reset() -> None:
    for which in [
        ("dust/vent_burst", "vent", "burst"),
        ("dust/vent_burst", "suppression", "discharged"),
        ("dust/metal_hydrogen", "vent", "burst"),
        ("gas/lpg_station", "esd", "acted"),
        ("gas/lpg_station", "breakaway", "parted"),
        ("pipeline/aged_section", "digging", "blow"),
        ("pipeline/pump_station", "esd", "acted"),
    ]:
        found = alarm(*which)
        assert (found.priority, found.latch, found.on_delay_ns) == (1, True, 0), which


def test_a_wave_head_may_upload_a_burst_and_lives_by_its_minute_record() -> None:
    head = load("pipeline/npw_head")
    assert head.period_ns <= 10_000_000, "at least 100 Hz"
    assert head.upload_period_ns == 60 * 10**9
    assert head.silent_after_ns <= 180 * 10**9
    assert [p.channel for p in head.points if p.on_event] == ["wave"]


def test_a_day_old_upload_is_neither_late_nor_is_the_day_silent() -> None:
    logger = load("cathodic_protection/interference_logger")
    assert logger.late_after_ns >= 25 * HOUR
    assert 24 * HOUR < logger.silent_after_ns <= 48 * HOUR
    assert logger.clear_readings == 1
