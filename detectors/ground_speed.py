"""What positions say about a moving thing's speed: too fast, faster than possible, or not what it reports.

What. Two positions in a row give a mean speed over ground. "position_jumps" begins when it is above
``possible`` (``jump_readings`` times within the last ten positions), "speed_disagrees" when it differs from
the mean of the reported speed at both ends by more than ``differs`` for ``raise_readings`` positions in a
row, or when latitude or longitude has not changed in the last digit over ``stand_readings`` positions
although the reported speed made ``STAND_M`` metres between each two, "too_fast" when it is above ``limit``
(where given) for as many. Each ends with ``raise_readings`` positions in a row that are in order.

When to use. Whatever reports positions: a receiver that is jammed, spoofed or carried off shows as a jump or
a disagreement. When not. "speed_disagrees" at long periods in city traffic. ``limit`` where a channel's limit
watches the reported speed.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Positions more
than ``gap_s`` apart are not compared: who was away may have been far.

Cost. About 15 ns a reading, 200 bytes a group.

Reference. IMO MSC.1/Circ.1575 (resilient position data) asks for plausibility of position against speed; the
figures are our own.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"inputs": ("latitude", "longitude"), "possible": 200.0, "jump_readings": 1, "raise_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> north = np.array([0.0, 200.0, 400.0, 9000.0, 9200.0, 9400.0]) / 111_195.0
>>> value = np.stack([30.0 + north, np.full(6, 122.0)], axis=1).ravel()
>>> time, zero = np.repeat(np.arange(6, dtype=np.int64), 2) * 10_000_000_000, np.zeros(12, np.uint8)
>>> rows, found = np.tile(np.array([0, 1], np.int32), 6), Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"])))
...  for f in found.found()]
[(3, 'position_jumps', 1, 3096), (5, 'position_jumps', 0, 72)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._geo import POSITION, POSITION_TIMES, fixed, no_position, plane
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("latitude", "longitude", "speed")
REQUIRED = INPUTS[:2]
FINDINGS = ("position_jumps", "speed_disagrees", "too_fast")
"""``value``: mean speed over ground, km/h; ``limit``: what was passed, or the reported speed."""
EVENT_TIMES = (*POSITION_TIMES, "since_ns", "before_ns")
ADVICE = {
    "position_jumps": ("device", "position jumps", "定位跳变"),
    "speed_disagrees": ("device", "position and reported speed disagree", "定位与上报速度不符"),
    "too_fast": ("process", "moves too fast", "行驶过快"),
}
EXPLAIN = {
    "position_jumps": (
        "{title}: {value_number} km/h over ground, possible {limit_number}",
        "{title}:推算对地速度 {value_number} km/h,可能的最大值 {limit_number}",
    ),
    "speed_disagrees": (
        "{title}: {value_number} km/h over ground, reported {limit_number}",
        "{title}:推算对地速度 {value_number} km/h,上报 {limit_number}",
    ),
    "too_fast": (
        "{title}: {value_number} km/h over ground, limit {limit_number}",
        "{title}:推算对地速度 {value_number} km/h,限值 {limit_number}",
    ),
}
_ENDED = ("{value_number} km/h over ground", "推算对地速度 {value_number} km/h")
ENDED = dict.fromkeys(FINDINGS, _ENDED)
UNITS = dict.fromkeys(FINDINGS, "km/h")
SETTINGS = {
    "possible": Setting("ratio", 250.0, 1.0, 1e5),
    "differs": Setting("ratio", 30.0, 0.1, 1e5),
    "limit": Setting("ratio", None, 0.1, 1e5),
    "jump_readings": Setting.count(2, 1, 10),
    "raise_readings": Setting.count(4, 1),
    "stand_readings": Setting.count(8, 2),
    "gap_s": Setting("seconds", 600.0, 1e-3),
    "apart_s": Setting("seconds", 2.0),
}
"""possible, differs, limit: km/h."""
_LAST_TEN = 1023
STAND_M = 100.0
"""Due east, with four decimals of a degree, the same latitude may show a few times in a row, not eight."""

PARAMETERS = np.dtype(
    [
        ("possible", "<f8"),  # 0: not judged
        ("differs", "<f8"),
        ("limit", "<f8"),  # infinite: none
        ("jumps", "<i8"),
        ("readings", "<i8"),
        ("stands", "<i8"),
        ("gap_ns", "<i8"),
        ("apart_ns", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        *POSITION,
        ("active", "<i8"),
        ("since_ns", "<i8", (3,)),
        ("run", "<i8", (3,)),
        ("before_ns", "<i8"),  # the position before
        ("before_latitude", "<f8"),
        ("before_longitude", "<f8"),
        ("before_speed", "<f8"),
        ("speed", "<f8"),  # reported; NaN: never
        ("jumped", "<i8"),  # bit k: k positions ago
        ("stood", "<i8"),  # positions in a row
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
    for name in ("possible", "differs", "gap_ns", "apart_ns"):
        record[name] = chosen[name]
    record["limit"] = chosen.get("limit", np.inf)
    record["jumps"], record["readings"] = chosen["jump_readings"], chosen["raise_readings"]
    record["stands"] = chosen["stand_readings"]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    no_position(record)
    record["since_ns"] = record["before_ns"] = NO_TIME
    record["speed"] = record["before_speed"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _ones(bits: int) -> int:
    count = 0
    for k in range(10):
        count += bits >> k & 1
    return count


@compiled
def _over_ground(p: Any, s: Any) -> tuple[float, float, float]:
    """(mean speed since the position before, middle of the last two reported speeds, half the way between
    them), km/h; NaN: unknown."""
    t, before = max(s["latitude_ns"], s["longitude_ns"]), s["before_ns"]
    speed, reported, half = np.nan, np.nan, np.nan
    if before != NO_TIME and before < t <= before + p["gap_ns"]:
        east, north = plane(s["latitude"], s["longitude"], s["before_latitude"], s["before_longitude"])
        speed = math.sqrt(east * east + north * north) * 3.6e9 / (t - before)
        reported = (s["speed"] + s["before_speed"]) / 2.0
        half = abs(s["speed"] - s["before_speed"]) / 2.0
        same = s["latitude"] == s["before_latitude"] or s["longitude"] == s["before_longitude"]
        s["stood"] = s["stood"] + 1 if same and reported * (t - before) / 3.6e9 >= STAND_M else 0
    s["before_ns"], s["before_speed"] = t, s["speed"]
    s["before_latitude"], s["before_longitude"] = s["latitude"], s["longitude"]
    return speed, reported, half


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 3 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 3, slot[i] % 3
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["possible"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        if role == 2:
            s["speed"] = v
            continue
        if not fixed(s, role == 1, v, t, p["apart_ns"]):
            continue
        speed, reported, half = _over_ground(p, s)
        if not speed >= 0.0:
            continue
        jumps = speed > p["possible"]
        s["jumped"] = (s["jumped"] << 1 | jumps) & _LAST_TEN
        need = p["readings"]
        for k in range(3):
            if k == 0:
                over, back, limit = _ones(s["jumped"]) >= p["jumps"], not jumps, p["possible"]
            elif k == 1:
                away = abs(speed - reported) - half  # it may have been anything between
                stands, need = s["stood"] >= p["stands"], 1 if s["stood"] >= p["stands"] else p["readings"]
                over, back, limit = (
                    away > p["differs"] or stands,
                    away <= p["differs"] and not stands,
                    reported,
                )
            else:
                need = p["readings"]
                over, back, limit = speed > p["limit"], speed <= p["limit"], p["limit"]
            if k > 0 and jumps:
                continue
            if turned(s, k, over, back, t, 0, 1 if k == 0 else need, 0, need):
                active = s["active"] >> k & 1
                if k == 0 and active == 0:
                    s["jumped"] = 0
                count = tell(out, count, i, group, k, active, t, speed, limit)
    return row, count
