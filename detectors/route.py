"""A vehicle or vessel leaves its planned route.

What. The route is a line through 2 to 24 places. "off_route" begins when ``raise_readings`` positions in a
row are more than ``corridor`` metres from it, and ends when as many are within nine tenths of that.

When to use. Lorries with dangerous goods on a permitted road, vessels in a fairway. When not. Roads with more
bends than 24 places follow within the corridor; days when a detour is ordered. The route is the trip's own:
there is no default, a table must give it.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Latitude and
longitude make a position when their times are at most ``apart_s`` from each other.

Cost. About 35 ns a position and leg, 480 bytes a group.

Reference. Distance of a point from a line's parts on the local plane; JT/T 794-2019 asks the platform to
watch routes of lorries, its figures are the operator's; not verified.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"places": (30.0, 122.0, 30.0, 122.2), "corridor": 500.0, "raise_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> north = np.array([0.0, 400.0, 600.0, 900.0, 700.0, 460.0, 400.0, 300.0]) / 111_195.0
>>> value = np.stack([30.0 + north, np.linspace(122.05, 122.15, 8)], axis=1).ravel()
>>> time, zero = np.repeat(np.arange(8, dtype=np.int64), 2) * 1_000_000_000, np.zeros(16, np.uint8)
>>> rows, found = np.tile(np.array([0, 1], np.int32), 8), Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"])))
...  for f in found.found()]
[(3, 'off_route', 1, 900), (7, 'off_route', 0, 300)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._geo import POSITION, POSITION_TIMES, fixed, no_position, plane, to_segment
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = REQUIRED = ("latitude", "longitude")
FINDINGS = ("off_route",)
"""``value``: metres from the route; ``limit``: the corridor."""
EVENT_TIMES = (*POSITION_TIMES, "since_ns")
ADVICE = {"off_route": ("process", "left its route", "偏离规定路线")}
EXPLAIN = {
    "off_route": (
        "{title}: {value_number} m from it, corridor {limit_number} m",
        "{title}:偏离 {value_number} m,允许 {limit_number} m",
    )
}
ENDED = {"off_route": ("back on its route, {value_number} m from it", "已返回路线,相距 {value_number} m")}
PLACES = 24
UNITS = {"off_route": "m"}
SETTINGS = {
    "places": Setting("numbers", None, -180.0, 180.0, required=True),
    "corridor": Setting("ratio", 1000.0, 1.0, 1e6),
    "raise_readings": Setting.count(3, 1),
    "apart_s": Setting("seconds", 2.0),
}
"""places: latitude, longitude of each, one after the other, degrees; corridor: m to either side."""

PARAMETERS = np.dtype(
    [
        ("places", "<i8"),  # 0: not judged
        ("readings", "<i8"),
        ("apart_ns", "<i8"),
        ("corridor", "<f8"),
        ("latitude", "<f8", (PLACES,)),
        ("longitude", "<f8", (PLACES,)),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype([*POSITION, ("active", "<i8"), ("since_ns", "<i8", (1,)), ("run", "<i8", (1,))], align=True)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    places = chosen["places"]
    count = len(places) // 2
    if len(places) % 2 or not 2 <= count <= PLACES:
        raise ValueError(f"places: give 2 to {PLACES} pairs of latitude, longitude; got {len(places)}")
    if not all(abs(a) <= 90 for a in places[::2]) or not all(abs(a) <= 180 for a in places[1::2]):
        raise ValueError("places: latitude must be within 90 and longitude within 180 degrees")
    record["places"], record["readings"] = count, chosen["raise_readings"]
    record["apart_ns"], record["corridor"] = chosen["apart_ns"], chosen["corridor"]
    record["latitude"][:count], record["longitude"][:count] = places[::2], places[1::2]
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
def _away(p: Any, s: Any) -> float:
    """Metres from the route."""
    latitude, longitude = s["latitude"], s["longitude"]
    east, north = plane(p["latitude"][0], p["longitude"][0], latitude, longitude)
    nearest = np.inf
    for k in range(1, p["places"]):
        east_2, north_2 = plane(p["latitude"][k], p["longitude"][k], latitude, longitude)
        nearest = min(nearest, to_segment(east, north, east_2, north_2))
        east, north = east_2, north_2
    return nearest


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        group, role = slot[i] // 2, slot[i] % 2
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["places"] == 0 or not ordinary(time[i], quality[i], v):
            continue
        if not fixed(s, role == 1, v, t, p["apart_ns"]):
            continue
        away, corridor = _away(p, s), p["corridor"]
        if turned(s, 0, away > corridor, away <= 0.9 * corridor, t, 0, p["readings"], 0, p["readings"]):
            count = tell(out, count, i, group, 0, s["active"] & 1, t, away, corridor)
    return row, count
