"""What detection costs: time a reading of each family's full default set, memory of a city of channels.

Time: every detector of a profile over the values of its own plant, many devices at once, in batches as the
core makes them, with the state warm; the fastest of several rounds, so that what else the machine does
counts little. Memory: the peak of a process that holds a monitor with the shipped city of so many channels,
each of which has spoken.
"""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from detectors import Readings
from gateway.clock import Clock
from gateway.evaluate.figures import Doing, Figure, Part
from gateway.evaluate.lives import START_NS, Source, Wanted
from gateway.evaluate.plant_run import World
from gateway.evaluate.scenarios import devices_of, period_s
from gateway.monitor.judgement import Judgement
from simulators import load
from simulators._cases import plants
from simulators._profiles import profile
from simulators._scenario import parse, plans, shipped
from simulators._sources import Plan

DEVICES = 2000
STEPS, ROUNDS = 40, 7
CHANNELS = 440_000
CITY_SEED = 1000
POINTS_A_DEVICE = 2
"""At least so many channels has a device of the city on average: enough devices for the channels wanted."""


def pace_s(kind: str) -> float:
    """Seconds between the steps: the plant's period; where readings are kept and uploaded together, a quarter
    of the time until then, so that there is something to judge."""
    return max(period_s(kind), float(load(kind).Plant.UPLOAD_S) / 4)


def batches(kind: str, steps: int) -> tuple[World, list[Readings]]:
    """A world of many devices of a plant's profile, and each step's readings as the monitor sees them."""
    count = devices_of(kind)
    wanted = [
        Wanted(
            Plan(kind, tuple(f"cost/{kind}-{n}/D-{d + 1}" for d in range(count)), period_s=pace_s(kind)),
            n,
            1e9,
        )
        for n in range(DEVICES // count)
    ]
    world = World(wanted)
    own = [Source(one) for one in wanted[:4]]
    found = []
    slots = np.arange(len(world.monitor.channels), dtype=np.int32)
    each = len(slots) // len(wanted)
    for step in range(steps):
        at_ns = START_NS + round(step * pace_s(kind) * 1e9)
        world.arrive([packet for source in own for packet in source.step()], at_ns)
        values = np.resize(world.monitor.last_value[: len(own) * each], len(slots))
        spoken = ~np.isnan(values)
        rows = int(spoken.sum())
        if rows == 0:
            continue
        time_ns = np.full(rows, at_ns)
        zero, row = np.zeros(rows, np.uint8), np.arange(rows, dtype=np.int32)
        found.append(Readings(slots[spoken], time_ns, time_ns, values[spoken], zero, zero, zero, row))
    return world, found


def ns_a_reading(kind: str, clock: Clock) -> float:
    """Nanoseconds a reading of everything that judges it; alarms, which are rare, included."""
    world, given = batches(kind, STEPS)
    if not given:
        return float("nan")
    judgement: Judgement = world.monitor.judgement
    rounds = []
    for number in range(ROUNDS + 1):
        shift = number * len(given) * round(pace_s(kind) * 1e9)
        began = clock.mono_ns()
        for batch in given:
            moved = Readings(
                batch.slot, batch.event_ns + shift, batch.received_ns + shift, batch.value, batch.quality,
                batch.reason, batch.time, batch.packet,
            )  # fmt: skip
            judgement.judge(moved)
        rounds.append((clock.mono_ns() - began) / sum(map(len, given)))
    return min(rounds[1:])


def city_memory(channels: int) -> tuple[int, float]:
    """(channels, peak resident GB) of this process with a monitor of the shipped city, all spoken once."""
    city = plans(parse(shipped()), channels // POINTS_A_DEVICE, CITY_SEED, 3600.0)
    wanted, held = [], 0
    for plan in city:
        if held >= channels:
            break
        wanted.append(Wanted(plan, 1, 1.0))
        held += len(plan.devices) * len(profile(plan.profile_id).points)
    world = World(wanted)
    slots = np.arange(len(world.monitor.channels), dtype=np.int32)
    time_ns = np.full(len(slots), START_NS)
    zero, row = np.zeros(len(slots), np.uint8), np.arange(len(slots), dtype=np.int32)
    world.monitor.judgement.judge(
        Readings(slots, time_ns, time_ns, np.zeros(len(slots)), zero, zero, zero, row)
    )
    return len(slots), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def evaluate(clock: Clock, *, channels: int = CHANNELS) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    kinds = plants()
    took: dict[str, float] = {}
    for place, kind in enumerate(kinds):
        yield Doing(f"time of {kind}", place / (len(kinds) + 10))
        took[kind] = ns_a_reading(kind, clock)
    yield Doing(f"memory of {channels:,} channels", len(kinds) / (len(kinds) + 10))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        held, memory = pool.submit(city_memory, channels).result()
    worst = max((kind for kind in kinds if not np.isnan(took[kind])), key=lambda kind: took[kind])
    part = Part("cost")
    part.figures = [
        Figure("cost", took[worst], f"{worst}; median of all {np.nanmedian(list(took.values())):.3g}"),
        Figure("memory", memory, f"{held:,} channels of the shipped city, the monitor's process, peak"),
    ]
    part.detail = {"ns_a_reading": {kind: round(value, 1) for kind, value in took.items()}}
    yield part
