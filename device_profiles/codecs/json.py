"""One reading as a JSON object; the topic's last level is the channel.

``{"time_ms": 1764035198123, "value": 4.2}`` and optionally ``unit``, ``quality``, ``device``, ``boot``,
``seq``, ``original_time_ms``. Other fields are ignored. The plain form is decoded straight into typed
fields; anything else is read by ``_strict``, with the same result for what both accept.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from device_profiles.codecs import Decoded, Row, _strict

MAX_BYTES = 16 * 1024


class _Single(msgspec.Struct, gc=False):
    value: float | None
    time_ms: int | float | None = None
    unit: str | None = None
    quality: Literal["good", "uncertain", "bad"] | None = None
    device: str | None = None
    boot: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seq: Annotated[int, msgspec.Meta(ge=0)] | None = None
    original_time_ms: int | float | None = None


_decode = msgspec.json.Decoder(_Single).decode


def decode(payload: bytes, stream: str) -> Decoded:
    """One row of channel ``stream``; Refusal if the payload is not one reading."""
    try:
        one = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slowly(payload, stream)
    # Two quotes a key and two a string value: any more is a key given twice, an unknown field or an escape.
    quotes = 2
    if one.time_ms is not None:
        quotes += 2
    if one.unit is not None:
        quotes += 4
    if one.quality is not None:
        quotes += 4
    if one.device is not None:
        quotes += 4
    if one.boot is not None:
        quotes += 2
    if one.seq is not None:
        quotes += 2
    if one.original_time_ms is not None:
        quotes += 2
    if payload.count(b'"') != quotes:
        return _slowly(payload, stream)
    row = Row(stream, one.value, one.time_ms, one.unit, one.quality, one.original_time_ms)
    return Decoded(one.device, one.boot, one.seq, [row], [])


def _slowly(payload: bytes, stream: str) -> Decoded:
    found = _strict.read(payload)
    row = Row(
        stream,
        _strict.value_of(found),
        _strict.time_of(found.get("time_ms")),
        _strict.text(found, "unit"),
        _strict.quality(found),
        _strict.time_of(found.get("original_time_ms"), "original_time_ms"),
    )
    return Decoded(
        _strict.text(found, "device"),
        _strict.counter(found, "boot"),
        _strict.counter(found, "seq"),
        [row],
        [],
    )
