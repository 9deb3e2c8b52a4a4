"""The core process that the row ``memory`` measures: no more of the bench in it than this file."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import msgspec

import gateway.coreprocess
from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.fleet import gather
from gateway.ingest import Packet
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.warm import compile_loops
from gateway.paths import DataFolder
from gateway.resident import settle
from gateway.snapshots import SnapshotStore


def _resident(name: str) -> float:
    """A figure of this process in MB: VmHWM (the most it had) or VmRSS (now)."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1000
    raise LookupError(f"/proc/self/status has no {name}")


def run(folder: Path, rate: int, readings: int, source: BinaryIO) -> dict[str, float]:
    """Be the core, and say what it took, in MB."""
    data, clock, writer = DataFolder(folder / "data"), VirtualClock(), ThreadPoolExecutor(1)
    data.create()
    stores = Stores(Journal(data.journal), Ledger(data.ledger), SnapshotStore(data.snapshots))
    found = gather(folder / "fleet.csv", [])
    due_ns = readings * 1_000_000_000 // rate // 2
    wanted = Wanted(found.devices, found.texts, snapshot_every_ns=due_ns)
    core = Core(stores, wanted, clock, "bench", 1, lambda _epoch, _mids: None, save=writer.submit)
    del found, wanted
    core.start()
    roster = core.monitor.roster
    compile_loops([roster.channels.devices[n] for n in roster.active_devices()], roster.texts)
    settle()
    started = _resident("VmRSS")
    for packets in _packets(source, clock, rate):
        core.turn(packets)
    live = _resident("VmRSS")
    core.stop()
    writer.shutdown()
    spoken = int((core.monitor.last_event_ns != 0).sum())
    stores.journal.close()
    stores.ledger.close()
    return {
        "started": started,
        "live": live,
        "peak": _resident("VmHWM"),
        "spoken": spoken,
        "snapshots": len(list(data.snapshots.glob("*.snapshot"))),
    }


def _packets(source: BinaryIO, clock: VirtualClock, rate: int) -> Iterator[list[Packet]]:
    """Every frame's readings as the receiver hands them over; the clock goes on by what they take."""
    while head := source.read(4):
        frame = msgspec.msgpack.decode(
            source.read(int.from_bytes(head, "big")), type=list[tuple[bytes, bytes]]
        )
        clock.advance(len(frame) * 1_000_000_000 // rate)
        now = clock.mono_ns()
        yield [Packet(topic, payload, now, 1, 1, 0) for topic, payload in frame]


if __name__ == "__main__":
    assert gateway.coreprocess  # what the service imports is resident too
    sys.stdout.write(
        json.dumps(run(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.stdin.buffer)) + "\n"
    )
