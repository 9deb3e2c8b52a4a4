"""Fixed-width batches for devices and gateways that send much: 20 bytes a reading, no text to parse.

Little-endian. Header, 16 bytes: magic ``RGB1``; uint32 boot; uint32 seq (both 0xFFFFFFFF where the device has
no counters); uint32 number of records. Then the records, 20 bytes each: int64 time in unix milliseconds
(the least int64: no time); float64 value (NaN: the device could not read); uint16 channel, the number of
the point in the profile's order, from 0; uint8 quality as the device sees it (0 says nothing, 1 good, 2
uncertain, 3 bad); one zero byte. A profile whose devices send this may only append points.

``Row.channel`` is "#" and the number. A record of the wrong form is refused alone.

>>> payload = encode([(1764035198123, 4.2, 0, 0)], boot=3, seq=101)
>>> len(payload), decode(payload, "binary").rows[0].value
(36, 4.2)
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Literal

from device_profiles.codecs import Decoded, Refusal, Row

MAX_BYTES = 256 * 1024
MAGIC = b"RGB1"
NOT_SENT = 0xFFFFFFFF
NO_TIME_MS = -(1 << 63)

_HEADER = struct.Struct("<4sIII")
_RECORD = struct.Struct("<qdHBB")
HEADER_BYTES, RECORD_BYTES = _HEADER.size, _RECORD.size
MAX_RECORDS = (MAX_BYTES - HEADER_BYTES) // RECORD_BYTES

_QUALITIES: tuple[Literal["good", "uncertain", "bad"] | None, ...] = (None, "good", "uncertain", "bad")

Record = tuple[int, float, int, int]
"""Time in ms (``NO_TIME_MS``: none), value (NaN: could not read), number of the channel, quality 0 to 3."""


def encode(records: Sequence[Record], *, boot: int = NOT_SENT, seq: int = NOT_SENT) -> bytes:
    """One payload that ``decode`` takes whole; ValueError for what it would refuse or no field can hold."""
    if not 1 <= len(records) <= MAX_RECORDS:
        raise ValueError(f"{len(records)} records; a payload takes 1 to {MAX_RECORDS}, send several payloads")
    for name, counter in (("boot", boot), ("seq", seq)):
        if not 0 <= counter <= NOT_SENT:
            raise ValueError(f"{name} {counter} is no uint32; let it begin again at 0 with a new boot")
    head = _HEADER.pack(MAGIC, boot, seq, len(records))
    return head + b"".join(map(_packed, records))


def _packed(record: Record) -> bytes:
    _, value, channel, quality = record
    if math.isinf(value):
        raise ValueError(
            f"channel {channel}: {value} is no reading; give NaN where the device could not read"
        )
    if not 0 <= quality < len(_QUALITIES):
        raise ValueError(
            f"channel {channel}: quality {quality} is not known; give 0 to {len(_QUALITIES) - 1}"
        )
    try:
        return _RECORD.pack(*record, 0)
    except struct.error as error:
        raise ValueError(f"channel {channel}: {record} does not fit the record: {error}") from None


def decode(payload: bytes, stream: str) -> Decoded:
    """Rows in the payload's order; Refusal if it is not a whole batch, or an empty one."""
    if not payload:
        raise Refusal("empty", "no bytes")
    if len(payload) < HEADER_BYTES or not payload.startswith(MAGIC):
        raise Refusal("wrong_type", f"no header: {HEADER_BYTES} bytes that begin with {MAGIC.decode()}")
    _, boot, seq, count = _HEADER.unpack_from(payload)
    expected = HEADER_BYTES + RECORD_BYTES * count
    if len(payload) != expected:
        raise Refusal("bad_length", f"{len(payload)} bytes, {count} records take {expected}")
    if not count:
        raise Refusal("empty", "no records")
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    numbers: list[int] = []
    for number, record in enumerate(_RECORD.iter_unpack(payload[HEADER_BYTES:])):
        try:
            rows.append(_row(*record))
        except Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
        else:
            numbers.append(number)
    named = NOT_SENT not in (boot, seq)
    return Decoded(
        None,
        boot if named else None,
        seq if named else None,
        rows,
        refused,
        numbers if refused else None,
    )


def _row(time_ms: int, value: float, channel: int, quality: int, spare: int) -> Row:
    if spare or quality >= len(_QUALITIES):
        raise Refusal("wrong_type", f"quality {quality} and the byte after it {spare}: expected 0 to 3 and 0")
    if math.isinf(value):
        raise Refusal("not_finite", str(value))
    return Row(
        f"#{channel}",
        None if math.isnan(value) else value,
        None if time_ms == NO_TIME_MS else time_ms,
        None,
        _QUALITIES[quality],
    )
