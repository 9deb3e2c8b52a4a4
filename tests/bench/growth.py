"""Whether a large fleet makes a reading dearer: the processor's time per reading at the same rate, with each
fleet reporting as often as that rate means for it."""

from __future__ import annotations

import statistics
import time

from gateway.monitor.monitor import Monitor
from gateway.monitor.warm import compile_loops
from tests.bench._fleet import Plant
from tests.support.report import Row

SMALL, LARGE = 10_000, 440_000
RATE = 10_000
GROUP = 1000
READINGS = 100_000


def measure(
    rounds: int = 5, *, small: int = SMALL, large: int = LARGE, rate: int = RATE, readings: int = READINGS
) -> list[Row]:
    """The row ``growth``: CPU per reading of the large fleet over the small one's, median of the rounds."""
    begun = [_begun(channels, rate) for channels in (small, large)]
    ratios: list[float] = []
    costs: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for cost, (plant, monitor) in zip(costs, begun, strict=True):
            cost.append(_cost(plant, monitor, readings))
        ratios.append(costs[1][-1] / costs[0][-1])
    each = [statistics.median(cost) * 1e6 for cost in costs]
    note = f"{each[0]:.2f} us at {small} channels, {each[1]:.2f} us at {large}, both at {rate} readings/s"
    figure = f"CPU per reading at {large:,} channels against {small:,}, same rate"
    return [Row.judged("growth", figure, statistics.median(ratios), "x", "<= 2", "<= 1.2", note)]


def _begun(channels: int, rate: int) -> tuple[Plant, Monitor]:
    """A fleet of which every channel has spoken."""
    plant = Plant(channels, rate, period_s=max(1, channels // rate))
    compile_loops(plant.devices[:1], plant.texts)
    monitor = Monitor(1)
    for position, entry in enumerate(plant.begin(), 1):
        monitor.step(position, entry)
    for entry in plant.entries(channels, GROUP):
        monitor.step(monitor.last_readings + 4, entry)
    return plant, monitor


def _cost(plant: Plant, monitor: Monitor, readings: int) -> float:
    """Seconds of processor time a reading."""
    entries = list(plant.entries(readings, GROUP))
    before = monitor.counts.effective
    begin = time.process_time()
    for entry in entries:
        monitor.step(monitor.last_readings + 1, entry)
    seconds = time.process_time() - begin
    if monitor.counts.effective - before != readings or len(monitor.engine):
        raise AssertionError(
            f"{monitor.counts.effective - before} of {readings} readings took effect, "
            f"{len(monitor.engine)} alarms"
        )
    return seconds / readings
