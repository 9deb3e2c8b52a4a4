"""What a core with a large fleet takes: the most its process ever had resident, whatever it had it for.

The core is a process of its own. It imports what the service's core process does, reads the fleet from its
file, takes a reading of every channel three times through ``Core.turn``, and writes a snapshot on another
thread as the service does, one while readings go on and one at the end. The readings are made by this process
and come to it through a pipe; nothing of the bench but the pipe's reader is in the process that is measured.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.bench._fleet import Plant
from tests.support.report import Row

CHANNELS = 440_000
SWEEPS = 3
GROUP = 5000
RATE = 100_000
FLEET = ("enterprise", "site", "asset", "device", "profile")
ROOT = Path(__file__).resolve().parents[2]


def measure(rounds: int = 5, *, channels: int = CHANNELS) -> list[Row]:
    """The row ``memory``: peak resident MB. Every run gives the same within a per cent, so at most three."""
    told = [run(channels) for _ in range(min(rounds, 3))]
    started, live, peak = (statistics.median(t[name] for t in told) for name in ("started", "live", "peak"))
    note = (
        f"a core process of its own, all of it: {started:.0f} MB when started, {live:.0f} when all are live; "
        "the peak is with its snapshots, one of them written while readings go on"
    )
    figure = f"core process, {channels:,} channels registered and live: peak resident"
    return [Row.judged("memory", figure, peak, "MB", "<= 900", "<= 500", note)]


def run(channels: int) -> dict[str, float]:
    """One core process from its start to its end; what it told, in MB."""
    plant, group = Plant(channels, RATE), min(GROUP, channels)
    with tempfile.TemporaryDirectory() as name:
        fleet = Path(name) / "fleet.csv"
        rows = (",".join(getattr(device, column) for column in FLEET) for device in plant.devices)
        fleet.write_text("\n".join([",".join(FLEET), *rows, ""]), encoding="utf-8")
        command = [sys.executable, "-m", "tests.bench._memory_core", name, str(RATE), str(SWEEPS * channels)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as core:
            assert core.stdin is not None
            assert core.stdout is not None
            for _ in range(SWEEPS * channels // group + 1):
                frame = msgspec.msgpack.encode(plant.send(group))
                core.stdin.write(len(frame).to_bytes(4, "big") + frame)
            core.stdin.close()
            out = core.stdout.read()
    if core.returncode:
        raise AssertionError(f"the core ended with {core.returncode}")
    told: dict[str, float] = json.loads(out.splitlines()[-1])
    if told["spoken"] != channels or told["snapshots"] < 2:
        raise AssertionError(f"of {channels} channels {told}")
    return told
