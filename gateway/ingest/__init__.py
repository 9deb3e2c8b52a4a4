"""From the broker to the core thread: what arrives is admitted or refused, handed over in arrival order, and
acknowledged only when the core says it is durable. Nothing is dropped here without a counted, kept reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

HEAD_BYTES = 1024
"""How much of a refused payload is kept; its SHA-256 identifies the rest."""
TOPIC_CHARS = 256
"""How much of a refused topic is kept, as text."""


class Packet(NamedTuple):
    """One admitted QoS 1 PUBLISH, as it arrived.

    received_ns: this boot's monotonic clock; mid: the broker's packet id, only meaningful within ``epoch``,
    the connection that delivered it; flags: FLAG_DUP | FLAG_RETAINED of gateway.monitor.entries.
    """

    topic: bytes
    payload: bytes
    received_ns: int
    mid: int
    epoch: int
    flags: int


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Admitted QoS 1 PUBLISH packets that arrived one after the other, as they came from the socket.

    blob: the packets' bytes, headers too; cuts: int32[n, 4] into it: topic start, topic end, payload start,
    payload end; mids: uint16[n]; flags: uint8[n]; the rest as in ``Packet``, the same for all rows.
    """

    blob: bytes
    cuts: npt.NDArray[np.int32]
    mids: npt.NDArray[np.uint16]
    flags: npt.NDArray[np.uint8]
    received_ns: int
    epoch: int

    def __len__(self) -> int:
        return len(self.mids)

    def packet(self, row: int) -> Packet:
        """One row as a packet of its own."""
        a, b, c, d = self.cuts[row].tolist()
        mid, flags = int(self.mids[row]), int(self.flags[row])
        return Packet(self.blob[a:b], self.blob[c:d], self.received_ns, mid, self.epoch, flags)

    def part(self, begin: int, end: int) -> Run:
        """Rows begin to end; itself when that is all of them."""
        if begin == 0 and end == len(self):
            return self
        first = int(self.cuts[begin - 1, 3]) if begin else 0
        last = int(self.cuts[end - 1, 3])
        rows = slice(begin, end)
        return Run(
            self.blob[first:last],
            self.cuts[rows] - np.int32(first),
            self.mids[rows],
            self.flags[rows],
            self.received_ns,
            self.epoch,
        )


class LinkChange(NamedTuple):
    """The broker connection came up or went down. ``epoch`` is the connection's own, for both.

    session_present: what the broker said at CONNACK; expected_session: we had a session before, so a broker
    that has none may have lost what it queued for us. reason: text for a person.
    """

    epoch: int
    up: bool
    session_present: bool
    expected_session: bool
    reason: str
    mono_ns: int


class RefusedPacket(NamedTuple):
    """One PUBLISH refused before the journal: counted and acknowledged like any other, else the broker would
    send it again for ever.

    mid 0: came at QoS 0, there is nothing to acknowledge. reason: "bad_topic" | "oversize" | "qos". topic:
    at most 256 characters, control and non-ASCII characters backslash-escaped. head: the payload's first
    1024 bytes; sha256 (hex) and size (bytes) are of the whole payload.
    """

    epoch: int
    mid: int
    received_ns: int
    reason: str
    topic: str
    head: bytes
    sha256: str
    size: int


Item = Packet | Run | LinkChange | RefusedPacket

Mids = list[int] | npt.NDArray[np.uint16]
"""Packet ids to acknowledge."""
