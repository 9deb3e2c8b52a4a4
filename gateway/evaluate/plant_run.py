"""Simulated plants through the real monitor on a virtual clock: entries as the journal would hold them.

Guarantee: what the monitor is given are packets with the bytes that the plants' devices would send, at the
times at which they would arrive; it judges by the shipped profiles. The same plans, seeds and spans give
the same alarms. Nothing waits and nothing is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import detectors
from gateway.alarms import advice
from gateway.alarms.events import AlarmEvent
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change
from simulators import Label, Sample, load
from simulators._payloads import Counters, encode, time_ms
from simulators._profiles import profile
from simulators._sources import Plan

START_NS = 1_764_028_800_000_000_000
"""2025-11-25 00:00 UTC: plants with a day of their own begin at midnight."""
MONO_NS = 1_000_000_000
SECOND = 1_000_000_000
Packet = tuple[bytes, bytes, int, int]
"""Topic, payload, wall clock of its arrival, flags."""
RAISED = frozenset({"raised", "re_raised"})
LIMITS = frozenset({"LL", "L", "H", "HH"})
TICK_S = 30.0
"""The gateway's time goes on at least so often while nothing arrives."""


class Wanted(NamedTuple):
    """One plant that is to run for so long."""

    plan: Plan
    seed: int
    span_s: float


class Heard(NamedTuple):
    """One alarm that was raised. ``at_s``: since the start, the gateway's time."""

    at_s: float
    place: str
    """ "<enterprise>/<site>", of one plant."""
    asset: str
    device: str
    """Key of the device; "" for an alarm of the whole asset."""
    channel: str
    condition: str
    advice: bool
    """A detector told it, not a limit, a state or the device."""
    wide: bool = False
    """Of several channels together: it stands at the first one's device and means the asset."""

    @property
    def name(self) -> str:
        """As an operator reads it."""
        return f"{self.device or self.asset}/{self.channel}:{self.condition}"


@dataclass(slots=True)
class Run:
    """What came of it. Plants are named by their place, "<enterprise>/<site>"."""

    heard: list[Heard] = field(default_factory=list)
    labels: dict[str, list[Label]] = field(default_factory=dict)
    readings: int = 0
    channel_days: float = 0.0
    rejected: int = 0


@cache
def profiles() -> dict[str, str]:
    """The texts of the shipped profiles."""
    return read_profiles([])


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
        self._period_ns = round((plan.period_s or own_s) * SECOND)
        self.next_ns = START_NS
        self.end_ns = START_NS + round(wanted.span_s * SECOND)
        self.plant: Any = module.Plant(
            plan.devices, START_NS, wanted.seed, plan.faults,
            period_s=self._period_ns / SECOND, scale=plan.scale,
        )  # fmt: skip
        self._units: dict[str, str] = dict(module.UNITS)
        self._counters = Counters(boot=1) if module.Plant.SPORADIC or module.Plant.UPLOAD_S else None
        self._topics: dict[tuple[str, str], tuple[bytes, bytes]] = {}

    def step(self) -> list[Packet]:
        """Everything that is sent at ``next_ns``; then the plant stands one period further."""
        at_ns, samples = self.next_ns, self.plant.step(self.next_ns)
        self.next_ns += self._period_ns
        if self._counters is None:
            return [self._packet(sample, at_ns) for sample in samples]
        messages = encode(samples, "json_columns", self._counters, self._units)
        return [(m.topic.encode(), m.payload.encode(), at_ns, 0) for m in messages]

    def _packet(self, sample: Sample, at_ns: int) -> Packet:
        key = (sample.device, sample.channel)
        if key not in self._topics:
            unit = self._units.get(sample.channel)
            ending = f',"unit":"{unit}"' if unit else ""
            self._topics[key] = f"rg/{sample.device}/{sample.channel}".encode(), ending.encode()
        topic, tail = self._topics[key]
        value = b"null" if sample.value is None else repr(sample.value).encode()
        if sample.quality is not None:
            tail += b',"quality":"%s"' % sample.quality.encode()
        time = repr(time_ms(sample.time_ns)).encode()
        return topic, b'{"time_ms":%s,"value":%s%s}' % (time, value, tail), at_ns, 0


