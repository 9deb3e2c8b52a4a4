"""A cathodic-protection rectifier that gives no current, or whose output has left its band.

What. "no_current" begins when the current stays below ``least`` amperes for ``after_s``, and ends with
``clear_readings`` readings above twice that. Its title does not say why; the voltage does: with a voltage the
circuit is open (cable, bed), without one the rectifier is off. "output_off_band" begins when current or
voltage leaves its band for ``band_s`` and ends when both are inside. The bands are the given ``current_band``
and ``voltage_band`` (two numbers), else the mean of the first ``warmup`` good readings, give or take
``width`` of it: learnt once and then fixed, so that a slow decay is not followed.

When to use. Rectifiers that report their output every minute or so. When not. Rectifiers that hold a
potential under strong stray current: their output swings; give wide bands. Interrupted (on/off) surveys.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate.

Cost. About 6 ns a reading, 160 bytes a group.

Reference. GB/T 21448-2017 and SP0169-2007 ask for checks of the output at intervals; minutes instead of weeks
are our own default, and so is the width.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"warmup": 3, "after_ns": 120_000_000_000, "inputs": ("current",)}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([8.0, 8.1, 7.9, 8.0, 0.0, 0.0, 0.0, 0.0, 8.0, 8.0, 8.0])
>>> time = np.arange(11, dtype=np.int64) * 60_000_000_000
>>> zero, rows = np.zeros(11, np.uint8), np.zeros(11, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(6, 'no_current', 1), (10, 'no_current', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("current", "voltage")
FINDINGS = ("no_current", "output_off_band")
"""no_current: ``value``, ``limit`` in A. off_band: of the current or voltage that left, in A or V."""
EVENT_TIMES = ("since_ns",)
ADVICE = {
    "no_current": ("process", "the rectifier gives no current", "恒电位仪无输出电流"),
    "output_off_band": ("process", "the rectifier's output left its band", "恒电位仪输出超出正常范围"),
}
EXPLAIN = {
    "no_current": (
        "{title}: {value_number} A, at least {limit_number} A",
        "{title}:{value_number} A,至少应为 {limit_number} A",
    ),
    "output_off_band": (
        "{title}: {value_number}, bound {limit_number}",
        "{title}:{value_number},界限 {limit_number}",
    ),
}
ENDED = {
    "no_current": ("the rectifier gives {value_number} A", "恒电位仪输出 {value_number} A"),
    "output_off_band": ("the output is within its band", "输出恢复正常范围"),
}
UNITS = {"no_current": "A", "output_off_band": ""}
SETTINGS = {
    "least": Setting("ratio", 0.1, 1e-6, 1e4),
    "after_s": Setting("seconds", 180.0),
    "band_s": Setting("seconds", 1800.0),
    "width": Setting("ratio", 0.5, 0.01, 1.0),
    "current_band": Setting("numbers", None, -1e6),
    "voltage_band": Setting("numbers", None, -1e6),
    "warmup": Setting.count(60, 2),
}
"""least: A; width: share of the learnt mean; current_band: A; voltage_band: V."""

PARAMETERS = np.dtype(
    [
        ("least", "<f8"),  # 0: not judged
        ("width", "<f8"),
        ("after_ns", "<i8"),
        ("band_ns", "<i8"),
        ("warmup", "<i8"),
        ("clear_readings", "<i8"),
        ("low", "<f8", (2,)),  # of current and voltage; NaN: learnt
        ("high", "<f8", (2,)),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (2,)),
        ("run", "<i8", (2,)),
        ("learnt", "<i8", (2,)),
        ("mean", "<f8", (2,)),
        ("off", "<i8"),  # bit 0 the current, bit 1 the voltage: outside at its last reading
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``clear_readings``; ``{}`` is not judged. ValueError on numbers
    that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("least", "width", "after_ns", "band_ns", "warmup"):
        record[name] = chosen[name]
    record["low"] = record["high"] = np.nan
    for k, name in enumerate(("current_band", "voltage_band")):
        band = chosen.get(name)
        if band is None:
            continue
        if len(band) != 2 or not -FAR < band[0] < band[1] < FAR:
            raise ValueError(f"{name}: give two numbers that rise; got {band}")
        record["low"][k], record["high"][k] = band
    record["clear_readings"] = clear_readings(settings)
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _band(p: Any, s: Any, role: int, v: float) -> tuple[bool, float, float]:
    """(known, low, high) of a role; learns while it is not known. Without current nothing is learnt."""
    if abs(p["low"][role]) < np.inf:
        return True, p["low"][role], p["high"][role]
    mean = s["mean"][role]
    if s["learnt"][role] >= p["warmup"]:
        away = p["width"] * abs(mean)
        return True, mean - away, mean + away
    if v >= p["least"] and s["active"] & 1 == 0:
        s["learnt"][role] += 1
        s["mean"][role] = mean + (v - mean) / s["learnt"][role]
    return False, 0.0, 0.0


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 2, slot[i] % 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        least = p["least"]
        if least == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        known, low, high = _band(p, s, role, v)
        if role == 0:
            over, back = v < least, v >= 2.0 * least
            if turned(s, 0, over, back, t, p["after_ns"], 2, 0, p["clear_readings"]):
                count = tell(out, count, i, group, 0, s["active"] & 1, t, v, least)
        if not known:
            continue
        outside = v < low or v > high
        s["off"] = s["off"] | 1 << role if outside else s["off"] & ~(1 << role)
        # the other one of the pair neither lengthens nor breaks off what this one began
        if s["off"] != 0 and not outside:
            continue
        if turned(s, 1, outside, not outside, t, p["band_ns"], 2, 0, p["clear_readings"]):
            count = tell(out, count, i, group, 1, s["active"] >> 1 & 1, t, v, low if v < low else high)
    return row, count
