"""From the packets of one entry to readings that take effect: decoding, identity, time rules, counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Readings
from gateway.monitor.counts import Counts, Rejections
from gateway.monitor.decode import DecodedPackets, Decoder
from gateway.monitor.detector import writable
from gateway.monitor.entries import Packets
from gateway.monitor.identity import Remembered
from gateway.monitor.outcome import Outcome
from gateway.monitor.passes import arrive, tally
from gateway.monitor.quarantine import Quarantine
from gateway.monitor.recents import Recents
from gateway.monitor.rooms import grown
from gateway.monitor.roster import Roster
from gateway.monitor.stored import Image, Rows
from gateway.monitor.timeline import TimeLine
from gateway.monitor.timing import PLAUSIBLE_SINCE_NS, drifting, judge, new_clocks, wall_jumped
from gateway.monitor.twins import Twins

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
        self.recents = Recents()
        self.remembered = Remembered()
        self.twins = Twins(roster)
        self.image: Image | None = None
        """What is being taken over for a snapshot: told of every record ahead of its change."""
        self.doubled: list[tuple[int, int]] = []
        """(device, event time ns) of those found to be two senders in the packets taken last."""

    def take(self, position: int, packets: Packets, outcome: Outcome) -> list[tuple[int, int, int]]:
        """Fill the outcome's readings, rejections and duplicates; returns (row, device, skew change ns) of
        every row of ``outcome.readings`` at which a device's clock was re-based."""
        decoded = self.decoder.decode(position, packets)
        outcome.rejected = decoded.rejected
        self._count_rejected(len(packets), decoded)
        self.doubled = []
        raw = decoded.raw
        packet, device, slot, event = raw.packet, raw.device, raw.slot, raw.event_ns
        if not len(slot):
            return []
        self.changing(slot, device)
        known = self.remembered.known(
            packets, self.clocks, (packet, device, event), decoded.boot, decoded.seq
        )
        untimed = event == NO_TIME
        arrival, received = self._times(packets, packet, event)
        time = np.zeros(len(slot), np.uint8)
        keep = np.zeros(len(slot), np.uint8)
        rebased = np.zeros(len(slot), np.int64)
        kept, changes = judge(
            self.clocks,
            *self.recents.room(len(slot)),
            device,
            slot,
            event,
            arrival,
            raw.value,
            packet,
            known,
            packets.flag_array(),
            time,
            keep,
            rebased,
        )
        self.doubled = self.twins.watch(
            device,
            slot,
            packet,
            (decoded.boot, decoded.seq),
            (event, arrival, received),
            untimed,
            (keep, time, packets.flag_array()),
        )
        whole = Readings(slot, event, received, raw.value, raw.quality, raw.reason, time, packet)
        outcome.readings = whole if kept == len(slot) else whole.take(np.flatnonzero(keep))
        outcome.duplicates = len(slot) - kept
        self._count_effective(outcome)
        if not changes:
            return []
        places = np.cumsum(keep, dtype=np.int64) - 1  # a row at which a clock was re-based is kept
        return [(int(places[i]), int(device[i]), int(rebased[i])) for i in np.flatnonzero(rebased)]

    def changing(self, slots: npt.NDArray[Any], devices: npt.NDArray[Any]) -> None:
        """Records of these are about to change, here or in a detector of the bank."""
        if self.image is not None:
            if self.image.open:
                self.image.before(slots, devices)
            else:
                self.image = None

    def changing_devices(self, devices: npt.NDArray[Any]) -> None:
        """Records of these devices are about to change."""
        self.changing(np.zeros(0, np.int32), devices)

    def changing_all(self) -> None:
        """Any record may change, or the tables grow."""
        if self.image is not None:
            self.image.before_all()

    def calm(self, now_ns: int) -> list[int]:
        """Time passed: the devices that are no longer two senders."""
        devices = self.twins.due(now_ns)
        if devices:
            self.changing_devices(np.array(devices, np.int32))
            self.twins.forget(devices)
        return devices

    def drifting(self) -> list[tuple[int, bool, float]]:
        """(device, whether its clock drifts, seconds a day that it gains) of those of which that is new."""
        devices = drifting(self.clocks)
        if devices:
            self.changing_devices(np.array(devices, np.int32))
            self.clocks["told"][devices] = self.clocks["drifts"][devices]
        return [(d, bool(self.clocks["drifts"][d]), float(self.clocks["share"][d]) * 86_400) for d in devices]

    def forget_newest(self, slots: range, after_ns: int) -> None:
        """A device's clock was set back: times of its old clock no longer order its channels."""
        for slot in slots:
            self.recents.forget_newest(slot, after_ns)

    def wall_jumped(self, jump_ns: int) -> None:
        """The gateway's own clock was set: no device's clock changed by that."""
        self.changing_all()
        wall_jumped(self.clocks, jump_ns)
        self.twins.wall_jumped(jump_ns)

    def grow(self, devices: int, slots: int) -> None:
        """Room for more devices and slots."""
        if devices > len(self.clocks):
            self.clocks = grown(self.clocks, devices, new_clocks(1)[0])
        self.recents.grow(slots)

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
        arrival, received = np.empty(len(packet), np.int64), np.empty(len(packet), np.int64)
        arrive(packets.received_array(), packet, line.mono_ns, line.wall_ns, line.now_ns, arrival, received)
        return arrival, received

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
        late, suspect, retained, disordered, bad, uncertain = map(
            int,
            tally(readings.time, readings.quality),  # uncompiled, it gives numpy's own integers
        )
        counts.late += late
        counts.suspect += suspect
        counts.retained += retained
        counts.disordered += disordered
        counts.bad += bad
        counts.uncertain += uncertain

    def export(self) -> dict[str, Any]:
        """Everything needed to stand here again, as values for an ``Image``."""
        return {
            "clocks": Rows(self.clocks, device=True),
            "recents": self.recents.export(),
            "remembered": self.remembered.export(),
            "rejections": self.rejections.export(),
            "quarantine": self.quarantine.export(),
            "twins": self.twins.export(),
        }

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported data."""
        self.clocks = writable(stored["clocks"], self.clocks.dtype)
        self.recents.load(stored["recents"])
        if isinstance(stored["remembered"], dict):  # behaviour 1 kept other hashes, of no use now
            self.remembered.load(stored["remembered"])
        self.rejections = Rejections.load(stored["rejections"])
        self.quarantine.load(stored["quarantine"])
        if "twins" in stored:  # not before they were watched
            self.twins.load(stored["twins"])
