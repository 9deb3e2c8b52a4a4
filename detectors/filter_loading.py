"""A bag filter that fills faster than usual, or whose cleaning pulses do not come or do nothing.

What. Differential pressure rises while cake grows and falls by ``drop`` or more when a pulse blows it off:
from one pulse to the next is a cycle. The first ``warmup_cycles`` teach the usual rate of rise and the usual
peak; later ones go on teaching slowly while nothing stands. "filter_loads_fast" begins when the present rate
is ``factor`` times the usual one for ``on_delay_s`` and ends below three quarters of that. "pulse_overdue"
begins when the pressure is ``margin`` above the usual peak and still rises, for ``on_delay_s``; it tells in
how many minutes ``limit`` is reached at the present rate, and ends with the next pulse that works.

When to use. Filters cleaned by pulses at a set pressure or period, with readings every few seconds. When not.
Filters without cleaning: a limit with a rate of change does. Short warm-up runs: nothing is told before
``warmup_cycles`` are over. Below ``running`` the fan stands; a step up is a start: both only begin a new
cycle.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. A gap of
``gap_s`` begins a new cycle and teaches nothing.

Cost. About 4 ns a reading, 190 bytes a group.

Reference. Filter drag grows linearly with cake: dp = (K1 + K2 W) v (Hinds, Aerosol Technology, 9.8). 800 to
1500 Pa and H 1500 Pa are maintenance practice, no clause. Rates by the difference of two exponentially
weighted means, which for a ramp lag behind by their time constants.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"window_ns": 8_000_000_000, "on_delay_ns": 4_000_000_000, "warmup_cycles": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> saw = [900.0 + 10.0 * (k % 30) for k in range(90)]
>>> value = np.array([*saw, *(900.0 + 10.0 * k for k in range(60)), *saw[:10]])
>>> count = len(value)
>>> time, zero = np.arange(count, dtype=np.int64) * 2_000_000_000, np.zeros(count, np.uint8)
>>> found, rows = Findings(), np.zeros(count, np.int32)
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"]), round(float(f["extra"]), 1))
...  for f in found.found()]
[(127, 'pulse_overdue', 1, 0.8), (150, 'pulse_overdue', 0, 0.0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell_more, tenth, turned

INPUTS = ("dp",)
FINDINGS = ("filter_loads_fast", "pulse_overdue")
"""fast: ``value`` and ``limit`` in Pa/min. overdue: Pa, ``extra`` the minutes until ``limit``."""
EVENT_TIMES = ("since_ns", "last_ns", "begun_ns")
ADVICE = {
    "filter_loads_fast": ("process", "filter loads faster than usual", "过滤器积尘速度异常"),
    "pulse_overdue": ("process", "filter is not cleaned by its pulses", "清灰不起作用或未进行"),
}
EXPLAIN = {
    "filter_loads_fast": (
        "{title}: {value_number} Pa/min, bound {limit_number}",
        "{title}:{value_number} Pa/min,界限 {limit_number}",
    ),
    "pulse_overdue": (
        "{title}: {value_number} Pa, {limit_number} Pa in {extra} min",
        "{title}:{value_number} Pa,{extra} 分钟后达到 {limit_number} Pa",
    ),
}
ENDED = {
    "filter_loads_fast": (
        "the filter loads at {value_number} Pa/min",
        "积尘速度恢复为 {value_number} Pa/min",
    ),
    "pulse_overdue": ("a pulse cleaned the filter", "清灰已恢复"),
}
UNITS = {"filter_loads_fast": "Pa/min", "pulse_overdue": "Pa"}
SETTINGS = {
    "drop": Setting("ratio", 100.0, 1e-3, 1e5),
    "running": Setting("ratio", 200.0, 0.0, 1e5),
    "limit": Setting("ratio", 1500.0, 1e-3, 1e5),
    "margin": Setting("ratio", 50.0, 1e-3, 1e5),
    "factor": Setting("ratio", 2.5, 1.1, 100.0),
    "window_s": Setting("seconds", 120.0, 1e-3),
    "on_delay_s": Setting("seconds", 60.0),
    "gap_s": Setting("seconds", 600.0, 1e-3),
    "warmup_cycles": Setting.count(3, 1),
}
"""drop, running, limit, margin: Pa."""
_LEARN = 0.1
_BACK = 0.75
_NEVER_MIN = 1e6

PARAMETERS = np.dtype(
    [
        ("drop", "<f8"),  # 0: not judged
        ("running", "<f8"),
        ("limit", "<f8"),
        ("margin", "<f8"),
        ("factor", "<f8"),
        ("window_ns", "<i8"),
        ("on_ns", "<i8"),
        ("gap_ns", "<i8"),
        ("warmup_cycles", "<i8"),
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
        ("begun_ns", "<i8"),  # of this cycle
        ("whole", "<i8"),  # this cycle began with a pulse
        ("low", "<f8"),  # its first value and its highest
        ("peak", "<f8"),
        ("fast", "<f8"),
        ("slow", "<f8"),
        ("cycles", "<i8"),  # learnt from, warmup_cycles at most
        ("usual_rate", "<f8"),  # Pa/s
        ("usual_peak", "<f8"),
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
    if chosen["running"] >= chosen["limit"]:
        raise ValueError(f"running: {chosen['running']:g} is not below limit; lower it")
    for name in ("drop", "running", "limit", "margin", "factor", "window_ns", "gap_ns", "warmup_cycles"):
        record[name] = chosen[name]
    record["on_ns"] = chosen["on_delay_ns"]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    for name in EVENT_TIMES:
        record[name] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _begin(s: Any, t: int, v: float, whole: int) -> None:
    """A new cycle, after a pulse (whole) or otherwise."""
    s["begun_ns"], s["whole"] = t, whole
    s["low"] = s["peak"] = s["fast"] = s["slow"] = v


@compiled
def _learn(p: Any, s: Any, t: int) -> None:
    """A cycle is over with a pulse: what was usual about it."""
    seconds = max(1, t - s["begun_ns"]) / 1e9
    rate = (s["peak"] - s["low"]) / seconds
    if s["active"] != 0 or rate <= 0.0:
        return
    warm = s["cycles"] >= p["warmup_cycles"]
    if warm and rate > p["factor"] * s["usual_rate"]:
        return
    if not warm:
        s["cycles"] += 1
    weight = max(_LEARN, 1.0 / s["cycles"])
    s["usual_rate"] += weight * (rate - s["usual_rate"])
    s["usual_peak"] += weight * (s["peak"] - s["usual_peak"])


@compiled
def _rate(p: Any, s: Any, t: int, v: float) -> float:
    """Pa/s, of the two means."""
    dt, slow_ns = t - s["last_ns"], p["window_ns"]
    fast_ns = slow_ns // 4
    s["fast"] += (v - s["fast"]) * (dt / (fast_ns + dt))
    s["slow"] += (v - s["slow"]) * (dt / (slow_ns + dt))
    s["peak"] = max(s["peak"], v)
    return float((s["fast"] - s["slow"]) * 1e9 / (slow_ns - fast_ns))


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        if p["drop"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        last = s["last_ns"]
        pulse = rate = 0.0
        known = last != NO_TIME and last < t < last + p["gap_ns"] and s["begun_ns"] != NO_TIME
        if v < p["running"]:
            s["begun_ns"] = NO_TIME
        elif not known or v > s["fast"] + p["drop"]:
            _begin(s, t, v, 0)
        elif v < s["peak"] - p["drop"]:
            pulse = 1.0
            if s["whole"] != 0:
                _learn(p, s, last)
            _begin(s, t, v, 1)
        else:
            rate = _rate(p, s, t, v)
        s["last_ns"] = t
        if s["cycles"] < p["warmup_cycles"]:
            continue
        bound = p["factor"] * s["usual_rate"]
        if turned(s, 0, rate >= bound, rate < _BACK * bound, t, p["on_ns"], 2, p["on_ns"], 2):
            active = s["active"] & 1
            count = tell_more(out, count, i, slot[i], 0, active, t, rate * 60.0, bound * 60.0, 0.0)
        high = s["fast"] > s["usual_peak"] + p["margin"]
        over = high and rate > 0.0 and s["begun_ns"] != NO_TIME
        back = pulse != 0.0 or v < s["usual_peak"] or s["begun_ns"] == NO_TIME
        if turned(s, 1, over, back, t, p["on_ns"], 2, 0, 1):
            minutes = 0.0
            if s["active"] & 2:
                minutes = min(_NEVER_MIN, max(0.0, p["limit"] - v) / rate / 60.0)
            count = tell_more(
                out, count, i, slot[i], 1, s["active"] >> 1 & 1, t, v, p["limit"], tenth(minutes)
            )
    return row, count
