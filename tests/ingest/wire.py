"""MQTT packets as a broker writes them, random streams of them, and a socket that plays a stream."""

from __future__ import annotations

from random import Random
from typing import Any

TOPICS = (
    [b"rg/acme/plant/GD-%d/lel" % number for number in range(5)]
    + [b"rg/a/b/c/d", b"rg/" + b"/".join([b"x" * 64] * 4)]
    + [b"rg/a/b/c", b"rg/a/b/c/d e", b"rg/a/b/c/\xc3\xa9", b"rg/a/b/c/\xff\xfe", b"$SYS/x", b"r"]
)


def varint(value: int) -> bytes:
    out = bytearray()
    while True:
        value, low = divmod(value, 128)
        out.append(low | (128 if value else 0))
        if not value:
            return bytes(out)


def packet(head: int, body: bytes) -> bytes:
    return bytes([head]) + varint(len(body)) + body


def text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def publish(
    topic: bytes,
    payload: bytes,
    *,
    mid: int = 0,
    qos: int = 1,
    dup: bool = False,
    retain: bool = False,
    properties: bytes | None = None,
) -> bytes:
    """properties: None in MQTT 3.1.1."""
    body = text(topic)
    if qos:
        body += mid.to_bytes(2, "big")
    if properties is not None:
        body += varint(len(properties)) + properties
    return packet(0x30 | dup << 3 | qos << 1 | retain, body + payload)


def connack(five: bool) -> bytes:
    return packet(0x20, b"\x01\x00\x00" if five else b"\x01\x00")


def properties(draw: Random) -> bytes:
    """Any that a PUBLISH may carry, each once (MQTT 5 clause 3.3.2.3)."""
    choices = [
        b"\x01\x01",
        b"\x02" + draw.randbytes(4),
        b"\x03" + text(b"application/json"),
        b"\x08" + text(b"answer/here"),
        b"\x09" + text(draw.randbytes(draw.randrange(200))),
        b"\x0b" + varint(draw.randrange(1, 1 << 21)),
        b"".join(b"\x26" + text(b"k%d" % n) + text(b"v" * draw.randrange(50)) for n in range(3)),
    ]
    return b"".join(draw.sample(choices, draw.randrange(len(choices))))


def stream(draw: Random, five: bool, count: int, huge: int) -> bytes:
    """CONNACK and ``count`` packets of every kind a broker may send; huge: a payload size met sometimes."""
    parts = [connack(five)]
    unreleased: list[int] = []
    for number in range(count):
        kind = draw.random()
        if kind < 0.9:
            qos = draw.choices((0, 1, 2), (1, 14, 1))[0]
            mid = draw.randrange(1, 50_000) if qos == 1 else 50_000 + number
            unreleased += [mid] if qos == 2 else []
            size = draw.choice((0, 1, 20, 120, 120, 120, 300))
            if draw.random() < 0.01:
                size = draw.choice((20_000, huge))
            parts.append(
                publish(
                    draw.choice(TOPICS if draw.random() < 0.2 else TOPICS[:7]),
                    draw.randbytes(size),
                    mid=mid,
                    qos=qos,
                    dup=qos > 0 and draw.random() < 0.1,
                    retain=draw.random() < 0.1,
                    properties=(properties(draw) if draw.random() < 0.3 else b"") if five else None,
                )
            )
        elif kind < 0.94:
            parts.append(b"\xd0\x00")  # PINGRESP
        elif kind < 0.97 and unreleased:
            parts.append(packet(0x62, unreleased.pop(0).to_bytes(2, "big")))  # PUBREL
        elif kind < 0.985:
            parts.append(packet(0x90, b"\x00\x01" + (b"\x00" if five else b"") + b"\x01"))  # SUBACK
        else:
            parts.append(packet(0x40, b"\x00\x07"))  # PUBACK of nothing
    return b"".join(parts)


def pieces(draw: Random, data: bytes) -> list[bytes]:
    """Cut at random places: single bytes, a few, many, all."""
    longest = draw.choice((1, 7, 100, 1000, 10_000, len(data)))
    if len(data) // longest > 3000:
        longest = len(data) // 3000
    out: list[bytes] = []
    at = 0
    while at < len(data):
        step = draw.randint(1, longest)
        out.append(data[at : at + step])
        at += step
    return out


class ScriptedSocket:
    """A non-blocking socket: gives what was fed, keeps what is sent. slow: takes only some at a time."""

    def __init__(self, slow: Random | None = None) -> None:
        self.fed = bytearray()
        self.sent = bytearray()
        self.slow = slow
        self.ended = False

    def recv(self, size: int) -> bytes:
        if not self.fed and not self.ended:
            raise BlockingIOError
        data = bytes(self.fed[:size])
        del self.fed[:size]
        return data

    def recv_into(self, view: memoryview) -> int:
        data = self.recv(len(view))
        view[: len(data)] = data
        return len(data)

    def send(self, data: bytes) -> int:
        taken = len(data)
        if self.slow is not None:
            taken = self.slow.randint(0, taken)
            if taken == 0:
                raise BlockingIOError
        self.sent += data[:taken]
        return taken

    def setblocking(self, _flag: bool) -> None: ...

    def setsockopt(self, *_option: int) -> None: ...

    def fileno(self) -> int:
        return -1

    def close(self) -> None: ...


def sent_packets(data: bytes) -> dict[int, list[bytes]]:
    """What was sent, by packet type, each in order. The last may be torn."""
    found: dict[int, list[bytes]] = {}
    at = 0
    while at + 1 < len(data):
        length, place, shift = 0, at + 1, 0
        while True:
            byte: Any = data[place]
            length |= (byte & 127) << shift
            place, shift = place + 1, shift + 7
            if byte < 128:
                break
        found.setdefault(data[at] & 0xF0, []).append(bytes(data[at : place + length]))
        at = place + length
    return found
