"""A core that runs as it does live, on a clock that is told, and the readings it was sent."""

from __future__ import annotations

from pathlib import Path

from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.fleet import read_profiles
from gateway.ingest import LinkChange, Packet
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.live import LiveSender
from gateway.monitor.channels import Device
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore

PROFILE = "gas/combustible_point"
SECOND = 1_000_000_000


class Backlog:
    """``devices`` gas points that send in turn, one JSON reading a packet, ``period`` seconds apart."""

    def __init__(self, data: DataFolder, devices: int, period: int = 5) -> None:
        data.create()
        self.clock = VirtualClock()
        self.sent = 0
        self._devices, self._period = devices, period
        self._stores = Stores(Journal(data.journal), Ledger(data.ledger), SnapshotStore(data.snapshots))
        fleet = [Device("acme", "north", "unit 1", f"GD-{n}", PROFILE) for n in range(devices)]
        wanted = Wanted(fleet, {PROFILE: read_profiles([])[PROFILE]}, snapshot_every_ns=60 * SECOND)
        self.live = LiveSender(data.live_socket, self._table)
        self.core = Core(
            self._stores, wanted, self.clock, "boot-1", 7, lambda _epoch, _mids: None, live=self.live
        )
        self.core.start()
        self.core.turn([LinkChange(1, True, False, False, "", self.clock.mono_ns())])

    def _table(self) -> tuple[int, bytes]:
        channels = self.core.monitor.channels
        return channels.version, channels.export()

    def send(self, count: int) -> None:
        """One turn of the core with the next ``count`` readings, which then are durable and judged."""
        self.core.turn([self._packet() for _ in range(count)])
        self.live.flush()  # the clock stands: no turn would find it due

    def _packet(self) -> Packet:
        turn, device = divmod(self.sent, self._devices)
        if not device:
            self.clock.advance(self._period * SECOND)
        time_ms, value = self.clock.wall_ns() // 1_000_000 + device % 1000 - 1000, value_of(turn, device)
        self.sent += 1
        payload = b'{"time_ms":%d,"value":%.2f,"boot":1,"seq":%d}' % (time_ms, value, turn)
        return Packet(
            b"rg/acme/north/GD-%d/lel" % device, payload, self.clock.mono_ns(), self.sent & 0xFFFF or 1, 1, 0
        )

    def close(self) -> None:
        """Let go of the files."""
        self.live.close()
        self._stores.journal.close()
        self._stores.ledger.close()


def value_of(turn: int, device: int) -> float:
    """What a device sends in its turn: far from every limit, never twice the same in a row."""
    return (200 + (turn * 37 + device * 11) % 500) / 100


def missing_and_foreign(kept: Path, sent: int, devices: int) -> tuple[int, int, int]:
    """Readings sent that are not among the kept lines, lines that were never sent, and lines in all.

    A reading is told by device and value here: within 500 turns no device sends a value twice.
    """
    lines, found = 0, set()
    with kept.open("rb") as stream:
        for line in stream:
            lines += 1
            device = line.split(b",device=GD-", 1)[1].split(b",", 1)[0]
            value = line.split(b" value=", 1)[1].split(b",", 1)[0]
            found.add((int(device), float(value)))
    expected = {(n % devices, value_of(n // devices, n % devices)) for n in range(sent)}
    return len(expected - found), len(found - expected), lines
