"""Two vessels, or a vessel and a fixed place, that will come too close: closest point of approach and time to
it.

What. Both keep course and speed: from their difference follow the closest distance (CPA) and the time to it
(TCPA). "close_approach" begins when the CPA is below ``distance`` metres and the TCPA between 0 and
``ahead_s``, at ``raise_readings`` positions in a row, and ends when as many say that it is past or passes at
1.2 times the distance. The other one is a second vessel (inputs other_*), moved on to the same moment, or the
nearest in TCPA of up to 8 ``places`` (piers, platforms, wrecks).

When to use. Vessels that give position, speed and course over ground. When not. Harbours and fairways where
close passing is the rule: lower ``distance`` or leave it. It joins two named vessels, not all pairs of a sea.
A vessel below ``still`` km/h is taken as lying still: its heading means nothing.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Positions of
the two that are more than ``stale_s`` apart are not compared.

Cost. About 25 ns a reading, 330 bytes a group.

Reference. Relative motion of radar plotting: IMO resolution A.823(19) (ARPA), CPA and TCPA. Distance and time
are the ship's own choice; 500 m and 10 min are ours.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"places": (30.0, 122.0), "inputs": INPUTS[:4], "raise_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> minutes = np.arange(30, dtype=np.int64)
>>> north = 30.0 - (6000.0 - 300.0 * minutes) / 111_195.08
>>> columns = [np.full(30, 18.0), np.zeros(30), north, np.full(30, 122.002)]
>>> value, time = np.stack(columns, axis=1).ravel(), np.repeat(minutes, 4) * 60_000_000_000
>>> zero, rows = np.zeros(120, np.uint8), np.tile(np.array([2, 3, 0, 1], np.int32), 30)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]) // 4, FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"])),
...   round(float(f["extra"]), 1)) for f in found.found()]
[(11, 'close_approach', 1, 193, 9.0), (21, 'close_approach', 0, 193, 0.0)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._geo import cosine, plane, sine
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell_more, tenth, turned

INPUTS = (
    "latitude", "longitude", "speed", "heading",
    "other_latitude", "other_longitude", "other_speed", "other_heading",
)  # fmt: skip
REQUIRED = INPUTS[:4]
FINDINGS = ("close_approach",)
"""``value``: closest distance, m; ``limit``: what it should be; ``extra``: minutes until it."""
EVENT_TIMES = ("times_ns", "since_ns")
ADVICE = {"close_approach": ("process", "will come too close", "会遇距离过近")}
EXPLAIN = {
    "close_approach": (
        "{title}: {value_number} m in {extra} min",
        "{title}:{extra} 分钟后最近距离 {value_number} m",
    )
}
ENDED = {"close_approach": ("passed clear, closest {value_number} m", "已驶过或避让,最近 {value_number} m")}
PLACES = 8
UNITS = {"close_approach": "m"}
SETTINGS = {
    "places": Setting("numbers", None, -180.0, 180.0),
    "distance": Setting("ratio", 500.0, 1.0, 1e5),
    "ahead_s": Setting("seconds", 600.0, 1.0),
    "still": Setting("ratio", 1.0, 0.0, 100.0),
    "raise_readings": Setting.count(2, 1),
    "stale_s": Setting("seconds", 300.0, 1e-3, 86400.0),
}
"""places: latitude, longitude of each, one after the other, degrees; distance: m; still: km/h."""

PARAMETERS = np.dtype(
    [
        ("distance", "<f8"),  # 0: not judged
        ("still", "<f8"),
        ("ahead_ns", "<i8"),
        ("stale_ns", "<i8"),
        ("readings", "<i8"),
        ("places", "<i8"),  # 0: the other one is a vessel
        ("latitude", "<f8", (PLACES,)),
        ("longitude", "<f8", (PLACES,)),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i8", (1,)),
        ("times_ns", "<i8", (8,)),  # of each input's last value
        ("values", "<f8", (8,)),
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
    places = chosen.get("places", ())
    if len(places) % 2 or len(places) > 2 * PLACES:
        raise ValueError(f"places: give up to {PLACES} pairs of latitude, longitude; got {len(places)}")
    if not all(abs(a) <= 90 for a in places[::2]) or not all(abs(a) <= 180 for a in places[1::2]):
        raise ValueError("places: latitude must be within 90 and longitude within 180 degrees")
    for name in ("distance", "still", "ahead_ns", "stale_ns"):
        record[name] = chosen[name]
    count = len(places) // 2
    record["places"], record["readings"] = count, chosen["raise_readings"]
    record["latitude"][:count], record["longitude"][:count] = places[::2], places[1::2]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = record["times_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _velocity(p: Any, s: Any, at: int) -> tuple[float, float]:
    """(east, north) m/s of the vessel whose inputs begin there."""
    speed, heading = s["values"][at + 2], s["values"][at + 3]
    if speed < p["still"]:
        return 0.0, 0.0
    return speed / 3.6 * sine(heading), speed / 3.6 * cosine(heading)


@compiled
def _approach(east: float, north: float, east_s: float, north_s: float) -> tuple[float, float]:
    """(metres at the closest, seconds until it, below 0 past) of a place and its velocity as we see them."""
    square = east_s * east_s + north_s * north_s
    seconds = 0.0
    if square > 1e-6:
        seconds = -(east * east_s + north * north_s) / square
    e, n = east + east_s * seconds, north + north_s * seconds
    return math.sqrt(e * e + n * n), seconds


@compiled
def _closest(p: Any, s: Any) -> tuple[float, float]:
    """(metres, seconds) of the approach that matters; infinite when nothing is known."""
    own_e, own_n = _velocity(p, s, 0)
    latitude, longitude, t = s["values"][0], s["values"][1], s["times_ns"][0]
    if p["places"] == 0:
        other_ns = s["times_ns"][4]
        if other_ns == NO_TIME or s["times_ns"][5] == NO_TIME or abs(t - other_ns) > p["stale_ns"]:
            return np.inf, np.inf
        other_e, other_n = _velocity(p, s, 4)
        east, north = plane(s["values"][4], s["values"][5], latitude, longitude)
        ahead = (t - other_ns) / 1e9
        return _approach(east + other_e * ahead, north + other_n * ahead, other_e - own_e, other_n - own_n)
    best, until = np.inf, np.inf
    for k in range(p["places"]):
        east, north = plane(p["latitude"][k], p["longitude"][k], latitude, longitude)
        metres, seconds = _approach(east, north, -own_e, -own_n)
        near = metres < p["distance"] and seconds >= 0.0
        if near and seconds < until:
            best, until = metres, seconds
        elif until == np.inf and metres < best:
            best = metres
    return best, until if until < np.inf else -1.0


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        group, role = slot[i] // 8, slot[i] % 8
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["distance"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        if abs(v) > (90.0 if role % 4 == 0 else 1000.0):
            continue
        s["values"][role], s["times_ns"][role] = v, t
        # a position is there with its second half; speed and course are the last known
        mate = role + 1 if role % 4 == 0 else role - 1
        if role % 4 > 1 or s["times_ns"][mate] != t or s["times_ns"][0] == NO_TIME:
            continue
        if s["times_ns"][2] == NO_TIME or s["times_ns"][3] == NO_TIME:
            continue
        metres, seconds = _closest(p, s)
        known = metres < np.inf
        soon = seconds >= 0.0 and seconds * 1e9 <= p["ahead_ns"]
        over = known and metres < p["distance"] and soon
        back = known and (seconds < 0.0 or metres > 1.2 * p["distance"])
        if turned(s, 0, over, back, t, 0, p["readings"], 0, p["readings"]):
            minutes = max(0.0, seconds) / 60.0
            count = tell_more(
                out, count, i, group, 0, s["active"] & 1, t, tenth(metres), p["distance"], tenth(minutes)
            )
    return row, count
