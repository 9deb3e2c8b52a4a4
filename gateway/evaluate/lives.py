"""Simulated plants and the packets that their devices send, as the monitor is given them.

Guarantee: packets hold the bytes that the devices would send, at the times at which they would arrive.
Plants of one kind and seed that differ in their faults alone live through the time before the first fault
together: each then stands exactly where it would stand alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from simulators import Sample, load
from simulators._payloads import Counters, encode, time_ms
from simulators._profiles import profile
from simulators._sources import Plan

START_NS = 1_764_028_800_000_000_000
"""2025-11-25 00:00 UTC: plants with a day of their own begin at midnight."""
SECOND = 1_000_000_000
Packet = tuple[bytes, bytes, int, int]
"""Topic, payload, wall clock of its arrival, flags."""


class Wanted(NamedTuple):
    """One plant that is to run for so long."""

    plan: Plan
    seed: int
    span_s: float


def place_of(plan: Plan) -> str:
    """ "<enterprise>/<site>" of a plan's devices: one plant stands there alone."""
    return plan.devices[0].rpartition("/")[0]


class Source:
    """A plant and the packets that its devices send: one a reading, as ``encode`` would make it, or where
    readings are kept and sent together, columns."""

    def __init__(self, wanted: Wanted) -> None:
        plan = wanted.plan
        module = load(plan.kind)
        own_s = module.Plant.STEP_S or profile(plan.profile_id).period_ns / SECOND
        self.wanted = wanted
        self.place = place_of(plan)
        self.period_ns = round((plan.period_s or own_s) * SECOND)
        self.next_ns = START_NS
        self.end_ns = START_NS + round(wanted.span_s * SECOND)
        self.plant: Any = module.Plant(
            plan.devices, START_NS, wanted.seed, plan.faults,
            period_s=self.period_ns / SECOND, scale=plan.scale,
        )  # fmt: skip
        self._units: dict[str, str] = dict(module.UNITS)
        together = module.Plant.SPORADIC or module.Plant.UPLOAD_S
        self._counters = Counters(boot=1) if together else None
        self._topics: dict[tuple[str, str], bytes] = {}
        self._tails: dict[str, bytes] = {}

    @property
    def begin_ns(self) -> int:
        """When the first fault begins; the plant's start when it makes no sense to wait for it: readings
        that are kept and sent together carry counters, and where a fault is may be drawn at the start."""
        faults = self.wanted.plan.faults
        if self._counters is not None or not faults:
            return START_NS
        return START_NS + round(min(fault.at_s for fault in faults) * SECOND)

    def step(self) -> list[Packet]:
        """Everything that is sent at ``next_ns``; then the plant stands one period further."""
        at_ns, samples = self.next_ns, self.plant.step(self.next_ns)
        self.next_ns += self.period_ns
        if self._counters is None:
            return [(self.topic(s.device, s.channel), self.body(s), at_ns, 0) for s in samples]
        messages = encode(samples, "json_columns", self._counters, self._units)
        return [(m.topic.encode(), m.payload.encode(), at_ns, 0) for m in messages]

    def topic(self, device: str, channel: str) -> bytes:
        """Where a channel speaks; of the device only the last part of its key counts."""
        key = device, channel
        if key not in self._topics:
            self._topics[key] = f"rg/{self.place}/{device.rpartition('/')[2]}/{channel}".encode()
        return self._topics[key]

    def body(self, sample: Sample) -> bytes:
        """A reading as its packet holds it."""
        channel = sample.channel
        if channel not in self._tails:
            unit = self._units.get(channel)
            self._tails[channel] = f',"unit":"{unit}"'.encode() if unit else b""
        value = b"null" if sample.value is None else repr(sample.value).encode()
        tail = self._tails[channel]
        if sample.quality is not None:
            tail += b',"quality":"%s"' % sample.quality.encode()
        return b'{"time_ms":%s,"value":%s%s}' % (repr(time_ms(sample.time_ns)).encode(), value, tail)


class Life:
    """What plants that differ in their faults alone live through before the faults, lived once for all."""

    def __init__(self, sources: Sequence[Source]) -> None:
        first = sources[0]
        self.next_ns = START_NS
        self.waiting = sorted(sources, key=lambda source: source.begin_ns)
        self._first = first
        self._plant: Any = first.plant.forked(first.wanted.plan.devices, ())

    def leave(self) -> list[Source]:
        """Those whose fault is on at ``next_ns``: from here on each has its own life."""
        going = [source for source in self.waiting if source.begin_ns <= self.next_ns]
        self.waiting = self.waiting[len(going) :]
        for source in going:
            plan = source.wanted.plan
            source.plant, source.next_ns = self._plant.forked(plan.devices, plan.faults), self.next_ns
        return going

    def step(self) -> list[Packet]:
        """Everything that those who wait send at ``next_ns``."""
        at_ns, samples = self.next_ns, self._plant.step(self.next_ns)
        self.next_ns += self._first.period_ns
        said = [(sample.device, sample.channel, self._first.body(sample)) for sample in samples]
        return [
            (source.topic(device, channel), body, at_ns, 0)
            for source in self.waiting
            for device, channel, body in said
        ]


def lives(sources: Sequence[Source]) -> list[Life]:
    """One for all plants of a kind, a seed and a pace; none for those that begin with their fault."""
    alike: dict[tuple[Any, ...], list[Source]] = {}
    for source in sources:
        plan, seed, _ = source.wanted
        key = plan.kind, plan.profile_id, seed, plan.scale, len(plan.devices), source.period_ns
        if source.begin_ns > START_NS:
            alike.setdefault(key, []).append(source)
    return [Life(own) for own in alike.values()]
