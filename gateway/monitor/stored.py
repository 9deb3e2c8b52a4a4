"""A snapshot's bytes, taken over piece by piece while the monitor steps on.

The bytes are msgpack. What is small is packed at once. Tables with a record a slot or a device are large and
change with every reading: copying them all at once takes memory twice and holds up the thread that steps the
monitor. An ``Image`` takes them over a run at a time, and what is about to change before its turn has come is
kept apart (copy on write, by record). Guarantee: the pieces joined are what the monitor was when the image
was made, whatever it is told meanwhile, as long as ``before`` names every record ahead of its change.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Piece = bytes | memoryview
LARGE = 1 << 12
"""Bytes from this size on are a piece of their own."""
RUN = 1 << 20
"""Bytes of a piece at most."""


class Rows:
    """A table with a record a slot, or one a device: taken over bit by bit. record_of: slot -> record, 0
    where the slot has none; without it the record is the slot."""

    def __init__(
        self,
        array: npt.NDArray[Any],
        *,
        device: bool = False,
        record_of: npt.NDArray[np.int32] | None = None,
    ) -> None:
        self.device = device
        self.record_of = record_of
        self.numbers = len(array if record_of is None else record_of)
        """Slots or devices."""
        self.array = array
        self.nbytes = array.nbytes
        self._begin = 0
        """The record of the table that ``array`` begins with."""
        self._handed = 0
        self._closed = False
        self._kept: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []

    def keep(self, numbers: npt.NDArray[Any]) -> None:
        """The records of these slots or devices (in rising order) are about to change for the first time."""
        if not self._closed:
            if self.record_of is not None:
                records = np.sort(self.record_of[numbers])
                numbers = records[np.searchsorted(records, 1) :]
            ahead = numbers[np.searchsorted(numbers, self._handed) :]
            if len(ahead):
                self._kept.append((ahead, self.array[ahead]))

    def keep_all(self) -> None:
        """Any record may change from now on."""
        if not self._closed:
            self.array = self.array[self._handed :].copy()
            self._begin, self._closed = self._handed, True

    def next(self) -> Piece | None:
        """The next records as they were; None after the last."""
        begin = self._handed - self._begin
        run = self.array[begin : begin + max(1, RUN // self.array.itemsize)].copy()
        if not len(run):
            self._closed, self._kept = True, []
            return None
        for numbers, records in self._kept:
            first, last = np.searchsorted(numbers, (self._handed, self._handed + len(run)))
            run[numbers[first:last] - self._handed] = records[first:last]
        self._handed += len(run)
        return _bytes(run)


class _Seen:
    """The tables that have the same numbers: a record is kept once in each."""

    def __init__(self, tables: list[Rows]) -> None:
        self._tables = tables
        self._seen = np.zeros(max((t.numbers for t in tables), default=0), np.bool_)

    def before(self, numbers: npt.NDArray[Any]) -> None:
        fresh = numbers[~self._seen[numbers]]
        if len(fresh):
            fresh = np.unique(fresh)
            self._seen[fresh] = True
            for table in self._tables:
                table.keep(fresh)


class Image:
    """What one moment's plain values, arrays and tables were. Not thread-safe: for the monitor's thread."""

    def __init__(self, stored: dict[str, Any]) -> None:
        parts = _parts(stored)
        self.size = sum(part.nbytes if isinstance(part, Rows) else len(part) for part in parts)
        """Bytes of all pieces."""
        tables = [part for part in parts if isinstance(part, Rows)]
        self._tables = tables
        self._slots = _Seen([t for t in tables if not t.device])
        self._devices = _Seen([t for t in tables if t.device])
        self._parts = parts[::-1]
        self.open = True
        """Whether ``before`` still matters."""

    def before(self, slots: npt.NDArray[Any], devices: npt.NDArray[Any]) -> None:
        """Records of these slots and devices are about to change."""
        self._slots.before(slots)
        self._devices.before(devices)

    def before_all(self) -> None:
        """Any record may change from now on, or the tables may grow."""
        for table in self._tables:
            table.keep_all()
        self.open = False

    def next(self) -> Piece | None:
        """The next piece, not longer than ``RUN``; None after the last."""
        while self._parts:
            part = self._parts.pop()
            if isinstance(part, Rows):
                piece = part.next()
                if piece is not None:
                    self._parts.append(part)
                    return piece
            else:
                if len(part) > RUN:
                    part = memoryview(part)
                    self._parts.append(part[RUN:])
                return part[:RUN]
        self.close()
        return None

    def rest(self) -> list[Piece]:
        """All pieces that are left, at once."""
        pieces = []
        while (piece := self.next()) is not None:
            pieces.append(piece)
        return pieces

    def close(self) -> None:
        """Nobody wants the rest."""
        self._parts, self._tables, self.open = [], [], False
        self._slots = self._devices = _Seen([])


def pieces(stored: dict[str, Any]) -> list[Piece]:
    """msgpack of plain values; dicts may hold dicts, bytes, arrays and tables, or lists of arrays and tables.
    Arrays become byte strings and must not be changed until the pieces were used."""
    return Image(stored).rest()


def size_of(parts: list[Piece]) -> int:
    """Bytes of all pieces."""
    return sum(len(part) for part in parts)


def _parts(stored: dict[str, Any]) -> list[Piece | Rows]:
    made: list[Piece | Rows] = []
    small = bytearray()
    _add(stored, made, small)
    if small:
        made.append(bytes(small))
    return made


def _add(value: Any, made: list[Piece | Rows], small: bytearray) -> None:
    if isinstance(value, dict):
        small += b"\xdf" + len(value).to_bytes(4, "big")
        for name, part in value.items():
            small += msgspec.msgpack.encode(name)
            _add(part, made, small)
    elif isinstance(value, list) and value and isinstance(value[0], np.ndarray | Rows):
        small += b"\xdd" + len(value).to_bytes(4, "big")
        for part in value:
            _add(part, made, small)
    elif isinstance(value, Rows):
        small += b"\xc6" + value.nbytes.to_bytes(4, "big")
        made.append(bytes(small))
        made.append(value)
        small.clear()
    elif isinstance(value, np.ndarray):
        _put(_bytes(value), made, small)
    elif isinstance(value, bytes) and len(value) >= LARGE:
        _put(value, made, small)
    else:
        small += msgspec.msgpack.encode(value)


def _put(body: Piece, made: list[Piece | Rows], small: bytearray) -> None:
    small += b"\xc6" + len(body).to_bytes(4, "big")
    if len(body) < LARGE:
        small += body
        return
    made.append(bytes(small))
    made.append(body)
    small.clear()


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1).data
