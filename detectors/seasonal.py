"""A value that is wrong for this hour of the week: 168 bins, each with the level and spread of its hour.

What. Every hour's mean and spread are put into the bin of its hour of the week (local, by
``utc_offset_s``); a bin speaks once it knows ``learn_weeks`` weeks. "unseasonal" begins when
``raise_readings`` readings in a row are more than ``limit`` times the bin's spread from its level, and ends
after ``clear_readings`` within. An hour with a reading outside teaches nothing, so no fault is learnt;
what has been outside for ``adopt_hours`` hours in a row is the new week: all bins start anew.

Trained. ``riskgate train seasonal`` learns the 168 levels and spreads from a recording and writes them as a
table for the profile, pinned by a digest over the channel and the numbers. With such a model the detector
speaks from the first reading on and learns nothing, ever: no fault becomes the usual. An hour that the
recording held less than twice is not judged.

When to use. Values that follow the working week or the time of day: gas demand, traffic, charging, stray
current near a railway. Only when asked for: no shipped profile does. When not. Values without such a rhythm
(ewma, drift: they know sooner); channels younger than two weeks.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. Warm-up: silent for ``learn_weeks`` weeks, hour by hour. The first weeks should be good
ones: look at them before you trust it.

Storage. Level and spread are kept as float32, one byte counts the weeks: 1.5 KB a channel. The sums of the
present hour are float64. A model is kept once for all channels of a rule, as float32 too.

Cost. About 8 ns a reading in cache, 80 ns when 200,000 channels come in random order (limits there: 45);
1624 bytes a channel, 1.6 KB a rule.

Reference. Bins by hour of the week: T. Hong and S. Fan, "Probabilistic electric load forecasting", Int. J.
Forecasting 32 (2016) 914-938 (calendar effects); spreads and counts are our own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"learn_weeks": 1, "sigma_min": 0.1, "raise_readings": 1, "clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.where(np.arange(400) % 24 < 12, 5.0, 9.0); value[388] = 9.0
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 3_600_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(388, 'unseasonal', 1), (389, 'unseasonal', 0)]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, GOOD, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain, sigma_floor
from detectors._turn import ordinary, tell

FINDINGS = ("unseasonal",)
"""``limit``: the usual level of this hour of the week."""
EVENT_TIMES: tuple[str, ...] = ()

ADVICE = {"unseasonal": ("process", "unusual for this hour of the week", "与每周同一时段不符")}
EXPLAIN = {"unseasonal": ("{title}: {value}, usually {limit}", "{title}:{value},平时 {limit}")}
ENDED = {"unseasonal": ("{value} is usual for this hour", "{value} 符合该时段")}
SETTINGS = {
    "limit": Setting("ratio", 6.0, 1.0, 1000.0),
    "utc_offset_s": Setting("ratio", 28_800.0, -50_400.0, 50_400.0),
    "sigma_min": Setting("value", None, 1e-12),
    "learn_weeks": Setting.count(2, 1, 8),
    "raise_readings": Setting.count(3, 1),
    "adopt_hours": Setting.count(336, 1, 10_000),
    "level": Setting("numbers", None, -FAR),
    "spread": Setting("numbers", None, -1.0),
    "version": Setting.count(1, 1, 1000),
    "digest": Setting("text"),
}
"""level, spread: of a trained model, Monday 00:00 first, in the channel's unit; a spread of -1: not known."""
BINS = 168
VERSION = 1
UNKNOWN = -1.0
_HOUR_NS = 3_600_000_000_000
_EPOCH = 72
"""1970-01-01 00:00 was the 72nd hour of a week that begins on Monday."""
_WEEKS = 8

