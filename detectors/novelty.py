"""A course that the channel has not shown before: distance to what is remembered of its own past.

What. The last readings are told by their smoothed level over 1.5, 12, 96 and 768 readings and by the
spread around each, all as shares of the range seen. The channel remembers up to 256 such pictures; a new
one is compared with the nearest of them. Its surprise is that distance over what such distances usually
are (mean and ``sigmas`` standard deviations and ``floor``); a reading beyond the range seen counts
``range_weight`` times its share of the range. "unfamiliar" begins when the surprise reaches ``limit`` and
ends when ``clear_readings`` in a row are below half of it. What was once seen is remembered, so the same
picture surprises once.

When to use. Values with rhythms and plateaus of their own where no limit is known: loads, flows,
temperatures of machines, counts. When not. Fleets: it remembers 8 kB a channel, for every channel as soon
as one uses it. Noise without structure; where a limit can be stated.

Which readings count. Good, fresh ones in order, of believed time, within the device's rate and within
``low``..``high``. All others are passed over.

Memory. Range and pictures that did not come again within ``memory`` readings are forgotten; the first
``warmup`` readings only teach.

Cost. About 300 ns a reading: up to 256 pictures are compared.

Reference. Leader clustering: J. A. Hartigan, "Clustering algorithms", Wiley 1975, chapter 3. Novelty as
distance to the remembered: V. Chandola et al., "Anomaly detection: a survey", ACM Computing Surveys 41
(2009) 15, section 5. Numbers chosen on one half of the Numenta Anomaly Benchmark (docs/evaluation.md).

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p = np.array([configure({"limit": 2.0, "warmup": 50})], PARAMETERS)
>>> s = np.array([initial()], STATE)
>>> value = np.sin(np.arange(400) / 5.0)
>>> value[380:] = 4.0
>>> time = np.arange(400, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(400, np.uint8), np.zeros(400, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()][:1]
[(380, 'unfamiliar', 1)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import GOOD, NO_CLEAR, THROTTLED, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain

FINDINGS = ("unfamiliar",)
"""``limit``: the usual level, in the channel's unit."""
EVENT_TIMES: tuple[str, ...] = ()
_PASSED_OVER = NO_CLEAR | THROTTLED

SCALES = (1.5, 12.0, 96.0, 768.0)
PICTURES = 256
_LEVELS = len(SCALES)
_SIZE = 2 * _LEVELS
LIMIT = 2.0

ADVICE = {"unfamiliar": ("process", "course not seen before", "出现未见过的变化过程")}
EXPLAIN = {
    "unfamiliar": ("{title}: now {value}, usual level {limit}", "{title}:当前 {value},通常水平 {limit}")
}
ENDED = {"unfamiliar": ("familiar again: {value}", "恢复为已知的变化过程:{value}")}
SETTINGS = {
    "limit": Setting("ratio", LIMIT, 1e-3, 1e6),
    "radius": Setting("ratio", 0.063, 1e-4, 1.0),
    "floor": Setting("ratio", 0.0257, 1e-6, 1.0),
    "sigmas": Setting("ratio", 3.0, 0.0, 100.0),
    "weight": Setting("ratio", 0.00735, 1e-6, 1.0),
    "range_weight": Setting("ratio", 70.0, 0.0, 1e6),
    "warmup": Setting.count(50, 2),
    "memory": Setting.count(20000, 100),
}

