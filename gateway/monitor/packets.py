"""From the packets of one entry to readings that take effect: decoding, identity, time rules, counts."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, DISORDER, LATE, RETAINED, SUSPECT, UNCERTAIN, Readings
from gateway.monitor.bank import writable
from gateway.monitor.counts import Counts, Rejections
from gateway.monitor.decode import NO_TIME, DecodedPackets, Decoder, Quarantine, packet_flags
from gateway.monitor.entries import Packets
from gateway.monitor.outcome import Outcome
from gateway.monitor.roster import Roster
from gateway.monitor.timeline import TimeLine
from gateway.monitor.timing import (
    NEVER,
    PLAUSIBLE_SINCE_NS,
    SURELY,
    forget,
    judge,
    new_clocks,
    new_recents,
    seq_known,
)

REMEMBERED_PACKETS = 1 << 17
"""Twice the most packets a broker can hold unacknowledged for one session (packet ids have 16 bits)."""
STREAM_AHEAD_NS = 60_000_000_000
"""With the stream clock, times this far ahead of the wall do not move gateway time."""


class Inlet:
    """Holds what identifies a packet or reading as seen before, and each device's clock."""

    def __init__(self, roster: Roster, line: TimeLine, counts: Counts) -> None:
        self.roster = roster
        self.line = line
        self.counts = counts
        self.rejections = Rejections()
        self.quarantine = Quarantine()
        self.decoder = Decoder(roster, self.quarantine)
        self.clocks = new_clocks(0)
        self.recents = new_recents(0)
        self.remembered: OrderedDict[bytes, int] = OrderedDict()
        self.epoch: tuple[str, int] = ("", 0)
        self.epoch_number = 0

    def take(self, position: int, packets: Packets, outcome: Outcome) -> list[tuple[int, int, int]]:
        """Fill the outcome's readings, rejections and duplicates; returns (row, device, skew change ns) of
        every row of ``outcome.readings`` at which a device's clock was re-based."""
        decoded = self.decoder.decode(position, packets)
        outcome.rejected = decoded.rejected
        self._count_rejected(len(packets), decoded)
        raw = decoded.raw
        if not raw.slot:
            return []
        device = np.array(raw.device, np.int32)
        slot = np.array(raw.slot, np.int32)
        event = np.array(raw.event_ns, np.int64)
        value = np.array(raw.value, np.float64)
        packet = np.array(raw.packet, np.int32)
        redelivered, retained = packet_flags(packets)
        known = self._known(packets, decoded, redelivered, retained)
        arrival, received = self._times(packets, packet, event)
        last = np.ones(len(slot), np.uint8)
        last[:-1] = packet[1:] != packet[:-1]
        time = np.zeros(len(slot), np.uint8)
        keep = np.zeros(len(slot), np.uint8)
        rebased = np.zeros(len(slot), np.int64)
        judge(
            self.clocks,
            self.recents,
            device,
            slot,
            event,
            arrival,
            value,
            np.array(known, np.uint8)[packet],
            np.array(retained, np.uint8)[packet],
            last,
            time,
            keep,
            rebased,
        )
        kept = np.flatnonzero(keep)
        whole = Readings(
            slot,
            event,
            received,
            value,
            np.array(raw.quality, np.uint8),
            np.array(raw.reason, np.uint8),
            time,
            packet,
        )
        outcome.readings = whole.take(kept)
        outcome.duplicates = len(slot) - len(kept)
        self._count_effective(outcome)
        return [
            (int(place), int(device[row]), int(rebased[row]))
            for place, row in enumerate(kept)
            if rebased[row] != 0
        ]

    def forget_newest(self, slots: range, after_ns: int) -> None:
        """A device's clock was set back: times of its old clock no longer order its channels."""
        for slot in slots:
            if self.recents["newest_ns"][slot] > after_ns:
                forget(self.recents[slot])

    def wall_jumped(self, jump_ns: int) -> None:
        """The gateway's own clock was set: no device's clock changed by that."""
        based = self.clocks["based"] != 0
        self.clocks["skew_ns"][based] += jump_ns
        self.clocks["agreed"] = 0
        self.clocks["agreed_event_ns"] = NEVER

    def grow(self, devices: int, slots: int) -> None:
        """Room for more devices and slots."""
        if devices > len(self.clocks):
            self.clocks = np.concatenate([self.clocks, new_clocks(devices - len(self.clocks))])
        if slots > len(self.recents):
            self.recents = np.concatenate([self.recents, new_recents(slots - len(self.recents))])

    def _known(
        self, packets: Packets, decoded: DecodedPackets, redelivered: list[bool], retained: list[bool]
    ) -> list[int]:
        """Whether each packet was seen before: 1 by its own (boot, seq), SURELY by its bytes and the broker's
        word that it was sent before."""
        known = [0] * len(packets)
        if (packets.stamp.boot, packets.epoch) != self.epoch:
            self.epoch = (packets.stamp.boot, packets.epoch)
            self.epoch_number += 1
        raw, seen = decoded.raw, -1
        for row, packet in enumerate(raw.packet):
            if packet == seen:
                continue
            seen = packet
            if retained[packet]:
                continue  # a copy of the last value must not make the live one look like a repetition
            named = decoded.seq.get(packet)
            by_seq = named is not None and bool(seq_known(self.clocks, raw.device[row], *named))
            by_bytes = self._bytes_known(packets, packet)
            if by_bytes and redelivered[packet]:
                known[packet] = SURELY
            elif by_seq and (by_bytes or raw.event_ns[row] != NO_TIME):
                known[packet] = 1
        return known

    def _bytes_known(self, packets: Packets, row: int) -> bool:
        """Whether the same topic and payload were journalled in an earlier connection epoch."""
        topic, payload = packets.packet(row)
        digest = hashlib.blake2b(topic + b"\0" + payload, digest_size=8).digest()
        before = self.remembered.pop(digest, None)
        self.remembered[digest] = self.epoch_number
        if len(self.remembered) > REMEMBERED_PACKETS:
            self.remembered.popitem(last=False)
        return before is not None and before < self.epoch_number

    def _times(
        self, packets: Packets, packet: npt.NDArray[np.int32], event: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(arrival by the wall clock, reception in gateway time) of every row."""
        line = self.line
        if line.stream:
            limit = line.wall_ns + STREAM_AHEAD_NS
            moving = np.where((event < PLAUSIBLE_SINCE_NS) | (event > limit), np.int64(0), event)
            now = np.maximum.accumulate(np.maximum(moving, np.int64(line.now_ns)))
            line.now_ns = int(now[-1])
            return now, now
        behind = np.maximum(np.int64(0), np.int64(line.mono_ns) - packets.received_array())[packet]
        return np.int64(line.wall_ns) - behind, np.int64(line.now_ns) - behind

    def _count_rejected(self, packets: int, decoded: DecodedPackets) -> None:
        self.counts.packets += packets
        self.counts.decoded += decoded.rows
        for rejected in decoded.rejected:
            self.counts.add("rejected", rejected.reason)
        self.rejections.recent.extend(decoded.rejected)

    def _count_effective(self, outcome: Outcome) -> None:
        counts, readings = self.counts, outcome.readings
        counts.effective += len(readings)
        counts.duplicates += outcome.duplicates
        flags, grades = readings.time, readings.quality
        for name, bit in (
            ("late", LATE),
            ("suspect", SUSPECT),
            ("retained", RETAINED),
            ("disordered", DISORDER),
        ):
            setattr(counts, name, getattr(counts, name) + int(np.count_nonzero(flags & bit)))
        counts.bad += int(np.count_nonzero(grades == BAD))
        counts.uncertain += int(np.count_nonzero(grades == UNCERTAIN))

    def export(self) -> dict[str, Any]:
        """Everything needed to stand here again."""
        return {
            "clocks": self.clocks.tobytes(),
            "recents": self.recents.tobytes(),
            "remembered": list(self.remembered.items()),
            "epoch": list(self.epoch),
            "epoch_number": self.epoch_number,
            "rejections": self.rejections.export(),
            "quarantine": self.quarantine.export(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported data."""
        self.clocks = writable(stored["clocks"], self.clocks.dtype)
        self.recents = writable(stored["recents"], self.recents.dtype)
        self.remembered = OrderedDict((bytes(k), v) for k, v in stored["remembered"])
        self.epoch = (stored["epoch"][0], stored["epoch"][1])
        self.epoch_number = stored["epoch_number"]
        self.rejections = Rejections.load(stored["rejections"])
        self.quarantine.load(stored["quarantine"])
