"""What may enter the journal: topics of a known shape and payloads of a size, checked before any parsing."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from gateway.ingest import HEAD_BYTES, TOPIC_CHARS, Packet, RefusedPacket, Run

UNKNOWN_LIMIT = 16 * 1024
"""Bytes of payload from a device that is not in the fleet: enough for a JSON reading."""
ABSOLUTE_LIMIT = 256 * 1024
"""Bytes of payload from any device, whatever its profile says."""
Recognise = Callable[[bytes], str | None]
"""Topic -> key of the device it is of, with "?" for unknown parts; None for a topic that is nobody's."""
MAX_CACHED = 1 << 16
"""Topics remembered. A fleet has fewer; beyond that somebody invents topics and the cache starts anew."""
NOT_UTF8 = b"(not UTF-8)"
"""What is told of a topic that is no text."""

_ID = rb"[A-Za-z0-9._:-]{1,64}"
_TOPIC = re.compile(rb"rg/(" + rb"/".join([_ID] * 3) + rb")/" + _ID)


def refused(reason: str, packet: Packet) -> RefusedPacket:
    """What is kept of a packet that may not enter."""
    text = packet.topic.decode("ascii", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    payload = packet.payload
    digest = hashlib.sha256(payload).hexdigest()
    return RefusedPacket(
        packet.epoch,
        packet.mid,
        packet.received_ns,
        reason,
        text[:TOPIC_CHARS],
        payload[:HEAD_BYTES],
        digest,
        len(payload),
    )


class Admission:
    """Answers "may this enter?" in well under a microsecond for a topic seen before.

    ``limit_of`` gives the payload limit in bytes for a device key "<enterprise>/<site>/<device>"; for one it
    does not know it returns ``UNKNOWN_LIMIT``. It is asked for every packet, on the network thread; another
    thread may replace it when the configuration changes. ``floor``: no limit is below so many bytes, so that
    packets of a run up to this size need no question; 0 asks for each.
    ``recognise`` says whose a topic of another shape is, None for nobody's.
    """

    def __init__(self, limit_of: Callable[[str], int]) -> None:
        self.limit_of = limit_of
        self.floor = 0
        self._known: tuple[Recognise, dict[bytes, str]] = (lambda _: None, {})

    def recognise(self, recognise: Recognise) -> None:
        """From now on also topics that this knows; from any thread."""
        self._known = recognise, {}

    def refuse(self, topic: bytes, payload: bytes) -> str:
        """Why this packet may not enter: "bad_topic" or "oversize"; "" means admitted.

        The topic must be rg/<enterprise>/<site>/<device>/<stream>, each id [A-Za-z0-9._:-]{1,64}, or one that
        ``recognise`` knows: so no wildcard, no ``$``, no control character and no other depth.
        """
        recognise, devices = self._known
        device = devices.get(topic)
        if device is None:
            match = _TOPIC.fullmatch(topic)
            device = match[1].decode("ascii") if match else recognise(topic)
            if device is None:
                return "bad_topic"
            if len(devices) >= MAX_CACHED:
                devices.clear()
            devices[topic] = device
        return "oversize" if len(payload) > min(self.limit_of(device), ABSOLUTE_LIMIT) else ""

    def sift(
        self, run: Run, odd: npt.NDArray[np.bool_], poison: Callable[[Exception], None]
    ) -> list[Run | RefusedPacket]:
        """The run without what may not enter, in arrival order; the run itself when all of it may.

        odd: bool[n], rows whose topic has not the shape above. Only those and payloads above ``floor`` are
        looked at one by one. A question that fails goes to ``poison`` and its packet in: what arrived is
        journalled; the decoder judges it again.
        """
        pieces: list[Run | RefusedPacket] = []
        begin = 0
        doubtful = run.cuts[:, 3] - run.cuts[:, 2] > self.floor
        doubtful |= odd
        if not doubtful.any():
            return [run]
        for row in np.flatnonzero(doubtful).tolist():
            packet = run.packet(row)
            try:
                reason = self.refuse(packet.topic, packet.payload)
            except Exception as error:  # noqa: BLE001 - see above
                poison(error)
                continue
            if not reason:
                continue
            if row > begin:
                pieces.append(run.part(begin, row))
            pieces.append(refused(reason, packet._replace(topic=text_or_not(packet.topic))))
            begin = row + 1
        if begin < len(run):
            pieces.append(run.part(begin, len(run)))
        return pieces


def text_or_not(topic: bytes) -> bytes:
    """The topic, or ``NOT_UTF8``."""
    try:
        topic.decode()
    except UnicodeDecodeError:
        return NOT_UTF8
    return topic
