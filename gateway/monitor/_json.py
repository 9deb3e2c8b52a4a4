"""The compiled reader of plain JSON objects: known fields, once each, or it says -1 and a codec looks.

Positions are indices into the bytes; -1 always means "not plain", never "wrong".
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import compiled

FIELDS = 12
(SEEN, TIME, UNIT, UNIT_END, GRADE, DEVICE, DEVICE_END, BOOT, SEQ, CHANNEL, CHANNEL_END, IS_NULL) = range(
    FIELDS
)
"""Places in the array of one object's fields. Texts by where they begin and end, GRADE 0 none claimed, 1
good, 2 uncertain, 3 bad; IS_NULL: the value is null."""

HAS_VALUE, HAS_TIME, HAS_UNIT, HAS_QUALITY, HAS_DEVICE, HAS_BOOT, HAS_SEQ = 1, 2, 4, 8, 16, 32, 64
HAS_CHANNEL, HAS_ORIGINAL, HAS_OTHER, HAS_READINGS = 128, 256, 512, 1024
"""Bits of SEEN. One field nobody knows is passed over; two might be the same one twice."""

_QUOTE, _BACKSLASH, _COMMA, _COLON, _OPEN, _CLOSE, _BRACKET = 0x22, 0x5C, 0x2C, 0x3A, 0x7B, 0x7D, 0x5B
MAX_DIGITS = 18
"""Of a whole number: it fits int64."""
MAX_MANTISSA = 19
"""Digits that always fit uint64."""
MAX_POWER = 22
"""10**22 is the greatest power of ten that float64 holds exactly."""
_TENS = np.array([10.0**k for k in range(MAX_POWER + 1)])
_SPLIT = 134217729.0  # 2**27 + 1: Veltkamp's splitting of a float64 into halves


def _name(text: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(text, np.uint8)


_VALUE, _TIME, _UNIT, _QUALITY = _name(b"value"), _name(b"time_ms"), _name(b"unit"), _name(b"quality")
_DEVICE, _BOOT, _SEQ, _CHANNEL = _name(b"device"), _name(b"boot"), _name(b"seq"), _name(b"channel")
_ORIGINAL, _READINGS = _name(b"original_time_ms"), _name(b"readings")
_GOOD, _UNCERTAIN, _BAD = _name(b"good"), _name(b"uncertain"), _name(b"bad")
_NULL, _TRUE, _FALSE = _name(b"null"), _name(b"true"), _name(b"false")


@compiled
def same(
    a: npt.NDArray[np.uint8], start: int, end: int, b: npt.NDArray[np.uint8], b_start: int, b_end: int
) -> bool:
    """Whether two stretches of bytes are equal."""
    if end - start != b_end - b_start:
        return False
    for k in range(end - start):  # noqa: SIM110 - compiled
        if a[start + k] != b[b_start + k]:
            return False
    return True


@compiled
def _starts(blob: npt.NDArray[np.uint8], at: int, end: int, word: npt.NDArray[np.uint8]) -> bool:
    return at + len(word) <= end and same(blob, at, at + len(word), word, 0, len(word))


@compiled
def spaces(blob: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Where the next byte is that is no JSON white space; ``end`` when there is none."""
    while at < end and (blob[at] == 0x20 or 0x09 <= blob[at] <= 0x0A or blob[at] == 0x0D):
        at += 1
    return at


