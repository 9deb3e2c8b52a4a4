"""Stray direct current: the potential of a pipe shifts by day against its own quiet hours of the night.

What. Good readings between ``quiet_from_s`` and ``quiet_to_s`` of the local day (00:30 to 04:30, when no
train runs) give the quiet potential, their mean, once the window is over and held ``quiet_readings`` of them.
By day the readings of each ``block_s`` are compared with it: "stray_current" begins when a ``share`` of them
lies more than ``either`` volts away on one side or the other, "stray_positive" when a ``share`` lies
``positive`` volts or more to the positive side. Each ends with a block in which less than half of ``share``
does. A quiet potential older than ``memory_s`` judges nothing.

When to use. On- or IR-free potentials near metros and tramways, and in tidal water. When not. Places with
trains at night; loggers that give one value a day. On a pipe without cathodic protection 20 mV confirm stray
current and +100 mV need action; with protection both only advise: action is due when the potential no longer
meets its criterion, which is a limit's work. A rectifier that fails shifts the potential too.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. The time zone
is ``zone_h`` hours ahead of UTC, without summer time.

Cost. About 16 ns a reading, 180 bytes a group.

Reference. GB 50991-2014 5.0.2 to 5.0.3 (20 mV, 100 mV); the quiet window is metro practice; share and blocks
are our own.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"zone_h": 0.0, "quiet_readings": 5}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> hours = np.arange(0.0, 10.0, 0.25)
>>> away = np.where((hours >= 6) & (hours < 8), 0.15, 0.0) * (np.arange(40) % 2)
>>> time = (hours * 3600e9).astype(np.int64)
>>> zero, rows = np.zeros(40, np.uint8), np.zeros(40, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, -1.0 + away, zero, zero, zero, rows), found)
>>> [(float(hours[f["row"]]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
... # doctest: +NORMALIZE_WHITESPACE
[(6.5, 'stray_current', 1), (6.5, 'stray_positive', 1), (9.5, 'stray_current', 0),
 (9.5, 'stray_positive', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell

INPUTS = ("potential",)
FINDINGS = ("stray_current", "stray_positive")
"""``value``: mean of the shifts beyond ``limit``, V; at the end 0 when there were none."""
EVENT_TIMES = ("night_ns", "quiet_ns", "block_ns")
ADVICE = {
    "stray_current": ("process", "stray current shifts the potential", "杂散电流使电位偏移"),
    "stray_positive": ("process", "stray current leaves the pipe", "杂散电流流出管道（电位正偏）"),
}
_EXPLAIN = (
    "{title}: {value_number} V against the quiet hours, bound {limit_number} V",
    "{title}:相对静默时段偏移 {value_number} V,界限 {limit_number} V",
)
_ENDED = ("the potential is back at that of the quiet hours", "电位恢复至静默时段水平")
EXPLAIN = {"stray_current": _EXPLAIN, "stray_positive": _EXPLAIN}
ENDED = {"stray_current": _ENDED, "stray_positive": _ENDED}
UNITS = dict.fromkeys(FINDINGS, "V")
SETTINGS = {
    "zone_h": Setting("ratio", 8.0, -14.0, 14.0),
    "quiet_from_s": Setting("seconds", 1800.0, 0.0, 86400.0),
    "quiet_to_s": Setting("seconds", 16200.0, 0.0, 86400.0),
    "quiet_readings": Setting.count(12, 1),
    "either": Setting("ratio", 0.02, 1e-6, 10.0),
    "positive": Setting("ratio", 0.1, 1e-6, 10.0),
    "share": Setting("ratio", 0.2, 1e-3, 1.0),
    "block_s": Setting("seconds", 3600.0, 1.0),
    "block_readings": Setting.count(4, 1),
    "memory_s": Setting("seconds", 172800.0, 86400.0),
}
"""zone_h: hours ahead of UTC; either, positive: V."""
_DAY_NS = 86_400_000_000_000

PARAMETERS = np.dtype(
    [
        ("block_ns", "<i8"),  # 0: not judged
        ("zone_ns", "<i8"),
        ("from_ns", "<i8"),
        ("to_ns", "<i8"),
        ("memory_ns", "<i8"),
        ("quiet_readings", "<i8"),
        ("block_readings", "<i8"),
        ("either", "<f8"),
        ("positive", "<f8"),
        ("share", "<f8"),
    ],
    align=True,
)
"""One group's rule; times are of the local day."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("night_ns", "<i8"),  # begin of the quiet window that is being learnt
        ("night_sum", "<f8"),
        ("night_count", "<i8"),
        ("quiet_ns", "<i8"),  # begin of the window that `quiet` comes from
        ("quiet", "<f8"),
        ("block_ns", "<i8"),  # begin of this block
        ("count", "<i8"),
        ("beyond", "<i8", (2,)),  # readings beyond `either`, beyond `positive`
        ("away", "<f8", (2,)),  # sums of their shifts
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
    record["zone_ns"] = round(chosen["zone_h"] * 3600) * 1_000_000_000
    record["from_ns"], record["to_ns"] = chosen["quiet_from_ns"], chosen["quiet_to_ns"]
    if record["from_ns"] >= record["to_ns"]:
        raise ValueError("quiet_to_s: is not after quiet_from_s; both count from local midnight")
    for name in (
        "block_ns", "memory_ns", "quiet_readings", "block_readings", "either", "positive", "share",
    ):  # fmt: skip
        record[name] = chosen[name]
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
def _night(p: Any, s: Any, begun_ns: int, v: float) -> None:
    """A reading of the quiet hours that began then."""
    if s["night_ns"] == NO_TIME or abs(begun_ns - s["night_ns"]) > _DAY_NS // 4:
        s["night_ns"], s["night_sum"], s["night_count"] = begun_ns, 0.0, 0
    s["night_sum"] += v
    s["night_count"] += 1
    s["block_ns"] = NO_TIME


