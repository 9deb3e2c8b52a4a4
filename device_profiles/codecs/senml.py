"""SenML in JSON (RFC 8428): an array of records with base fields that hold for those that follow.

Taken: ``bn bt bu bv bver n u v vb t`` and, without effect, ``ut bs s``. A record's channel is what stands
after the last ``/`` or ``:`` of its whole name (clause 4.5.1); ``vb`` counts as 1 or 0; ``vs`` and ``vd``
are no readings, and a record has one value. Times (clause 4.5.3) are seconds since 1970 from 2**28 on;
anything below counts from the moment of sending, which nobody here knows: 0 is a reading without time,
others are refused. A unit ``%`` is refused: in SenML it is a ratio of 0 to 1 (clause 12.1, note 1), and many
devices mean per cent; ``/100`` is per cent, ``/`` a ratio. A field that ends in ``_`` must be understood
(clause 4.4) and none is; other unknown fields are ignored. ``bver`` is 10, 26 or absent.

A bad record is refused alone, with its place in the pack, also one that is no object: it sets no base field.
A bad base field refuses the pack, for all records after it depend on it.

>>> row = decode(b'[{"bn":"urn:dev:GD-1:","n":"lel","u":"%LEL","t":1764035198.123,"v":4.2}]', "senml").rows[0]
>>> row.channel, row.time_ms, row.value, row.unit
('lel', 1764035198123, 4.2, '%LEL')
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from device_profiles.codecs import Decoded, Refusal, Row, _strict

MAX_BYTES = 256 * 1024
VERSIONS = (10, 26)
"""RFC 8428, and with the secondary units of RFC 8798 (RFC 9100: feature 4 adds 2**4)."""
ABSOLUTE_S = float(1 << 28)
UNITS = {"Cel": "degC", "Ohm": "ohm", "/": "1", "/100": "%", "hPa": "mbar", "lat": "deg", "lon": "deg"}
"""SenML units (RFC 8428, clause 12.1; RFC 8798) that our profiles write otherwise; any other is taken as it
is and compared with the profile's."""

_NAME = re.compile(r"[/:]")
_BASE = frozenset({"bn", "bt", "bu", "bv", "bs", "bver"})
_VALUES = ("v", "vb", "vs", "vd")


@dataclass(slots=True)
class _Base:
    """What earlier records said for all that follow."""

    name: str = ""
    time: float = 0.0
    unit: str | None = None
    value: float = 0.0


def decode(payload: bytes, stream: str) -> Decoded:
    """Rows in the payload's order; Refusal if it is not an array of records, or holds no reading."""
    base = _Base()
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    numbers: list[int] = []
    for number, item in enumerate(_strict.read_array(payload)):
        if isinstance(item, dict):
            _follow(base, item)
        try:
            record = _strict.table(item, "the record")
            if record and _BASE.issuperset(record):
                continue  # for those that follow
            rows.append(_row(base, record))
        except Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
        else:
            numbers.append(number)
    if not rows and not refused:
        raise Refusal("empty", "no record holds a value")
    return Decoded(None, None, None, rows, refused, numbers)


def _follow(base: _Base, record: dict[str, Any]) -> None:
    """Take over a record's base fields. What is wrong here is wrong for all that follow: a Refusal of all."""
    for name in record:
        if name.endswith("_"):
            raise Refusal("unsupported", f"field {name[:64]!a} must be understood and is not")
    version = record.get("bver", VERSIONS[0])
    if type(version) is not int or version not in VERSIONS:
        told = version if type(version) is int and abs(version) < 10**9 else "of another form"
        raise Refusal("unsupported", f"bver: version {told}; only 10 (RFC 8428) and 26 (RFC 9100) are known")
    if "bn" in record:
        base.name = _strict.required_text(record, "bn")
    if "bu" in record:
        base.unit = _strict.required_text(record, "bu")
    if "bt" in record:
        base.time = _number(record, "bt")
    if "bv" in record:
        base.value = _number(record, "bv")


def _row(base: _Base, record: dict[str, Any]) -> Row:
    """The record's reading."""
    value = _value(base, record)
    name = base.name + (_strict.text(record, "n") or "")
    channel = _NAME.split(name)[-1]
    if not channel:
        raise Refusal("missing_field", f"n: nothing after the last / or : of {name[:64]!r}" if name else "n")
    return Row(channel, value, _time_ms(base, record), _unit(base, record))


def _value(base: _Base, record: dict[str, Any]) -> float:
    given = [key for key in _VALUES if key in record]
    if not given:
        raise Refusal("missing_field", "v, or vb")
    if len(given) > 1:
        raise Refusal("wrong_type", f"{' and '.join(given)}: a record has one value")
    if given == ["vb"]:
        if type(record["vb"]) is not bool:
            _strict.wrong("vb", "a boolean", record["vb"])
        return float(record["vb"])
    if given != ["v"]:
        raise Refusal("wrong_type", f"{given[0]}: vs and vd are no readings")
    return _finite(base.value + _number(record, "v"), "v")


def _time_ms(base: _Base, record: dict[str, Any]) -> int | float | None:
    """Unix milliseconds to the microsecond, which is what a float64 of seconds holds; None for "now"."""
    at = _finite(base.time + (_number(record, "t") if "t" in record else 0.0), "t")
    if at == 0:
        return None
    if at < ABSOLUTE_S:
        raise Refusal(
            "unsupported", "t: relative to the moment of sending, which is not known; send unix seconds"
        )
    ms = round(_finite(at * 1000.0, "t"), 3)
    return int(ms) if ms.is_integer() else ms


def _unit(base: _Base, record: dict[str, Any]) -> str | None:
    unit = _strict.text(record, "u") or base.unit
    if unit == "%":
        raise Refusal(
            "wrong_unit", "'%' is a ratio of 0 to 1 in SenML; send '/100' for per cent, '/' for a ratio"
        )
    return unit if unit is None else UNITS.get(unit, unit)


def _number(record: dict[str, Any], name: str) -> float:
    value = _strict.number(record[name], name)
    if value is None:
        _strict.wrong(name, "a number", None)
    return value


def _finite(value: float, what: str) -> float:
    if value - value != 0.0:
        raise Refusal("not_finite", f"{what}: beyond the largest float64")
    return value
