"""From the broker to the core thread: what arrives is admitted or refused, handed over in arrival order, and
acknowledged only when the core says it is durable. Nothing is dropped here without a counted, kept reason."""

from __future__ import annotations

from typing import NamedTuple

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


Item = Packet | LinkChange | RefusedPacket