@compiled
def _new_block(s: Any, t: int) -> None:
    s["block_ns"], s["count"] = t, 0
    s["beyond"][:] = 0
    s["away"][:] = 0.0


@compiled
def _take(p: Any, s: Any, shift: float) -> None:
    """A reading of the day."""
    s["count"] += 1
    if abs(shift) > p["either"]:
        s["beyond"][0] += 1
        s["away"][0] += abs(shift)
    if shift >= p["positive"]:
        s["beyond"][1] += 1
        s["away"][1] += shift


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        if p["block_ns"] == 0 or not ordinary(time[i], quality[i], v):
            continue
        of_day = (t + p["zone_ns"]) % _DAY_NS
        if p["from_ns"] <= of_day < p["to_ns"]:
            _night(p, s, t - (of_day - p["from_ns"]), v)
            continue
        if s["night_count"] >= p["quiet_readings"]:
            s["quiet"], s["quiet_ns"] = s["night_sum"] / s["night_count"], s["night_ns"]
        s["night_count"] = 0
        s["night_sum"] = 0.0
        if s["quiet_ns"] == NO_TIME or not 0 <= t - s["quiet_ns"] <= p["memory_ns"]:
            continue
        begun = s["block_ns"]
        if begun == NO_TIME or not begun <= t < begun + 2 * p["block_ns"]:
            _new_block(s, t)
        _take(p, s, v - s["quiet"])
        if t - s["block_ns"] < p["block_ns"] or s["count"] < p["block_readings"]:
            continue
        for k in range(2):
            share = s["beyond"][k] / s["count"]
            stands = s["active"] >> k & 1
            if share < 0.5 * p["share"] if stands else share >= p["share"]:
                s["active"] = s["active"] ^ (1 << k)
                mean = s["away"][k] / s["beyond"][k] if s["beyond"][k] > 0 else 0.0
                limit = p["either"] if k == 0 else p["positive"]
                count = tell(out, count, i, slot[i], k, 1 - stands, t, mean, limit)
        _new_block(s, t)
    return row, count
