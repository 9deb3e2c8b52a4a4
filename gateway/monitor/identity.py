"""Which packets were seen before: by the bytes themselves, and by the counters that devices send.

The last ``REMEMBERED`` packets at least are known by a keyed 64-bit hash of topic and payload, with the
connection they came in. A packet is dropped for its hash only if the broker itself says that it was sent
before (DUP), so a chance collision (below 1 in 10**13 a packet) needs a redelivery as well to do harm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, compiled
from gateway.monitor._topics import mix
from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED, Packets
from gateway.monitor.timing import SURELY, seq_known

REMEMBERED = 1 << 17
"""Twice the most packets a broker can hold unacknowledged for one session (packet ids have 16 bits)."""
_PLACES = 2 * REMEMBERED


class Remembered:
    """Hashes of packets in two generations: when the newer one is full it becomes the older one, and what
    was the older one is forgotten."""

    def __init__(self) -> None:
        self.key = 0
        """Of the hash; the first start's random seed."""
        self.epoch: tuple[str, int] = ("", 0)
        self.number = 1
        """Counts connection epochs over all starts; 0 is an empty place."""
        self._hashes = np.zeros((2, _PLACES), np.uint64)
        self._numbers = np.zeros((2, _PLACES), np.uint32)
        self._counts = np.zeros(2, np.int64)

    def known(
        self,
        packets: Packets,
        clocks: npt.NDArray[np.void],
        rows: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], npt.NDArray[np.int64]],
        boot: npt.NDArray[np.int64],
        seq: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.uint8]:
        """uint8[packets]: 1 seen before by its own (boot, seq), SURELY by its bytes and the broker's word.

        rows: packet, device and event time of every reading, packet by packet. Packets without a reading
        and retained ones (a copy of the last value must not make the live one look like a repetition) are
        not noted.
        """
        if (packets.stamp.boot, packets.epoch) != self.epoch:
            self.epoch = (packets.stamp.boot, packets.epoch)
            self.number += 1
        known = np.zeros(len(packets), np.uint8)
        _known(
            np.frombuffer(packets.blob, np.uint8),
            packets.cut_array(),
            packets.flag_array(),
            *rows,
            boot,
            seq,
            clocks,
            np.uint64(self.key),
            self.number,
            self._hashes,
            self._numbers,
            self._counts,
            known,
        )
        return known

    def export(self) -> dict[str, Any]:
        """Plain values; equal memories give equal bytes, whatever the order in which packets came."""
        generations = []
        for hashes, numbers, count in zip(self._hashes, self._numbers, self._counts.tolist(), strict=True):
            keys, values = np.empty(count, np.uint64), np.empty(count, np.uint32)
            _in_order(hashes, numbers, keys, values)
            generations.append([keys.tobytes(), values.tobytes()])
        return {
            "key": self.key,
            "epoch": list(self.epoch),
            "number": self.number,
            "generations": generations,
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported values."""
        self.key, self.number = stored["key"], stored["number"]
        self.epoch = (stored["epoch"][0], stored["epoch"][1])
        for which, (hashes, numbers) in enumerate(stored["generations"]):
            keys = np.frombuffer(hashes, np.uint64)
            _fill(keys, np.frombuffer(numbers, np.uint32), self._hashes[which], self._numbers[which])
            self._counts[which] = len(keys)


@compiled
def _find(hashes: npt.NDArray[np.uint64], numbers: npt.NDArray[np.uint32], key: Any) -> int:
    """The place of a hash, or the empty one where it belongs."""
    place: Any = np.int64(key & np.uint64(_PLACES - 1))
    while numbers[place] != 0 and hashes[place] != key:
        place = (place + 1) & (_PLACES - 1)
    return int(place)


@compiled
def _fill(
    keys: npt.NDArray[np.uint64],
    values: npt.NDArray[np.uint32],
    hashes: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.uint32],
) -> None:
    for k in range(len(keys)):
        place = _find(hashes, numbers, keys[k])
        hashes[place], numbers[place] = keys[k], values[k]


@compiled
def _in_order(
    hashes: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.uint32],
    keys: npt.NDArray[np.uint64],
    values: npt.NDArray[np.uint32],
) -> None:
    """What is in use, in an order that only depends on what that is: which places are in use does not depend
    on who came first, so it is enough to sort within each run of used places. Several times cheaper."""
    first = 0
    while numbers[first] != 0:  # half of the places at least are empty
        first += 1
    count = begin = 0
    for step in range(_PLACES):
        place = (first + step) & (_PLACES - 1)
        if numbers[place] == 0:
            begin = count
            continue
        at = count
        while at > begin and keys[at - 1] > hashes[place]:
            keys[at], values[at] = keys[at - 1], values[at - 1]
            at -= 1
        keys[at], values[at] = hashes[place], numbers[place]
        count += 1


@compiled
def _seen(key: Any, number: int, hashes: Any, numbers: Any, counts: npt.NDArray[np.int64]) -> bool:
    """Whether a packet of this hash came in an earlier connection; notes it for this one."""
    place = _find(hashes[0], numbers[0], key)
    before: Any = np.int64(numbers[0][place])
    if before == 0:
        old = _find(hashes[1], numbers[1], key)
        before = np.int64(numbers[1][old])
        if counts[0] == REMEMBERED:
            hashes[1][:] = hashes[0]
            numbers[1][:] = numbers[0]
            counts[1] = counts[0]
            numbers[0][:] = 0
            counts[0] = 0
            place = _find(hashes[0], numbers[0], key)
        counts[0] += 1
        hashes[0][place] = key
    numbers[0][place] = number
    return bool(0 < before < number)


@compiled
def _known(
    blob: npt.NDArray[np.uint8],
    cuts: npt.NDArray[np.int32],
    flags: npt.NDArray[np.uint8],
    packet: npt.NDArray[np.int32],
    device: npt.NDArray[np.int32],
    event_ns: npt.NDArray[np.int64],
    boot: npt.NDArray[np.int64],
    seq: npt.NDArray[np.int64],
    clocks: npt.NDArray[np.void],
    secret: Any,
    number: int,
    hashes: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.uint32],
    counts: npt.NDArray[np.int64],
    known: npt.NDArray[np.uint8],
) -> None:
    before = -1
    for row in range(len(packet)):
        k = packet[row]
        if k == before:
            continue
        before = k
        if flags[k] & FLAG_RETAINED:
            continue
        by_seq = boot[k] >= 0 and seq_known(clocks, device[row], boot[k], seq[k])
        topic = mix(blob, cuts[k, 0], cuts[k, 1], secret)
        by_bytes = _seen(mix(blob, cuts[k, 2], cuts[k, 3], topic), number, hashes, numbers, counts)
        if by_bytes and flags[k] & FLAG_DUP:
            known[k] = SURELY
        elif by_seq and (by_bytes or event_ns[row] != NO_TIME):
            known[k] = 1