PARAMETERS = np.dtype(
    [
        ("limit", "<f8"),  # 0: not judged
        ("radius", "<f8"),  # a picture farther than this from all others is remembered
        ("floor", "<f8"),
        ("sigmas", "<f8"),
        ("weight", "<f8"),  # of the newest distance in their mean and variance
        ("range_weight", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("warmup", "<i8"),
        ("memory", "<i8"),
        ("clear_readings", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("picture", "<f4", (PICTURES, _SIZE)),
        ("used", "<i8", (PICTURES,)),  # `seen` when it was last the nearest
        ("level", "<f8", (_LEVELS,)),
        ("spread", "<f8", (_LEVELS,)),  # variance about the level
        ("low", "<f8", (2,)),  # range of this block of `memory` readings and of the one before
        ("high", "<f8", (2,)),
        ("mean", "<f8"),  # of distances
        ("variance", "<f8"),
        ("seen", "<i8"),
        ("known", "<i4"),  # pictures in use
        ("active", "<i4"),
        ("run", "<i8"),  # readings in a row that speak for the end
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS, ``low``, ``high`` and ``clear_readings``; ``{}`` is not judged.
    ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    record["clear_readings"] = clear_readings(settings)
    for name in SETTINGS:
        record[name] = chosen[name]
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
def surprise(p: Any, s: Any, v: float) -> float:
    """How strange the next value is, 0 while warming up; the value is then learnt. ``v`` must be finite."""
    seen = s["seen"]
    if seen == 0:
        s["low"][:] = v
        s["high"][:] = v
        s["level"][:] = v
    elif seen % p["memory"] == 0:
        s["low"][1], s["high"][1] = s["low"][0], s["high"][0]
        s["low"][0] = s["high"][0] = v
    low, high = min(s["low"][0], s["low"][1]), max(s["high"][0], s["high"][1])
    beyond = 0.0
    if v > high or v < low:
        # a channel that never moved shows all of its range at once
        beyond = min(max(v - high, low - v) / (high - low), 5.0) if high > low else 1.0
        s["low"][0], s["high"][0] = min(s["low"][0], v), max(s["high"][0], v)
        low, high = min(low, v), max(high, v)
    elif v < s["low"][0]:
        s["low"][0] = v
    elif v > s["high"][0]:
        s["high"][0] = v
    distance = _nearest(p, s, v, low, high - low + 1e-12)
    usual = s["mean"] + p["sigmas"] * math.sqrt(s["variance"]) + p["floor"]
    share = max(p["weight"], 1.0 / (seen + 1))
    away = distance - s["mean"]
    s["variance"] = (1.0 - share) * (s["variance"] + share * away * away)
    s["mean"] += share * away
    s["seen"] = seen + 1
    if seen <= p["warmup"]:
        return 0.0
    return float(max(distance / usual, p["range_weight"] * beyond))


@compiled
def _nearest(p: Any, s: Any, v: float, low: float, span: float) -> float:
    """Largest difference to the nearest picture remembered (0 for the first); a new one is remembered."""
    now = np.empty(_SIZE, np.float32)
    seen = s["seen"]
    for k in range(_LEVELS):
        share = 1.0 / min(SCALES[k], seen + 1.0)
        away = v - s["level"][k]
        s["spread"][k] = (1.0 - share) * (s["spread"][k] + share * away * away)
        s["level"][k] += share * away
        now[k] = (s["level"][k] - low) / span
        now[_LEVELS + k] = math.sqrt(s["spread"][k]) / span
    best, place, oldest, known = 1e9, -1, 0, s["known"]
    for j in range(known):
        if s["used"][j] < s["used"][oldest]:
            oldest = j
        if seen - s["used"][j] > p["memory"]:
            continue
        largest = 0.0
        for k in range(_SIZE):
            largest = max(largest, abs(now[k] - s["picture"][j, k]))
            if largest >= best:
                break
        if largest < best:
            best, place = largest, j
    if place < 0 or best > p["radius"]:
        place_new = known if known < PICTURES else oldest
        s["known"] = max(known, place_new + 1)
        s["picture"][place_new] = now
        s["used"][place_new] = seen
    else:
        s["used"][place] = seen
    return 0.0 if known == 0 else best


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, v = parameters[rule[i]], state[slot[i]], value[i]
        if int(time[i]) & _PASSED_OVER or quality[i] != GOOD or p["limit"] == 0.0:
            continue
        if not (p["low"] <= v <= p["high"]):
            continue
        usual = s["level"][_LEVELS - 1]
        shown = surprise(p, s, v)
        if s["active"] == 0:
            if shown < p["limit"]:
                continue
        else:
            s["run"] = s["run"] + 1 if 2.0 * shown < p["limit"] else 0
            if s["run"] < p["clear_readings"]:
                continue
        s["active"] = 1 - s["active"]
        s["run"] = 0
        f = out[count]
        f["row"], f["slot"], f["condition"], f["active"] = i, slot[i], 0, s["active"]
        f["event_ns"], f["value"], f["limit"] = event_ns[i], v, usual
        count += 1
    return row, count
