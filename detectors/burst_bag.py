"""A torn filter bag: the differential pressure falls and stays low although the fan blows as before.

What. Pressure and velocity are averaged over about ``memory_s`` while the fan runs. "bag_burst" begins when
the pressure is below ``share`` of its average for ``on_delay_s`` while the velocity is at or above ``steady``
of its own, and ends when the pressure is back above three quarters of the average. What stands for
``adopt_s`` is taken as new (bags were changed): the finding ends and the averages begin anew. While it stands
nothing is learnt.

When to use. Filters with a pressure and a velocity (or current of the fan) reading. When not. Filters whose
load falls to nothing several times a day without a stop of the fan. Without a velocity the fan's slowing down
looks the same: then the finding says less.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Velocity older
than ``gap_s`` is taken as unknown: nothing is told then, where the group has one.

Cost. About 5 ns a reading, 160 bytes a group.

Reference. dp = (K1 + K2 W) v: with a hole in parallel the drag falls, the flow does not. 500 Pa as a low
limit is maintenance practice, no clause; shares are our own.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"inputs": ("dp",), "warmup_ns": 5_000_000_000, "on_delay_ns": 2_000_000_000}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([1000.0] * 8 + [400.0] * 4 + [1000.0] * 4)
>>> time = np.arange(16, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(16, np.uint8), np.zeros(16, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(10, 'bag_burst', 1), (14, 'bag_burst', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("dp", "velocity")
FINDINGS = ("bag_burst",)
"""``value``: differential pressure, Pa; ``limit``: its bound."""
EVENT_TIMES = ("since_ns", "last_ns", "velocity_ns", "told_ns")
ADVICE = {"bag_burst": ("process", "a filter bag may have burst", "滤袋可能破损")}
EXPLAIN = {
    "bag_burst": (
        "{title}: {value_number} Pa, bound {limit_number} Pa, while the fan blows as before",
        "{title}:压差 {value_number} Pa,界限 {limit_number} Pa,而风量未减",
    )
}
ENDED = {"bag_burst": ("the filter holds {value_number} Pa again", "压差恢复至 {value_number} Pa")}
UNITS = {"bag_burst": "Pa"}
SETTINGS = {
    "share": Setting("ratio", 0.6, 0.05, 0.74),
    "steady": Setting("ratio", 0.9, 0.0, 1.0),
    "still": Setting("ratio", 5.0, 0.0, 100.0),
    "running": Setting("ratio", 50.0, 0.0, 1e5),
    "memory_s": Setting("seconds", 7200.0, 1.0),
    "warmup_s": Setting("seconds", 1800.0),
    "on_delay_s": Setting("seconds", 15.0),
    "gap_s": Setting("seconds", 120.0, 1e-3),
    "adopt_s": Setting("seconds", 86400.0, 1.0),
}
"""share, steady: of the average; still: m/s; running: Pa, below it (without a velocity) the fan stands."""
_BACK = 0.75
_DP, _VELOCITY = 0, 1

PARAMETERS = np.dtype(
    [
        ("share", "<f8"),  # 0: not judged
        ("steady", "<f8"),
        ("still", "<f8"),
        ("running", "<f8"),
        ("memory_ns", "<i8"),
        ("warmup_ns", "<i8"),
        ("on_ns", "<i8"),
        ("gap_ns", "<i8"),
        ("adopt_ns", "<i8"),
        ("has_velocity", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i8", (1,)),
        ("last_ns", "<i8"),
        ("velocity_ns", "<i8"),
        ("told_ns", "<i8"),
        ("learnt_ns", "<i8"),  # time learnt from, warmup_ns at most
        ("velocity", "<f8"),
        ("usual_dp", "<f8"),
        ("usual_velocity", "<f8"),
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``inputs`` (the roles present); ``{}`` is not judged. ValueError
    on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("share", "steady", "still", "running", "memory_ns", "warmup_ns", "gap_ns", "adopt_ns"):
        record[name] = chosen[name]
    record["on_ns"] = chosen["on_delay_ns"]
    record["has_velocity"] = int("velocity" in settings.get("inputs", INPUTS))
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
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
def _blows(p: Any, s: Any, t: int, v: float) -> bool:
    """Whether the fan runs, as far as this group can tell."""
    if p["has_velocity"] == 0:
        return bool(v >= p["running"])
    seen = s["velocity_ns"]
    return bool(seen != NO_TIME and abs(t - seen) <= p["gap_ns"] and s["velocity"] >= p["still"])


@compiled
def _learn(p: Any, s: Any, dt: int, v: float) -> None:
    """Averages go on: each stretch of time weighs alike until the memory is full."""
    whole = min(s["learnt_ns"] + dt, p["memory_ns"])
    s["learnt_ns"] = whole
    weight = dt / whole if whole > 0 else 1.0
    s["usual_dp"] += weight * (v - s["usual_dp"])
    s["usual_velocity"] += weight * (s["velocity"] - s["usual_velocity"])


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        group, role = slot[i] // 2, slot[i] % 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["share"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        if role == _VELOCITY:
            s["velocity"], s["velocity_ns"] = v, t
            continue
        last = s["last_ns"]
        s["last_ns"] = t
        if not _blows(p, s, t, v):
            continue
        dt = t - last if last != NO_TIME and last < t < last + p["gap_ns"] else 0
        bound = p["share"] * s["usual_dp"]
        sure = s["learnt_ns"] >= p["warmup_ns"]
        low = sure and v < bound
        steady = p["has_velocity"] == 0 or s["velocity"] >= p["steady"] * s["usual_velocity"]
        if s["active"] == 0 and not low and v > 0.0:
            _learn(p, s, dt, v)
        back = v > _BACK * s["usual_dp"]
        if s["active"] and t - s["told_ns"] >= p["adopt_ns"]:
            s["active"], s["learnt_ns"], s["run"][0], s["since_ns"][0] = 0, 0, 0, NO_TIME
        elif not turned(s, 0, low and steady, back, t, p["on_ns"], 2, 0, 3):
            continue
        s["told_ns"] = t
        count = tell(out, count, i, group, 0, s["active"], t, v, bound)
    return row, count
