"""Dust that settles in a duct: time spent below the speed that carries it.

What. Time with a velocity below ``carry`` is added up, time at or above ``flush`` (by default 10 % more) is
taken off, at most back to nothing; between the two nothing changes. "dust_settles" begins when ``after_s``
have come together and ends when they are taken off again. Below ``still`` the fan stands and nothing is
conveyed: no time counts.

When to use. Beside the low limits of a duct's velocity: many short dips, each shorter than the limit's delay,
lay down as much dust as a long one. When not. Instead of those limits. Ducts whose machines run while the fan
stands: an interlock forbids that, this detector does not see it.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. A reading
stands for the time since the one before, for ``gap_s`` at most.

Cost. About 4 ns a reading, 64 bytes a group.

Reference. Carrying speeds of ACGIH-type tables, m/s: fine wood flour 12.7 to 15.2, grinding dust 17.8 to
20.3, metal turnings and wet sawdust 20.3 to 22.9, heavy or moist dust 22.9 and more. Adding up the time is
our own.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"carry": 15.0, "after_ns": 3_000_000_000}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([20.0, 12.0, 12.0, 16.0, 12.0, 20.0, 20.0, 20.0])
>>> time = np.arange(8, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(8, np.uint8), np.zeros(8, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(4, 'dust_settles', 1), (7, 'dust_settles', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell

INPUTS = ("velocity",)
FINDINGS = ("dust_settles",)
"""``value``: seconds below the carrying speed; ``limit``: those that are borne."""
EVENT_TIMES = ("last_ns",)
ADVICE = {"dust_settles": ("process", "dust settles in the duct", "粉尘在风管内沉积")}
EXPLAIN = {
    "dust_settles": (
        "{title}: {value_number} s below the carrying speed, {limit_number} s are borne",
        "{title}:低于输送风速累计 {value_number} 秒,允许 {limit_number} 秒",
    )
}
ENDED = {
    "dust_settles": (
        "the duct has run above its carrying speed for as long again",
        "风速已恢复并保持同样时长",
    )
}
UNITS = {"dust_settles": "s"}
SETTINGS = {
    "carry": Setting("ratio", 15.2, 0.1, 100.0),
    "flush": Setting("ratio", None, 0.1, 100.0),
    "still": Setting("ratio", 1.0, 0.0, 100.0),
    "after_s": Setting("seconds", 60.0, 1e-9),
    "gap_s": Setting("seconds", 60.0, 1e-9),
}
"""carry, flush, still: m/s."""

PARAMETERS = np.dtype(
    [("after_ns", "<i8"), ("gap_ns", "<i8"), ("carry", "<f8"), ("flush", "<f8"), ("still", "<f8")],
    align=True,
)
"""One group's rule; after_ns 0: not judged."""

STATE = np.dtype([("last_ns", "<i8"), ("below_ns", "<i8"), ("active", "<i8")], align=True)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["carry"], record["flush"] = chosen["carry"], chosen.get("flush", 1.1 * chosen["carry"])
    record["still"], record["after_ns"], record["gap_ns"] = (
        chosen["still"],
        chosen["after_ns"],
        chosen["gap_ns"],
    )
    if not record["still"] < record["carry"] <= record["flush"]:
        raise ValueError("flush: still, carry and flush must rise in this order; change one")
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last_ns"] = NO_TIME
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
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        after = p["after_ns"]
        if after == 0 or not ordinary(time[i], quality[i], v):
            continue
        last = s["last_ns"]
        s["last_ns"] = t
        if last == NO_TIME or t <= last or v < p["still"]:
            continue
        span = min(t - last, p["gap_ns"])
        if v < p["carry"]:
            # no more than twice what is borne, so that it is not taken off for hours
            s["below_ns"] = min(s["below_ns"] + span, 2 * after)
        elif v >= p["flush"]:
            s["below_ns"] = max(0, s["below_ns"] - span)
        active = 1 if s["below_ns"] >= after else 0 if s["below_ns"] == 0 else s["active"]
        if active != s["active"]:
            s["active"] = active
            count = tell(out, count, i, slot[i], 0, active, t, s["below_ns"] / 1e9, after / 1e9)
    return row, count
