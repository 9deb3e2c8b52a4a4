"""Simulated plants through the real monitor on a virtual clock: entries as the journal would hold them.

Guarantee: what the monitor is given are packets with the bytes that the plants' devices would send, at the
times at which they would arrive; it judges by the shipped profiles. The same plans, seeds and spans give
the same alarms. Nothing waits and nothing is written.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import detectors
from gateway.alarms import advice
from gateway.alarms.events import AlarmEvent
from gateway.evaluate.lives import SECOND, START_NS, Life, Packet, Source, Wanted, lives
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change
from simulators import Label
from simulators._profiles import profile

MONO_NS = 1_000_000_000
Settled = Callable[[Source, Sequence["Heard"]], bool]
"""Whether nothing that a plant may still do matters, from all that was heard of it so far."""
RAISED = frozenset({"raised", "re_raised"})
LIMITS = frozenset({"LL", "L", "H", "HH"})
TICK_S = 30.0
"""The gateway's time goes on at least so often while nothing arrives."""


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
    ended_s: dict[str, float] = field(default_factory=dict)
    """When a plant stopped, its span over or everything about it settled."""
    readings: int = 0
    channel_days: float = 0.0
    rejected: int = 0


@cache
def profiles() -> dict[str, str]:
    """The texts of the shipped profiles."""
    return read_profiles([])


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


class _Ending:
    """When each plant stops, and what there was of it by then."""

    def __init__(self, run: Run, sources: Sequence[Source], settled: Settled | None) -> None:
        self._run, self._settled = run, settled
        self._sources = {source.place: source for source in sources}
        self._heard: dict[str, list[Heard]] = {}
        self._seen = 0

    def look(self, now_ns: int) -> None:
        """After an entry: who has nothing more to show stops."""
        new = self._run.heard[self._seen :]
        self._seen += len(new)
        if self._settled is None:
            return
        for heard in new:
            self._heard.setdefault(heard.place, []).append(heard)
        for place in {heard.place for heard in new}:
            source = self._sources[place]
            if now_ns < source.end_ns and self._settled(source, self._heard[place]):
                source.end_ns = now_ns

    def closed(self) -> Run:
        """The run, with what is known of each plant at its end."""
        for place, source in self._sources.items():
            plan, days = source.wanted.plan, (source.end_ns - START_NS) / SECOND / 86_400
            self._run.labels[place] = source.plant.labels()
            self._run.ended_s[place] = (source.end_ns - START_NS) / SECOND
            self._run.channel_days += len(plan.devices) * len(profile(plan.profile_id).points) * days
        return self._run


def live(wanted: Sequence[Wanted], bundle_s: float = 0.0, settled: Settled | None = None) -> Run:
    """Run plants until each one's span is over, or until ``settled``.

    ``bundle_s``: so much time goes into one entry; alarms are heard up to that much later.
    """
    world = World(wanted)
    sources = [Source(one) for one in wanted]
    alone = [source for source in sources if source.begin_ns == START_NS]
    first: list[Source | Life] = [*lives(sources), *alone]
    queue = [(START_NS, place, one) for place, one in enumerate(first)]
    number = len(queue)
    ending = _Ending(world.run, sources, settled)
    packets: list[Packet] = []
    due_ns = START_NS
    while queue:
        at_ns, place, one = queue[0]
        if packets and at_ns > due_ns:
            world.arrive(packets, packets[-1][2])
            packets = []
            ending.look(at_ns)
        if not packets:
            due_ns = at_ns + round(bundle_s * SECOND)
        if isinstance(one, Life):
            for source in one.leave():
                heapq.heappush(queue, (at_ns, number, source))
                number += 1
            over = not one.waiting
        else:
            over = at_ns >= one.end_ns
        if over:
            heapq.heappop(queue)
            continue
        packets += one.step()
        heapq.heapreplace(queue, (one.next_ns, place, one))
    if packets:
        world.arrive(packets, packets[-1][2])
    return ending.closed()
