"""Topics looked up by their bytes, in compiled loops, and the hash that does it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import compiled
from gateway.monitor._json import same

_MULTIPLIER = np.uint64(0x9FB21C651E98DF25)

ROUTE = np.dtype(
    [
        ("hash", "<u8"),
        ("topic", "<i8"),  # in the topics array
        ("topic_size", "<u2"),  # 0: no longer known
        ("name", "<u2"),  # the device's own id, within the topic
        ("name_end", "<u2"),
        ("points", "<u2"),
        ("device", "<i4"),
        ("slot", "<i4"),  # the device's first
        ("point", "<i4"),  # the profile's first, in the points array
        ("max_bytes", "<i4"),
        ("place", "<i2"),  # SINGLE: which point; else -1
        ("codec", "<i2"),
        ("_", "<i4"),
    ],
    align=True,
)
"""What a topic means."""


@compiled
def mix(blob: npt.NDArray[np.uint8], start: int, end: int, state: Any) -> Any:
    """``state`` (uint64) mixed with the bytes, eight at a time. Keyed, not cryptographic."""
    at = start
    while at + 8 <= end:
        state = (state ^ word(blob, at)) * _MULTIPLIER
        state ^= state >> np.uint64(32)
        at += 8
    rest = np.uint64(end - start)
    while at < end:
        rest = (rest << np.uint64(8)) | np.uint64(blob[at])
        at += 1
    state = (state ^ rest) * _MULTIPLIER
    return state ^ (state >> np.uint64(29))


@compiled
def word(blob: npt.NDArray[np.uint8], at: int) -> Any:
    """Eight bytes as a little-endian uint64."""
    value = np.uint64(0)
    for k in range(8):
        value |= np.uint64(blob[at + k]) << np.uint64(8 * k)
    return value


@compiled
def route_of(
    blob: npt.NDArray[np.uint8],
    start: int,
    end: int,
    routes: npt.NDArray[np.void],
    topics: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int32],
) -> int:
    """Row of ``routes`` of the topic blob[start:end]; -1 when it is not known."""
    key = mix(blob, start, end, np.uint64(0))
    mask = len(table) - 1
    place = np.int64(key & np.uint64(mask))
    while True:
        found = table[place]
        if found < 0:
            return -1
        route = routes[found]
        if route["hash"] == key:
            begin = route["topic"]
            if same(blob, start, end, topics, begin, begin + route["topic_size"]):
                return int(found)
        place = (place + 1) & mask
