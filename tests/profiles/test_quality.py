"""How good a reading is by the profile: units, missing values, NE 43, range, states, claims."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_profiles import Point
from device_profiles.codecs import Refusal, Row
from device_profiles.quality import (
    BAD,
    GOOD,
    MISSING,
    NO_REASON,
    OUT_OF_RANGE,
    SATURATED,
    SENSOR_FAULT,
    UNCERTAIN,
    judge,
)


def point(**keys: Any) -> Point:
    return Point(**{"channel": "c", "title_en": "C", "title_zh": "测点", "unit": "MPa", "high": 10.0, **keys})


LEVEL = point(missing=(-200.0, 999.0))
LOOP = point(wire_unit="mA")
PUMP = point(unit="", kind="discrete", states={"0": "off", "1": "on", "-1": "unknown"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, (0.0, GOOD, NO_REASON)),
        (10.0, (10.0, GOOD, NO_REASON)),
        (10.1, (10.1, UNCERTAIN, OUT_OF_RANGE)),
        (-0.1, (-0.1, UNCERTAIN, OUT_OF_RANGE)),
        (1e308, (1e308, UNCERTAIN, OUT_OF_RANGE)),
    ],
)
def test_range(value: float, expected: tuple[float, int, int]) -> None:
    assert judge(LEVEL, Row("c", value)) == expected


@pytest.mark.parametrize("value", [None, -200.0, 999.0])
def test_missing(value: float | None) -> None:
    told, grade, reason = judge(LEVEL, Row("c", value))
    assert math.isnan(told)
    assert (grade, reason) == (BAD, MISSING)


@pytest.mark.parametrize(
    ("current", "value", "grade", "reason"),
    [
        (0.0, -2.5, BAD, SENSOR_FAULT),
        (3.6, -0.25, BAD, SENSOR_FAULT),
        (3.7, -0.1875, UNCERTAIN, SATURATED),
        (3.8, -0.125, GOOD, NO_REASON),
        (4.0, 0.0, GOOD, NO_REASON),
        (12.0, 5.0, GOOD, NO_REASON),
        (20.0, 10.0, GOOD, NO_REASON),
        (20.5, 10.3125, GOOD, NO_REASON),
        (20.6, 10.375, UNCERTAIN, SATURATED),
        (21.0, 10.625, BAD, SENSOR_FAULT),
        (22.0, 11.25, BAD, SENSOR_FAULT),
    ],
)
def test_namur_ne_43(current: float, value: float, grade: int, reason: int) -> None:
    told = judge(LOOP, Row("c", current, unit="mA"))
    assert told[0] == pytest.approx(value)
    assert told[1:] == (grade, reason)


def test_scaling_that_overflows_has_no_value() -> None:
    told, grade, reason = judge(point(wire_unit="mA", low=-1e300, high=1e308), Row("c", 1e308))
    assert math.isnan(told)
    assert (grade, reason) == (BAD, SENSOR_FAULT)


@pytest.mark.parametrize(
    ("value", "grade"),
    [(0.0, GOOD), (1.0, GOOD), (-1.0, GOOD), (2.0, BAD), (0.5, BAD), (1e300, BAD), (-0.0, GOOD)],
)
def test_states(value: float, grade: int) -> None:
    assert judge(PUMP, Row("c", value)) == (value, grade, SENSOR_FAULT if grade == BAD else NO_REASON)


@pytest.mark.parametrize(
    ("value", "claim", "expected"),
    [
        (5.0, "good", (GOOD, NO_REASON)),
        (5.0, "uncertain", (UNCERTAIN, NO_REASON)),
        (5.0, "bad", (BAD, SENSOR_FAULT)),
        (11.0, "good", (UNCERTAIN, OUT_OF_RANGE)),
        (11.0, "uncertain", (UNCERTAIN, OUT_OF_RANGE)),
        (11.0, "bad", (BAD, SENSOR_FAULT)),
        (-200.0, "good", (BAD, MISSING)),
        (-200.0, "bad", (BAD, MISSING)),
    ],
)
def test_a_claim_only_lowers(value: float, claim: Any, expected: tuple[int, int]) -> None:
    assert judge(LEVEL, Row("c", value, quality=claim))[1:] == expected


@pytest.mark.parametrize(
    ("which", "unit", "fine"),
    [
        (LEVEL, "MPa", True),
        (LEVEL, None, True),
        (LEVEL, "kPa", False),
        (LEVEL, "", False),
        (LOOP, "mA", True),
        (LOOP, "MPa", False),
        (PUMP, "", True),
        (PUMP, "V", False),
    ],
)
def test_units(which: Point, unit: str | None, fine: bool) -> None:
    row = Row("c", 1.0, unit=unit)
    if fine:
        judge(which, row)
    else:
        with pytest.raises(Refusal, match=r"wrong_unit: .*, the profile says"):
            judge(which, row)


@given(
    value=st.floats(allow_nan=False, allow_infinity=False),
    which=st.sampled_from([LEVEL, LOOP, PUMP]),
    claim=st.sampled_from([None, "good", "uncertain", "bad"]),
)
def test_total(value: float, which: Point, claim: Any) -> None:
    told, grade, _ = judge(which, Row("c", value, quality=claim))
    assert grade in (GOOD, UNCERTAIN, BAD)
    assert math.isfinite(told) or grade == BAD
