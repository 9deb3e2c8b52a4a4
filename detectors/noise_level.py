"""A channel that shakes more than it did, or no longer as it should: a change of its variance.

What. In blocks of ``block`` readings the mean square of the steps from reading to reading is taken (half of
it is the variance of white noise); a slow trend or a new level hardly matters to it. The first ``learn``
blocks teach what is usual. "noisier" begins when ``raise_blocks`` blocks in a row shake more than ``ratio``
times the usual (as a standard deviation), "quieter" when less than 1 / ``quiet_ratio`` of it; either ends
with a block that is within half of that. While a block is outside nothing is learnt from it; else what is
usual follows by 1/64 a block.

With ``jumps`` the geometric mean of the squared steps is taken, not the arithmetic one: loads that are
switched or picked up a few times a block then do not hide the noise between.

With ``sudden`` a new scale or a broken shield is found within some readings, not blocks: squared second
differences (over six, the variance of white noise; over the usual one, at most 16) less 2 are summed up,
never below 0, and "noisier" begins at ``sudden`` too. A step touches two of them, a ramp its ends only, a
lone spike three: none of these gets far.

When to use. Loose contacts, cavitation, a failing cell or transmitter (noisier); a plugged impulse line, a
fouled or poisoned sensor (quieter). When not. Values that only change on event; on-off loads without
``jumps``; pumps of changing speed. A channel that never shook cannot become quieter: below ``sigma_min``
nothing is judged so.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. Warm-up: silent for ``learn`` times ``block`` readings.

Winsorised. One step counts for eight times the usual at most, once that is known: a lone spike makes no
block noisy.

Cost. About 4 ns a reading in cache, 43 ns when 200,000 channels come in random order (limits there: 45);
104 bytes a channel.

Reference. J. von Neumann, "Distribution of the ratio of the mean square successive difference to the
variance", Ann. Math. Statist. 12 (1941) 367-395; J. Wheeler, "Advanced Topics in Statistical Process
Control" (moving ranges). Ratios and blocks are our own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"block": 4, "learn": 2, "ratio": 2.0, "raise_blocks": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0, 5.1] * 5 + [4.5, 5.5] * 6)
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(12, 'noisier', 1)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import judged_range, plain, sigma_floor
from detectors._turn import ordinary, tell

FINDINGS = ("noisier", "quieter")
"""``value``, ``limit``: the standard deviation of the last block (sudden: the last step), and the usual."""
EVENT_TIMES: tuple[str, ...] = ()

ADVICE = {
    "noisier": ("device", "shakes more than usual", "波动明显增大"),
    "quieter": ("device", "shakes less than usual", "波动明显减小"),
}
_NOW = ("{title}: sigma {value}, usually {limit}", "{title}:标准差 {value},平时 {limit}")
_OVER = ("shakes as usual: sigma {value}", "波动恢复正常:标准差 {value}")
EXPLAIN = {"noisier": _NOW, "quieter": _NOW}
ENDED = {"noisier": _OVER, "quieter": _OVER}
SETTINGS = {
    "ratio": Setting("ratio", 3.0, 1.1, 1000.0),
    "quiet_ratio": Setting("ratio", 5.0, 1.1, 1000.0),
    "sigma_min": Setting("value", None, 1e-12),
    "block": Setting.count(30, 4),
    "learn": Setting.count(10, 2),
    "raise_blocks": Setting.count(2, 1),
    "jumps": Setting("switch", 0.0),
    "sudden": Setting.count(0, 0, 10_000),
}
_CLIP = 64.0
_SUDDEN_CLIP, _SUDDEN_SLACK = 16.0, 2.0
_SLOW = 1.0 / 64.0

PARAMETERS = np.dtype(
    [
        ("low", "<f8"),
        ("high", "<f8"),
        ("over", "<f8"),  # ratio squared
        ("under", "<f8"),
        ("floor", "<f8"),  # sigma_min squared
        ("block", "<i4"),  # 0: not judged
        ("learn", "<i4"),
        ("raise_blocks", "<i4"),
        ("jumps", "<i4"),
        ("sudden", "<f8"),  # 0: not judged
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("last", "<f8"),  # NaN: none
        ("total", "<f8"),  # squared steps of this block, or their logarithms
        ("usual", "<f8"),  # variance
        ("step", "<f8"),  # the last one; NaN: none
        ("sudden", "<f8"),  # the sum
        ("steps", "<i4"),
        ("learnt", "<i4"),
        ("active", "<i8"),
        ("run", "<i4", (2,)),
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
    record["over"], record["under"] = chosen["ratio"] ** 2, 1.0 / chosen["quiet_ratio"] ** 2
    record["floor"] = sigma_floor(settings) ** 2
    for name in ("block", "learn", "raise_blocks", "jumps", "sudden"):
        record[name] = chosen[name]
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last"] = record["step"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _block(p: Any, s: Any, variance: float) -> int:
    """Bits of the findings that change with a whole block; learns from it unless it is outside."""
    if s["learnt"] < p["learn"]:
        s["learnt"] += 1
        s["usual"] += (variance - s["usual"]) / s["learnt"]
        return 0
    usual = max(s["usual"], p["floor"])
    changed, outside = 0, False
    for k in range(2):
        bit = 1 << k
        if k == 0:
            beyond, within = variance > p["over"] * usual, variance < 0.5 * p["over"] * usual
        else:
            known = s["usual"] * p["under"] > p["floor"]
            beyond = known and variance < p["under"] * usual
            within = not known or variance > 2.0 * p["under"] * usual
        outside = outside or beyond
        if s["active"] & bit:
            if within:
                changed |= bit
                s["run"][k] = 0
        else:
            s["run"][k] = s["run"][k] + 1 if beyond else 0
            if s["run"][k] >= p["raise_blocks"]:
                changed |= bit
                s["run"][k] = 0
    if not outside:
        s["usual"] += _SLOW * (variance - s["usual"])
    s["active"] = s["active"] ^ changed
    return changed


@compiled
def _sudden(p: Any, s: Any, step: float) -> bool:
    """Whether "noisier" begins with this step already."""
    bend = step - s["step"]
    s["step"] = step
    if s["learnt"] < p["learn"] or not abs(bend) < np.inf:
        return False
    ratio = bend * bend / (6.0 * max(s["usual"], p["floor"]))
    s["sudden"] = max(0.0, s["sudden"] + min(ratio, _SUDDEN_CLIP) - _SUDDEN_SLACK)
    if s["sudden"] < p["sudden"]:
        return False
    s["sudden"] = 0.0
    if s["active"] & 1:
        return False
    s["run"][0] = 0
    s["active"] = s["active"] | 1
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 3 <= len(out):
        i = row
        row += 1
        p, s, v = parameters[rule[i]], state[slot[i]], value[i]
        block = p["block"]
        if block == 0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        step = v - s["last"]
        s["last"] = v
        if not abs(step) < np.inf:
            continue
        if p["sudden"] > 0.0 and _sudden(p, s, step):
            now, was = abs(step), math.sqrt(max(s["usual"], 0.0))
            count = tell(out, count, i, slot[i], 0, 1, event_ns[i], now, was)
        square = 0.5 * step * step
        if s["learnt"] >= p["learn"]:
            square = min(square, _CLIP * max(s["usual"], p["floor"]))
        s["total"] += math.log(square + p["floor"]) if p["jumps"] else square
        s["steps"] += 1
        if s["steps"] < block:
            continue
        usual, variance = s["usual"], s["total"] / block
        if p["jumps"]:
            variance = math.exp(variance)
        s["total"] = 0.0
        s["steps"] = 0
        changed = _block(p, s, variance)
        for k in range(2):
            if changed >> k & 1:
                now, was = math.sqrt(variance), math.sqrt(usual)
                count = tell(out, count, i, slot[i], k, int(s["active"] >> k & 1), event_ns[i], now, was)
    return row, count
