"""The plain form of payloads, read in one compiled loop straight from the journal's bytes into columns.

Plain is what nearly every packet is: a known topic, one reading or a batch as JSON with known fields once
each, ASCII strings without escapes, numbers that float64 holds exactly rounded by one division; or a sound
binary batch. Whatever is not plain is left to the codecs (``decode.py``), which know every rule and name
what is wrong. Where the plain form is taken, the result is the codec's, bit for bit: tests/monitor holds the
two together on arbitrary bytes. Nothing here refuses anything.

Why not msgspec: a Python call, a row object and seven list appends a packet cost 5-15 us, this 0.2 us.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, GOOD, NO_TIME, UNCERTAIN, compiled
from device_profiles.codecs.binary import HEADER_BYTES, MAGIC, NOT_SENT, RECORD_BYTES
from device_profiles.quality import (
    FAULT_HIGH_MA,
    FAULT_LOW_MA,
    MA_SPAN,
    MA_ZERO,
    MISSING,
    NO_REASON,
    OUT_OF_RANGE,
    SATURATED,
    SENSOR_FAULT,
    VALID_HIGH_MA,
    VALID_LOW_MA,
)
from gateway.monitor._json import (
    BOOT,
    CHANNEL,
    CHANNEL_END,
    DEVICE,
    DEVICE_END,
    FIELDS,
    GRADE,
    HAS_BOOT,
    HAS_CHANNEL,
    HAS_DEVICE,
    HAS_READINGS,
    HAS_SEQ,
    HAS_TIME,
    HAS_UNIT,
    HAS_VALUE,
    IS_NULL,
    SEEN,
    SEQ,
    TIME,
    UNIT,
    UNIT_END,
    batch_head,
    members,
    same,
    spaces,
    top_field,
)
from gateway.monitor._topics import route_of, word

ANALOG, LOOP, DISCRETE, ODD = 0, 1, 2, 3
"""Kinds of points; ODD ones (many "no reading" values, unusual state numbers) are left to the codecs."""
SLOW, SINGLE, BATCH, BINARY = 0, 1, 2, 3
"""Codecs of a route; SLOW is any other."""
MAX_MISSING = 4
MAX_STATE = 63
MAX_TIME_MS = 7_000_000_000_000

POINT = np.dtype(
    [
        ("low", "<f8"),
        ("high", "<f8"),
        ("missing", "<f8", (MAX_MISSING,)),  # NaN where there is none
        ("states", "<u8"),  # bit k: state k is listed
        ("kind", "<i4"),
        ("name", "<i4"),  # in the text array
        ("name_end", "<i4"),
        ("unit", "<i4"),  # as on the wire
        ("unit_end", "<i4"),
        ("_", "<i4"),
    ],
    align=True,
)
"""One point of a profile."""

DTYPES = (np.int32, np.int32, np.int64, np.float64, np.uint8, np.uint8, np.int32)
"""Of the columns device, slot, event_ns, value, quality, reason and packet."""
ROW = 20
"""Bytes that any plain reading takes at least, for the room it needs."""

_MAGIC = np.frombuffer(MAGIC, np.uint8)


@compiled
def quality_of(point: Any, value: float, missing: bool, claim: int) -> tuple[float, int, int]:
    """As device_profiles.quality.judge; claim: 0 none, 1 good, 2 uncertain, 3 bad."""
    if missing:
        return np.nan, BAD, MISSING
    for k in range(MAX_MISSING):
        if value == point["missing"][k]:
            return np.nan, BAD, MISSING
    grade, reason = GOOD, NO_REASON
    if point["kind"] == DISCRETE:
        listed = value == np.floor(value) and 0 <= value <= MAX_STATE
        if not (listed and (point["states"] >> np.uint64(value)) & np.uint64(1)):
            grade, reason = BAD, SENSOR_FAULT
    elif point["kind"] == LOOP:
        if value <= FAULT_LOW_MA or value >= FAULT_HIGH_MA:
            grade, reason = BAD, SENSOR_FAULT
        elif value < VALID_LOW_MA or value > VALID_HIGH_MA:
            grade, reason = UNCERTAIN, SATURATED
        value = point["low"] + (value - MA_ZERO) / MA_SPAN * (point["high"] - point["low"])
    elif not point["low"] <= value <= point["high"]:
        grade, reason = UNCERTAIN, OUT_OF_RANGE
    if not np.isfinite(value):
        return np.nan, BAD, SENSOR_FAULT
    if claim == 3 and grade != BAD:
        return value, BAD, SENSOR_FAULT
    if claim == 2 and grade == GOOD:
        return value, UNCERTAIN, NO_REASON
    return value, grade, reason


@compiled
def _put(
    blob: npt.NDArray[np.uint8],
    fields: npt.NDArray[np.int64],
    value: float,
    route: Any,
    place: int,
    points: npt.NDArray[np.void],
    texts: npt.NDArray[np.uint8],
    columns: Any,
    row: int,
) -> bool:
    """Write one reading's row; False when a codec must look at it."""
    point = points[route["point"] + place]
    seen = fields[SEEN]
    if seen & HAS_VALUE == 0 or point["kind"] == ODD:
        return False
    if seen & HAS_UNIT and not same(
        blob, fields[UNIT], fields[UNIT_END], texts, point["unit"], point["unit_end"]
    ):
        return False
    event = NO_TIME
    if seen & HAS_TIME:
        if fields[TIME] > MAX_TIME_MS:
            return False
        event = fields[TIME] * 1_000_000
    device, slot, event_ns, values, _, quality, reason, _ = columns
    device[row], slot[row], event_ns[row] = route["device"], route["slot"] + place, event
    values[row], quality[row], reason[row] = quality_of(
        point, value, fields[IS_NULL] != 0, int(fields[GRADE])
    )
    return True


