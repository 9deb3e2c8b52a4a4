"""Packets and device profiles in, columns of readings and counted refusals out. Never raises for bytes.

Plain payloads are read by one compiled loop (``plain.py``); the others one by one by their codec, and their
rows take their place in receive order.
"""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME
from device_profiles import codecs, quality
from gateway.monitor import plain
from gateway.monitor.entries import Packets
from gateway.monitor.outcome import Rejected
from gateway.monitor.quarantine import Quarantine
from gateway.monitor.roster import Change, Roster
from gateway.monitor.routes import Route, Routes, text

MAX_TIME_MS = float(plain.MAX_TIME_MS)
"""Times beyond 2191 (or before 1748) are held at this bound, so that int64 differences never overflow."""
MAX_COUNTER = (1 << 62) - 1
"""Boot and sequence counters are compared modulo 2^62."""
Row = tuple[int, int, int, float, int, int, int]


@dataclass(slots=True)
class Raw:
    """Columns before any time rule, of equal length, in receive order. packet: row in the entry."""

    device: npt.NDArray[np.int32]
    slot: npt.NDArray[np.int32]
    event_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    packet: npt.NDArray[np.int32]


@dataclass(slots=True)
class DecodedPackets:
    """What one Packets entry holds. boot, seq: int64[packets], -1 where the payload does not name itself."""

    raw: Raw
    boot: npt.NDArray[np.int64]
    seq: npt.NDArray[np.int64]
    rejected: list[Rejected]
    rows: int
    """Readings the payloads held, whether they could be used or not; a refused payload counts one."""


@dataclass(slots=True)
class _Odd:
    """What the codecs found in the payloads that are not plain."""

    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    refused: int = 0
    """Payloads refused whole, and rows refused inside others."""


class Decoder:
    """Knows the roster's topics; holds nothing else that matters to what a packet means."""

    def __init__(self, roster: Roster, quarantine: Quarantine) -> None:
        self.routes = Routes(roster, quarantine)
        """The topics known by now."""

    def forget_routes(self, change: Change) -> None:
        """The configuration changed: resolve topics anew that may lead elsewhere now."""
        self.routes.change(change)

    def decode(self, position: int, packets: Packets) -> DecodedPackets:
        """Every packet of the entry, in order."""
        count = len(packets)
        if not count:
            return _nothing()
        room = count + len(packets.blob) // plain.ROW
        columns: list[npt.NDArray[Any]] = [np.empty(room, dtype) for dtype in plain.DTYPES]
        boot, seq = np.empty(count, np.int64), np.empty(count, np.int64)
        left = np.empty(count, np.int32)
        known = self.routes
        rows, odd_count = plain.read(
            np.frombuffer(packets.blob, np.uint8),
            packets.cut_array(),
            known.routes,
            known.topics,
            known.table,
            known.points,
            known.texts,
            plain.with_bits(columns),
            boot,
            seq,
            left,
        )
        raw = Raw(*(column[:rows] for column in columns))
        if not odd_count:
            return DecodedPackets(raw, boot, seq, [], rows)
        odd = _Odd()
        for packet in left[:odd_count].tolist():
            self._read(position, packet, packets, boot, seq, odd)
        total = rows + len(odd.rows) + odd.refused
        return DecodedPackets(_merged(raw, odd.rows), boot, seq, odd.rejected, total)

    def _read(
        self,
        position: int,
        packet: int,
        packets: Packets,
        boot: npt.NDArray[np.int64],
        seq: npt.NDArray[np.int64],
        odd: _Odd,
    ) -> None:
        topic, payload = packets.packet(packet)
        try:
            route = self.routes.resolve(topic, packets.stamp.wall_ns)
            decoded = _within(route, payload).reader.decode(payload, route.stream)
            rows, refused = _rows(packet, route, decoded)
        except codecs.Refusal as refusal:
            odd.refused += 1
            odd.rejected.append(Rejected(position, packet, -1, refusal.reason, refusal.detail, text(topic)))
        except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is a counted row
            odd.refused += 1
            digest = hashlib.sha256(traceback.format_exc(limit=-1).encode()).hexdigest()[:12]
            odd.rejected.append(Rejected(position, packet, -1, "plugin_error", digest, text(topic)))
        else:
            if decoded.boot is not None and decoded.seq is not None:
                boot[packet], seq[packet] = decoded.boot & MAX_COUNTER, decoded.seq & MAX_COUNTER
            odd.rows += rows
            odd.refused += len(refused)
            odd.rejected += [
                Rejected(position, packet, number, reason, detail, text(topic))
                for number, reason, detail in refused
            ]


def _rows(packet: int, route: Route, decoded: codecs.Decoded) -> tuple[list[Row], list[tuple[int, str, str]]]:
    """The payload's readings, and what of it was refused, both in its order. Refusal for another device's
    payload."""
    if decoded.device is not None and decoded.device != route.name:
        raise codecs.Refusal("device_mismatch", f"payload says {decoded.device!r}, topic says {route.name!r}")
    rows: list[Row] = []
    refused = list(decoded.refused)
    numbers = range(len(decoded.rows)) if decoded.numbers is None else decoded.numbers
    for number, item in zip(numbers, decoded.rows, strict=True):
        place = route.reader.places.get(item.channel)
        if place is None:
            refused.append((number, "unknown_channel", item.channel[:64]))
            continue
        try:
            value, grade, reason = quality.judge(route.points[place], item)
        except codecs.Refusal as refusal:
            refused.append((number, refusal.reason, refusal.detail))
            continue
        slot = route.first_slot + place
        rows.append((route.device, slot, _event_ns(item.time_ms), value, grade, reason, packet))
    refused.sort(key=itemgetter(0))
    return rows, refused


def _within(route: Route, payload: bytes) -> Route:
    """The route, if it takes a payload of this size: judged before anything is parsed."""
    limit = route.reader.max_bytes
    if len(payload) > limit:
        raise codecs.Refusal("oversize", f"{len(payload)} bytes, limit {limit}")
    return route


def _merged(raw: Raw, rows: list[Row]) -> Raw:
    """Both kinds of rows in the packets' order."""
    if not rows:
        return raw
    late = [
        np.array(column, dtype) for column, dtype in zip(zip(*rows, strict=True), plain.DTYPES, strict=True)
    ]
    order = np.argsort(np.concatenate([raw.packet, late[6]]), kind="stable")
    both = zip(Raw.__slots__, late, strict=True)
    return Raw(*(np.concatenate([getattr(raw, name), column])[order] for name, column in both))


def _event_ns(time_ms: float | None) -> int:
    if time_ms is None:
        return NO_TIME
    if isinstance(time_ms, int):
        return max(-int(MAX_TIME_MS), min(int(MAX_TIME_MS), time_ms)) * 1_000_000
    return round(max(-MAX_TIME_MS, min(MAX_TIME_MS, time_ms)) * 1e6)


def _nothing() -> DecodedPackets:
    empty: list[npt.NDArray[Any]] = [np.empty(0, dtype) for dtype in plain.DTYPES]
    return DecodedPackets(Raw(*empty), np.empty(0, np.int64), np.empty(0, np.int64), [], 0)
