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
from collections import deque
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detectors import COLUMNS, Readings

LENGTH = struct.Struct(">I")
MAX_BUFFERED = 64 << 20
"""Bytes kept for a slow delivery process before frames are dropped."""
MAX_UNFLUSHED = 1 << 18
"""Bytes of readings kept back for the next flush."""
MAX_WRITE = 4 << 20
"""Bytes written in one go at most: a delivery process that wakes up after long must not hold the core up."""
LIVE_NS = 2_000_000
"""While groups come one after the other, their readings go out together and at most this often: waking
delivery for each group of a few packets costs both processes more than the readings do."""
MAX_PIECES = 256
"""Frames in one write; the system takes 1,024."""

_DTYPES = (np.int32, np.int64, np.int64, np.float64, np.uint8, np.uint8, np.uint8, np.int32)
_ENCODER = msgspec.msgpack.Encoder()


def pack(frame: list[Any]) -> memoryview:
    """One frame's bytes, length first."""
    made = bytearray(LENGTH.size)
    _ENCODER.encode_into(frame, made, LENGTH.size)
    LENGTH.pack_into(made, 0, len(made) - LENGTH.size)
    return memoryview(made)


def readings_frame(version: int, previous: int, position: int, readings: Readings) -> list[Any]:
    """The frame of one journal position's readings; columns are not copied before they are packed."""
    columns = [np.ascontiguousarray(getattr(readings, name)).view(np.uint8).data for name in COLUMNS]
    return ["readings", version, previous, position, columns]


def readings_of(columns: list[bytes]) -> Readings:
    """Readings from a frame's columns."""
    return Readings(*(np.frombuffer(body, dtype) for body, dtype in zip(columns, _DTYPES, strict=True)))


class LiveSender:
    """The core's end. ``send`` returns whether the frame was taken."""

    def __init__(self, path: Path, table: Callable[[], tuple[int, bytes]], retry_every: int = 40) -> None:
        self._path = path
        self._table = table
        self._link: socket.socket | None = None
        self._line: deque[memoryview] = deque()
        self._held = 0
        self._sent_version = -1
        self._flushed_ns = 0
        self._wait = 0
        self._retry_every = retry_every
        self._standing: list[Any] | None = None
        self.dropped = 0

    def send_readings(self, version: int, previous: int, position: int, readings: Readings) -> bool:
        """Offer one position's readings, which go out at the next ``flush`` or with any other frame; the
        channel table goes first when delivery does not have it."""
        if not self._connected():
            self.dropped += 1
            return False
        if not self._room():
            return False
        if version != self._sent_version:
            if not self._queue(["table", self._table()[1]]):
                return False
            self._sent_version = version
        self._keep(readings_frame(version, previous, position, readings))
        if self._held > MAX_UNFLUSHED:
            self.flush()
        return self._link is not None

    @property
    def waiting(self) -> bool:
        """Whether frames wait for a ``flush``."""
        return bool(self._line)

    def send(self, frame: list[Any]) -> bool:
        """Offer any other frame."""
        return self._connected() and self._queue(frame)

    def announce(self, frame: list[Any], *, standing: bool) -> None:
        """Send a frame now; a ``standing`` one again on every new connection until another is announced."""
        self._standing = frame if standing else None
        self.send(frame)

    def turn(self, now_ns: int, *, idle: bool) -> None:
        """``flush`` when ``idle``, or LIVE_NS after the last time."""
        if idle or now_ns - self._flushed_ns >= LIVE_NS:
            self._flushed_ns = now_ns
            self.flush()

    def flush(self) -> None:
        """Write what the socket takes now."""
        if self._standing is not None:
            self._wait = 0  # whoever is away must hear it the moment he is back
            self._connected()
        link, line, budget = self._link, self._line, MAX_WRITE
        if link is None:
            return
        try:
            while line and budget > 0:
                sent = link.sendmsg(islice(line, MAX_PIECES))
                budget -= sent
                self._held -= sent
                while line and sent >= len(line[0]):
                    sent -= len(line.popleft())
                if sent:
                    line[0] = line[0][sent:]
        except BlockingIOError:
            return
        except OSError:
            self._drop_link()

    def close(self) -> None:
        """Let go of the socket."""
        self.flush()
        self._drop_link()

    def _room(self) -> bool:
        """Whether another frame is kept; otherwise it counts as dropped."""
        if self._held > MAX_BUFFERED:
            self.flush()
            if self._held > MAX_BUFFERED:
                self.dropped += 1
                return False
        return True

    def _queue(self, frame: list[Any]) -> bool:
        if not self._room():
            return False
        self._keep(frame)
        self.flush()
        return self._link is not None

    def _keep(self, frame: list[Any]) -> None:
        packed = pack(frame)
        self._line.append(packed)
        self._held += len(packed)

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
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, MAX_WRITE)
        self._link = link
        self._wait = 0
        if self._standing is not None:
            self._keep(self._standing)
        return True

    def _drop_link(self) -> None:
        if self._link is not None:
            self._link.close()
        self._link = None
        self._line.clear()
        self._held = 0
        self._sent_version = -1
