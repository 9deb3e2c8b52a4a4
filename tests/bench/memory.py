"""What a core with a large fleet takes: the most its process ever had resident, snapshot included.

A process of its own imports what the core process does, takes a reading of every channel three times through
``Core.turn``, and writes a snapshot on another thread as the service does.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gateway.coreprocess
from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.warm import compile_loops
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore
from tests.bench._fleet import Plant
from tests.support.report import Row

CHANNELS = 440_000
SWEEPS = 3
GROUP = 5000
RATE = 100_000
ROOT = Path(__file__).resolve().parents[2]


def measure(rounds: int = 5, *, channels: int = CHANNELS) -> list[Row]:
    """The row ``memory``: peak resident MB. Every run gives the same within a per cent, so at most three."""
    peaks, live = [], []
    for _ in range(min(rounds, 3)):
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.memory", str(channels)],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        told = json.loads(done.stdout.splitlines()[-1])
        if told["spoken"] != channels:
            raise AssertionError(f"{told['spoken']} of {channels} channels are live")
        peaks.append(told["peak_mb"])
        live.append(told["live_mb"])
    note = f"{statistics.median(live):.0f} MB when all are live, before the snapshot"
    figure = f"core process, {channels:,} channels registered and live: peak resident"
    return [Row.judged("memory", figure, statistics.median(peaks), "MB", "<= 900", "<= 500", note)]


def _resident(name: str) -> float:
    """A figure of this process in MB: VmHWM (the most it had) or VmRSS (now)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1000
    raise LookupError(f"/proc/self/status has no {name}")


def child(channels: int, folder: Path) -> dict[str, float]:
    """Run the core and say what it took."""
    plant = Plant(channels, RATE, period_s=max(5, channels // RATE))
    data, clock, writer = DataFolder(folder), VirtualClock(), ThreadPoolExecutor(1)
    data.create()
    stores = Stores(Journal(data.journal), Ledger(data.ledger), SnapshotStore(data.snapshots))
    wanted = Wanted(plant.devices, plant.texts)
    plant.devices = []
    core = Core(stores, wanted, clock, "bench", 1, lambda _epoch, _mids: None, save=writer.submit)
    core.start()
    compile_loops(wanted.devices[:1], wanted.profiles)
    plant.devices = wanted.devices
    for _ in range(SWEEPS * channels // GROUP + 1):
        clock.advance(GROUP * 1_000_000_000 // RATE)
        core.turn(plant.items(GROUP, clock.mono_ns()))
    live = _resident("VmRSS")
    core.stop()
    writer.shutdown()
    spoken = int((core.monitor.last_event_ns != 0).sum())
    stores.journal.close()
    stores.ledger.close()
    return {"peak_mb": _resident("VmHWM"), "live_mb": live, "spoken": spoken}


if __name__ == "__main__":
    assert gateway.coreprocess  # what the service imports is resident too
    with tempfile.TemporaryDirectory() as name:
        sys.stdout.write(json.dumps(child(int(sys.argv[1]), Path(name))) + "\n")
