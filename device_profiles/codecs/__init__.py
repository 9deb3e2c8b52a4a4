"""The codec contract: payload bytes of one packet -> rows of readings, or a reason.

Every public module in this folder is one codec and its file name is its kind. A module offers
``MAX_BYTES`` (size limit before parsing) and ``decode(payload, stream) -> Decoded``; ``stream`` is the
topic's last level. A codec about which a profile must say more also offers ``settings(table, points)``: it
reads its own keys of the ``[[stream]]`` table, and what it returns is the third argument of ``decode``.

A codec raises ``Refusal`` for a payload that cannot be read at all, and puts single bad rows into
``Decoded.refused``. It never guesses: a bool or string is not a number, NaN does not exist in JSON, a key
stands once.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Sequence
from types import ModuleType
from typing import Literal, NamedTuple

import msgspec

REASONS = (
    "empty",
    "oversize",
    "not_utf8",
    "not_json",
    "not_finite",
    "duplicate_key",
    "too_deep",
    "wrong_type",
    "missing_field",
    "unknown_stream",
    "unknown_channel",
    "wrong_unit",
    "device_mismatch",
    "unequal_columns",
    "bad_length",
    "unsupported",
    "unknown_code",
)
"""Every reason a codec (or the decoder around it) may give."""


class Refusal(Exception):  # noqa: N818 - it is the refusal, not an error of ours
    """This payload gives no reading at all."""

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{reason}: {detail}" if detail else reason)


class Row(msgspec.Struct, frozen=True, gc=False):
    """One reading as the device sent it. Hashable, compared by value."""

    channel: str
    value: float | None
    """None is a reading the device could not take."""
    time_ms: int | float | None = None
    """Unix milliseconds, or None when the device sends no time. An int may be of any size."""
    unit: str | None = None
    quality: Literal["good", "uncertain", "bad"] | None = None
    """What the device claims, or None when it claims nothing."""
    original_time_ms: int | float | None = None
    """The time before a replayed recording was shifted; carried, not used."""


class Decoded(NamedTuple):
    """What one payload holds."""

    device: str | None
    """The device's own idea of its id; must equal the topic's when present."""
    boot: int | None
    seq: int | None
    """(boot, seq) names the payload for duplicate detection, when both the device's counters are sent."""
    rows: list[Row]
    refused: list[tuple[int, str, str]]
    """(row, reason, detail) of single rows that gave no reading."""
    numbers: Sequence[int] | None = None
    """Where each of ``rows`` stands in the payload, for what is refused later; None: nothing is left out."""


def kinds() -> list[str]:
    """Every codec in this folder."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


@functools.cache
def load(kind: str) -> ModuleType:
    """The codec of a kind; KeyError names the known ones."""
    if kind not in kinds():
        raise KeyError(f"no codec {kind!r}; known: {', '.join(kinds())}")
    return importlib.import_module(f"{__name__}.{kind}")
