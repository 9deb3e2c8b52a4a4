"""Journal entries: the only way the monitor's state changes. The format on disk is what is written here.

An entry is one tagged msgpack array. Fields are only ever appended, with a default, so that every later
version reads an older journal.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec
import numpy as np
import numpy.typing as npt

FLAG_DUP = 1
FLAG_RETAINED = 2

CUT_COLUMNS = 4
"""Columns of ``Packets.cuts``, offsets in ``blob``: topic start, topic end, payload start, payload end."""


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """When an entry was made: both clocks in ns, and which boot the monotonic one belongs to."""

    wall_ns: int
    mono_ns: int
    boot: str


class Started(msgspec.Struct, frozen=True, array_like=True, tag="started"):
    """A core began to write. ``clock`` is "wall" or "stream" (gateway time = greatest event time decoded)."""

    stamp: Stamp
    version: str
    behaviour: int
    seed: int
    clock: Literal["wall", "stream"] = "wall"
    exercise: bool = False


class Packets(msgspec.Struct, frozen=True, array_like=True, tag="packets"):
    """What arrived from one connection epoch during the last commit: raw topics and payloads.

    blob: all bytes; cuts: int32[n, 4] offsets into it; received_ns: int64[n], this boot's monotonic clock;
    flags: uint8[n] of FLAG_DUP and FLAG_RETAINED. All little-endian.
    """

    stamp: Stamp
    epoch: int
    blob: bytes
    cuts: bytes
    received_ns: bytes
    flags: bytes

    def __len__(self) -> int:
        return len(self.flags)

    def cut_array(self) -> npt.NDArray[np.int32]:
        """The offsets, int32[n, 4]."""
        return np.frombuffer(self.cuts, dtype="<i4").reshape(-1, CUT_COLUMNS)

    def received_array(self) -> npt.NDArray[np.int64]:
        """Monotonic receive times, int64[n], ns."""
        return np.frombuffer(self.received_ns, dtype="<i8")

    def flag_array(self) -> npt.NDArray[np.uint8]:
        """Packet flags, uint8[n]."""
        return np.frombuffer(self.flags, dtype=np.uint8)

    def packet(self, row: int) -> tuple[bytes, bytes]:
        """Topic and payload of one row."""
        a, b, c, d = self.cut_array()[row].tolist()
        return self.blob[a:b], self.blob[c:d]

    @classmethod
    def of(cls, stamp: Stamp, epoch: int, packets: list[tuple[bytes, bytes, int, int]]) -> Packets:
        """Build from (topic, payload, received mono ns, flags) rows."""
        cuts = np.empty((len(packets), CUT_COLUMNS), dtype="<i4")
        parts: list[bytes] = []
        offset = 0
        for row, (topic, payload, _, _) in enumerate(packets):
            end_topic = offset + len(topic)
            end = end_topic + len(payload)
            cuts[row] = (offset, end_topic, end_topic, end)
            parts.append(topic)
            parts.append(payload)
            offset = end
        return cls(
            stamp,
            epoch,
            b"".join(parts),
            cuts.tobytes(),
            np.array([p[2] for p in packets], dtype="<i8").tobytes(),
            bytes(p[3] for p in packets),
        )


class OperatorCommand(msgspec.Struct, frozen=True, array_like=True, tag="command"):
    """A person or program asks for something; applied or refused by the monitor, always with a reason."""

    stamp: Stamp
    id: str
    action: str
    args: dict[str, Any]
    actor: str
    role: str
    organisation: str
    deadline_ns: int
    source: str = ""


class Tick(msgspec.Struct, frozen=True, array_like=True, tag="tick"):
    """Nothing arrived, time passed: at least four a second when idle."""

    stamp: Stamp


class ConfigChange(msgspec.Struct, frozen=True, array_like=True, tag="config"):
    """The whole configuration the monitor acts on, by hash. ``content`` is zlib-compressed msgpack of
    ``MonitorConfig`` (see gateway/monitor/roster.py)."""

    stamp: Stamp
    digest: str
    content: bytes


class Link(msgspec.Struct, frozen=True, array_like=True, tag="link"):
    """The broker connection came up or went down. ``expected_session``: we had one before."""

    stamp: Stamp
    epoch: int
    up: bool
    session_present: bool = False
    expected_session: bool = False
    reason: str = ""


class SystemFact(msgspec.Struct, frozen=True, array_like=True, tag="fact"):
    """Something about the gateway itself: disk, sink health, a packet refused before the journal.

    kind: "refused" (before the journal; detail: reason, topic, head, sha256, size), "condition"
    (``subject`` names a system alarm, ``active`` raises or clears it).
    """

    stamp: Stamp
    kind: str
    subject: str
    active: bool = False
    detail: dict[str, Any] = {}


Entry = Started | Packets | OperatorCommand | Tick | ConfigChange | Link | SystemFact


class EntryCodec:
    """Bytes of an entry, both ways."""

    encoder: ClassVar[msgspec.msgpack.Encoder] = msgspec.msgpack.Encoder(order="deterministic")
    decoder: ClassVar[msgspec.msgpack.Decoder[Entry]] = msgspec.msgpack.Decoder(Entry)


def encode(entry: Entry) -> bytes:
    """The bytes that the journal keeps and hashes."""
    return EntryCodec.encoder.encode(entry)


def decode(body: bytes) -> Entry:
    """The entry; raises msgspec.ValidationError if the bytes are not one."""
    return EntryCodec.decoder.decode(body)
