"""Packets and device profiles in, columns of readings and counted refusals out. Never raises for bytes."""

from __future__ import annotations

import hashlib
import traceback
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from device_profiles import Point, Profile, codecs, quality
from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED, Packets
from gateway.monitor.outcome import Rejected
from gateway.monitor.roster import Roster

NO_TIME = np.iinfo(np.int64).min
"""Event time of a reading whose device sent none."""
MAX_TIME_MS = 7.0e12
"""Times beyond 2191 (or before 1748) are held at this bound, so that int64 differences never overflow."""
MAX_COUNTER = (1 << 62) - 1
"""Boot and sequence counters are compared modulo 2^62."""
MAX_UNKNOWN = 1000
"""Unknown devices listed one by one; beyond that only counted."""


class Route(NamedTuple):
    """What a topic means: resolved once, kept."""

    device: int
    stream: str
    codec: ModuleType
    max_bytes: int
    name: str
    """The device's own id, as a payload may repeat it."""
    points: dict[str, tuple[int, Point]]
    """Channel -> (slot, point)."""


@dataclass(slots=True)
class Raw:
    """Columns before any time rule; lists of equal length."""

    device: list[int] = field(default_factory=list)
    slot: list[int] = field(default_factory=list)
    event_ns: list[int] = field(default_factory=list)
    value: list[float] = field(default_factory=list)
    quality: list[int] = field(default_factory=list)
    reason: list[int] = field(default_factory=list)
    packet: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Unknown:
    """One device that speaks but is not in the fleet."""

    packets: int
    first_ns: int
    last_ns: int
    topic: str


@dataclass(slots=True)
class DecodedPackets:
    """What one Packets entry holds. ``seq[row of packet]`` is (boot, seq) where the payload names itself."""

    raw: Raw
    rejected: list[Rejected]
    seq: dict[int, tuple[int, int]]
    rows: int
    """Readings the payloads held, whether they could be used or not; a refused payload counts one."""


