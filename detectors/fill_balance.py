"""A tank whose level rises by more than flows in: its gauge drifts, or something flows in that nobody meters.

What. From reading to reading of the level, what the inflow's meter brought (its last reading, held, over
``volume``) is taken off the rise. The rest is summed up, never below 0, less ``share`` of what flowed in (the
meter's error) and less ``slack`` an hour (the product grows warm). "rises_unmetered" begins when the sum
reaches ``differs`` and ends when it is below half of that. What is drawn off only lowers the sum: no meter of
it is needed.

When to use. Tanks with a level gauge and a meter in the one line that fills them: a gauge that drifts
upwards, or a second line that somebody opened, minutes after it begins and long before a level limit. When
not. Tanks with several unmetered inlets; vessels that boil or foam; a gauge that drifts downwards looks like
a draw (``drift``, or a meter of what is drawn, sees it).

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. An inflow
older than ``gap_s`` is unknown, and a level after such a pause begins anew.

Cost. About 6 ns a reading, 56 bytes a group.

Reference. API RP 2350 (overfill prevention: alternate and compare level by flow) - not verified; the sum is
the cumulated one of E. S. Page, Biometrika 41 (1954) 100-115. Numbers are our own defaults.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"volume": 20.0, "differs": 2.0}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> hours = np.arange(100) * 10 / 3600
>>> level = np.where(hours < 0.1, 50 + 100 * hours, 60 + 130 * (hours - 0.1))  # 2000 m3/h are 100 % an hour
>>> value = np.stack([level, np.full(100, 2000.0)], axis=1).ravel()
>>> time, zero = np.repeat(np.arange(100, dtype=np.int64), 2) * 10_000_000_000, np.zeros(200, np.uint8)
>>> rows, found = np.tile(np.array([0, 1], np.int32), 100), Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(66, 'rises_unmetered', 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell

INPUTS = ("level", "inflow")
REQUIRED = ("level", "inflow")
FINDINGS = ("rises_unmetered",)
"""``value``: how much more the level rose than flowed in; ``limit``: ``differs``; in the level's unit."""
EVENT_TIMES = ("level_ns", "inflow_ns")
ADVICE = {"rises_unmetered": ("process", "rises by more than flows in", "液位上升超过进料量")}
EXPLAIN = {
    "rises_unmetered": (
        "{title}: {value_number} more than flowed in, bound {limit_number}",
        "{title}:比进料多上升 {value_number},界限 {limit_number}",
    )
}
ENDED = {"rises_unmetered": ("level and inflow agree again", "液位与进料恢复一致")}
SETTINGS = {
    "volume": Setting("ratio", None, 1e-9, 1e12, required=True),
    "differs": Setting("ratio", 2.0, 1e-6, 1e9),
    "share": Setting("ratio", 0.05, 0.0, 1.0),
    "slack": Setting("ratio", 0.5, 0.0, 1e9),
    "gap_s": Setting("seconds", 60.0, 1e-3),
}
"""volume: unit of the flow times hours that one unit of the level holds; differs: unit of the level; slack:
the same, an hour."""
_HOUR_NS = 3_600_000_000_000.0

PARAMETERS = np.dtype(
    [
        ("volume", "<f8"),  # 0: not judged
        ("differs", "<f8"),
        ("share", "<f8"),
        ("slack", "<f8"),
        ("gap_ns", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("level_ns", "<i8"),
        ("inflow_ns", "<i8"),
        ("level", "<f8"),
        ("inflow", "<f8"),
        ("surplus", "<f8"),
        ("active", "<i8"),
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("volume", "differs", "share", "slack", "gap_ns"):
        record[name] = chosen[name]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["level_ns"] = record["inflow_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _sum_up(p: Any, s: Any, t: int, v: float) -> None:
    """One more level."""
    before, last = s["level_ns"], s["level"]
    s["level_ns"], s["level"] = t, v
    known = s["inflow_ns"] != NO_TIME and abs(t - s["inflow_ns"]) <= p["gap_ns"]
    if before == NO_TIME or not before < t <= before + p["gap_ns"] or not known:
        s["surplus"] = 0.0
        return
    hours = (t - before) / _HOUR_NS
    came = max(0.0, s["inflow"]) * hours / p["volume"]
    more = v - last - came * (1.0 + p["share"]) - p["slack"] * hours
    s["surplus"] = min(1.5 * p["differs"], max(0.0, s["surplus"] + more))


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        group = slot[i] // 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["volume"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        if slot[i] % 2 == 1:
            s["inflow"], s["inflow_ns"] = v, t
            continue
        _sum_up(p, s, t, v)
        stands = s["active"] != 0
        if s["surplus"] < 0.5 * p["differs"] if stands else s["surplus"] >= p["differs"]:
            s["active"] = 1 - s["active"]
            count = tell(out, count, i, group, 0, s["active"], t, s["surplus"], p["differs"])
    return row, count
