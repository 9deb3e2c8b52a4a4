"""A slow drift, or a small shift, whose speed nobody knows beforehand: block means of every dyadic length.

What. Readings are averaged in blocks of ``block``, two of those make one of twice the length, and so on for
nine lengths (8 to 2048 readings with the default). At each length a finished block is compared with the
level of its length (a weighted mean of the blocks before it, weight 1/8) and judged by how far blocks of
that length usually are from it: noise that is correlated from reading to reading, or a daily rhythm, is in
that usual distance already and needs no model. "drifted_up" or "drifted_down" begins when at any length a
block is ``limit`` times the usual distance away, ``raise_blocks`` blocks in a row (on the same side), and
ends when two blocks of that length in a row (one, if one began it) are back within half of it. A level
follows such blocks only after 16 of them: then the new level is the usual one, and the finding ends.

When to use. Sensor drift, fouling, slow leaks, a creeping zero: whatever a limit sees too late and a
departure chart follows without a word. When not. Batches and recipes with steps of their own; channels with
less than some hundred readings a day (use time_to_limit or deviation there).

Why this one. ADWIN keeps up to a hundred buckets a channel and compares all its cuts at each reading; KSWIN
keeps and sorts a window; Page-Hinkley with forgetting is the cumulated sum over again and must know the
noise. The dyadic means need 9 short records, cost two additions a reading on average, and find the length
that suits the drift like ADWIN's cuts do.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. Warm-up: a length is silent for its first 16 blocks, and asks for more distance until 64
are known.

Cost. About 4 ns a reading in cache, 32 ns when 200,000 channels come in random order (limits there: 45);
360 bytes a channel.

Reference. A. Bifet and R. Gavalda, "Learning from time-changing data with adaptive windowing", SIAM SDM
(2007) 443-448 (exponential histogram of windows); I. Eichinger and C. Kirch, "A MOSUM procedure for the
estimation of multiple random change points", Bernoulli 24 (2018) 526-564. Numbers are our own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"block": 1, "limit": 5.0, "raise_blocks": 2, "sigma_min": 0.1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0, 5.1, 4.9, 5.0] * 10 + [7.0, 7.1, 6.9, 7.0])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(41, 'drifted_up', 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import judged_range, plain, sigma_floor
from detectors._turn import ordinary, tell

FINDINGS = ("drifted_up", "drifted_down")
"""``value``: the mean of the block; ``limit``: the usual level."""
EVENT_TIMES: tuple[str, ...] = ()

ADVICE = {
    "drifted_up": ("process", "has drifted up", "缓慢漂移上升"),
    "drifted_down": ("process", "has drifted down", "缓慢漂移下降"),
}
_NOW = ("{title}: mean {value}, usual level {limit}", "{title}:均值 {value},正常水平 {limit}")
_OVER = ("no drift any more: mean {value}", "不再漂移:均值 {value}")
EXPLAIN = {"drifted_up": _NOW, "drifted_down": _NOW}
ENDED = {"drifted_up": _OVER, "drifted_down": _OVER}
SETTINGS = {
    "limit": Setting("ratio", 6.0, 1.0, 1000.0),
    "sigma_min": Setting("value", None, 1e-12),
    "block": Setting.count(8, 1, 10_000),
    "raise_blocks": Setting.count(2, 1, 8),
}
LENGTHS = 9
_WARMUP = 16
_SURE = 64
_WEIGHT = 0.125
_SLOW = 1.0 / 64.0
_CLIP2 = 9.0
_ADOPT = 16

PARAMETERS = np.dtype(
    [
        ("low", "<f8"),
        ("high", "<f8"),
        ("limit2", "<f8"),  # squared
        ("floor2", "<f8"),
        ("block", "<i4"),  # 0: not judged
        ("raise_blocks", "<i4"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("total", "<f8"),  # of the shortest block, unfinished
        ("readings", "<i8"),
        ("waiting", "<f8", (LENGTHS,)),  # mean of a finished first half; NaN: none
        ("level", "<f8", (LENGTHS,)),
        ("spread", "<f8", (LENGTHS,)),  # mean square distance from the level
        ("known", "<i4", (LENGTHS + 1,)),  # blocks learnt; the last: unused
        ("run", "<i4", (LENGTHS + 1,)),  # blocks in a row above (> 0) or below (< 0); the last: unused
        ("up", "<i4"),  # bit j: length j says so
        ("down", "<i4"),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``low``, ``high``, ``span``; ``{}`` is not judged. ``sigma_min``
    is 0.2 % of the span unless given. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    record["limit2"], record["floor2"] = chosen["limit"] ** 2, sigma_floor(settings) ** 2
    record["block"], record["raise_blocks"] = chosen["block"], chosen["raise_blocks"]
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["waiting"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _learn(s: Any, j: int, away: float, square: float) -> None:
    """Level and usual distance of one length follow a block; the first ones weigh alike."""
    s["known"][j] = min(s["known"][j] + 1, _SURE)
    known = s["known"][j]
    s["level"][j] += away * max(_WEIGHT, 1.0 / known)
    if known > 1:
        s["spread"][j] += (square - s["spread"][j]) * max(_SLOW, 1.0 / (known - 1))


@compiled
def _compare(p: Any, s: Any, j: int, mean: float) -> None:
    """One finished block of length j against its level; sets or clears bit j of ``up`` and ``down``."""
    away = mean - s["level"][j] if s["known"][j] else 0.0
    if s["known"][j] == 0:
        s["level"][j] = mean
    square = away * away
    known = s["known"][j]
    if known < _WARMUP:
        _learn(s, j, away, square)
        return
    spread = max(s["spread"][j], p["floor2"])
    bound = p["limit2"] * spread * (1.0 + 32.0 / known)
    bit, run = 1 << j, s["run"][j]
    stands = (s["up"] | s["down"]) & bit
    if square > bound:
        side = 1 if away > 0.0 else -1
        run = run + side if run * side >= 0 else side
        if abs(run) >= p["raise_blocks"]:
            s["up"] = s["up"] | bit if side > 0 else s["up"] & ~bit
            s["down"] = s["down"] & ~bit if side > 0 else s["down"] | bit
        if abs(run) >= _ADOPT:
            s["known"][j] = 0
            s["run"][j] = 0
            s["up"] = s["up"] & ~bit
            s["down"] = s["down"] & ~bit
            return
        s["run"][j] = run
        return
    if stands == 0:
        s["run"][j] = 0
        _learn(s, j, away, min(square, _CLIP2 * spread))
        return
    if 4.0 * square > bound:  # between the two bounds: neither; it stands, and is adopted in time
        s["run"][j] = run + 1 if run > 0 else run - 1
        if abs(s["run"][j]) < _ADOPT:
            return
        s["known"][j] = 0
    elif abs(run) >= p["raise_blocks"]:
        s["run"][j] = 1 if run > 0 else -1  # from here on: blocks back inside
        if p["raise_blocks"] > 1:
            return
    s["run"][j] = 0
    s["up"] = s["up"] & ~bit
    s["down"] = s["down"] & ~bit


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v = parameters[rule[i]], state[slot[i]], value[i]
        block = p["block"]
        if block == 0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        s["total"] += v
        s["readings"] += 1
        if s["readings"] < block:
            continue
        mean = s["total"] / block
        s["total"] = 0.0
        s["readings"] = 0
        up, down, usual, shown = s["up"], s["down"], s["level"][0], mean
        for j in range(LENGTHS):
            before, level = s["up"] | s["down"], s["level"][j]
            _compare(p, s, j, mean)
            if before != s["up"] | s["down"]:
                usual, shown = level, mean
            other = s["waiting"][j]
            if not abs(other) < np.inf:
                s["waiting"][j] = mean
                break
            s["waiting"][j] = np.nan
            mean = 0.5 * (other + mean)
        if (s["up"] != 0) != (up != 0):
            count = tell(out, count, i, slot[i], 0, 1 if s["up"] else 0, event_ns[i], shown, usual)
        if (s["down"] != 0) != (down != 0):
            count = tell(out, count, i, slot[i], 1, 1 if s["down"] else 0, event_ns[i], shown, usual)
    return row, count
