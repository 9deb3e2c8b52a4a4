"""A value that creeps: hour by hour a little further the same way, as a zero does that drifts.

What. Readings are averaged in blocks of ``block_s`` of device time. "creeping_up" or "creeping_down" begins
when ``steps`` block means in a row have each moved at least ``rate`` the same way, the largest of these moves
no more than ``steady`` times the smallest; it ends with a block that did not. What comes at once and stays
(traffic, another gas, a leak that the air soon balances) makes one large move and then none, and is no creep.

When to use. The zero of gas cells, whose drift is far below the alarm limit for hours or weeks and then makes
it speak too early or too late. When not. Values with a daily rhythm of more than ``rate`` an hour; what moves
within minutes (time_to_limit), what only shifts (drift, cusum).

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. A block with fewer than ten readings says nothing and breaks the row off; a block is at
most twice as long as wanted, else it is thrown away. Warm-up: ``steps`` + 1 blocks, five hours by default.

Cost. About 4 ns a reading in cache; 56 bytes a channel.

Reference. H. B. Mann, "Nonparametric tests against trend", Econometrica 13 (1945) 245-259 (moves that all go
one way); EN 60079-29-2:2015, 9 (zero drift is found by checks at intervals) - not verified. Numbers are our
own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"block_ns": 10_000_000_000, "rate": 0.01, "steps": 3}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.concatenate([np.full(40, 5.0), 5.0 + 0.02 * np.arange(60.0), np.full(30, 6.2)])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(80, 'creeping_up', 1), (120, 'creeping_up', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import judged_range, plain
from detectors._turn import ordinary, tell

FINDINGS = ("creeping_up", "creeping_down")
"""``value``: the mean of the block; ``limit``: that of the block before the row began."""
EVENT_TIMES = ("begun_ns",)

ADVICE = {
    "creeping_up": ("device", "creeps up hour by hour", "缓慢持续上升"),
    "creeping_down": ("device", "creeps down hour by hour", "缓慢持续下降"),
}
_NOW = ("{title}: mean {value}, was {limit} when it began", "{title}:均值 {value},开始时为 {limit}")
_OVER = ("creeps no more: mean {value}", "不再缓慢变化:均值 {value}")
EXPLAIN = {"creeping_up": _NOW, "creeping_down": _NOW}
ENDED = {"creeping_up": _OVER, "creeping_down": _OVER}
SETTINGS = {
    "block_s": Setting("seconds", 3600.0, 1e-3),
    "rate": Setting("rate", None, 1e-15),
    "steps": Setting.count(4, 2, 1000),
    "steady": Setting("ratio", 3.0, 1.0, 1000.0),
}
_LEAST = 10  # readings that make a block

PARAMETERS = np.dtype(
    [
        ("block_ns", "<i8"),  # 0: not judged
        ("least", "<f8"),  # move from block to block
        ("low", "<f8"),
        ("high", "<f8"),
        ("steady", "<f8"),
        ("steps", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("begun_ns", "<i8"),  # of the block
        ("total", "<f8"),
        ("mean", "<f8"),  # of the block before; NaN: none
        ("origin", "<f8"),  # the mean when the row began
        ("smallest", "<f8"),  # move of the row
        ("largest", "<f8"),
        ("readings", "<i4"),
        ("run", "<i4"),  # moves in a row up (> 0) or down (< 0)
        ("active", "<i8"),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS, ``low``, ``high``, ``span``; ``{}`` is not judged. ``rate`` is in
    the channel's unit a second, 0.15 % of the span an hour unless given. ValueError on numbers that make no
    sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    for name in ("block_ns", "steady", "steps"):
        record[name] = chosen[name]
    rate = chosen.get("rate", 0.0015 * float(settings.get("span", 0.0)) / 3600.0)
    if rate <= 0.0:
        raise ValueError("rate: is missing; give the channel's unit a second, or the channel a span")
    record["least"] = rate * record["block_ns"] / 1e9
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["begun_ns"], record["mean"] = NO_TIME, np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _block(p: Any, s: Any, mean: float) -> None:
    """A whole block moves the row on, breaks it off or begins another; NaN: no block."""
    moved = mean - s["mean"]
    size = abs(moved)
    if not size >= p["least"]:
        s["run"] = 0
        return
    side = 1 if moved > 0.0 else -1
    smallest, largest = min(size, s["smallest"]), max(size, s["largest"])
    if s["run"] * side > 0 and largest <= p["steady"] * smallest:
        s["smallest"], s["largest"] = smallest, largest
        s["run"] = max(-p["steps"], min(p["steps"], s["run"] + side))
        return
    s["run"], s["origin"] = side, s["mean"]
    s["smallest"] = s["largest"] = size


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        block_ns = p["block_ns"]
        if block_ns == 0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        begun = s["begun_ns"]
        if begun != NO_TIME and begun <= t < begun + block_ns:
            s["total"] += v
            s["readings"] += 1
            continue
        whole = begun != NO_TIME and begun <= t < begun + 2 * block_ns and s["readings"] >= _LEAST
        mean = s["total"] / s["readings"] if whole else np.nan
        s["begun_ns"], s["total"], s["readings"] = t, v, 1
        _block(p, s, mean)
        s["mean"] = mean
        for k in range(2):
            stands = s["run"] >= p["steps"] if k == 0 else s["run"] <= -p["steps"]
            if stands != (s["active"] >> k & 1 == 1):
                s["active"] = s["active"] ^ (1 << k)
                count = tell(
                    out, count, i, slot[i], k, int(s["active"] >> k & 1), t, mean if whole else v, s["origin"]
                )
    return row, count
