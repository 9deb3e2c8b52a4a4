"""A vendor's own JSON, read by what the profile says of it: paths, names, units, times, states and codes.

The ``[[stream]]`` table with ``codec = "mapping"`` holds all of it (docs/mapping.md; ``settings`` reads it).
What the profile does not say is refused, not guessed: another unit, a code that is not listed, a time
without zone, a name that is nobody's. A bad reading is refused alone. Its number is the record's, where
records name their channel; else record x readings + the reading's place in the profile.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from device_profiles._conversions import spelled
from device_profiles._mapping import settings
from device_profiles.codecs import Decoded, Refusal, Row, _strict, _times
from device_profiles.codecs._mapped import Grade, MappedReading, Mapping, key_of
from device_profiles.codecs._paths import ABSENT, Path, find, required

__all__ = ["MAX_BYTES", "decode", "settings"]

MAX_BYTES = 256 * 1024
MAX_ROWS = 20_000
"""Readings that one payload may ask for: a list of empty records must not cost a million refusals."""

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
MAX_NUMBER = 40
"""Characters of a number that comes as a text."""


def decode(payload: bytes, stream: str, settings: Mapping) -> Decoded:
    """Rows record by record; Refusal if the payload is not strict JSON, or holds no record or no reading."""
    root = _strict.anything(payload)
    device = _device(settings.device, root)
    boot, seq = _counter(settings.boot, root), _counter(settings.seq, root)
    records = _records(settings, root)
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    numbers: list[int] = []
    for number, record, reading in _wanted(settings, records, root, refused):
        try:
            row = _row(settings, reading, record, root)
        except Refusal as refusal:
            refused.append((number, refusal.reason, f"{reading.channel}: {refusal.detail}"))
            continue
        if row is not None:
            rows.append(row)
            numbers.append(number)
    if not rows and not refused:
        raise Refusal("empty", "no record holds a reading that the profile asks for")
    return Decoded(device, boot, seq, rows, refused, numbers)


def _records(settings: Mapping, root: Any) -> list[Any]:
    if settings.records is None:
        return [root]
    records = required(settings.records, root, root)
    if not isinstance(records, list):
        _strict.wrong(settings.records.text, "an array", records)
    if not records:
        raise Refusal("empty", f"{settings.records.text}: no record")
    asked = len(records) * (1 if settings.name is not None else len(settings.readings))
    if asked > MAX_ROWS:
        raise Refusal("oversize", f"{len(records)} records ask for {asked} readings, limit {MAX_ROWS}")
    return records


def _wanted(
    settings: Mapping, records: list[Any], root: Any, refused: list[tuple[int, str, str]]
) -> Iterator[tuple[int, Any, MappedReading]]:
    """(number, record, what to read of it); a record whose name is nobody's goes to ``refused``."""
    if settings.name is None:
        count = len(settings.readings)
        for number, record in enumerate(records):
            for place, reading in enumerate(settings.readings):
                yield number * count + place, record, reading
        return
    by_name = {reading.called: reading for reading in settings.readings}
    for number, record in enumerate(records):
        try:
            known = _named(settings, settings.name, by_name, record, root)
        except Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
            continue
        if known is not None:
            yield number, record, known


def _named(
    settings: Mapping, where: Path, by_name: dict[str, MappedReading], record: Any, root: Any
) -> MappedReading | None:
    """What the record holds; None if the profile ignores it."""
    name = key_of(required(where, record, root))
    if name is None:
        raise Refusal("wrong_type", f"{where.text}: expected a text or a number as the name")
    known = by_name.get(_strict.whole(name, where.text))
    if known is None and name not in settings.ignored:
        raise Refusal("unknown_channel", name[:64])
    return known


def _row(settings: Mapping, reading: MappedReading, record: Any, root: Any) -> Row | None:
    """The reading; None if it is optional and not there."""
    raw = find(reading.value, record, root)
    if raw is ABSENT:
        if reading.optional:
            return None
        raise Refusal("missing_field", reading.value.text)
    value = _value(settings, reading, raw)
    _check_unit(reading, record, root)
    at: int | float | None = None
    if reading.time is not None:
        what = reading.time.text
        raw_time = required(reading.time, record, root)
        if settings.form in {"ms", "s"} and settings.text_numbers and isinstance(raw_time, str):
            raw_time = _from_text(raw_time, what)
        at = _times.time_ms(raw_time, settings.form, settings.zone_min, what)
    return Row(reading.channel, value, at, None, _quality(settings, reading, record, root))


def _value(settings: Mapping, reading: MappedReading, raw: Any) -> float | None:
    what = reading.value.text
    key = key_of(raw)
    if raw is None or key in reading.missing:
        return None
    if reading.values is not None:
        if key is None:
            _strict.wrong(what, "a text, number or boolean", raw)
        if key not in reading.values:
            raise Refusal("unknown_code", f"{what}: {key[:40]!a} is not among the values of the profile")
        return reading.values[key]
    if settings.text_numbers and isinstance(raw, str):
        raw = _from_text(raw, what)
        if key_of(raw) in reading.missing:  # "-9999.00"
            return None
    number = _strict.number(raw, what)
    value = reading.linear.of(number) if number is not None else None
    if value is not None and value - value != 0.0:
        raise Refusal("not_finite", f"{what}: beyond the largest float64 in the profile's unit")
    return value


def _from_text(text: str, what: str) -> int | float:
    if len(text) > MAX_NUMBER or not _NUMBER.fullmatch(text):
        raise Refusal("wrong_type", f"{what}: expected a number, also as a text; got {text[:40]!a}")
    if text.lstrip("-").isdigit():
        return int(text)
    number = float(text)
    if number - number != 0.0:
        raise Refusal("not_finite", f"{what}: {text}")
    return number


def _check_unit(reading: MappedReading, record: Any, root: Any) -> None:
    if reading.unit_path is None:
        return
    said = required(reading.unit_path, record, root)
    if not isinstance(said, str):
        _strict.wrong(reading.unit_path.text, "a text", said)
    if spelled(said) != reading.unit:
        raise Refusal("wrong_unit", f"{said[:32]!a}, the profile says {reading.unit!r}")


def _quality(settings: Mapping, reading: MappedReading, record: Any, root: Any) -> Grade | None:
    """What the device claims; nothing or null claims nothing."""
    if reading.quality is None:
        return None
    code = find(reading.quality, record, root)
    if code is ABSENT or code is None:
        return None
    key = key_of(code)
    if key is None:
        _strict.wrong(reading.quality.text, "a text, number or boolean", code)
    claim = settings.qualities.get(key, settings.quality_else)
    if claim is None:
        raise Refusal(
            "unknown_code", f"{reading.quality.text}: {key[:40]!a} is not among the qualities of the profile"
        )
    return claim


def _device(where: Path | None, root: Any) -> str | None:
    if where is None:
        return None
    name = required(where, root, root)
    if not isinstance(name, str):
        _strict.wrong(where.text, "a text", name)
    return _strict.whole(name, where.text)


def _counter(where: Path | None, root: Any) -> int | None:
    if where is None:
        return None
    return _strict.counter({where.text: required(where, root, root)}, where.text)
