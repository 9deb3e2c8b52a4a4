"""A gas sensor that lives but does not measure: saturated at full scale, or gone deaf (poisoned, clogged).

What. "saturated" begins when the value has been at ``margin`` below full scale, or above, for
``saturated_s``: gas beyond the range, or a broken cell; both need a look with a portable instrument. It ends
``clear_readings`` readings below. "deaf": in blocks of ``block_s`` of device time the mean step from reading
to reading is taken; the first ``learn`` blocks teach what is usual; it begins when ``raise_blocks`` blocks in
a row show less than ``share`` of that, and ends with a block of twice that. Poisoned catalytic beads and
dried-out cells lose their breath before their zero; a bump test tells for certain.

When to use. Gas channels whose zero breathes (catalytic, electrochemical, semiconductor). When not. Sensors
that suppress small values and show exactly 0: their usual step is below ``sigma_min``, and "deaf" is then
never judged (flat with ``judge_zero`` or the bump-test calendar is what remains).

Which readings count. Live ones in order, of believed time, within the device's rate. For "deaf" good ones
within ``low``..``high`` only; for "saturated" uncertain ones too: over the range is what it looks for.
Warm-up: "deaf" is silent for ``learn`` blocks.

Cost. About 5 ns a reading in cache, 48 ns when 200,000 channels come in random order (limits there: 45);
136 bytes a channel.

Reference. EN 60079-29-2:2015, 7 and 9 (poisoning, inhibition, over-range of catalytic sensors; response
checks); numbers are our own defaults. not verified: the clauses.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"low": 0.0, "high": 100.0, "span": 100.0, "clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0] + [99.5] * 121 + [5.0])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(121, 'saturated', 1), (122, 'saturated', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, GOOD, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain
from detectors._turn import ordinary, tell, turned

FINDINGS = ("saturated", "deaf")
"""``value``, ``limit``: saturated: the reading and where full scale begins; deaf: the mean step of the block
and the usual one."""
EVENT_TIMES = ("begun_ns", "since_ns")

ADVICE = {
    "saturated": ("device", "stays at full scale", "持续处于满量程"),
    "deaf": ("device", "sensor hardly responds any more", "传感器响应迟钝"),
}
EXPLAIN = {
    "saturated": ("{title}: {value}, full scale from {limit}", "{title}:{value},满量程自 {limit} 起"),
    "deaf": ("{title}: mean step {value}, usually {limit}", "{title}:平均变化 {value},平时 {limit}"),
}
ENDED = {
    "saturated": ("below full scale again: {value}", "已低于满量程:{value}"),
    "deaf": ("responds again: mean step {value}", "响应恢复:平均变化 {value}"),
}
SETTINGS = {
    "margin": Setting("value", None, 0.0),
    "saturated_s": Setting("seconds", 120.0),
    "block_s": Setting("seconds", 86_400.0, 1.0),
    "learn": Setting.count(7, 1, 1000),
    "share": Setting("ratio", 0.25, 1e-6, 0.5),
    "raise_blocks": Setting.count(2, 1, 1000),
    "sigma_min": Setting("value", None, 1e-12),
}
_LEAST = 20  # readings that make a block
_SLOW = 1.0 / 16.0

PARAMETERS = np.dtype(
    [
        ("full", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("share", "<f8"),
        ("floor", "<f8"),
        ("saturated_ns", "<i8"),
        ("block_ns", "<i8"),  # 0: not judged
        ("learn", "<i4"),
        ("raise_blocks", "<i4"),
        ("clear_readings", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("begun_ns", "<i8"),  # of the block
        ("last", "<f8"),  # NaN: none
        ("total", "<f8"),  # of steps in this block
        ("usual", "<f8"),
        ("steps", "<i4"),
        ("learnt", "<i4"),
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i4", (2,)),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``low``, ``high``, ``span``, ``clear_readings``; without ``high``
    nothing is judged. ``margin`` is 2 % of the span, ``sigma_min`` 0.02 %, unless given. ValueError on
    numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if "high" not in settings:
        return record
    chosen, span = plain(SETTINGS, settings), float(settings.get("span", 0.0))
    record["low"], record["high"] = judged_range(settings)
    record["full"] = record["high"] - chosen.get("margin", 0.02 * span)
    record["floor"] = chosen.get("sigma_min", 0.0002 * span or 1e-6)
    for name in ("saturated_ns", "block_ns", "learn", "share", "raise_blocks"):
        record[name] = chosen[name]
    record["clear_readings"] = clear_readings(settings)
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["begun_ns"] = record["since_ns"] = NO_TIME
    record["last"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _block(p: Any, s: Any, mean: float) -> bool:
    """Whether "deaf" changes with a whole block; learns from it unless it is outside."""
    if s["learnt"] < p["learn"]:
        s["learnt"] += 1
        s["usual"] += (mean - s["usual"]) / s["learnt"]
        return False
    usual = s["usual"]
    if usual <= p["floor"]:
        beyond, within = False, True
    else:
        beyond, within = mean < p["share"] * usual, mean > 2.0 * p["share"] * usual
    deaf = s["active"] >> 1 & 1 == 1
    if not beyond and not deaf:
        s["usual"] += _SLOW * (min(mean, 2.0 * usual) - usual)
    if (not within) if deaf else (not beyond):
        s["run"][1] = 0
        return False
    s["run"][1] += 1
    if s["run"][1] < (1 if deaf else p["raise_blocks"]):
        return False
    s["run"][1] = 0
    s["active"] = s["active"] ^ 2
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        block_ns = p["block_ns"]
        if block_ns == 0 or quality[i] == BAD or not ordinary(time[i], GOOD, v):
            continue
        full = v >= p["full"]
        if turned(s, 0, full, not full, t, p["saturated_ns"], 1, 0, p["clear_readings"]):
            count = tell(out, count, i, slot[i], 0, int(s["active"] & 1), t, v, p["full"])
        if quality[i] != GOOD or not (p["low"] <= v <= p["high"]):
            continue
        step = abs(v - s["last"])
        s["last"] = v
        if s["begun_ns"] == NO_TIME or t < s["begun_ns"]:
            s["begun_ns"], s["total"], s["steps"] = t, 0.0, 0
        elif step < np.inf:
            s["total"] += step
            s["steps"] += 1
        if t - s["begun_ns"] < block_ns:
            continue
        usual, mean, steps = s["usual"], s["total"] / max(s["steps"], 1), s["steps"]
        s["begun_ns"], s["total"], s["steps"] = t, 0.0, 0
        if steps >= _LEAST and _block(p, s, mean):
            count = tell(out, count, i, slot[i], 1, int(s["active"] >> 1 & 1), t, mean, usual)
    return row, count