PARAMETERS = np.dtype(
    [
        ("low", "<f8"),
        ("high", "<f8"),
        ("limit2", "<f8"),  # squared; 0: not judged
        ("floor2", "<f8"),
        ("offset_ns", "<i8"),
        ("learn_weeks", "<i4"),
        ("raise_readings", "<i4"),
        ("clear_readings", "<i4"),
        ("adopt_hours", "<i4"),
        ("model", "<i4"),  # 1: trained, and never learns
        ("none", "<i4"),
        ("level", "<f4", (BINS,)),
        ("spread2", "<f4", (BINS,)),
        ("weeks", "u1", (BINS,)),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("hour", "<i8"),  # since 1970, local; -1: none
        ("total", "<f8"),  # of the present hour, about the first reading
        ("square", "<f8"),
        ("first", "<f8"),
        ("readings", "<i4"),
        ("spoilt", "<i4"),  # readings outside in the present hour
        ("hours", "<i4"),  # in a row with readings outside only
        ("active", "<i4"),
        ("run", "<i8"),
        ("level", "<f4", (BINS,)),
        ("spread2", "<f4", (BINS,)),
        ("weeks", "u1", (BINS,)),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``low``, ``high``, ``span``, ``clear_readings``; ``{}`` is not
    judged. ``sigma_min`` is 0.2 % of the span unless given; ``utc_offset_s`` is China's unless given. With
    ``level`` and ``spread`` it is a trained model, and ``channel`` is held to its digest. ValueError on
    numbers that make no sense, and on a model that is damaged or another channel's."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    record["limit2"], record["floor2"] = chosen["limit"] ** 2, min(sigma_floor(settings) ** 2, 1e38)
    record["offset_ns"] = round(chosen["utc_offset_s"] * 1e9)
    for name in ("learn_weeks", "raise_readings", "adopt_hours"):
        record[name] = chosen[name]
    record["clear_readings"] = clear_readings(settings)
    if "level" in chosen or "spread" in chosen:
        _take(record, chosen, settings.get("channel"))
    return record


def digest(channel: str, model: Mapping[str, Any]) -> str:
    """What pins a model: SHA-256 over its channel and its numbers."""
    total = hashlib.sha256(repr((VERSION, channel, float(model["utc_offset_s"]))).encode())
    for name in ("level", "spread"):
        total.update(np.asarray(model[name], "<f4").tobytes())
    return total.hexdigest()


def _take(record: np.void, chosen: dict[str, Any], channel: str | None) -> None:
    """Put a model into a rule, or refuse it."""
    if chosen["version"] != VERSION:
        raise ValueError(
            f"version: is {chosen['version']}, this gateway reads {VERSION}; train the model again"
        )
    for name in ("level", "spread"):
        if len(chosen.get(name, ())) != BINS:
            raise ValueError(f"{name}: has {len(chosen.get(name, ()))} numbers; a model has {BINS}, train it")
    if channel is not None and digest(channel, chosen) != chosen.get("digest"):
        raise ValueError("digest: the model is damaged or was trained for another channel; train it again")
    spread = np.asarray(chosen["spread"], np.float64)
    record["model"] = 1
    record["level"] = chosen["level"]
    record["spread2"] = np.minimum(np.maximum(spread, 0.0) ** 2, 1e38)
    record["weeks"] = np.where(spread >= 0.0, _WEEKS, 0)


def trained(
    time_ns: npt.NDArray[np.int64], value: npt.NDArray[np.float64], channel: str, *, utc_offset_s: float
) -> dict[str, Any]:
    """The settings of a model of normal values [rows] at times [rows] in ns, in order. The arithmetic is the
    detector's own. ValueError when less than half of the week's hours were recorded twice."""
    rule = {"limit": 1000.0, "learn_weeks": _WEEKS, "sigma_min": 1e15, "utc_offset_s": utc_offset_s}
    state, count = np.array([initial()], STATE), len(value)
    rows, zero = np.zeros(count, np.int32), np.full(count, GOOD, np.uint8)
    readings = Readings(rows, time_ns, time_ns, value, zero, zero, zero, rows)
    step(np.array([configure(rule)], PARAMETERS), state, readings, Findings())
    known = state["weeks"][0] >= 2  # the last hour may be unfinished, and teaches nothing
    if known.sum() * 2 < BINS:
        told = f"{int(known.sum())} hours of the week were recorded twice or more"
        raise ValueError(f"{told}; {BINS // 2} of {BINS} are needed: record two weeks or longer")
    spread = np.where(known, np.sqrt(state["spread2"][0]), UNKNOWN)
    model: dict[str, Any] = {
        "version": VERSION,
        "utc_offset_s": utc_offset_s,
        "level": [float(f"{v:.7g}") for v in np.where(known, state["level"][0], 0.0)],
        "spread": [float(f"{v:.7g}") for v in spread],
    }
    model["digest"] = digest(channel, model)
    return model


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["hour"] = -1
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _learn(s: Any) -> None:
    """Put the hour that is over into its bin, unless a reading of it was outside."""
    count = s["readings"]
    if count == 0:
        return
    if s["spoilt"] > 0:
        s["hours"] = s["hours"] + 1 if s["spoilt"] * 2 > count else 0
        return
    s["hours"] = 0
    b = (s["hour"] + _EPOCH) % BINS
    mean = s["total"] / count
    inner = max(s["square"] / count - mean * mean, 0.0)
    mean += s["first"]
    if not abs(mean) < 1e18 or inner > 1e36:  # beyond what float32 squares hold
        return
    weeks = int(s["weeks"][b])
    level = float(s["level"][b])
    away = mean - level if weeks else 0.0
    weight = 1.0 / (weeks + 1)
    s["level"][b] = level + weight * away if weeks else mean
    s["spread2"][b] = min(
        (1.0 - weight) * (float(s["spread2"][b]) + weight * away * away) + weight * inner, 1e38
    )
    s["weeks"][b] = min(weeks + 1, _WEEKS)


@compiled
def _turn_hour(p: Any, s: Any, hour: int, v: float) -> bool:
    """A new hour begins with this reading. Whether a finding ends, because the new week is adopted."""
    _learn(s)
    s["hour"], s["first"] = hour, v
    s["total"] = s["square"] = 0.0
    s["readings"] = s["spoilt"] = 0
    if s["hours"] < p["adopt_hours"]:
        return False
    for b in range(BINS):
        s["weeks"][b] = 0
    s["hours"] = 0
    s["run"] = 0
    stood = s["active"] != 0
    s["active"] = 0
    return bool(stood)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v = parameters[rule[i]], state[slot[i]], value[i]
        if p["limit2"] == 0.0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        hour = (event_ns[i] + p["offset_ns"]) // _HOUR_NS
        b = (hour + _EPOCH) % BINS
        model = p["model"] != 0
        if not model:
            if hour != s["hour"] and _turn_hour(p, s, hour, v):
                count = tell(out, count, i, slot[i], 0, 0, event_ns[i], v, float(s["level"][b]))
            away = v - s["first"]
            s["total"] += away
            s["square"] += away * away
            s["readings"] += 1
        level, spread2, weeks = float(s["level"][b]), float(s["spread2"][b]), s["weeks"][b]
        if model:
            level, spread2, weeks = float(p["level"][b]), float(p["spread2"][b]), p["weeks"][b]
        outside = False
        if weeks >= p["learn_weeks"]:
            off = v - level
            outside = off * off > p["limit2"] * max(spread2, p["floor2"])
        if outside and not model:
            s["spoilt"] += 1
        if outside == (s["active"] != 0):
            s["run"] = 0
            continue
        s["run"] += 1
        if s["run"] < (p["raise_readings"] if outside else p["clear_readings"]):
            continue
        s["run"] = 0
        s["active"] = 1 - s["active"]
        count = tell(out, count, i, slot[i], 0, int(s["active"]), event_ns[i], v, level)
    return row, count