@compiled
def text_end(blob: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Where the closing quote of the string whose first byte is ``at`` stands."""
    while at < end:
        byte = blob[at]
        if byte == _QUOTE:
            return at
        if byte < 0x20 or byte >= 0x7F or byte == _BACKSLASH:
            return -1
        at += 1
    return -1


@compiled
def whole(blob: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """(where it ends, a whole number of 0 or more)."""
    value: Any = np.int64(0)
    first = at
    while at < end and 0x30 <= blob[at] <= 0x39:
        if at - first == MAX_DIGITS:
            return -1, 0
        value = value * 10 + (blob[at] - 0x30)
        at += 1
    if at == first or (at - first > 1 and blob[first] == 0x30):
        return -1, 0
    if at < end and (blob[at] == 0x2E or blob[at] | 0x20 == 0x65):  # . or e: not a whole number
        return -1, 0
    return at, value


@compiled
def number(blob: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, float]:
    """(where it ends, the float64 nearest to the number written), if that takes no long arithmetic."""
    negative = at < end and blob[at] == 0x2D
    if negative:
        at += 1
    mantissa = np.uint64(0)
    digits = power = 0
    first = at
    while at < end and 0x30 <= blob[at] <= 0x39:
        if digits == MAX_MANTISSA:
            return -1, 0.0
        mantissa = mantissa * np.uint64(10) + np.uint64(blob[at] - 0x30)
        digits += mantissa != 0
        at += 1
    if at == first or (at - first > 1 and blob[first] == 0x30):
        return -1, 0.0
    if at < end and blob[at] == 0x2E:
        at += 1
        first = at
        while at < end and 0x30 <= blob[at] <= 0x39:
            if digits == MAX_MANTISSA:
                return -1, 0.0
            mantissa = mantissa * np.uint64(10) + np.uint64(blob[at] - 0x30)
            digits += mantissa != 0
            at += 1
        power = at - first
        if power == 0:
            return -1, 0.0
    if power > MAX_POWER or (negative and mantissa == 0):
        return -1, 0.0
    if at < end and blob[at] | 0x20 == 0x65:
        return -1, 0.0
    value = quotient(mantissa, _TENS[power])
    if np.isnan(value):
        return -1, 0.0
    return at, -value if negative else value


@compiled
def quotient(mantissa: Any, ten: float) -> float:
    """mantissa / ten correctly rounded; NaN when two float64 cannot tell (a hair from halfway).

    The quotient is taken in two parts with Dekker's exact product (Numer. Math. 18, 1971); the sum's error
    tells how far from halfway it was.
    """
    if mantissa <= np.uint64(1 << 53):
        return float(mantissa) / ten
    high = float(mantissa >> np.uint64(11)) * 2048.0
    low = float(mantissa & np.uint64(2047))
    one = (high + low) / ten
    product = one * ten
    a = one * _SPLIT
    a = a - (a - one)
    b = ten * _SPLIT
    b = b - (b - ten)
    error = ((a * b - product) + a * (ten - b) + (one - a) * b) + (one - a) * (ten - b)
    two = (((high - product) + low) - error) / ten
    total = one + two
    rest = two - (total - one)
    if total + rest * 1.0000001 != total or total + rest * 0.9999999 != total:
        return np.nan
    return total


@compiled
def _other(blob: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Past a value that nobody asks for, unless it has parts of its own."""
    if at >= end:
        return -1
    if blob[at] == _QUOTE:
        after = text_end(blob, at + 1, end)
        return after + 1 if after >= 0 else -1
    for word in (_NULL, _TRUE, _FALSE):
        if _starts(blob, at, end, word):
            return at + len(word)
    return number(blob, at, end)[0]


@compiled
def _text(blob: npt.NDArray[np.uint8], at: int, end: int, fields: npt.NDArray[np.int64], place: int) -> int:
    if at >= end or blob[at] != _QUOTE:
        return -1
    stop = text_end(blob, at + 1, end)
    if stop < 0:
        return -1
    fields[place], fields[place + 1] = at + 1, stop
    return stop + 1


@compiled
def _grade(blob: npt.NDArray[np.uint8], at: int, end: int, fields: npt.NDArray[np.int64]) -> int:
    if at >= end or blob[at] != _QUOTE:
        return -1
    stop = text_end(blob, at + 1, end)
    if stop < 0:
        return -1
    if same(blob, at + 1, stop, _GOOD, 0, 4):
        fields[GRADE] = 1
    elif same(blob, at + 1, stop, _UNCERTAIN, 0, 9):
        fields[GRADE] = 2
    elif same(blob, at + 1, stop, _BAD, 0, 3):
        fields[GRADE] = 3
    else:
        return -1
    return stop + 1


@compiled
def _field(blob: npt.NDArray[np.uint8], key: int, stop: int, top: bool) -> int:
    """The bit of a field's name; of the payload's own fields only at the ``top``."""
    size = stop - key
    if size == 5:
        return HAS_VALUE if same(blob, key, stop, _VALUE, 0, 5) else HAS_OTHER
    if size == 7:
        if same(blob, key, stop, _TIME, 0, 7):
            return HAS_TIME
        if same(blob, key, stop, _QUALITY, 0, 7):
            return HAS_QUALITY
        if not top and same(blob, key, stop, _CHANNEL, 0, 7):
            return HAS_CHANNEL
        return HAS_OTHER
    if size == 4 and same(blob, key, stop, _UNIT, 0, 4):
        return HAS_UNIT
    if size == 16 and same(blob, key, stop, _ORIGINAL, 0, 16):
        return HAS_ORIGINAL
    return _own(blob, key, stop) if top else HAS_OTHER


@compiled
def _own(blob: npt.NDArray[np.uint8], key: int, stop: int) -> int:
    """The bit of a payload's own field."""
    size = stop - key
    if size == 3 and same(blob, key, stop, _SEQ, 0, 3):
        return HAS_SEQ
    if size == 4 and same(blob, key, stop, _BOOT, 0, 4):
        return HAS_BOOT
    if size == 6 and same(blob, key, stop, _DEVICE, 0, 6):
        return HAS_DEVICE
    return HAS_OTHER


@compiled
def _own_value(
    blob: npt.NDArray[np.uint8], bit: int, at: int, end: int, fields: npt.NDArray[np.int64]
) -> int:
    """Read device, boot or seq."""
    if bit == HAS_DEVICE:
        return _text(blob, at, end, fields, DEVICE)
    at, value = whole(blob, at, end)
    fields[BOOT if bit == HAS_BOOT else SEQ] = value
    return at


@compiled
def _key(blob: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """(first byte of a name, its end, where its value begins) at white space or a quote."""
    at = spaces(blob, at, end)
    if at >= end or blob[at] != _QUOTE:
        return -1, -1, -1
    key = at + 1
    stop = text_end(blob, key, end)
    if stop < 0:
        return -1, -1, -1
    at = spaces(blob, stop + 1, end)
    if at >= end or blob[at] != _COLON:
        return -1, -1, -1
    return key, stop, spaces(blob, at + 1, end)


@compiled
def members(  # noqa: PLR0912 - one plain loop over the fields
    blob: npt.NDArray[np.uint8], at: int, end: int, fields: npt.NDArray[np.int64], top: bool
) -> tuple[int, float]:
    """Read the object of one reading at ``at``; (where it ends, its value), the rest into ``fields``."""
    value = 0.0
    fields[SEEN] = fields[GRADE] = fields[IS_NULL] = 0
    if at >= end or blob[at] != _OPEN:
        return -1, value
    at += 1
    while True:
        key, stop, at = _key(blob, at, end)
        if key < 0:
            return -1, value
        bit = _field(blob, key, stop, top)
        if fields[SEEN] & bit:
            return -1, value
        fields[SEEN] |= bit
        if bit == HAS_VALUE:
            if _starts(blob, at, end, _NULL):
                fields[IS_NULL] = 1
                at += 4
            else:
                at, value = number(blob, at, end)
        elif bit == HAS_TIME:
            at, fields[TIME] = whole(blob, at, end)
        elif bit == HAS_UNIT:
            at = _text(blob, at, end, fields, UNIT)
        elif bit == HAS_QUALITY:
            at = _grade(blob, at, end, fields)
        elif bit == HAS_CHANNEL:
            at = _text(blob, at, end, fields, CHANNEL)
        elif bit == HAS_ORIGINAL:
            at, _ = number(blob, at, end)
        elif bit == HAS_OTHER:
            at = _other(blob, at, end)
        else:
            at = _own_value(blob, bit, at, end, fields)
        if at < 0:
            return -1, value
        at = spaces(blob, at, end)
        if at >= end:
            return -1, value
        at += 1
        if blob[at - 1] == _CLOSE:
            return at, value
        if blob[at - 1] != _COMMA:
            return -1, value


@compiled
def batch_head(blob: npt.NDArray[np.uint8], at: int, end: int) -> int:
    """Past the opening brace of a batch."""
    at = spaces(blob, at, end)
    return at + 1 if at < end and blob[at] == _OPEN else -1


@compiled
def top_field(blob: npt.NDArray[np.uint8], at: int, end: int, head: npt.NDArray[np.int64]) -> int:
    """Read one field of a batch; of ``readings`` only past its opening bracket."""
    key, stop, at = _key(blob, at, end)
    if key < 0:
        return -1
    bit = HAS_READINGS if same(blob, key, stop, _READINGS, 0, 8) else _own(blob, key, stop)
    if head[SEEN] & bit or bit == HAS_OTHER:
        return -1
    head[SEEN] |= bit
    if bit == HAS_READINGS:
        return at + 1 if at < end and blob[at] == _BRACKET else -1
    at = _own_value(blob, bit, at, end, head)
    return spaces(blob, at, end) if at >= 0 else -1
