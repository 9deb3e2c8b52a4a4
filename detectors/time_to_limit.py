"""A value on its way to a limit: how fast, and when it will be there.

What. Two lags in a row of window / e follow the value; their difference is its slope. "heading_to_limit"
begins when that slope, kept up, reaches the limit within ``horizon_s``, when it is ``sure`` times what the
slope usually is, and when both have held for four thirds of a window (no shorter than ``raise_readings``)
while the slope lost no more than two fifths: what rises ever more slowly, like gas in an aired room, finds
its own end below the limit. It ends when that has not been so for ``clear_readings`` readings, or when the
slope has turned.

When to use. Gas in a room (how fast it leaks, how long until the limit), pressure drop of a filter, level of
a tank, temperature of a store. When not. Values that swing through their range by right every day; where the
limit alarm comes in good time anyway.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. After a gap longer than three windows the lags start at the new value. Warm-up: what the
slope usually is, is learnt for ``warmup`` readings and at least two windows, in silence.

Settings. ``limit_high``, ``limit_low``: where it must not go; default the lowest high and highest low limit
of the channel, a device's own setpoints before the profile's. ``window_s``: a third of the time that the
value takes to its limit, or less; ten minutes suit a sensor that drifts, two a machine that heats up. Where
the value moves to and fro by right (a tank that is filled), ``sure`` 1 and a horizon of a minute or two.

Cost. About 8 ns a reading in cache, 69 ns when 200,000 channels come in random order (limits there: 45);
176 bytes a channel.

Reference. R. G. Brown, "Smoothing, Forecasting and Prediction of Discrete Time Series" (1963), double
exponential smoothing; ISO 13381-1:2015 (prognosis by extrapolating a trend to a limit). Numbers are our own
defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"limit_high": 50.0, "window_ns": 20_000_000_000, "horizon_ns": 60_000_000_000, "sigma_min": 0.05}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.concatenate([np.array([5.0, 5.1] * 80), 5.0 + 0.5 * np.arange(80.0)])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(222, 'heading_to_limit', 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain, sigma_floor
from detectors._turn import ordinary, tell, turned

FINDINGS = ("heading_to_limit",)
"""``value``: the slope an hour; ``limit``: the limit; ``extra``: minutes until it is reached."""
EVENT_TIMES = ("last_ns", "begun_ns", "since_ns")

ADVICE = {"heading_to_limit": ("process", "on its way to the limit", "正趋向报警限")}
EXPLAIN = {
    "heading_to_limit": (
        "{title}: {value} an hour, reaches {limit} in about {extra} min",
        "{title}:每小时变化 {value},约 {extra} 分钟后达到 {limit}",
    )
}
ENDED = {"heading_to_limit": ("no longer on its way to {limit}", "不再趋向 {limit}")}
SETTINGS = {
    "limit_high": Setting("level", None, -FAR),
    "limit_low": Setting("level", None, -FAR),
    "window_s": Setting("seconds", 600.0, 1e-3),
    "horizon_s": Setting("seconds", 7200.0, 1.0),
    "sure": Setting("ratio", 4.0, 1.0, 1000.0),
    "sigma_min": Setting("value", None, 1e-12),
    "raise_readings": Setting.count(5, 1),
    "warmup": Setting.count(128, 2),
}
_E = 2.718281828459045
_SLOW = 1.0 / 512.0
_WINDOWS = 16.0
"""What the slope usually is forgets in 512 readings, and in as many windows at least: else a drift of a day
would become usual before it is sure."""
_CLIP2 = 9.0
_KEPT = 0.6

PARAMETERS = np.dtype(
    [
        ("tau_s", "<f8"),  # 0: not judged
        ("window_ns", "<i8"),
        ("hold_ns", "<i8"),
        ("horizon_s", "<f8"),
        ("limit_high", "<f8"),  # infinite: none
        ("limit_low", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("sure2", "<f8"),
        ("slow", "<f8"),  # weight of a reading in what the slope usually is
        ("floor2", "<f8"),  # the lags' difference shakes a quarter of a reading at most
        ("raise_readings", "<i4"),
        ("clear_readings", "<i4"),
        ("warmup", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("last_ns", "<i8"),
        ("begun_ns", "<i8"),  # the first reading
        ("near", "<f8"),
        ("far", "<f8"),
        ("spread", "<f8"),  # usual square of their difference
        ("steepest", "<f8"),  # the largest difference since it has been heading for the limit
        ("learnt", "<i8"),
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i4", (2,)),  # the second: unused
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS, ``low``, ``high``, ``span``, ``period_ns``, ``clear_readings`` and
    ``limits`` (condition -> setpoint); ``{}`` is not judged. ``sigma_min`` is 0.2 % of the span unless given.
    ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen, known = plain(SETTINGS, settings), settings.get("limits", {})
    record["low"], record["high"] = judged_range(settings)
    highs = [known[name] for name in ("H", "HH") if name in known]
    lows = [known[name] for name in ("L", "LL") if name in known]
    given = {"limit_high", "limit_low"} & set(chosen)
    record["limit_high"] = chosen.get("limit_high", min(highs) if highs and not given else np.inf)
    record["limit_low"] = chosen.get("limit_low", max(lows) if lows and not given else -np.inf)
    if record["limit_high"] == np.inf and record["limit_low"] == -np.inf:
        raise ValueError("limit_high: is missing, and the channel has no limit alarm; give a limit")
    record["window_ns"] = max(chosen["window_ns"], 5 * int(settings.get("period_ns", 0)))
    record["hold_ns"] = 4 * record["window_ns"] // 3
    record["tau_s"], record["horizon_s"] = record["window_ns"] / 1e9 / _E, chosen["horizon_ns"] / 1e9
    record["warmup"] = chosen["warmup"]
    record["sure2"], record["floor2"] = chosen["sure"] ** 2, (0.25 * sigma_floor(settings)) ** 2
    record["slow"] = min(_SLOW, settings.get("period_ns", 0) / (_WINDOWS * record["window_ns"]) or _SLOW)
    record["raise_readings"], record["clear_readings"] = chosen["raise_readings"], clear_readings(settings)
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
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
def _follow(p: Any, s: Any, v: float, t: int) -> float:
    """The difference of the two lags after this reading."""
    last, tau = s["last_ns"], p["tau_s"]
    s["last_ns"] = t
    if last == NO_TIME or t < last or t - last > 3 * p["window_ns"]:
        s["near"] = s["far"] = v
        s["begun_ns"] = t
    else:
        gap = float(t - last) * 1e-9
        weight = gap / (tau + gap)
        s["near"] += weight * (v - s["near"])
        s["far"] += weight * (s["near"] - s["far"])
    return float(s["near"] - s["far"])


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        tau = p["tau_s"]
        if tau == 0.0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        moved = _follow(p, s, v, t)
        square = moved * moved
        if s["learnt"] < p["warmup"] or t - s["begun_ns"] < 2 * p["window_ns"]:
            s["learnt"] += 1
            s["spread"] += (square - s["spread"]) / min(s["learnt"], 512)
            if s["active"] == 0:
                continue
        spread = max(s["spread"], p["floor2"])
        sure = square > p["sure2"] * spread
        if not sure and s["active"] == 0:
            s["spread"] += p["slow"] * (min(square, _CLIP2 * spread) - s["spread"])
            if s["run"][0] == 0:
                continue
        limit = p["limit_high"] if moved > 0.0 else p["limit_low"]
        level = 2.0 * s["near"] - s["far"]
        way = limit - level if moved > 0.0 else level - limit
        left_s = max(way, 0.0) * tau / abs(moved) if moved != 0.0 else np.inf
        heading = sure and left_s <= p["horizon_s"]
        if heading and s["active"] == 0:
            s["steepest"] = max(s["steepest"], abs(moved)) if s["run"][0] > 0 else abs(moved)
            heading = abs(moved) >= _KEPT * s["steepest"]
        back = not heading and (4.0 * square < p["sure2"] * spread or left_s > 2.0 * p["horizon_s"])
        if s["active"] == 0 and not heading and s["run"][0] == 0:
            continue
        if turned(s, 0, heading, back, t, p["hold_ns"], p["raise_readings"], 0, p["clear_readings"]):
            count = tell(out, count, i, slot[i], 0, int(s["active"]), t, moved / tau * 3600.0, limit)
            out[count - 1]["extra"] = min(left_s / 60.0, 1e9)
    return row, count
