"""The bounded channel of live frames from core to delivery: never blocks the core.

A frame is a 4-byte big-endian length and a msgpack array: ["table", exported ChannelTable],
["readings", table version, previous position, position, columns], ["health", wall_ns, figures] or
["blind", wall_ns, reason]. When delivery does not read, frames are dropped whole; delivery sees the gap by
``previous position`` and derives what it missed from the journal.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detectors import Readings

LENGTH = struct.Struct(">I")
MAX_BUFFERED = 64 << 20
"""Bytes kept for a slow delivery process before frames are dropped."""

_COLUMNS = tuple(Readings.__slots__)
_DTYPES = (np.int32, np.int64, np.int64, np.float64, np.uint8, np.uint8, np.uint8, np.int32)


def pack(frame: list[Any]) -> bytes:
    """One frame's bytes, length first."""
    body = msgspec.msgpack.encode(frame)
    return LENGTH.pack(len(body)) + body


def readings_frame(version: int, previous: int, position: int, readings: Readings) -> list[Any]:
    """The frame of one journal position's readings."""
    return ["readings", version, previous, position, [getattr(readings, name).tobytes() for name in _COLUMNS]]


def readings_of(columns: list[bytes]) -> Readings:
    """Readings from a frame's columns."""
    return Readings(*(np.frombuffer(body, dtype) for body, dtype in zip(columns, _DTYPES, strict=True)))


class LiveSender:
    """The core's end. ``send`` returns whether the frame was taken."""

    def __init__(self, path: Path, table: Callable[[], tuple[int, bytes]], retry_every: int = 40) -> None:
        self._path = path
        self._table = table
        self._link: socket.socket | None = None
        self._buffer = bytearray()
        self._sent_version = -1
        self._wait = 0
        self._retry_every = retry_every
        self._standing: list[Any] | None = None
        self.dropped = 0

    def send_readings(self, version: int, previous: int, position: int, readings: Readings) -> bool:
        """Offer one position's readings; sends the channel table first when delivery does not have it."""
        if not self._connected():
            self.dropped += 1
            return False
        if version != self._sent_version:
            if not self._queue(["table", self._table()[1]]):
                return False
            self._sent_version = version
        return self._queue(readings_frame(version, previous, position, readings))

    def send(self, frame: list[Any]) -> bool:
        """Offer any other frame."""
        return self._connected() and self._queue(frame)

    def announce(self, frame: list[Any], *, standing: bool) -> None:
        """Send a frame now; a ``standing`` one again on every new connection until another is announced."""
        self._standing = frame if standing else None
        self.send(frame)

    def flush(self) -> None:
        """Write what the socket takes now."""
        if self._standing is not None:
            self._wait = 0  # whoever is away must hear it the moment he is back
            self._connected()
        if self._link is None or not self._buffer:
            return
        try:
            while self._buffer:
                sent = self._link.send(self._buffer[: 1 << 20])
                del self._buffer[:sent]
        except BlockingIOError:
            return
        except OSError:
            self._drop_link()

    def close(self) -> None:
        """Let go of the socket."""
        self.flush()
        self._drop_link()

    def _queue(self, frame: list[Any]) -> bool:
        if len(self._buffer) > MAX_BUFFERED:
            self.flush()
            if len(self._buffer) > MAX_BUFFERED:
                self.dropped += 1
                return False
        self._buffer += pack(frame)
        self.flush()
        return self._link is not None

    def _connected(self) -> bool:
        if self._link is not None:
            return True
        if self._wait > 0:
            self._wait -= 1
            return False
        self._wait = self._retry_every
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            link.connect(os.fspath(self._path))
        except OSError:
            link.close()
            return False
        link.setblocking(False)
        self._link = link
        self._wait = 0
        if self._standing is not None:
            self._buffer += pack(self._standing)
        return True

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None
        self._buffer.clear()
        self._sent_version = -1
