"""A moving thing leaves the area where it belongs, or enters one where it must not be.

What. The area is a circle (one place and ``radius``) or a polygon of up to 16 corners. With ``inside`` (the
usual) "left_area" begins when ``raise_readings`` positions in a row lie more than ``margin`` metres outside,
and ends with as many more than ``margin`` inside; without it "entered_area" the other way round.

When to use. Lorries with dangerous goods, vessels, welding machines that belong to a site. When not. Areas
larger than some hundred kilometres, or about a pole: the plane is no longer one. The area is the site's own:
there is no default, a table must give it.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Latitude and
longitude make a position when their times are at most ``apart_s`` from each other.

Cost. About 30 ns a position and corner, 380 bytes a group.

Reference. Point in polygon by the crossing number (Shimrat, Algorithm 112, CACM 5 (1962) 434), on the plane
of equal degrees, in which straight edges between near corners are what a map shows.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"area": (30.0, 122.0), "radius": 1000.0, "raise_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> north = np.array([0.0, 500.0, 1500.0, 2000.0, 2500.0, 900.0, 0.0, 0.0]) / 111_195.0
>>> value = np.stack([30.0 + north, np.full(8, 122.0)], axis=1).ravel()
>>> time, zero = np.repeat(np.arange(8, dtype=np.int64), 2) * 1_000_000_000, np.zeros(16, np.uint8)
>>> rows, found = np.tile(np.array([0, 1], np.int32), 8), Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"])))
...  for f in found.found()]
[(3, 'left_area', 1, 1000), (6, 'left_area', 0, -1000)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._geo import POSITION, POSITION_TIMES, fixed, no_position, plane, to_segment
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = REQUIRED = ("latitude", "longitude")
FINDINGS = ("left_area", "entered_area")
"""``value``: metres beyond the edge, below 0 on the right side of it; ``limit``: the margin."""
EVENT_TIMES = (*POSITION_TIMES, "since_ns")
ADVICE = {
    "left_area": ("process", "left its area", "驶离规定区域"),
    "entered_area": ("process", "entered a closed area", "进入禁入区域"),
}
EXPLAIN = {
    "left_area": ("{title}: {value_number} m outside", "{title}:越界 {value_number} m"),
    "entered_area": ("{title}: {value_number} m inside", "{title}:进入 {value_number} m"),
}
ENDED = {
    "left_area": ("back in its area", "已返回规定区域"),
    "entered_area": ("out of the closed area", "已离开禁入区域"),
}
CORNERS = 16
UNITS = dict.fromkeys(FINDINGS, "m")
SETTINGS = {
    "area": Setting("numbers", None, -180.0, 180.0, required=True),
    "radius": Setting("ratio", 500.0, 1.0, 1e6),
    "inside": Setting("switch", 1.0),
    "margin": Setting("ratio", 30.0, 0.0, 1e5),
    "raise_readings": Setting.count(2, 1),
    "apart_s": Setting("seconds", 2.0),
}
"""area: latitude, longitude of each corner, one after the other, degrees; radius (of a circle), margin: m."""

PARAMETERS = np.dtype(
    [
        ("corners", "<i8"),  # 0: not judged; 1: a circle
        ("readings", "<i8"),
        ("apart_ns", "<i8"),
        ("side", "<f8"),  # 1: outside is wrong; -1: inside is
        ("radius", "<f8"),
        ("margin", "<f8"),
        ("latitude", "<f8", (CORNERS,)),
        ("longitude", "<f8", (CORNERS,)),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype([*POSITION, ("active", "<i8"), ("since_ns", "<i8", (2,)), ("run", "<i8", (2,))], align=True)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    area = chosen["area"]
    corners = len(area) // 2
    if len(area) % 2 or corners == 2 or not 1 <= corners <= CORNERS:
        raise ValueError(f"area: give 1 or 3 to {CORNERS} pairs of latitude, longitude; got {len(area)}")
    if not all(abs(a) <= 90 for a in area[::2]) or not all(abs(a) <= 180 for a in area[1::2]):
        raise ValueError("area: latitude must be within 90 and longitude within 180 degrees")
    record["corners"], record["readings"] = corners, chosen["raise_readings"]
    record["apart_ns"], record["side"] = chosen["apart_ns"], 1.0 if chosen["inside"] else -1.0
    record["radius"], record["margin"] = chosen["radius"], chosen["margin"]
    record["latitude"][:corners], record["longitude"][:corners] = area[::2], area[1::2]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    no_position(record)
    record["since_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _outside(p: Any, s: Any) -> float:
    """Metres from the area's edge, below 0 inside."""
    count = p["corners"]
    latitude, longitude = s["latitude"], s["longitude"]
    east, north = plane(p["latitude"][count - 1], p["longitude"][count - 1], latitude, longitude)
    if count == 1:
        return float(math.sqrt(east * east + north * north) - p["radius"])
    nearest, inside = np.inf, False
    for k in range(count):
        east_2, north_2 = plane(p["latitude"][k], p["longitude"][k], latitude, longitude)
        nearest = min(nearest, to_segment(east, north, east_2, north_2))
        if (north > 0.0) != (north_2 > 0.0) and east - north * (east_2 - east) / (north_2 - north) > 0.0:
            inside = not inside
        east, north = east_2, north_2
    return -nearest if inside else nearest


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 1 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 2, slot[i] % 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["corners"] == 0 or not ordinary(time[i], quality[i], v):
            continue
        if not fixed(s, role == 1, v, t, p["apart_ns"]):
            continue
        beyond, margin = p["side"] * _outside(p, s), p["margin"]
        k = 0 if p["side"] > 0.0 else 1
        if turned(s, k, beyond > margin, beyond < -margin, t, 0, p["readings"], 0, p["readings"]):
            count = tell(out, count, i, group, k, s["active"] >> k & 1, t, beyond, margin)
    return row, count
