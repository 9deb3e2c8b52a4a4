"""Times as vendors write them, to unix milliseconds. No zone is ever assumed, and none has a name: rules
of summer time change, and a replay must read today what was read then.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from device_profiles.codecs import Refusal, _strict

FORMATS = ("ms", "s", "iso", "compact")
"""Unix milliseconds; unix seconds; 2025-11-25T09:33:18.123+08:00, also with a space; 20251125093318[123]."""

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,9}))?(Z|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_COMPACT = re.compile(r"(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d{3})?", re.ASCII)
_ZONE = re.compile(r"([+-])(\d\d)(?::?(\d\d))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ZONE_MIN = 14 * 60


def zone_minutes(text: str) -> int:
    """Minutes east of UTC of Z, +08:00, +0800 or +08; ValueError for anything else."""
    if text == "Z":
        return 0
    found = _ZONE.fullmatch(text)
    if found is not None:
        hours, minutes = int(found[2]), int(found[3] or 0)
        if minutes < 60 and hours * 60 + minutes <= MAX_ZONE_MIN:
            return (hours * 60 + minutes) * (-1 if found[1] == "-" else 1)
    raise ValueError(f"{text[:16]!r} is no offset; write such as +08:00, or Z")


def time_ms(value: Any, form: str, zone_min: int | None, what: str) -> int | float:
    """Unix milliseconds; Refusal if the value is not of the form. Fractions are kept to the microsecond.

    ``zone_min`` holds where the text names no zone; None: it must name one.
    """
    if form == "ms":
        return _number(value, what)
    if form == "s":
        seconds = _number(value, what)
        return seconds * 1000 if isinstance(seconds, int) else _whole(_finite(seconds * 1000.0, what))
    if form == "compact" and type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        _strict.wrong(what, "a time as a text", value)
    found = (_ISO if form == "iso" else _COMPACT).fullmatch(value)
    if found is None:
        like = "2025-11-25T09:33:18+08:00" if form == "iso" else "20251125093318"
        raise Refusal("wrong_type", f"{what}: expected a time such as {like}, got {value[:40]!a}")
    zone = zone_min
    if form == "iso" and found[8] is not None:
        try:
            zone = zone_minutes(found[8])
        except ValueError as error:
            raise Refusal("wrong_type", f"{what}: {error}") from None
    if zone is None:
        raise Refusal("wrong_type", f"{what}: names no zone, and the profile gives no time_zone")
    try:
        at = datetime(*map(int, found.groups()[:6]), tzinfo=UTC)  # type: ignore[misc,arg-type]
    except ValueError:
        raise Refusal("wrong_type", f"{what}: {value[:40]!a} is no date and time that exists") from None
    seconds = (at - _EPOCH) // timedelta(seconds=1) - zone * 60
    micros = int((found[7] or "").ljust(6, "0")[:6])
    return seconds * 1000 + micros // 1000 if micros % 1000 == 0 else seconds * 1000 + micros / 1000


def _number(value: Any, what: str) -> int | float:
    at = _strict.time_of(value, what)
    if at is None:
        raise Refusal("missing_field", f"{what}: null is no time")
    return at


def _whole(ms: float) -> int | float:
    ms = round(ms, 3)
    return int(ms) if ms.is_integer() else ms


def _finite(value: float, what: str) -> float:
    if value - value != 0.0:
        raise Refusal("not_finite", f"{what}: beyond the largest float64")
    return value