class World:
    """A monitor that believes it is live."""

    def __init__(self, wanted: Sequence[Wanted]) -> None:
        self.monitor = Monitor(1)
        self.run = Run()
        self._position = 0
        self._last_ns = START_NS
        devices = []
        for plan, _, _ in wanted:
            for key in plan.devices:
                enterprise, site, device = key.split("/")
                devices.append(Device(enterprise, site, "plant", device, plan.profile_id))
        stamp = self._stamp(START_NS)
        self._step(Started(stamp, "evaluation", BEHAVIOUR, 1))
        self._step(config_change(stamp, devices, profiles()))
        self._step(Link(stamp, 1, up=True))

    def arrive(self, packets: Sequence[Packet], until_ns: int) -> None:
        """Packets in one entry that is made at ``until_ns``."""
        if not packets:
            self.pass_time(until_ns)
            return
        self.pass_time(packets[0][2])
        rows = [(topic, body, _mono(at_ns), flags) for topic, body, at_ns, flags in packets]
        self._step(Packets.of(self._stamp(until_ns), 1, rows))
        self._last_ns = until_ns

    def pass_time(self, until_ns: int) -> None:
        """Ticks of an idle gateway."""
        while until_ns - self._last_ns > TICK_S * SECOND:
            self._last_ns += round(TICK_S * SECOND)
            self._step(Tick(self._stamp(self._last_ns)))

    def _stamp(self, at_ns: int) -> Stamp:
        return Stamp(at_ns, _mono(at_ns), "evaluation")

    def _step(self, entry: Entry) -> None:
        self._position += 1
        outcome = self.monitor.step(self._position, entry)
        self.run.readings += len(outcome.readings)
        self.run.rejected += len(outcome.rejected)
        for event in outcome.events:
            if isinstance(event, AlarmEvent) and event.cause in RAISED and event.category != "system":
                self.run.heard.append(_heard(event))


def _mono(at_ns: int) -> int:
    return MONO_NS + at_ns - START_NS


def _heard(event: AlarmEvent) -> Heard:
    place = f"{event.enterprise}/{event.site}"
    return Heard(
        (event.at_ns - START_NS) / SECOND,
        place,
        event.asset,
        f"{place}/{event.device}" if event.device else "",
        event.channel,
        event.condition,
        event.condition in advice.advice_texts(),
        event.condition in _wide(),
    )


@cache
def _wide() -> frozenset[str]:
    """Conditions of detectors over several channels."""
    modules = [m for m in detectors.advising().values() if getattr(m, "INPUTS", ())]
    return frozenset(name for module in modules for name in module.FINDINGS)


def live(wanted: Sequence[Wanted], bundle_s: float = 0.0) -> Run:
    """Run plants until each one's span is over.

    ``bundle_s``: so much time goes into one entry; alarms are heard up to that much later.
    """
    world = World(wanted)
    sources = [Source(one) for one in wanted]
    queue = [(source.next_ns, place) for place, source in enumerate(sources)]
    heapq.heapify(queue)
    packets: list[Packet] = []
    due_ns = START_NS
    while queue:
        at_ns, place = queue[0]
        if packets and at_ns > due_ns:
            world.arrive(packets, packets[-1][2])
            packets = []
        if not packets:
            due_ns = at_ns + round(bundle_s * SECOND)
        source = sources[place]
        if at_ns >= source.end_ns:
            heapq.heappop(queue)
            continue
        packets += source.step()
        heapq.heapreplace(queue, (source.next_ns, place))
    if packets:
        world.arrive(packets, packets[-1][2])
    run = world.run
    for (plan, _, span_s), source in zip(wanted, sources, strict=True):
        run.labels[place_of(plan)] = source.plant.labels()
        run.channel_days += len(plan.devices) * len(profile(plan.profile_id).points) * span_s / 86_400
    return run
