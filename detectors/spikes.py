"""Lone readings that jump away and come back at once: disturbances, a loose plug, a failing transmitter.

What. Of three readings in a row the middle one is a spike when it lies beyond both neighbours on the same
side by more than ``limit`` times the usual step and by more than twice what the neighbours differ. "spiky"
begins with the ``raise_spikes``-th spike within about ``memory`` readings (a leaky count) and ends when they
have become fewer than one. A single spike is no finding: of the course detectors ewma asks for readings in a
row, cusum and noise_level clip it.

When to use. Any analog value whose physics cannot jump and return within two readings. When not. Values that
pulse by right (spark counters, gusts, passing trains); slow periods where a real event is one reading long.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. The usual step is the weighted mean (1/64) of the steps' size, each counted at most four
times the usual. Warm-up: silent for ``warmup`` readings.

Cost. About 4 ns a reading in cache, 46 ns when 200,000 channels come in random order (limits there: 45);
96 bytes a channel.

Reference. F. R. Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974) 383-393; R.
K. Pearson, "Outliers in process modeling and identification", IEEE Trans. Control Syst. Technol. 10 (2002)
55-63 (Hampel filter; here with the shortest window). Counts are our own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"raise_spikes": 2, "sigma_min": 0.1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array(([5.0, 5.1] * 40) + [5.0, 9.0, 5.0, 5.1, 9.0, 5.1])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(85, 'spiky', 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import judged_range, plain, sigma_floor
from detectors._turn import ordinary, tell

FINDINGS = ("spiky",)
"""``value``: the last spike; ``limit``: the reading beside it."""
EVENT_TIMES: tuple[str, ...] = ()

ADVICE = {"spiky": ("device", "lone readings jump away and back", "读数频繁跳变")}
EXPLAIN = {"spiky": ("{title}: {value} between readings near {limit}", "{title}:在 {limit} 附近跳到 {value}")}
ENDED = {"spiky": ("no jumps any more", "不再跳变")}
SETTINGS = {
    "limit": Setting("ratio", 10.0, 1.0, 1000.0),
    "sigma_min": Setting("value", None, 1e-12),
    "raise_spikes": Setting.count(3, 1, 1000),
    "memory": Setting.count(200, 8),
    "warmup": Setting.count(64, 2),
}
_SLOW = 1.0 / 64.0
_CLIP = 4.0

PARAMETERS = np.dtype(
    [
        ("low", "<f8"),
        ("high", "<f8"),
        ("limit", "<f8"),  # 0: not judged
        ("floor", "<f8"),
        ("keep", "<f8"),  # 1 - 1 / memory
        ("raise_spikes", "<f8"),
        ("warmup", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("first", "<f8"),  # of three readings; NaN: none
        ("middle", "<f8"),
        ("usual", "<f8"),  # mean size of a step
        ("spikes", "<f8"),  # leaky count
        ("learnt", "<i4"),
        ("active", "<i4"),
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
    record["limit"], record["floor"] = chosen["limit"], sigma_floor(settings)
    record["warmup"] = chosen["warmup"]
    record["keep"] = 1.0 - 1.0 / chosen["memory"]
    record["raise_spikes"] = chosen["raise_spikes"] - 0.5  # the count leaks a little between spikes
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["first"] = record["middle"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _spike(p: Any, s: Any, v: float) -> bool:
    """Whether the middle of the last three readings is a spike; learns the usual step."""
    first, middle = s["first"], s["middle"]
    s["first"] = middle
    s["middle"] = v
    step = abs(v - middle)
    if not step < np.inf:
        return False
    sure = s["learnt"] >= p["warmup"]
    usual = max(s["usual"], p["floor"])
    if sure:
        s["usual"] += _SLOW * (min(step, _CLIP * usual) - s["usual"])
    else:
        s["learnt"] += 1
        s["usual"] += (step - s["usual"]) / s["learnt"]
    before, after = middle - first, middle - v
    if not (sure and abs(before) < np.inf and before * after > 0.0):
        return False
    height = min(abs(before), abs(after))
    return bool(height > p["limit"] * usual and height > 2.0 * abs(v - first))


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, v = parameters[rule[i]], state[slot[i]], value[i]
        if p["limit"] == 0.0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        spike = s["middle"]
        s["spikes"] *= p["keep"]
        if _spike(p, s, v):
            s["spikes"] += 1.0
            if s["active"] == 0 and s["spikes"] >= p["raise_spikes"]:
                s["active"] = 1
                count = tell(out, count, i, slot[i], 0, 1, event_ns[i], spike, v)
        elif s["active"] and s["spikes"] < 1.0:
            s["active"] = 0
            count = tell(out, count, i, slot[i], 0, 0, event_ns[i], v, np.nan)
    return row, count
