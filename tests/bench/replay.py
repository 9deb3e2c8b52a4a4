"""How fast a journal of single JSON readings is judged again: read, decoded, stepped, everything on."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from gateway.journal import Journal, JournalReader
from gateway.journal.compress import compress
from gateway.journal.segment import segments
from gateway.monitor.monitor import Monitor
from gateway.monitor.warm import compile_loops
from tests.bench._fleet import Plant
from tests.support.report import Row

READINGS = 400_000
CHANNELS = 10_000
RATE = 2000
GROUP = 1000


def measure(
    rounds: int = 5, *, readings: int = READINGS, channels: int = CHANNELS, group: int = GROUP
) -> list[Row]:
    """The row ``replay``: readings a second, median of the rounds; half the journal is compressed."""
    plant = Plant(channels, RATE)
    compile_loops(plant.devices[:1], plant.texts)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "journal"
        _write(folder, plant, readings, group)
        rates = [_replay(folder, readings) for _ in range(rounds)]
    note = (
        f"{readings} readings of {channels} channels, {group} in a group; the older half of the journal is "
        f"compressed; all rounds {', '.join(f'{rate / 1e3:.0f}k' for rate in rates)}"
    )
    figure = "journal replay: single JSON readings a second"
    return [Row.judged("replay", figure, statistics.median(rates), "/s", ">= 300000", ">= 1000000", note)]


def _write(folder: Path, plant: Plant, readings: int, group: int) -> None:
    """A journal of two segments; closing it in between gives the second its beginning."""
    journal = Journal(folder, synchronous="NORMAL", segment_bytes=1 << 40)
    journal.append(plant.begin())
    for entry in plant.entries(readings // 2, group):
        journal.append([entry])
    journal.close()
    journal = Journal(folder, synchronous="NORMAL", segment_bytes=1, segment_age_ns=1 << 62)
    entries = list(plant.entries(readings - readings // 2, group))
    journal.append(entries)
    journal.close()
    for segment in segments(folder)[:-1]:
        compress(segment)


def _replay(folder: Path, readings: int) -> float:
    monitor = Monitor(1)
    begin = time.perf_counter()
    for position, entry in JournalReader(folder).read():
        monitor.step(position, entry)
    seconds = time.perf_counter() - begin
    if monitor.counts.effective != readings:
        raise AssertionError(f"{monitor.counts.effective} readings took effect, {readings} were written")
    return readings / seconds
