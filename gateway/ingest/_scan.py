"""Where one MQTT packet ends and the next begins, in a compiled loop over the bytes as they came.

It lifts what the journal wants, whole QoS 1 PUBLISH packets of sound framing, and stops at everything else.
What is lifted here is what paho would have delivered; whatever looks odd (no topic, packet id 0, lengths that
do not fit) is left for paho to judge. One exception: MQTT 5 properties are skipped by length, not judged.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from detectors import compiled
from gateway.monitor.entries import CUT_COLUMNS, FLAG_DUP, FLAG_RETAINED

INCOMPLETE, FULL, FOREIGN = range(3)
"""Why a scan stopped: the rest is no whole packet; no room for another row; a packet for paho."""

ID_CHARS_MAX = 64
_ID = np.zeros(256, np.bool_)
_ID[np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", np.uint8)] = True


@compiled
def has_shape(buffer: npt.NDArray[np.uint8], start: int, end: int) -> bool:
    """Whether a topic is rg/<id>/<id>/<id>/<id>, each id [A-Za-z0-9._:-]{1,64}, as in Admission."""
    if end - start < 3 or buffer[start] != 0x72 or buffer[start + 1] != 0x67 or buffer[start + 2] != 0x2F:
        return False
    slashes = length = 0
    for at in range(start + 3, end):
        if _ID[buffer[at]]:
            length += 1
            if length > ID_CHARS_MAX:
                return False
        elif buffer[at] == 0x2F and length:
            slashes += 1
            length = 0
        else:
            return False
    return slashes == 3 and length > 0


@compiled
def varint(buffer: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """A variable byte integer (MQTT 3.1.1 clause 2.2.3, MQTT 5 clause 1.5.5) and where it ends.

    The value is -1 when it goes on beyond ``end``, -2 when it has more than four bytes.
    """
    value = 0
    for place in range(4):
        if at >= end:
            return -1, at
        byte = int(buffer[at])
        at += 1
        value |= (byte & 127) << (7 * place)
        if byte < 128:
            return value, at
    return -2, at


@compiled
def scan(
    buffer: npt.NDArray[np.uint8],
    start: int,
    end: int,
    five: bool,
    limit: int,
    longest: int,
    cuts: npt.NDArray[np.int32],
    mids: npt.NDArray[np.uint16],
    flags: npt.NDArray[np.uint8],
    odd: npt.NDArray[np.bool_],
) -> tuple[int, int, int, int]:
    """Lift up to ``limit`` packets from buffer[start:end]; they fill the rows of the four arrays.

    cuts: int32[n, 4] as in Packets, relative to ``start``; odd: the topic has not the shape of the house.
    A packet of more than ``longest`` bytes is foreign, so that no buffer needs to hold it. Returns (rows,
    where the next packet begins, why it stopped, the foreign packet's length in bytes or 0).
    """
    count = 0
    first = start
    while True:
        remaining, at = varint(buffer, start + 1, end)
        if remaining == -1:
            return count, start, INCOMPLETE, 0
        if remaining == -2:
            return count, start, FOREIGN, 6  # paho reads this far and ends the connection
        stop = at + remaining
        head = int(buffer[start])
        if head & 0xF6 != 0x32 or stop - start > longest:
            return count, start, FOREIGN, stop - start
        if stop > end:
            return count, start, INCOMPLETE, 0
        if remaining < 5:
            return count, start, FOREIGN, stop - start
        topic = at + 2
        topic_end = topic + (int(buffer[at]) << 8 | int(buffer[at + 1]))
        payload = topic_end + 2
        if topic_end == topic or payload > stop:
            return count, start, FOREIGN, stop - start
        mid = int(buffer[topic_end]) << 8 | int(buffer[topic_end + 1])
        if five:
            length, payload = varint(buffer, payload, stop)
            payload = payload + length if length >= 0 else stop + 1
        if mid == 0 or payload > stop:
            return count, start, FOREIGN, stop - start
        if count >= limit:
            return count, start, FULL, 0
        cuts[count, 0] = topic - first
        cuts[count, 1] = topic_end - first
        cuts[count, 2] = payload - first
        cuts[count, 3] = stop - first
        mids[count] = mid
        flags[count] = (FLAG_DUP if head & 8 else 0) | (FLAG_RETAINED if head & 1 else 0)
        odd[count] = not has_shape(buffer, topic, topic_end)
        count += 1
        start = stop


def compile_scan() -> None:
    """Compile before the first connection, so that the network thread never waits for it."""
    packet = np.frombuffer(bytearray(b"\x32\x05\x00\x01r\x00\x01"), np.uint8)
    for five in (False, True):
        scan(packet, 0, len(packet), five, 1, len(packet), *empty_rows(1))


def empty_rows(
    count: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16], npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Arrays for ``scan`` to fill."""
    return (
        np.empty((count, CUT_COLUMNS), np.int32),
        np.empty(count, np.uint16),
        np.empty(count, np.uint8),
        np.empty(count, np.bool_),
    )
