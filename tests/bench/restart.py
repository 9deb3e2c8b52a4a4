"""How long a core that was killed takes from its process's first instruction until it can subscribe:
snapshot, a tail of a million readings, every loop compiled."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import gateway.coreprocess
from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.warm import compile_loops
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore
from tests.bench._fleet import Plant
from tests.support.report import Row

CHANNELS = 20_000
READINGS = 1_000_000
GROUP = 1000
RATE = 4000
ROOT = Path(__file__).resolve().parents[2]


def measure(
    rounds: int = 5, *, readings: int = READINGS, channels: int = CHANNELS, group: int = GROUP
) -> list[Row]:
    """The row ``restart``: seconds, median of the rounds."""
    seconds, parts = [], []
    with tempfile.TemporaryDirectory() as name:
        _write(DataFolder(Path(name)), readings, channels, group)
        for _ in range(rounds):
            begin = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-m", "tests.bench.restart", name, str(channels)],
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            seconds.append(time.perf_counter() - begin)
            told = json.loads(done.stdout.splitlines()[-1])
            if told["effective"] != channels + readings:
                raise AssertionError(f"{told['effective']} readings are known, not {channels + readings}")
            parts.append(told)
    middle = {name: statistics.median(part[name] for part in parts) for name in ("journal_s", "start_s")}
    note = (
        f"a tail of {readings} single JSON readings, {channels} channels; journal opened and checked in "
        f"{middle['journal_s']:.2f} s, snapshot loaded and tail judged in {middle['start_s']:.2f} s"
    )
    figure = "restart after a kill: from the process's start until it can subscribe"
    return [Row.judged("restart", figure, statistics.median(seconds), "s", "<= 10", "<= 3", note)]


def _write(data: DataFolder, readings: int, channels: int, group: int) -> None:
    """A journal whose snapshot was made when every channel had spoken once."""
    data.create()
    plant, monitor = Plant(channels, RATE), Monitor(1)
    journal = Journal(data.journal, synchronous="NORMAL")
    ledger = Ledger(data.ledger)
    entries = [*plant.begin(), *plant.entries(channels, group)]
    for position, entry in zip(journal.append(entries), entries, strict=True):
        outcome = monitor.step(position, entry)
        if outcome.events:
            ledger.record([(position, outcome.events)], journal.head)
    SnapshotStore(data.snapshots).save(journal.head, BEHAVIOUR, monitor.capture())
    for entry in plant.entries(readings, group):
        journal.append([entry])
    journal.close()
    ledger.close()


def child(data: DataFolder, channels: int) -> dict[str, float]:
    """Start the core as the service does and say what took how long."""
    plant = Plant(channels, RATE)
    begin = time.perf_counter()
    ledger = Ledger(data.ledger)
    journal = Journal(data.journal, witness=ledger.witness())
    opened = time.perf_counter()
    stores = Stores(journal, ledger, SnapshotStore(data.snapshots))
    wanted = Wanted(plant.devices, plant.texts, keep=True)
    core = Core(stores, wanted, VirtualClock(), "bench-2", 1, lambda _epoch, _mids: None)
    core.start()
    started = time.perf_counter()
    compile_loops(plant.devices[:1], plant.texts)
    effective = core.monitor.counts.effective
    journal.close()
    ledger.close()
    return {"journal_s": opened - begin, "start_s": started - opened, "effective": effective}


if __name__ == "__main__":
    assert gateway.coreprocess  # as long as the service takes to import
    sys.stdout.write(json.dumps(child(DataFolder(Path(sys.argv[1])), int(sys.argv[2]))) + "\n")
