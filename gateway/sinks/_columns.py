"""Readings as compressed columns: exact, bit for bit, also for NaN.

Integer columns are stored as differences, every column is split into byte planes (all first bytes, all
second bytes, ...) and the whole is compressed with zlib. Format 1; the first byte says so.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FORMAT = 1
_COLUMNS = (
    ("channel", "<i4", True),
    ("filed_ns", "<i8", True),
    ("event_ns", "<i8", True),
    ("received_ns", "<i8", True),
    ("position", "<i8", True),
    ("packet", "<i4", True),
    ("value", "<i8", False),
    ("quality", "|u1", False),
    ("reason", "|u1", False),
    ("time", "|u1", False),
)
ROW_BYTES = sum(np.dtype(dtype).itemsize for _, dtype, _ in _COLUMNS)


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length n. Times in ns since 1970 UTC."""

    channel: npt.NDArray[np.int32]
    """Number of the channel in its day file."""
    filed_ns: npt.NDArray[np.int64]
    """The device's time; of readings of suspect time, the time of reception."""
    event_ns: npt.NDArray[np.int64]
    received_ns: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    """Journal position: with ``packet`` the evidence of the reading."""
    packet: npt.NDArray[np.int32]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    time: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.channel)

    def take(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.int64] | slice) -> Rows:
        """The chosen rows (mask, index or slice)."""
        return Rows(*(getattr(self, name)[rows] for name, _, _ in _COLUMNS))

    def ordered(self) -> Rows:
        """By filed time, then journal position, then as received: the one order of a channel's readings."""
        return self.take(np.lexsort((self.position, self.filed_ns)))

    @classmethod
    def joined(cls, parts: list[Rows]) -> Rows:
        """All parts, one after the other; at least one."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name, _, _ in _COLUMNS))


def encode(rows: Rows, level: int) -> bytes:
    """Compressed bytes."""
    planes = [bytes([FORMAT]), len(rows).to_bytes(4, "little")]
    for name, dtype, differences in _COLUMNS:
        column = getattr(rows, name)
        if name == "value":
            column = np.ascontiguousarray(column, "<f8").view("<i8")
        column = column.astype(dtype, copy=False)
        if differences and len(column):
            column = np.diff(column, prepend=column.dtype.type(0))
        planes.append(
            np.ascontiguousarray(column).view(np.uint8).reshape(len(rows), column.dtype.itemsize).T.tobytes()
        )
    head = planes[0] + planes[1]
    return head + zlib.compress(b"".join(planes[2:]), level)


def decode(body: bytes) -> Rows:
    """The rows of ``encode``; ValueError when the bytes are not that."""
    if len(body) < 5 or body[0] != FORMAT:
        raise ValueError(f"history block of unknown format {body[:1]!r}: written by a newer version?")
    count = int.from_bytes(body[1:5], "little")
    raw = zlib.decompress(body[5:])
    if len(raw) != count * ROW_BYTES:
        raise ValueError(f"history block is damaged: {len(raw)} bytes for {count} rows")
    columns: list[npt.NDArray[np.generic]] = []
    at = 0
    for name, dtype, differences in _COLUMNS:
        width = np.dtype(dtype).itemsize
        planes = np.frombuffer(raw, np.uint8, count * width, at).reshape(width, count)
        column = np.ascontiguousarray(planes.T).reshape(-1).view(dtype)
        at += count * width
        if differences:
            column = np.cumsum(column, dtype=dtype)
        columns.append(column.view("<f8") if name == "value" else column)
    return Rows(*columns)  # type: ignore[arg-type]