@compiled
def _named(blob: npt.NDArray[np.uint8], fields: npt.NDArray[np.int64], route: Any, start: int) -> bool:
    """Whether the payload names no device, or the topic's."""
    return bool(
        fields[SEEN] & HAS_DEVICE == 0
        or same(
            blob, fields[DEVICE], fields[DEVICE_END], blob, start + route["name"], start + route["name_end"]
        )
    )


@compiled
def _batch(  # noqa: PLR0912 - one plain loop, read from top to bottom
    blob: npt.NDArray[np.uint8],
    at: int,
    end: int,
    head: npt.NDArray[np.int64],
    fields: npt.NDArray[np.int64],
    route: Any,
    points: npt.NDArray[np.void],
    texts: npt.NDArray[np.uint8],
    columns: Any,
    row: int,
) -> int:
    """Rows of a json_batch; -1 when a codec must look at it. ``head`` gets device, boot and seq."""
    count = 0
    place = 0
    at = batch_head(blob, at, end)
    while at >= 0:
        at = top_field(blob, at, end, head)
        if at < 0:
            return -1
        if head[SEEN] & HAS_READINGS and head[IS_NULL] == 0:
            head[IS_NULL] = 1  # its array begins here, once
            while True:
                at, value = members(blob, spaces(blob, at, end), end, fields, False)
                if at < 0 or fields[SEEN] & HAS_CHANNEL == 0:
                    return -1
                # devices send their channels in turn: the one after the last is the likely one
                for _ in range(route["points"]):
                    point = points[route["point"] + place]
                    if same(
                        blob, fields[CHANNEL], fields[CHANNEL_END], texts, point["name"], point["name_end"]
                    ):
                        break
                    place = (place + 1) % route["points"]
                else:
                    return -1
                if not _put(blob, fields, value, route, place, points, texts, columns, row + count):
                    return -1
                count += 1
                place = (place + 1) % route["points"]
                at = spaces(blob, at, end)
                if at >= end:
                    return -1
                at += 1
                if blob[at - 1] == 0x5D:  # ]
                    break
                if blob[at - 1] != 0x2C:  # ,
                    return -1
            at = spaces(blob, at, end)
        if at >= end:
            return -1
        if blob[at] == 0x7D:  # }
            return count if spaces(blob, at + 1, end) == end and count else -1
        if blob[at] != 0x2C:
            return -1
        at += 1
    return -1


