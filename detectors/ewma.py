"""A channel that departs from its own recent course: an exponentially weighted mean and variance chart.

What. Every good reading is compared with the exponentially weighted mean of those before it:
z = (value - mean) / sigma. "departed" begins when ``raise_readings`` readings in a row have |z| above
``limit`` and ends when ``clear_readings`` in a row are back inside. While a reading is outside nothing is
learnt from it. A course that stays outside for ``adopt_readings`` readings is taken as the new normal one:
the finding ends and the chart learns anew; whether the new level is dangerous is for limits to say.

When to use. Values that move around a level of their own: pressure, flow, potential, the zero of a gas
sensor. When not. Values with a strong daily rhythm, counters, steps between recipes, states. Slow drift is
followed, not found: the cumulated sum (cusum) finds it.

Which readings count. Good, fresh ones in order, of believed time, within the device's rate and within
``low``..``high``. All others are passed over; they only interrupt a run towards the end.

Learning. The first ``warmup`` readings only teach: mean and variance weigh each of them alike until
``weight`` is reached. A sigma below ``sigma_min`` counts as ``sigma_min``, so that a quiet channel is not
alarmed by its last digit.

Cost. About 5 ns a reading in memory, 3 ns in cache.

Reference. S. W. Roberts, "Control chart tests based on geometric moving averages", Technometrics 1 (1959)
239-250; NIST/SEMATECH e-Handbook of Statistical Methods, 6.3.2.4 (weights 0.2 to 0.3, limit 3 there, for a
steady process; wider here because readings of a plant are not independent).

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"weight": 0.1, "limit": 4.0, "warmup": 8, "raise_readings": 2, "clear_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0, 5.1, 4.9, 5.0, 5.1, 4.9, 5.0, 5.1, 9.0, 9.1, 9.0, 5.0, 4.9])
>>> time = np.arange(13, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(13, np.uint8), np.zeros(13, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(9, 'departed', 1), (12, 'departed', 0)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import (
    GOOD,
    NO_CLEAR,
    NOT_LIVE,
    THROTTLED,
    Findings,
    Readings,
    Setting,
    Settings,
    compiled,
)
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain, sigma_floor

FINDINGS = ("departed",)
"""``limit``: the control limit that was passed, in the channel's unit."""
EVENT_TIMES: tuple[str, ...] = ()
_PASSED_OVER = NOT_LIVE | THROTTLED

ADVICE = {"departed": ("process", "departed from its recent course", "偏离近期走势")}
EXPLAIN = {"departed": ("{title}: {value}, control limit {limit}", "{title}:{value},控制限 {limit}")}
ENDED = {"departed": ("{value} is within its course", "{value} 符合近期走势")}
SETTINGS = {
    "weight": Setting("ratio", 0.05, 1e-6, 1.0),
    "limit": Setting("ratio", 6.0, 1.0, 1000.0),
    "sigma_min": Setting("value", None, 1e-12),
    "warmup": Setting.count(60, 2),
    "raise_readings": Setting.count(3, 1),
    "adopt_readings": Setting.count(200),
}

PARAMETERS = np.dtype(
    [
        ("warmup", "<i4"),  # readings that only teach; 0: not judged
        ("raise_readings", "<i4"),
        ("clear_readings", "<i4"),
        ("adopt_readings", "<i4"),  # 0: never
        ("low", "<f8"),
        ("high", "<f8"),
        ("weight", "<f8"),  # of the newest reading in mean and variance
        ("limit2", "<f8"),  # limit squared
        ("variance_min", "<f8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("mean", "<f8"),
        ("variance", "<f8"),
        ("learnt", "<i4"),  # readings learnt from, `warmup` at most
        ("active", "<i4"),
        ("run", "<i4"),  # readings in a row that speak against `active`
        ("outside", "<i4"),  # readings outside less those inside since, at least 0
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``low``, ``high``, ``span``, ``clear_readings``, all with
    defaults; ``{}`` is not judged. ``limit`` counts sigmas; ``sigma_min`` (0.2 % of the span), ``low`` and
    ``high`` are in the channel's unit. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    for name in ("warmup", "raise_readings", "adopt_readings", "weight"):
        record[name] = chosen[name]
    record["clear_readings"] = clear_readings(settings)
    record["limit2"], record["variance_min"] = chosen["limit"] ** 2, sigma_floor(settings) ** 2
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _change(p: Any, s: Any, outside: bool) -> bool:
    """Count a reading outside, or one inside when some were outside; whether `active` changes."""
    if outside:
        s["outside"] += 1
        if p["adopt_readings"] > 0 and s["outside"] >= p["adopt_readings"]:
            s["learnt"] = s["run"] = s["outside"] = 0
            return bool(s["active"] != 0)
    elif s["outside"] > 0:
        s["outside"] -= 1
    if outside == (s["active"] != 0):
        s["run"] = 0
        return False
    s["run"] += 1
    if s["run"] < (p["raise_readings"] if outside else p["clear_readings"]):
        return False
    s["run"] = 0
    if not outside:
        s["outside"] = 0
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, flags, v = parameters[rule[i]], state[slot[i]], int(time[i]), value[i]
        warmup = p["warmup"]
        if flags & _PASSED_OVER or warmup == 0:
            continue
        if flags & NO_CLEAR or quality[i] != GOOD or not (p["low"] <= v <= p["high"]):
            if s["active"]:
                s["run"] = 0
            continue
        mean, variance, weight = s["mean"], s["variance"], p["weight"]
        away = v - mean
        square = away * away
        sure = s["learnt"] >= warmup
        if not sure:
            s["learnt"] += 1
            weight = max(weight, 1.0 / s["learnt"])
        bound = p["limit2"] * max(variance, p["variance_min"])
        outside = sure and square > bound
        if not outside:
            s["mean"] = mean + weight * away
            s["variance"] = (1.0 - weight) * (variance + weight * square)
            if s["active"] == 0 and s["outside"] == 0:
                continue
        if _change(p, s, outside):
            s["active"] = 1 - s["active"]
            f = out[count]
            f["row"], f["slot"], f["condition"], f["active"] = i, slot[i], 0, s["active"]
            f["event_ns"], f["value"] = event_ns[i], v
            f["limit"] = mean + math.sqrt(bound) if away > 0 else mean - math.sqrt(bound)
            count += 1
    return row, count
