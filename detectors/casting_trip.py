"""Deep-well casting of aluminium: cooling water short of its recipe, or metal that runs out, while a cast is
on.

What. "cooling_short" begins when water flow or pressure is below ``share`` of the recipe's for
``water_delay_s``, armed from ``start`` millimetres of cast length on (at the start the water is still being
set) in the states ``casting`` and ``ending`` of the phase: a trip ends the cast, the metal goes on needing
water. "mould_runs_low" and "launder_runs_low" begin when a level is below its bound for ``level_delay_s``,
armed from ``settled`` mm (fill and first solidification are over) to ``until`` mm (the end of the cast drains
them), in the state ``casting`` alone. What stands ends where nothing is armed, and with readings back above
for the same delay.

When to use. Beside the plain limits: those are right at any time, but a low level, and water a little below
its recipe, mean danger only while metal runs. When not. As a trip: the PLC trips, drains and shuts off within
a second by itself; this observes. Give the recipe's own flow and pressure.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Without a
phase the length alone arms; a length that falls begins a new cast.

Cost. About 12 ns a reading, 190 bytes a group.

Reference. National hazard list for deep-well casting (water, launder and mould levels linked to quick
shut-off and drain): 80 % of the recipe within 2 s, 300 to 500 mm; not verified.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"flow": 250.0, "inputs": ("length", "water_flow")}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> length, flow = 10.0 * np.arange(20), np.array([150.0] * 5 + [250.0] * 5 + [190.0] * 5 + [250.0] * 5)
>>> value, time = np.stack([length, flow], axis=1).ravel(), np.repeat(np.arange(20, dtype=np.int64), 2)
>>> zero, rows, found = np.zeros(40, np.uint8), np.tile(np.array([0, 2], np.int32), 20), Findings()
>>> time *= 1_000_000_000
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(12, 'cooling_short', 1), (17, 'cooling_short', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("length", "phase", "water_flow", "water_pressure", "mould", "launder")
FINDINGS = ("cooling_short", "mould_runs_low", "launder_runs_low")
"""cooling_short: ``value`` and ``limit`` in per cent of the recipe; the others in mm."""
EVENT_TIMES = ("since_ns",)
ADVICE = {
    "cooling_short": ("process", "cooling water short of the recipe", "冷却水低于工艺要求"),
    "mould_runs_low": ("process", "mould runs low", "结晶器液位过低"),
    "launder_runs_low": ("process", "launder runs low", "流槽液位过低"),
}
_LOW = (
    "{title}: {value_number} mm, bound {limit_number}",
    "{title}:{value_number} mm,下限 {limit_number}",
)
EXPLAIN = {
    "cooling_short": (
        "{title}: {value_number} % of it, at least {limit_number} %",
        "{title}:为工艺值的 {value_number} %,至少 {limit_number} %",
    ),
    "mould_runs_low": _LOW,
    "launder_runs_low": _LOW,
}
_ENDED = ("back in order, or the cast is over", "已恢复或铸造结束")
ENDED = dict.fromkeys(FINDINGS, _ENDED)
UNITS = {"cooling_short": "%", "mould_runs_low": "mm", "launder_runs_low": "mm"}
SETTINGS = {
    "flow": Setting("ratio", 250.0, 1e-3, 1e6),
    "pressure": Setting("ratio", 0.3, 1e-6, 1e3),
    "share": Setting("ratio", 0.8, 0.01, 1.0),
    "mould_low": Setting("ratio", 40.0, 0.0, 1e4),
    "launder_low": Setting("ratio", 100.0, 0.0, 1e4),
    "start": Setting("ratio", 50.0, 0.0, 1e5),
    "settled": Setting("ratio", 400.0, 0.0, 1e5),
    "until": Setting("ratio", 1e5, 0.0, 1e5),
    "casting": Setting.count(2, 0, 63),
    "ending": Setting.count(3, 0, 63),
    "water_delay_s": Setting("seconds", 2.0),
    "level_delay_s": Setting("seconds", 5.0),
}
"""flow: m3/h; pressure: MPa; the levels and lengths: mm; casting, ending: states of the phase."""
_LENGTH, _PHASE = 0, 1

PARAMETERS = np.dtype(
    [
        ("share", "<f8"),  # 0: not judged
        ("recipe", "<f8", (2,)),  # flow, pressure
        ("low", "<f8", (2,)),  # mould, launder
        ("start", "<f8"),
        ("settled", "<f8"),
        ("until", "<f8"),
        ("casting", "<f8"),
        ("ending", "<f8"),
        ("has_phase", "<i8"),
        ("water_ns", "<i8"),
        ("level_ns", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (4,)),  # flow, pressure, mould, launder
        ("run", "<i8", (4,)),
        ("length", "<f8"),  # NaN: never seen
        ("phase", "<f8"),
    ],
    align=True,
)
"""What one group remembers; ``active`` has a bit for each of the four."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``inputs``; ``{}`` is not judged. ValueError on numbers that make
    no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("share", "start", "settled", "until", "casting", "ending"):
        record[name] = chosen[name]
    record["recipe"] = chosen["flow"], chosen["pressure"]
    record["low"] = chosen["mould_low"], chosen["launder_low"]
    record["water_ns"], record["level_ns"] = chosen["water_delay_ns"], chosen["level_delay_ns"]
    record["has_phase"] = int("phase" in settings.get("inputs", INPUTS))
    if not record["start"] <= record["settled"] < record["until"]:
        raise ValueError("until: start, settled and until must rise in this order; change one")
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = NO_TIME
    record["length"] = record["phase"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _standing(s: Any, condition: int) -> bool:
    """Whether a condition stands: water flow and pressure are one."""
    return bool(s["active"] & 3 != 0 if condition == 0 else s["active"] >> (condition + 1) & 1)


@compiled
def _armed(p: Any, s: Any, place: int) -> bool:
    """Whether flow, pressure (0, 1), mould or launder (2, 3) matter now."""
    casts = p["has_phase"] == 0 or s["phase"] == p["casting"]
    if place < 2:  # a trip ends the cast, and the metal in the mould goes on needing water
        return bool(s["length"] >= p["start"] and (casts or s["phase"] == p["ending"]))
    if not casts:
        return False
    return bool(p["settled"] <= s["length"] <= p["until"])


@compiled
def _measured(p: Any, s: Any, place: int, t: int, v: float) -> tuple[float, float]:
    """Judge one of the four; (value, limit) as findings tell them."""
    if place < 2:
        v, limit, delay = 100.0 * v / p["recipe"][place], 100.0 * p["share"], p["water_ns"]
    else:
        limit, delay = p["low"][place - 2], p["level_ns"]
    over = v < limit and _armed(p, s, place)
    turned(s, place, over, v >= limit, t, delay, 2, delay, 2)
    return v, limit


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 3 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 6, int(slot[i] % 6)
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["share"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        before = s["active"]
        limit = np.nan
        if role == _LENGTH:
            s["length"] = v
        elif role == _PHASE:
            s["phase"] = v
        else:
            v, limit = _measured(p, s, role - 2, t, v)
        for place in range(4):
            if not _armed(p, s, place):
                s["active"] = s["active"] & ~(1 << place)
                s["run"][place] = 0
                s["since_ns"][place] = NO_TIME
        after = s["active"]
        if before == after:
            continue
        for k in range(3):
            bits = 3 if k == 0 else 1 << (k + 1)
            if (before & bits != 0) != (after & bits != 0):
                count = tell(out, count, i, group, k, 1 if after & bits != 0 else 0, t, v, limit)
    return row, count