@compiled
def _binary(
    blob: npt.NDArray[np.uint8],
    at: int,
    end: int,
    head: npt.NDArray[np.int64],
    route: Any,
    points: npt.NDArray[np.void],
    columns: Any,
    row: int,
) -> int:
    """Rows of a binary batch; -1 when a codec must look at it."""
    size = end - at
    if size < HEADER_BYTES + RECORD_BYTES or not same(blob, at, at + 4, _MAGIC, 0, 4):
        return -1
    boot = np.int64(word(blob, at + 4) & np.uint64(0xFFFFFFFF))
    ahead = word(blob, at + 8)
    seq: Any = np.int64(ahead & np.uint64(0xFFFFFFFF))
    count: Any = np.int64(ahead >> np.uint64(32))
    if size != HEADER_BYTES + RECORD_BYTES * count:
        return -1
    head[SEEN] = 0
    if boot != NOT_SENT and seq != NOT_SENT:  # noqa: PLR1714 - compiled
        head[SEEN], head[BOOT], head[SEQ] = HAS_BOOT | HAS_SEQ, boot, seq
    device, slot, event_ns, values, bits, quality, reason, _ = columns
    at += HEADER_BYTES
    for k in range(row, row + count):
        time: Any = np.int64(word(blob, at))
        bits[k] = word(blob, at + 8)
        place = np.int64(blob[at + 16]) | np.int64(blob[at + 17]) << 8
        claim: Any = np.int64(blob[at + 18])
        if place >= route["points"] or claim > 3 or blob[at + 19] != 0:
            return -1
        point = points[route["point"] + place]
        value = values[k]
        if point["kind"] == ODD or np.isinf(value):
            return -1
        if time == NO_TIME:
            event_ns[k] = NO_TIME
        else:
            event_ns[k] = max(-MAX_TIME_MS, min(MAX_TIME_MS, time)) * 1_000_000
        device[k], slot[k] = route["device"], route["slot"] + place
        values[k], quality[k], reason[k] = quality_of(point, value, np.isnan(value), claim)
        at += RECORD_BYTES
    return int(count)


def with_bits(columns: list[npt.NDArray[Any]]) -> tuple[npt.NDArray[Any], ...]:
    """The columns as ``read`` takes them: the values a second time, as uint64 of the same bytes."""
    return (*columns[:4], columns[3].view(np.uint64), *columns[4:])


@compiled
def read(
    blob: npt.NDArray[np.uint8],
    cuts: npt.NDArray[np.int32],
    routes: npt.NDArray[np.void],
    topics: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int32],
    points: npt.NDArray[np.void],
    texts: npt.NDArray[np.uint8],
    columns: Any,
    boot: npt.NDArray[np.int64],
    seq: npt.NDArray[np.int64],
    odd: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Read every plain packet; (rows, packets that are not plain: their rows of ``cuts`` stand in ``odd``).

    columns: device, slot int32; event_ns int64; value float64 and its uint64 view; quality, reason uint8;
    packet int32: with room for a row a packet and one for each ``ROW`` bytes of the blob. boot, seq:
    int64[packets], -1 where the payload does not name itself by both.
    """
    count = left = 0
    fields = np.zeros(FIELDS, np.int64)
    head = np.zeros(FIELDS, np.int64)
    for k in range(len(cuts)):
        start, at, end = cuts[k, 0], cuts[k, 2], cuts[k, 3]
        found = route_of(blob, start, cuts[k, 1], routes, topics, table)
        boot[k] = seq[k] = -1
        got = -1
        if found >= 0 and end - at <= routes[found]["max_bytes"]:
            route = routes[found]
            if route["codec"] == SINGLE:
                after, value = members(blob, spaces(blob, at, end), end, head, True)
                if after >= 0 and spaces(blob, after, end) == end and _named(blob, head, route, start):
                    good = _put(blob, head, value, route, route["place"], points, texts, columns, count)
                    got = 1 if good else -1
            elif route["codec"] == BATCH:
                head[:] = 0
                got = _batch(blob, at, end, head, fields, route, points, texts, columns, count)
                if got > 0 and not _named(blob, head, route, start):
                    got = -1
            elif route["codec"] == BINARY:
                got = _binary(blob, at, end, head, route, points, columns, count)
        if got < 0:
            odd[left] = k
            left += 1
            continue
        if head[SEEN] & HAS_BOOT and head[SEEN] & HAS_SEQ:
            boot[k], seq[k] = head[BOOT], head[SEQ]
        columns[7][count : count + got] = k
        count += got
    return count, left
