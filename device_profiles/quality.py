"""How good a reading is, by the profile alone: the unit, "no reading" values, NAMUR NE 43, the range, the
listed states, and what the device itself claims. Pure and total for every finite or missing value.
"""

from __future__ import annotations

import math

from device_profiles._model import Point
from device_profiles.codecs import Refusal, Row

GOOD, UNCERTAIN, BAD = 0, 1, 2
"""As in detectors; this package knows no detector, a contract test holds the two equal."""
NAMES = ("good", "uncertain", "bad")

NO_REASON, SENSOR_FAULT, OUT_OF_RANGE, MISSING, SATURATED = 0, 1, 2, 7, 8
"""Places in detectors.REASONS."""

MA_ZERO, MA_SPAN = 4.0, 16.0
"""A 4-20 mA loop: 4 mA is the low end, 16 mA more the high end."""
FAULT_LOW_MA, VALID_LOW_MA, VALID_HIGH_MA, FAULT_HIGH_MA = 3.6, 3.8, 20.5, 21.0
"""NAMUR NE 43: at or beyond the fault currents the transmitter says it failed; from 3.8 to 20.5 mA it
measures; between, its output is saturated."""


def judge(point: Point, row: Row) -> tuple[float, int, int]:
    """(engineering value, quality, place in detectors.REASONS) of one reading of this point.

    The value is NaN when there is none. A value outside its range, or scaled from a saturated loop, is
    uncertain and kept as it is (never clipped): a true HH may stand behind it. Raises
    Refusal("wrong_unit") when the device names another unit than the profile.
    """
    if row.unit is not None and row.unit != (point.wire_unit or point.unit):
        raise Refusal("wrong_unit", f"{row.unit[:32]!r}, the profile says {point.wire_unit or point.unit!r}")
    value = row.value
    if value is None or value in point.missing:
        return math.nan, BAD, MISSING
    if point.kind == "discrete":
        grade, reason = _state(point, value)
    elif point.wire_unit == "mA":
        grade, reason = _loop(value)
        value = point.low + (value - MA_ZERO) / MA_SPAN * (point.high - point.low)
    elif point.low <= value <= point.high:
        grade, reason = GOOD, NO_REASON
    else:
        grade, reason = UNCERTAIN, OUT_OF_RANGE
    if not math.isfinite(value):  # scaling a value near the largest float64
        return math.nan, BAD, SENSOR_FAULT
    if row.quality == "bad" and grade != BAD:
        return value, BAD, SENSOR_FAULT
    if row.quality == "uncertain" and grade == GOOD:
        return value, UNCERTAIN, NO_REASON
    return value, grade, reason


def _state(point: Point, value: float) -> tuple[int, int]:
    if value.is_integer() and str(int(value)) in point.states:
        return GOOD, NO_REASON
    return BAD, SENSOR_FAULT


def _loop(current_ma: float) -> tuple[int, int]:
    if current_ma <= FAULT_LOW_MA or current_ma >= FAULT_HIGH_MA:
        return BAD, SENSOR_FAULT
    if current_ma < VALID_LOW_MA or current_ma > VALID_HIGH_MA:
        return UNCERTAIN, SATURATED
    return GOOD, NO_REASON
