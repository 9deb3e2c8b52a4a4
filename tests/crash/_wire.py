"""The witness on the wire between gateway and broker: which packets were acknowledged, and whether any
acknowledgement answered no packet of its own connection."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from tests.crash._mqtt import PUBACK, PUBLISH, Frames, published

CONNACK = 2


@dataclass
class Wire:
    """All connections of one run, MQTT 3.1.1; a new one is made with ``connection``. Fields only grow."""

    acknowledged: set[bytes] = field(default_factory=set)
    """Payloads that the gateway sent PUBACK for."""
    strays: list[int] = field(default_factory=list)
    """Packet ids of acknowledgements that answered nothing (T6: there they can hit another packet)."""
    sessions: list[bool] = field(default_factory=list)
    """Session present, of each accepted connection."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def connection(self) -> Connection:
        """The next connection."""
        return Connection(self)

    def lost_sessions(self) -> int:
        """How often the broker had no session although there had been one."""
        with self.lock:
            return self.sessions[1:].count(False)


class Connection:
    """One connection; ids mean nothing beyond it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._sent, self._received = Frames(), Frames()
        self._open: dict[int, bytes] = {}

    def received(self, data: bytes) -> None:
        """Bytes from the broker."""
        with self._wire.lock:
            for first, body in self._received.feed(data):
                if first >> 4 == PUBLISH:
                    mid, payload = published(first, body, 4)
                    self._open[mid] = payload
                elif first >> 4 == CONNACK and body[1] == 0:
                    self._wire.sessions.append(bool(body[0] & 1))

    def sent(self, data: bytes) -> None:
        """Bytes from the gateway."""
        with self._wire.lock:
            for first, body in self._sent.feed(data):
                if first >> 4 != PUBACK:
                    continue
                mid = int.from_bytes(body[:2], "big")
                payload = self._open.pop(mid, None)
                if payload is None:
                    self._wire.strays.append(mid)
                else:
                    self._wire.acknowledged.add(payload)
