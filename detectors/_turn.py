"""What the domain detectors share: which readings they judge, a condition that must hold, one record found.

A detector's state holds ``active`` (bit k: condition k stands) and, one a condition, ``since_ns`` (unset:
``NO_TIME``) and ``run``: device time and number of the readings in a row that speak against it.
A layout that is the beginning of another's would be compiled for both, with a warning: let them differ.
"""

from __future__ import annotations

import math
from typing import Any

from detectors import FAR, GOOD, NO_CLEAR, NO_TIME, THROTTLED, compiled

_NOT_ORDINARY = NO_CLEAR | THROTTLED


@compiled
def ordinary(time: int, quality: int, value: float) -> bool:
    """Whether a reading is good, finite, in order, of believed time, live, and within the device's rate."""
    return bool(time & _NOT_ORDINARY == 0 and quality == GOOD and abs(value) < FAR)


@compiled
def turned(
    s: Any,
    k: int,
    over: bool,
    back: bool,
    t: int,
    on_ns: int,
    on_readings: int,
    off_ns: int,
    off_readings: int,
) -> bool:
    """Whether condition k begins or ends with this reading: ``over`` speaks for it, ``back`` against it; what
    is neither (within the deadband) breaks off what was running. A time that goes back starts it anew."""
    stands = s["active"] >> k & 1 == 1
    if not (back if stands else over):
        s["run"][k] = 0
        s["since_ns"][k] = NO_TIME
        return False
    if s["run"][k] == 0 or t < s["since_ns"][k]:
        s["run"][k] = 0
        s["since_ns"][k] = t
    s["run"][k] += 1
    if s["run"][k] < (off_readings if stands else on_readings):
        return False
    if t - s["since_ns"][k] < (off_ns if stands else on_ns):
        return False
    s["active"] = s["active"] ^ (1 << k)
    s["run"][k] = 0
    s["since_ns"][k] = NO_TIME
    return True


@compiled
def tell(
    out: Any, count: int, row: int, slot: int, k: int, active: int, t: int, value: float, limit: float
) -> int:
    """Write one FINDING record; the count after it."""
    f = out[count]
    f["row"], f["slot"], f["condition"], f["active"] = row, slot, k, active
    f["event_ns"], f["value"], f["limit"] = t, value, limit
    return count + 1


@compiled
def tell_more(
    out: Any,
    count: int,
    row: int,
    slot: int,
    k: int,
    active: int,
    t: int,
    value: float,
    limit: float,
    extra: float,
) -> int:
    """The same, with ``extra``."""
    out[count]["extra"] = extra
    return tell(out, count, row, slot, k, active, t, value, limit)


@compiled
def tenth(number: float) -> float:
    """A number for people: to one decimal."""
    return math.floor(number * 10.0 + 0.5) / 10.0
