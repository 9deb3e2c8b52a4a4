"""Many readings, each naming its channel, in one JSON object.

``{"readings": [{"channel": "lel", "time_ms": 1764035198123, "value": 4.2}, ...]}`` and optionally
``device``, ``boot``, ``seq``; each reading may carry ``unit``, ``quality``, ``original_time_ms``. A
reading of the wrong form is refused alone, with its row number; the others count.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from device_profiles.codecs import Decoded, Refusal, Row, _strict

MAX_BYTES = 256 * 1024


class _Batch(msgspec.Struct, gc=False):
    readings: list[Row]
    device: str | None = None
    boot: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seq: Annotated[int, msgspec.Meta(ge=0)] | None = None


_decode = msgspec.json.Decoder(_Batch).decode


def decode(payload: bytes, stream: str) -> Decoded:
    """Rows in the payload's order; Refusal if it is not a batch, or an empty one."""
    try:
        batch = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slowly(payload)
    rows = batch.readings
    if not rows or payload.count(b'"') != _quotes(batch):
        return _slowly(payload)
    return Decoded(batch.device, batch.boot, batch.seq, rows, [])


def _quotes(batch: _Batch) -> int:
    """Two quotes a key and two a string value: a payload with more has a key twice, an unknown field or
    an escape."""
    quotes = 2 + 6 * len(batch.readings)  # channel, its name, value
    if batch.device is not None:
        quotes += 4
    if batch.boot is not None:
        quotes += 2
    if batch.seq is not None:
        quotes += 2
    for row in batch.readings:
        if row.time_ms is not None:
            quotes += 2
        if row.unit is not None:
            quotes += 4
        if row.quality is not None:
            quotes += 4
        if row.original_time_ms is not None:
            quotes += 2
    return quotes


def _slowly(payload: bytes) -> Decoded:
    found = _strict.read(payload)
    device = _strict.text(found, "device")
    boot = _strict.counter(found, "boot")
    seq = _strict.counter(found, "seq")
    readings = _strict.array(found, "readings")
    if not readings:
        raise Refusal("empty", "readings holds no reading")
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    numbers: list[int] = []
    for number, item in enumerate(readings):
        try:
            rows.append(_row(item))
        except Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
        else:
            numbers.append(number)
    return Decoded(device, boot, seq, rows, refused, numbers if refused else None)


def _row(item: Any) -> Row:
    fields = _strict.table(item, "the reading")
    return Row(
        _strict.required_text(fields, "channel"),
        _strict.value_of(fields),
        _strict.time_of(fields.get("time_ms")),
        _strict.text(fields, "unit"),
        _strict.quality(fields),
        _strict.time_of(fields.get("original_time_ms"), "original_time_ms"),
    )
