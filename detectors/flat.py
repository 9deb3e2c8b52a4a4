"""A sensor that sticks: its value does not move for longer than it can stand still.

What. "flat" begins when good readings stay within ``tolerance`` of the first of them for ``after_ns`` of the
device's own time and there are at least ``raise_readings`` more of them. It ends when the value has moved
``clear_readings`` times in a row.

When to use. Analog values that always carry some noise: pressure, temperature, potential, a gas channel
whose zero breathes. When not. Devices that report only on change; values that a recipe holds; coarse
digits. Many healthy gas sensors suppress what is near zero and then show exactly 0: values from
-``deadband`` to ``deadband`` are therefore not judged (0 itself with the default), unless ``judge_zero``.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. All others
are passed over; they only interrupt a run towards the end.

Cost. About 4 ns a reading in memory, 2 ns in cache.

Reference. IEC 60770-2 and NAMUR NE 107:2012 name the frozen measured value among the faults that a
diagnosis should find; durations are our own defaults. not verified: the clauses.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"after_ns": 3_000_000_000, "raise_readings": 2, "clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0, 5.1, 5.1, 5.1, 5.1, 5.1, 5.2, 0.0])
>>> time = np.arange(8, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(8, np.uint8), np.zeros(8, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(4, 'flat', 1), (6, 'flat', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import (
    GOOD,
    NO_CLEAR,
    NO_TIME,
    NOT_LIVE,
    THROTTLED,
    Findings,
    Readings,
    Setting,
    Settings,
    compiled,
)
from detectors._rows import feed
from detectors._settings import clear_readings, plain

FINDINGS = ("flat",)
EVENT_TIMES = ("since_ns",)
_PASSED_OVER = NOT_LIVE | THROTTLED

ADVICE = {"flat": ("device", "value does not move", "数值长时间不变")}
EXPLAIN = {"flat": ("{title}: {value} for {held} s or longer", "{title}:{value},已持续 {held} 秒以上")}
ENDED = {"flat": ("the value moves again: {value}", "数值恢复变化:{value}")}
SETTINGS = {
    "after_s": Setting("seconds", None, 1e-9, required=True),
    "tolerance": Setting("value", 0.0),
    "deadband": Setting("value", 0.0),
    "raise_readings": Setting.count(10, 1),
    "judge_zero": Setting("switch", 0.0),
}

PARAMETERS = np.dtype(
    [
        ("after_ns", "<i8"),  # 0: not judged
        ("tolerance", "<f8"),
        ("deadband", "<f8"),  # values this near to zero are not judged; below 0: all are
        ("raise_readings", "<i4"),
        ("clear_readings", "<i4"),
    ],
    align=True,
)
"""One channel's rule; tolerance and deadband in its unit."""

STATE = np.dtype(
    [
        ("reference", "<f8"),  # the value that does not move; NaN: none
        ("since_ns", "<i8"),  # device time of the reading that was the reference's first
        ("active", "<i4"),
        ("run", "<i4"),  # readings in a row that speak against `active`
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``clear_readings``; without ``after_ns`` nothing is judged.
    ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if "after_ns" not in settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("after_ns", "tolerance", "deadband", "raise_readings"):
        record[name] = chosen[name]
    if chosen["judge_zero"]:
        record["deadband"] = -1.0
    record["clear_readings"] = clear_readings(settings)
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["reference"], record["since_ns"] = np.nan, NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, flags, v, t = parameters[rule[i]], state[slot[i]], int(time[i]), value[i], event_ns[i]
        after = p["after_ns"]
        if flags & _PASSED_OVER or after == 0:
            continue
        active = s["active"]
        if flags & NO_CLEAR or quality[i] != GOOD or not (abs(v) < np.inf):
            if active:
                s["run"] = 0
            continue
        shown = abs(v) > p["deadband"]
        moved = not (shown and abs(v - s["reference"]) <= p["tolerance"])
        if moved:
            s["reference"] = v if shown else np.nan
            s["since_ns"] = t
            s["run"] = s["run"] + 1 if active else 0
            if active == 0 or s["run"] < p["clear_readings"]:
                continue
        else:
            since = min(t, s["since_ns"])  # a clock set back starts the time anew
            s["since_ns"] = since
            s["run"] = 0 if active else s["run"] + 1
            if active or t - since < after or s["run"] < p["raise_readings"]:
                continue
        s["active"] = 1 - active
        s["run"] = 0
        f = out[count]
        f["row"], f["slot"], f["condition"], f["active"] = i, slot[i], 0, s["active"]
        f["event_ns"], f["value"], f["limit"] = t, v, np.nan
        count += 1
    return row, count
