"""Limits and discrete states, one rule at a time; and the two held to the same findings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import (
    BAD,
    DISORDER,
    GOOD,
    LATE,
    RETAINED,
    SUSPECT,
    UNCERTAIN,
    Findings,
    Readings,
    discrete,
    limits,
)
from tests.detectors.rig import FIRST_NS, SECOND, Rig


def high(on_s: float = 0, off_s: float = 0, deadband: float = 1.0, readings: int = 1) -> Rig:
    limit = {
        "setpoint": 10.0,
        "deadband": deadband,
        "on_delay_ns": int(on_s * SECOND),
        "off_delay_ns": int(off_s * SECOND),
    }
    return Rig(limits, {"limits": {"H": limit}, "clear_readings": readings})


def test_high_begins_at_the_setpoint_and_ends_beyond_the_deadband() -> None:
    rig = high()
    assert rig.see(0, 9.999) == []
    assert rig.see(1, 10.0) == ["+H"]
    assert rig.see(2, 12.0) == []
    assert rig.see(3, 9.0) == []  # 9.0 is not below 10 - 1
    assert rig.see(4, 8.999) == ["-H"]


def test_low_is_the_mirror_image() -> None:
    rig = Rig(limits, {"limits": {"L": {"setpoint": 2.0, "deadband": 0.5}}, "clear_readings": 1})
    assert rig.see(0, 2.001) == []
    assert rig.see(1, 2.0) == ["+L"]
    assert rig.see(2, 2.5) == []
    assert rig.see(3, 2.501) == ["-L"]


def test_a_jump_past_several_limits_tells_the_lower_severity_first() -> None:
    every = {name: {"setpoint": at} for name, at in (("LL", 1.0), ("L", 2.0), ("H", 8.0), ("HH", 9.0))}
    rig = Rig(limits, {"limits": every, "clear_readings": 1})
    assert rig.see(0, 9.5) == ["+H", "+HH"]
    assert rig.see(1, 0.5) == ["+L", "+LL", "-H", "-HH"]


def test_on_delay_counts_device_time_and_breaks_off() -> None:
    rig = high(on_s=5)
    assert rig.see(0, 11) == []
    assert rig.see(4.9, 11) == []
    assert rig.see(4.95, 9) == []  # back below: the delay starts anew
    assert rig.see(5, 11) == []
    assert rig.see(9.9, 11) == []
    assert rig.see(10, 11) == ["+H"]


def test_off_delay_and_n_readings_are_both_needed() -> None:
    rig = high(off_s=5, readings=3)
    rig.see(0, 11)
    assert rig.see(1, 8) == []
    assert rig.see(7, 8) == []  # long enough, but only two readings
    assert rig.see(8, 8) == ["-H"]
    rig.see(20, 11)
    assert [rig.see(t, 8) for t in (21, 22, 23)] == [[], [], []]  # three readings, only two seconds
    assert rig.see(26, 8) == ["-H"]


def test_inside_the_deadband_interrupts_the_run() -> None:
    rig = high(readings=2)
    rig.see(0, 11)
    assert rig.see(1, 8) == []
    assert rig.see(2, 9.5) == []
    assert rig.see(3, 8) == []
    assert rig.see(4, 8) == ["-H"]


@pytest.mark.parametrize(
    ("quality", "time"), [(BAD, 0), (UNCERTAIN, 0), (GOOD, SUSPECT), (GOOD, DISORDER), (BAD, SUSPECT)]
)
def test_only_fresh_good_readings_in_order_clear(quality: int, time: int) -> None:
    rig = high(readings=2)
    rig.see(0, 11)
    assert rig.see(1, 8) == []
    assert rig.see(2, 8, quality, time) == []  # does not clear, and interrupts
    assert rig.see(3, 8) == []
    assert rig.see(4, 8) == ["-H"]


@pytest.mark.parametrize("time", [LATE, RETAINED, LATE | SUSPECT])
def test_late_and_retained_readings_are_not_seen_at_all(time: int) -> None:
    rig = high(readings=2)
    assert rig.see(0, 99, time=time) == []
    rig.see(1, 11)
    rig.see(2, 8)
    assert rig.see(3, 99, time=time) == []
    assert rig.see(4, 8) == ["-H"]


def test_bad_never_raises_uncertain_does() -> None:
    rig = high()
    assert rig.see(0, 99, BAD) == []
    assert rig.see(1, 99, UNCERTAIN) == ["+H"]


def test_equal_times_do_not_count_twice_towards_the_end() -> None:
    rig = high(readings=2)
    rig.see(0, 11)
    rig.see(1, 8)
    assert rig.see(1, 8) == []


def test_suspect_time_raises_at_once_or_after_the_delay_in_reception() -> None:
    assert high().see(-1e9, 11, time=SUSPECT) == ["+H"]
    rig = high(on_s=5)
    assert rig.see(-1e9, 11, time=SUSPECT, received_s=0) == []
    assert rig.see(-1e9, 11, time=SUSPECT, received_s=4) == []
    assert rig.see(-1e9, 11, time=SUSPECT, received_s=5) == ["+H"]


def test_a_frozen_clock_does_not_add_up_unrelated_excursions() -> None:
    rig = high(on_s=5)
    rig.see(-1e9, 11, time=SUSPECT, received_s=0)
    rig.see(-1e9, 8, time=SUSPECT, received_s=1)
    assert rig.see(-1e9, 11, time=SUSPECT, received_s=3600) == []


def test_a_suspect_safe_value_does_not_break_off_an_ordinary_delay() -> None:
    rig = high(on_s=5)
    rig.see(0, 11)
    rig.see(1, 8, time=SUSPECT)
    rig.see(2, 8, time=DISORDER)
    assert rig.see(5, 11) == ["+H"]


def test_disorder_raises_without_delay_and_only_starts_one_else() -> None:
    rig = high()
    rig.see(10, 8)
    assert rig.see(5, 11, time=DISORDER) == ["+H"]
    rig = high(on_s=5)
    rig.see(10, 8)
    assert rig.see(2, 11, time=DISORDER) == []
    assert rig.see(11, 11) == []  # held since 10 at the earliest, not since 2
    assert rig.see(15, 11) == ["+H"]


def test_a_clock_set_back_neither_blinds_nor_hurries() -> None:
    rig = high(on_s=5)
    rig.see(1000, 11)
    assert rig.see(10, 11, received_s=1002) == []
    assert rig.see(13, 11, received_s=1005) == ["+H"]


def test_a_number_that_is_none_fails_high() -> None:
    rig = high()
    assert rig.see(0, float("nan")) == ["+H"]
    assert rig.see(1, float("nan")) == []
    assert rig.see(2, 8) == ["-H"]


@pytest.mark.parametrize(
    "bad",
    [
        {"limits": {"HHH": {"setpoint": 1.0}}},
        {"limits": {"H": {"setpoint": float("nan")}}},
        {"limits": {"H": {"setpoint": 1.0, "deadband": -1.0}}},
        {"limits": {"H": {"setpoint": 1.0, "on_delay_ns": -1}}},
    ],
)
def test_senseless_limits_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="limit"):
        limits.configure(bad)


@pytest.mark.parametrize(
    "bad",
    [
        {"conditions": [{"states": [64]}]},
        {"conditions": [{"states": [1]}] * 5},
        {"conditions": [{"states": [-1]}]},
    ],
)
def test_senseless_states_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="condition"):
        discrete.configure(bad)


def test_discrete_states_each_find_their_own_conditions() -> None:
    rule = {"conditions": [{"states": [2, 3]}, {"states": [63]}], "clear_readings": 1}
    rig = Rig(discrete, rule)
    assert rig.see(0, 1) == []
    assert rig.see(1, 3) == ["+S0"]
    assert rig.see(2, 63) == ["-S0", "+S1"]
    assert rig.see(3, 0) == ["-S1"]
    assert rig.see(4, 0.5) == ["+S0", "+S1"]  # no state: fail high


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    on_s=st.sampled_from([0, 1, 3]),
    off_s=st.sampled_from([0, 2]),
    readings=st.integers(1, 3),
)
def test_discrete_and_limits_follow_the_same_rules(seed: int, on_s: int, off_s: int, readings: int) -> None:
    """State 1 against a limit at 0.5: whatever comes, the two find the same at the same rows."""
    random = np.random.default_rng(seed)
    count = 200
    received = FIRST_NS + np.cumsum(random.integers(0, 2 * SECOND, count))
    event = received - random.choice(np.array([0, 0, 0, 30 * SECOND]), count)
    small = [
        random.choice(np.array(choices, np.uint8), count)
        for choices in (
            [GOOD] * 5 + [UNCERTAIN, BAD],
            [0],
            [0] * 6 + [LATE, SUSPECT, DISORDER, SUSPECT | DISORDER],
        )
    ]
    rows = np.zeros(count, np.int32)
    readings_of_both = Readings(
        rows, event, received, random.integers(0, 2, count).astype(np.float64), *small, rows
    )
    delays = {"on_delay_ns": on_s * SECOND, "off_delay_ns": off_s * SECOND}
    as_limit, as_state = Findings(), Findings()
    for module, settings_of, found in (
        (limits, {"limits": {"H": {"setpoint": 0.5, **delays}}}, as_limit),
        (discrete, {"conditions": [{"states": [1], **delays}]}, as_state),
    ):
        parameters = np.array(
            [module.configure({**settings_of, "clear_readings": readings})], module.PARAMETERS
        )
        state = np.array([module.initial()], module.STATE)
        module.step(parameters, state, readings_of_both, found)
    for column in ("row", "active", "event_ns", "value"):
        assert as_limit.found()[column].tolist() == as_state.found()[column].tolist()
