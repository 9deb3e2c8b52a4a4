"""A plant of gas detectors and what they send: entries for a monitor, a journal or a core, made before."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gateway.fleet import read_profiles
from gateway.ingest import Packet
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Started
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.roster import config_change

PROFILE = "gas/combustible_point"
STREAMS = ("lel", "temperature")
BEGIN_NS = 1_764_000_000_000_000_000
BOOT = "bench"

Sent = tuple[bytes, bytes]
"""Topic and payload."""


def devices(channels: int) -> list[Device]:
    """Detectors of two channels each, at sites of a thousand."""
    return [
        Device("acme", f"s{n // 1000}", f"hall-{n % 1000 // 10}", f"GD-{n}", PROFILE)
        for n in range(channels // len(STREAMS))
    ]


def texts(period_s: int = 0) -> dict[str, str]:
    """The shipped profile, with another reporting period if one is given."""
    text = read_profiles([])[PROFILE]
    if period_s:
        shipped = "\nperiod_s = 5\n"
        if shipped not in text:
            raise ValueError(f"{PROFILE} has another period than the bench expects")
        text = text.replace(shipped, f"\nperiod_s = {period_s}\n")
    return {PROFILE: text}


class Plant:
    """Every channel of the fleet sends one JSON reading after another, in an order drawn anew each sweep."""

    def __init__(self, channels: int, rate: int, *, seed: int = 1, period_s: int = 0) -> None:
        self.devices = devices(channels)
        self.texts = texts(period_s)
        self.now_ns = 0
        self._rate = rate
        self._draw = np.random.default_rng(seed)
        self._order: Iterator[int] = iter(())
        self._seq = 0

    def stamp(self) -> Stamp:
        """Both clocks, now."""
        return Stamp(BEGIN_NS + self.now_ns, 1_000_000_000 + self.now_ns, BOOT)

    def begin(self) -> list[Entry]:
        """What stands in a journal before the first packet."""
        change = config_change(self.stamp(), self.devices, self.texts)
        return [Started(self.stamp(), "bench", BEHAVIOUR, 1), change, Link(self.stamp(), 1, up=True)]

    def send(self, count: int) -> list[Sent]:
        """The next readings; time moves on by what they take at the plant's rate."""
        self.now_ns += count * 1_000_000_000 // self._rate
        time_ms = (BEGIN_NS + self.now_ns) // 1_000_000
        values = np.round(self._draw.normal(8, 1, count), 2).tolist()
        return [self._one(self._channel(), time_ms, value) for value in values]

    def entry(self, count: int) -> Packets:
        """The next readings as one group of packets."""
        sent = self.send(count)
        stamp = self.stamp()
        return Packets.of(stamp, 1, [(topic, payload, stamp.mono_ns, 0) for topic, payload in sent])

    def entries(self, readings: int, group: int) -> Iterator[Packets]:
        """Groups until that many readings were sent."""
        for begin in range(0, readings, group):
            yield self.entry(min(group, readings - begin))

    def items(self, count: int, mono_ns: int) -> list[Packet]:
        """The next readings as the receiver hands them over."""
        return [Packet(topic, payload, mono_ns, 1, 1, 0) for topic, payload in self.send(count)]

    def _one(self, channel: int, time_ms: int, value: float) -> Sent:
        number, place = divmod(channel, len(STREAMS))
        self._seq += 1
        return (
            f"rg/acme/s{number // 1000}/GD-{number}/{STREAMS[place]}".encode(),
            f'{{"time_ms":{time_ms},"value":{value},"boot":1,"seq":{self._seq}}}'.encode(),
        )

    def _channel(self) -> int:
        channel = next(self._order, None)
        if channel is None:
            self._order = iter(self._draw.permutation(len(STREAMS) * len(self.devices)).tolist())
            channel = next(self._order)
        return channel
