"""What a profile says of a vendor's payload, ready to be followed; ``_mapping`` reads it from the profile."""

from __future__ import annotations

from typing import Literal

import msgspec

from device_profiles._conversions import Linear
from device_profiles.codecs._paths import Path

MAX_CODE = 10**18
"""Whole numbers beyond are no codes of anything."""

Grade = Literal["good", "uncertain", "bad"]


class MappedReading(msgspec.Struct, frozen=True, kw_only=True):
    """One channel: where it stands and what it means."""

    channel: str
    called: str
    """The vendor's name of it, where records name what they hold."""
    value: Path
    linear: Linear
    """From the wire to the point's unit."""
    values: dict[str, float] | None
    """Text, boolean or code -> number; None: the value is a number."""
    missing: frozenset[str]
    """What stands for "no reading", as ``key_of`` writes it."""
    optional: bool
    """Nothing there is no reading, instead of a refusal."""
    unit_path: Path | None
    unit: str
    """What the payload's unit must mean, where it names one."""
    time: Path | None
    quality: Path | None


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """One stream of a vendor's payloads."""

    records: Path | None
    """The array of records; None: the payload is the only one."""
    name: Path | None
    """Where a record says which channel it holds; None: each record holds all of ``readings``."""
    ignored: frozenset[str]
    """Names that are no channels of ours, and no mistake."""
    form: str
    """Of times; "" = the time of arrival."""
    zone_min: int | None
    device: Path | None
    boot: Path | None
    seq: Path | None
    qualities: dict[str, Grade]
    quality_else: Grade | None
    """For codes that are not listed; None refuses them."""
    text_numbers: bool
    """Numbers may come as texts, such as "4.2"."""
    readings: tuple[MappedReading, ...]


def key_of(value: object) -> str | None:
    """A value as keys of a profile's tables write it: "on", "true", "3", "2.5"; None for null, what has parts
    and very large whole numbers."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, float) or (isinstance(value, int) and abs(value) < MAX_CODE):
        return repr(value)
    return None
