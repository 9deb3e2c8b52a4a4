"""Places on the earth for detectors: a position from two channels, metres on a plane, courses.

Only + - * / and square roots, so that compiled and plain loops give the same bits: the trigonometric
functions of a platform's library need not. Cosine and sine by Taylor's series after reduction to 45 degrees:
error below 1e-12. Distances on a sphere of 6 371 009 m taken as flat about the middle latitude: off by 0.3 %
at most (the earth is no sphere) and by 1e-5 within 20 km; not for the poles.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from detectors import NO_TIME, compiled

METRES_A_DEGREE = 111_195.08
_RADIANS = 0.017453292519943295
POSITION: list[Any] = [
    ("latitude", "<f8"),
    ("longitude", "<f8"),
    ("latitude_ns", "<i8"),
    ("longitude_ns", "<i8"),
    ("fresh", "<i8"),  # bit 0 latitude, bit 1 longitude: not yet part of a position
]
"""The fields that ``fixed`` needs in a detector's state."""
POSITION_TIMES = ("latitude_ns", "longitude_ns")


def no_position(record: np.void) -> None:
    """Set the fields of a state that has seen nothing."""
    for name in POSITION_TIMES:
        record[name] = NO_TIME


@compiled
def cosine(degrees: float) -> float:
    """Of an angle of at most some thousand degrees."""
    quarter = math.floor((degrees + 45.0) / 90.0)
    x = (degrees - 90.0 * quarter) * _RADIANS
    y = x * x
    even = 1.0 - y / 2.0 * (
        1.0 - y / 12.0 * (1.0 - y / 30.0 * (1.0 - y / 56.0 * (1.0 - y / 90.0 * (1.0 - y / 132.0))))
    )
    odd = x * (
        1.0
        - y
        / 6.0
        * (1.0 - y / 20.0 * (1.0 - y / 42.0 * (1.0 - y / 72.0 * (1.0 - y / 110.0 * (1.0 - y / 156.0)))))
    )
    turn = quarter % 4
    if turn == 0:
        return even
    if turn == 1:
        return -odd
    return -even if turn == 2 else odd


@compiled
def sine(degrees: float) -> float:
    """Of an angle of at most some thousand degrees."""
    return cosine(degrees - 90.0)


@compiled
def plane(latitude: float, longitude: float, of_latitude: float, of_longitude: float) -> tuple[float, float]:
    """(east, north) of the first place as seen from the second, metres."""
    turned = longitude - of_longitude
    if turned > 180.0:
        turned -= 360.0
    elif turned < -180.0:
        turned += 360.0
    east = turned * METRES_A_DEGREE * cosine((latitude + of_latitude) / 2.0)
    return east, (latitude - of_latitude) * METRES_A_DEGREE


@compiled
def to_segment(east: float, north: float, ahead_east: float, ahead_north: float) -> float:
    """Metres from the origin to the straight line between two places on the plane."""
    along_e, along_n = ahead_east - east, ahead_north - north
    square = along_e * along_e + along_n * along_n
    part = 0.0
    if square > 0.0:
        part = min(1.0, max(0.0, -(east * along_e + north * along_n) / square))
    e, n = east + part * along_e, north + part * along_n
    return math.sqrt(e * e + n * n)


@compiled
def fixed(s: Any, of_longitude: bool, v: float, t: int, apart_ns: int) -> bool:
    """Take a latitude or a longitude; whether the two are a new position (of times at most so far apart)."""
    if abs(v) > (180.0 if of_longitude else 90.0):
        return False
    if of_longitude:
        s["longitude"], s["longitude_ns"], s["fresh"] = v, t, s["fresh"] | 2
    else:
        s["latitude"], s["latitude_ns"], s["fresh"] = v, t, s["fresh"] | 1
    if s["fresh"] != 3:
        return False
    if abs(s["latitude_ns"] - s["longitude_ns"]) > apart_ns:
        s["fresh"] = 2 if of_longitude else 1
        return False
    s["fresh"] = 0
    return True
