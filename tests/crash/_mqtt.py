"""Just enough of MQTT to know, from the bytes on a socket, which payload each PUBACK answered for."""

from __future__ import annotations

from collections.abc import Iterator

CONNECT, PUBLISH, PUBACK = 1, 3, 4


class Frames:
    """Cuts a stream of bytes into control packets: (first byte, body)."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The packets that these bytes complete."""
        self._buffer += data
        while True:
            length, used = _length(self._buffer, 1)
            if used == 0 or len(self._buffer) < used + length:
                return
            first, body = self._buffer[0], self._buffer[used : used + length]
            self._buffer = self._buffer[used + length :]
            yield first, body


def _length(buffer: bytes, at: int) -> tuple[int, int]:
    """A variable byte integer (MQTT 3.1.1, 2.2.3) and where it ends; an end of 0 if it is not whole."""
    value = 0
    for index in range(4):
        if at + index >= len(buffer):
            return 0, 0
        byte = buffer[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return value, at + index + 1
    raise ValueError("a length of more than four bytes")


def frame(first: int, body: bytes) -> bytes:
    """One control packet."""
    length, left = bytearray(), len(body)
    while True:
        left, byte = divmod(left, 128)
        length.append(byte | (0x80 if left else 0))
        if not left:
            return bytes([first]) + bytes(length) + body


def connect() -> bytes:
    """CONNECT of MQTT 3.1.1, as far as the trace needs it."""
    return frame(CONNECT << 4, b"\x00\x04MQTT\x04\x00\x00\x3c\x00\x01w")


def publish(mid: int, topic: bytes, payload: bytes) -> bytes:
    """PUBLISH at QoS 1."""
    return frame(PUBLISH << 4 | 2, len(topic).to_bytes(2, "big") + topic + mid.to_bytes(2, "big") + payload)


def puback(mid: int) -> bytes:
    """PUBACK."""
    return frame(PUBACK << 4, mid.to_bytes(2, "big"))


def published(first: int, body: bytes, level: int) -> tuple[int, bytes]:
    """Packet identifier (0 at QoS 0) and payload of a PUBLISH; ``level`` is 4 for 3.1.1, 5 for 5.0."""
    at = 2 + int.from_bytes(body[:2], "big")
    mid = 0
    if first & 6:
        mid = int.from_bytes(body[at : at + 2], "big")
        at += 2
    if level == 5:
        size, at = _length(body, at)
        at += size
    return mid, body[at:]


class Session:
    """One connection seen from outside; ``acknowledged`` gives the payload of each PUBACK sent."""

    def __init__(self) -> None:
        self._sent, self._received = Frames(), Frames()
        self._level = 0
        self._payloads: dict[int, bytes] = {}

    def received(self, data: bytes) -> None:
        """Bytes from the broker."""
        for first, body in self._received.feed(data) if self._level else ():
            if first >> 4 == PUBLISH:
                mid, payload = published(first, body, self._level)
                self._payloads[mid] = payload

    def sent(self, data: bytes) -> list[bytes]:
        """Bytes to the broker: the payloads they acknowledge. A stream that is not MQTT gives none."""
        if not self._level and data[:1] != bytes([CONNECT << 4]):
            return []
        found = []
        for first, body in self._sent.feed(data):
            if first >> 4 == CONNECT:
                self._level = body[2 + int.from_bytes(body[:2], "big")]
            elif first >> 4 == PUBACK:
                found.append(self._payloads[int.from_bytes(body[:2], "big")])
        return found
