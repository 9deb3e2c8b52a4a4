"""Readings of several channels at the same times, as JSON arrays of equal length.

``{"time_ms": [..], "channels": {"lel": [4.2, null, ..], "temperature": [..]}}`` and optionally ``units``
(channel -> unit), ``device``, ``boot``, ``seq``, ``original_time_ms`` (array). null is a reading the
device could not take. Rows come time by time, so that what happened first is judged first.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from device_profiles.codecs import Decoded, Refusal, Row, _strict

MAX_BYTES = 256 * 1024

Times = list[int | float | None]


class _Columns(msgspec.Struct, gc=False):
    channels: dict[str, list[float | None]]
    time_ms: Times | None = None
    units: dict[str, str] | None = None
    device: str | None = None
    boot: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seq: Annotated[int, msgspec.Meta(ge=0)] | None = None
    original_time_ms: Times | None = None


_decode = msgspec.json.Decoder(_Columns).decode


def decode(payload: bytes, stream: str) -> Decoded:
    """Rows time by time, in the channels' order; Refusal if columns are missing, empty or unequal."""
    try:
        found = _decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _slowly(payload)
    if payload.count(b'"') != _quotes(found):
        return _slowly(payload)
    count = _length(found.channels, found.time_ms, found.original_time_ms)
    blank: Times = [None] * count
    times = blank if found.time_ms is None else found.time_ms
    originals = blank if found.original_time_ms is None else found.original_time_ms
    units = found.units or {}
    heads = [(name, units.get(name)) for name in found.channels]
    rows: list[Row] = []
    for at, original, values in zip(
        times, originals, zip(*found.channels.values(), strict=True), strict=True
    ):
        for (name, unit), value in zip(heads, values, strict=True):
            rows.append(Row(name, value, at, unit, None, original))
    return Decoded(found.device, found.boot, found.seq, rows, [])


def _quotes(found: _Columns) -> int:
    """Two quotes a key and two a string value: a payload with more has a key twice, an unknown field or
    an escape."""
    quotes = 2 + 2 * len(found.channels)
    if found.units is not None:
        quotes += 2 + 4 * len(found.units)
    if found.device is not None:
        quotes += 4
    return quotes + 2 * sum(
        part is not None for part in (found.time_ms, found.boot, found.seq, found.original_time_ms)
    )


def _length(channels: dict[str, list[Any]], times: list[Any] | None, originals: list[Any] | None) -> int:
    """The common length of all columns."""
    lengths = {name: len(column) for name, column in channels.items()}
    if times is not None:
        lengths["time_ms"] = len(times)
    if originals is not None:
        lengths["original_time_ms"] = len(originals)
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name[:64]} {length}" for name, length in sorted(lengths.items())[:8])
        raise Refusal("unequal_columns", told)
    if not channels or not any(lengths.values()):
        raise Refusal("empty", "channels holds no reading")
    return next(iter(lengths.values()))


def _slowly(payload: bytes) -> Decoded:
    found = _strict.read(payload)
    device = _strict.text(found, "device")
    boot = _strict.counter(found, "boot")
    seq = _strict.counter(found, "seq")
    if "channels" not in found:
        raise Refusal("missing_field", "channels")
    named = _strict.table(found["channels"], "channels")
    channels = {_strict.whole(name, "channel"): _strict.array(named, name) for name in named}
    times = None if found.get("time_ms") is None else _strict.array(found, "time_ms")
    original = found.get("original_time_ms")
    originals = None if original is None else _strict.array(found, "original_time_ms")
    plain = {} if found.get("units") is None else _strict.table(found["units"], "units")
    units = {_strict.whole(name, "units"): _strict.required_text(plain, name) for name in plain}
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    numbers: list[int] = []
    number = 0
    for step in range(_length(channels, times, originals)):
        for name, column in channels.items():
            try:
                value = _strict.number(column[step], f"channels.{name[:64]}")
                at = None if times is None else _strict.time_of(times[step])
                then = None if originals is None else _strict.time_of(originals[step], "original_time_ms")
                rows.append(Row(name, value, at, units.get(name), None, then))
            except Refusal as refusal:
                refused.append((number, refusal.reason, refusal.detail))
            else:
                numbers.append(number)
            number += 1
    return Decoded(device, boot, seq, rows, refused, numbers if refused else None)