class Quarantine:
    """Devices that speak but are not in the fleet: bounded, with counts."""

    def __init__(self) -> None:
        self.devices: dict[str, Unknown] = {}
        self.beyond = 0

    def note(self, key: str, topic: str, at_ns: int) -> None:
        """One more packet of an unknown device."""
        known = self.devices.get(key)
        if known is not None:
            known.packets += 1
            known.last_ns = at_ns
            known.topic = topic
        elif len(self.devices) < MAX_UNKNOWN:
            self.devices[key] = Unknown(1, at_ns, at_ns, topic)
        else:
            self.beyond += 1

    def export(self) -> dict[str, Any]:
        """Plain values."""
        rows = {k: [u.packets, u.first_ns, u.last_ns, u.topic] for k, u in self.devices.items()}
        return {"devices": rows, "beyond": self.beyond}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported values."""
        self.devices = {key: Unknown(*row) for key, row in stored["devices"].items()}
        self.beyond = stored["beyond"]


class Decoder:
    """Knows the roster's topics; holds nothing else that matters to what a packet means."""

    def __init__(self, roster: Roster, quarantine: Quarantine) -> None:
        self._roster = roster
        self._quarantine = quarantine
        self._routes: dict[bytes, Route] = {}

    def forget_routes(self) -> None:
        """The configuration changed: resolve topics anew."""
        self._routes.clear()

    def decode(self, position: int, packets: Packets) -> DecodedPackets:
        """Every packet of the entry, in order."""
        result = DecodedPackets(Raw(), [], {}, 0)
        blob = packets.blob
        for row, (a, b, c, d) in enumerate(packets.cut_array().tolist()):
            topic = blob[a:b]
            try:
                route = self._routes.get(topic) or self._resolve(topic, packets.stamp.wall_ns)
                decoded = _within(route, d - c).codec.decode(blob[c:d], route.stream)
                self._rows(position, row, topic, route, decoded, result)
            except codecs.Refusal as refusal:
                result.rows += 1
                result.rejected.append(
                    Rejected(position, row, -1, refusal.reason, refusal.detail, _text(topic))
                )
            except Exception:  # noqa: BLE001 - step is total: a plug-in's fault is a counted row
                result.rows += 1
                digest = hashlib.sha256(traceback.format_exc(limit=-1).encode()).hexdigest()[:12]
                result.rejected.append(Rejected(position, row, -1, "plugin_error", digest, _text(topic)))
        return result

    def _resolve(self, topic: bytes, at_ns: int) -> Route:
        parts = _text(topic).split("/")
        if len(parts) != 5 or parts[0] != "rg":  # admission refuses these; an older journal may hold them
            raise codecs.Refusal("bad_topic", "expected rg/<enterprise>/<site>/<device>/<stream>")
        key = "/".join(parts[1:4])
        number = self._roster.index.get(key)
        if number is None:
            self._quarantine.note(key, _text(topic), at_ns)
            raise codecs.Refusal("unknown_device", key)
        profile = self._roster.profile_of(number)
        codec = codecs.load(_codec_of(profile, parts[4]))
        slots = self._roster.slots_of(number)
        route = Route(
            number,
            parts[4],
            codec,
            min(profile.max_payload_bytes, codec.MAX_BYTES),
            parts[3],
            {point.channel: (slots[place], point) for place, point in enumerate(profile.points)},
        )
        self._routes[topic] = route
        return route

    def _rows(
        self,
        position: int,
        packet: int,
        topic: bytes,
        route: Route,
        decoded: codecs.Decoded,
        result: DecodedPackets,
    ) -> None:
        if decoded.device is not None and decoded.device != route.name:
            raise codecs.Refusal(
                "device_mismatch", f"payload says {decoded.device!r}, topic says {route.name!r}"
            )
        if decoded.boot is not None and decoded.seq is not None:
            result.seq[packet] = (decoded.boot & MAX_COUNTER, decoded.seq & MAX_COUNTER)
        raw, refused = result.raw, list(decoded.refused)
        for number, item in enumerate(decoded.rows):
            known = route.points.get(item.channel)
            if known is None:
                refused.append((number, "unknown_channel", item.channel[:64]))
                continue
            slot, point = known
            try:
                value, grade, reason = quality.judge(point, item)
            except codecs.Refusal as refusal:
                refused.append((number, refusal.reason, refusal.detail))
                continue
            raw.device.append(route.device)
            raw.slot.append(slot)
            raw.event_ns.append(_event_ns(item.time_ms))
            raw.value.append(value)
            raw.quality.append(grade)
            raw.reason.append(reason)
            raw.packet.append(packet)
        result.rows += len(decoded.rows) + len(decoded.refused)
        result.rejected += [
            Rejected(position, packet, number, reason, detail, _text(topic))
            for number, reason, detail in refused
        ]


def _within(route: Route, size: int) -> Route:
    """The route, if it takes a payload of this size: judged before anything is parsed."""
    if size > route.max_bytes:
        raise codecs.Refusal("oversize", f"{size} bytes, limit {route.max_bytes}")
    return route


def packet_flags(packets: Packets) -> tuple[list[bool], list[bool]]:
    """(redelivered, retained) of every packet."""
    flags = packets.flag_array()
    return ((flags & FLAG_DUP) != 0).tolist(), ((flags & FLAG_RETAINED) != 0).tolist()


def _event_ns(time_ms: float | None) -> int:
    if time_ms is None:
        return int(NO_TIME)
    if isinstance(time_ms, int):
        return max(-int(MAX_TIME_MS), min(int(MAX_TIME_MS), time_ms)) * 1_000_000
    return round(max(-MAX_TIME_MS, min(MAX_TIME_MS, time_ms)) * 1e6)


def _codec_of(profile: Profile, stream: str) -> str:
    for known in profile.streams:
        if known.name == stream:
            return known.codec
    if profile.point(stream) is not None:
        return "json"
    raise codecs.Refusal("unknown_stream", f"{stream!r} is neither a channel nor a stream of {profile.id}")


def _text(topic: bytes) -> str:
    return topic.decode("utf-8", "backslashreplace")
