"""A bearing that runs hot against its surroundings, climbs so fast that its limit is near, or wears.

What. "bearing_rise" begins when the bearing is ``rise`` kelvin or more above ambient for ``on_delay_s`` and
ends 10 % below that. "bearing_climbs" begins when, at its present slope, it reaches ``limit`` within
``horizon_s``, for ``on_delay_s``; only with a slope of ``slope`` K/min or more and once it is ``warm`` kelvin
above ambient, so that an ordinary start from cold is not told. It ends when the slope is below half of
``slope``. "bearing_wears" begins when the mean rise above ambient has grown by ``wear`` kelvin or more from
one ``wear_s`` to the next, ``wear_steps`` times in a row, the largest of these steps no more than three times
the smallest, and ends with a step that is not so: a load or a warm day makes one large step and smaller ones.

When to use. Bearings, motors, gear boxes with a reading of the ambient. When not. Machines that run for
minutes only. Without an ambient reading only "bearing_climbs" is judged, from 60 % of ``limit`` on.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. A gap of
``gap_s`` begins the slope anew.

Cost. About 13 ns a reading, 200 bytes a group.

Reference. ISO 10816 and makers' practice watch the rise above ambient: 40 K is their usual bound; not
verified. 80/90 C: dust explosion practice. Slope by the difference of two exponentially weighted means, which
for a ramp lag behind by their time constants.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"window_ns": 60_000_000_000, "on_delay_ns": 20_000_000_000}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> bearing = np.concatenate([np.full(60, 50.0), 50.0 + 0.15 * np.arange(60), np.full(120, 59.0)])
>>> value = np.stack([bearing, np.full(240, 20.0)], axis=1).ravel()
>>> time, zero = np.repeat(np.arange(240, dtype=np.int64), 2) * 2_000_000_000, np.zeros(480, np.uint8)
>>> rows, found = np.tile(np.array([0, 1], np.int32), 240), Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(84, 'bearing_climbs', 1), (223, 'bearing_climbs', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell_more, tenth, turned

INPUTS = ("bearing", "ambient")
FINDINGS = ("bearing_rise", "bearing_climbs", "bearing_wears")
"""rise, wears: K above ambient, now and the bound, or when it began. climbs: degC, ``extra`` the minutes
until ``limit``."""
EVENT_TIMES = ("since_ns", "last_ns", "begun_ns")
ADVICE = {
    "bearing_rise": ("process", "bearing runs hot against its surroundings", "轴承温升过高"),
    "bearing_climbs": ("process", "bearing temperature climbs", "轴承温度持续上升"),
    "bearing_wears": ("process", "bearing grows warmer hour by hour", "轴承温升逐时增大"),
}
EXPLAIN = {
    "bearing_rise": (
        "{title}: {value_number} K above ambient, bound {limit_number} K",
        "{title}:高于环境 {value_number} K,界限 {limit_number} K",
    ),
    "bearing_climbs": (
        "{title}: {value_number} degC, {limit_number} degC in {extra} min",
        "{title}:{value_number} ℃,{extra} 分钟后达到 {limit_number} ℃",
    ),
    "bearing_wears": (
        "{title}: {value_number} K above ambient, was {limit_number} K when it began",
        "{title}:高于环境 {value_number} K,开始时为 {limit_number} K",
    ),
}
ENDED = {
    "bearing_rise": ("the bearing is {value_number} K above ambient", "轴承温升回到 {value_number} K"),
    "bearing_climbs": ("the temperature climbs no longer", "轴承温度不再上升"),
    "bearing_wears": ("the rise grows no longer: {value_number} K", "温升不再增大:{value_number} K"),
}
UNITS = {"bearing_rise": "K", "bearing_climbs": "degC", "bearing_wears": "K"}
SETTINGS = {
    "rise": Setting("ratio", 40.0, 1.0, 500.0),
    "limit": Setting("ratio", 80.0, 1.0, 500.0),
    "slope": Setting("ratio", 0.5, 1e-3, 100.0),
    "warm": Setting("ratio", 25.0, 0.0, 500.0),
    "horizon_s": Setting("seconds", 1800.0, 1.0),
    "window_s": Setting("seconds", 300.0, 1.0),
    "on_delay_s": Setting("seconds", 60.0),
    "gap_s": Setting("seconds", 600.0, 1e-3),
    "wear": Setting("ratio", 0.25, 1e-6, 500.0),
    "wear_s": Setting("seconds", 3600.0, 1e-3),
    "wear_steps": Setting.count(4, 2, 1000),
}
"""rise, warm, wear: K; limit: degC; slope: K/min."""
_NEVER_MIN = 1e6
_STEADY = 3.0
_LEAST = 10  # readings that make a block

PARAMETERS = np.dtype(
    [
        ("rise", "<f8"),  # 0: not judged
        ("limit", "<f8"),
        ("slope", "<f8"),
        ("warm", "<f8"),
        ("horizon_ns", "<i8"),
        ("window_ns", "<i8"),
        ("on_ns", "<i8"),
        ("gap_ns", "<i8"),
        ("wear", "<f8"),
        ("wear_ns", "<i8"),
        ("wear_steps", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (2,)),
        ("run", "<i8", (2,)),
        ("last_ns", "<i8"),
        ("fast", "<f8"),
        ("slow", "<f8"),
        ("ambient", "<f8"),  # NaN: none seen
        ("begun_ns", "<i8"),  # of the block
        ("total", "<f8"),  # of rises in it
        ("readings", "<i8"),
        ("mean", "<f8"),  # rise of the block before; NaN: none
        ("origin", "<f8"),  # when the row of steps began
        ("smallest", "<f8"),
        ("largest", "<f8"),
        ("steps", "<i8"),  # in a row
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("rise", "limit", "slope", "warm", "horizon_ns", "window_ns", "gap_ns", "wear"):
        record[name] = chosen[name]
    record["wear_ns"], record["wear_steps"] = chosen["wear_ns"], chosen["wear_steps"]
    record["on_ns"] = chosen["on_delay_ns"]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = record["last_ns"] = record["begun_ns"] = NO_TIME
    record["ambient"] = record["mean"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _slope(p: Any, s: Any, t: int, v: float) -> float:
    """K/min of the two means."""
    last = s["last_ns"]
    s["last_ns"] = t
    if last == NO_TIME or not last < t < last + p["gap_ns"]:
        s["fast"] = s["slow"] = v
        return 0.0
    dt, slow_ns = t - last, p["window_ns"]
    fast_ns = slow_ns // 4
    s["fast"] += (v - s["fast"]) * (dt / (fast_ns + dt))
    s["slow"] += (v - s["slow"]) * (dt / (slow_ns + dt))
    return float((s["fast"] - s["slow"]) * 60e9 / (slow_ns - fast_ns))


@compiled
def _wears(p: Any, s: Any, t: int, rise: float) -> bool:
    """Whether "bearing_wears" changes with this rise."""
    begun = s["begun_ns"]
    if begun != NO_TIME and begun <= t < begun + p["wear_ns"]:
        s["total"] += rise
        s["readings"] += 1
        return False
    whole = begun != NO_TIME and begun <= t < begun + 2 * p["wear_ns"] and s["readings"] >= _LEAST
    mean = s["total"] / s["readings"] if whole else np.nan
    s["begun_ns"], s["total"], s["readings"] = t, rise, 1
    grown, before = mean - s["mean"], s["mean"]
    s["mean"] = mean
    if not grown >= p["wear"]:
        s["steps"] = 0
    else:
        smallest, largest = min(grown, s["smallest"]), max(grown, s["largest"])
        if s["steps"] > 0 and largest <= _STEADY * smallest:
            s["smallest"], s["largest"] = smallest, largest
            s["steps"] = min(p["wear_steps"], s["steps"] + 1)
        else:
            s["steps"], s["origin"] = 1, before
            s["smallest"] = s["largest"] = grown
    if (s["steps"] >= p["wear_steps"]) == (s["active"] >> 2 & 1 == 1):
        return False
    s["active"] = s["active"] ^ 4
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 3 <= len(out):
        i = row
        row += 1
        group = slot[i] // 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["rise"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        if slot[i] % 2 == 1:
            s["ambient"] = v
            continue
        slope = _slope(p, s, t, v)
        rise = v - s["ambient"]  # NaN without an ambient: neither over nor back
        known = abs(rise) < np.inf
        if turned(s, 0, rise >= p["rise"], rise < 0.9 * p["rise"], t, p["on_ns"], 2, p["on_ns"], 2):
            count = tell_more(out, count, i, group, 0, s["active"] & 1, t, rise, p["rise"], 0.0)
        if known and _wears(p, s, t, rise):
            now = s["mean"] if abs(s["mean"]) < np.inf else rise
            count = tell_more(out, count, i, group, 2, s["active"] >> 2 & 1, t, now, s["origin"], 0.0)
        warm = rise >= p["warm"] if known else v >= 0.6 * p["limit"]
        minutes = _NEVER_MIN
        if slope > 0.0:
            minutes = min(_NEVER_MIN, max(0.0, p["limit"] - v) / slope)
        over = warm and slope >= p["slope"] and minutes * 60e9 <= p["horizon_ns"]
        if turned(s, 1, over, slope < 0.5 * p["slope"], t, p["on_ns"], 2, p["on_ns"], 2):
            count = tell_more(out, count, i, group, 1, s["active"] >> 1 & 1, t, v, p["limit"], tenth(minutes))
    return row, count
