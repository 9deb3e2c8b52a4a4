"""SenML in JSON (RFC 8428): an array of records with base fields that hold for those that follow.

Taken: ``bn bt bu bv bver n u v vb t`` and, without effect, ``ut bs s``. A record's channel is what stands
after the last ``/`` or ``:`` of its whole name (clause 4.5.1); ``vb`` counts as 1 or 0; ``vs`` and ``vd``
are no readings. Times (clause 4.5.3) are seconds since 1970; smaller than 2**28 they count from the moment
of sending, which nobody here knows: 0 is a reading without time, others are refused. A field that ends in
``_`` must be understood (clause 4.4) and none is; other unknown fields are ignored. ``bver`` up to 10.

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
MAX_VERSION = 10
RELATIVE_S = float(1 << 28)
UNITS = {"Cel": "degC", "%RH": "%RH"}
"""SenML units (RFC 8428, clause 12.1) that our profiles write otherwise; any other is taken as it is."""

_NAME = re.compile(r"[/:]")


@dataclass(slots=True)
class _Base:
    """What earlier records said for all that follow."""

    name: str = ""
    time: float = 0.0
    unit: str | None = None
    value: float = 0.0


def decode(payload: bytes, stream: str) -> Decoded:
    """Rows in the payload's order; Refusal if it is not an array of records, or holds no reading."""
    records = _strict.read_array(payload)
    base = _Base()
    rows: list[Row] = []
    refused: list[tuple[int, str, str]] = []
    for number, item in enumerate(records):
        record = _strict.table(item, f"record {number}")
        _follow(base, record)
        try:
            rows += _row(base, record)
        except Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
    if not rows and not refused:
        raise Refusal("empty", "no record holds a value")
    return Decoded(None, None, None, rows, refused)


def _follow(base: _Base, record: dict[str, Any]) -> None:
    """Take over a record's base fields. What is wrong here is wrong for all that follow: a Refusal of all."""
    for name in record:
        if name.endswith("_"):
            raise Refusal("unsupported", f"field {name[:64]!r} must be understood and is not")
    version = record.get("bver")
    if version is not None and (type(version) is not int or not 0 < version <= MAX_VERSION):
        raise Refusal("unsupported", f"SenML version {str(version)[:32]}; known: 1 to {MAX_VERSION}")
    if "bn" in record:
        base.name = _strict.required_text(record, "bn")
    if "bu" in record:
        base.unit = _strict.required_text(record, "bu")
    if "bt" in record:
        base.time = _number(record, "bt")
    if "bv" in record:
        base.value = _number(record, "bv")


def _row(base: _Base, record: dict[str, Any]) -> list[Row]:
    """The record's reading; none if it has base fields only."""
    if not any(name in record for name in ("n", "v", "vb", "vs", "vd", "s")):
        return []
    name = base.name + (_strict.text(record, "n") or "")
    channel = _NAME.split(name)[-1]
    if not channel:
        raise Refusal("missing_field", "n")
    if "vb" in record:
        if type(record["vb"]) is not bool:
            _strict.wrong("vb", "a boolean", record["vb"])
        value = float(record["vb"])
    elif "v" in record:
        value = _finite(base.value + _number(record, "v"), "v")
    elif "vs" in record or "vd" in record:
        raise Refusal("wrong_type", "vs and vd are no readings")
    else:
        raise Refusal("missing_field", "v")
    unit = _strict.text(record, "u") or base.unit
    at = _finite(base.time + (_number(record, "t") if "t" in record else 0.0), "t")
    if at and abs(at) < RELATIVE_S:
        raise Refusal("unsupported", "t is relative to the moment of sending, which is not known")
    time_ms = round(_finite(at * 1000.0, "t")) if at else None
    return [Row(channel, value, time_ms, unit if unit is None else UNITS.get(unit, unit))]


def _number(record: dict[str, Any], name: str) -> float:
    value = _strict.number(record[name], name)
    if value is None:
        _strict.wrong(name, "a number", None)
    return value


def _finite(value: float, what: str) -> float:
    if value - value != 0.0:
        raise Refusal("not_finite", f"{what}: beyond the largest float64")
    return value
