"""How much faster than it happened a plant is replayed: 10,000 channels, one reading of each in 10 s."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from gateway.journal import Journal, JournalReader
from gateway.monitor.monitor import Monitor
from gateway.monitor.warm import compile_loops
from tests.bench._fleet import Plant
from tests.support.report import Row

CHANNELS = 10_000
PERIOD_S = 10
PLANT_S = 600
GROUPS = 4
"""Entries a second: fewer readings in an entry cost more each."""


def measure(rounds: int = 5, *, channels: int = CHANNELS, plant_s: int = PLANT_S) -> list[Row]:
    """The row ``replay_x``: seconds of the plant in one second of replay, median of the rounds."""
    rate = channels // PERIOD_S
    plant = Plant(channels, rate, period_s=PERIOD_S)
    compile_loops(plant.devices[:1], plant.texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "journal"
        journal = Journal(folder, synchronous="NORMAL")
        journal.append([*plant.begin(), *plant.entries(rate * plant_s, rate // GROUPS)])
        journal.close()
        times = [plant_s / _replay(folder, rate * plant_s) for _ in range(rounds)]
    note = (
        f"{plant_s} s of the plant, {channels} channels, {GROUPS} entries a second; "
        f"all rounds {', '.join(f'{one:.0f}x' for one in times)}"
    )
    figure = "replay of 10,000 channels at one reading per 10 s, against real time"
    return [Row.judged("replay_x", figure, statistics.median(times), "x", ">= 300", ">= 1000", note)]


def _replay(folder: Path, readings: int) -> float:
    monitor = Monitor(1)
    begin = time.perf_counter()
    for position, entry in JournalReader(folder).read():
        monitor.step(position, entry)
    seconds = time.perf_counter() - begin
    if monitor.counts.effective != readings:
        raise AssertionError(f"{monitor.counts.effective} readings took effect, {readings} were written")
    return seconds
