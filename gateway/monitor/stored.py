"""A snapshot's bytes as a list of pieces: large arrays are referred to, not copied once more.

The pieces joined are msgpack. Making them is cheap, so that the thread that steps the monitor is not held up;
compressing and writing them is for another thread.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

Piece = bytes | memoryview
LARGE = 1 << 12
"""Bytes from this size on are a piece of their own."""


def pieces(stored: dict[str, Any]) -> list[Piece]:
    """msgpack of plain values; dicts may hold dicts, bytes and arrays, or lists of arrays. Arrays become
    byte strings and must not be changed until the pieces were used."""
    made: list[Piece] = []
    small = bytearray()
    _add(stored, made, small)
    if small:
        made.append(bytes(small))
    return made


def size_of(parts: list[Piece]) -> int:
    """Bytes of all pieces."""
    return sum(len(part) for part in parts)


def _add(value: Any, made: list[Piece], small: bytearray) -> None:
    if isinstance(value, dict):
        small += b"\xdf" + len(value).to_bytes(4, "big")
        for name, part in value.items():
            small += msgspec.msgpack.encode(name)
            _add(part, made, small)
    elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
        small += b"\xdd" + len(value).to_bytes(4, "big")
        for part in value:
            _add(part, made, small)
    elif isinstance(value, np.ndarray):
        _put(_bytes(value), made, small)
    elif isinstance(value, bytes) and len(value) >= LARGE:
        _put(value, made, small)
    else:
        small += msgspec.msgpack.encode(value)


def _put(body: Piece, made: list[Piece], small: bytearray) -> None:
    small += b"\xc6" + len(body).to_bytes(4, "big")
    if len(body) < LARGE:
        small += body
        return
    made.append(bytes(small))
    made.append(body)
    small.clear()


def _bytes(array: npt.NDArray[Any]) -> memoryview:
    return np.ascontiguousarray(array).view(np.uint8).reshape(-1).data
