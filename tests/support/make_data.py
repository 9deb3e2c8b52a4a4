"""How tests/data/v1 was made: a small partition with every kind of entry, on a virtual clock.

    python -m tests.support.make_data FOLDER

Run once per journal format; the files of an older format are never made anew.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from gateway.clock import VirtualClock
from gateway.core import Core, Stores, Wanted
from gateway.fleet import read_profiles
from gateway.grouping import Ask
from gateway.ingest import LinkChange, Packet, RefusedPacket
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED
from gateway.paths import DataFolder
from gateway.snapshots import SnapshotStore

SECOND = 1_000_000_000
FLEET = [
    Device("acme", "plant", "hall", "GD-1", "gas/combustible_point"),
    Device("acme", "plant", "hall", "GD-2", "gas/combustible_point"),
    Device("acme", "line", "km-12", "RTU-1", "pipeline/rtu"),
]


class Maker:
    """Drives a core by hand."""

    def __init__(self, folder: Path, partition: int = 1) -> None:
        data = DataFolder(folder)
        data.create()
        profiles = {k: v for k, v in read_profiles([]).items() if k in {d.profile for d in FLEET}}
        self.clock = VirtualClock()
        self.stores = Stores(Journal(data.journal), Ledger(data.ledger), SnapshotStore(data.snapshots))
        wanted = Wanted(FLEET, profiles, snapshot_every_ns=3600 * SECOND)
        self.core = Core(
            self.stores, wanted, self.clock, "boot-1", 7, lambda _epoch, _mids: None, partition=partition
        )
        self.mid = 0

    def packet(self, topic: str, payload: bytes, flags: int = 0) -> Packet:
        self.mid += 1
        return Packet(topic.encode(), payload, self.clock.mono_ns(), self.mid, 1, flags)

    def reading(self, value: float | None, device: str = "acme/plant/GD-1", channel: str = "lel") -> Packet:
        payload = {"time_ms": self.clock.wall_ns() // 1_000_000, "value": value, "boot": 1, "seq": self.mid}
        return self.packet(f"rg/{device}/{channel}", json.dumps(payload).encode())

    def turn(self, *items: Packet | LinkChange | RefusedPacket, asks: tuple[Ask, ...] = ()) -> None:
        self.core.turn(list(items), asks)
        self.clock.advance(SECOND)


def make(folder: Path, partition: int = 1) -> None:
    """Write the data folder."""
    maker = Maker(folder, partition)
    maker.core.start()
    maker.turn(LinkChange(1, True, False, False, "", maker.clock.mono_ns()))
    for value in (3.0, 4.0, 60.0, 61.0, 5.0, 4.0, 3.0, 2.0):
        maker.turn(maker.reading(value), maker.reading(12.0, "acme/line/RTU-1", "pressure"))
    now_ms = maker.clock.wall_ns() // 1_000_000
    columns = {"time_ms": [now_ms - 200, now_ms - 100], "channels": {"lel": [1.0, None]}}
    batch = {"readings": [{"channel": "lel", "time_ms": now_ms, "value": 7.0}, {"channel": "x", "value": 1}]}
    maker.turn(
        maker.packet("rg/acme/plant/GD-2/columns", json.dumps(columns).encode()),
        maker.packet("rg/acme/plant/GD-2/batch", json.dumps(batch).encode()),
        maker.packet("rg/acme/plant/GD-2/lel", b'{"value": NaN}'),
        maker.packet("rg/acme/plant/GD-2/lel", b'{"time_ms": 1, "value": 55}', FLAG_DUP),
        maker.packet("rg/acme/plant/GD-2/lel", b'{"time_ms": 1, "value": 55}', FLAG_RETAINED),
        maker.packet("rg/acme/plant/GD-9/lel", b"{}"),
        RefusedPacket(1, 99, maker.clock.mono_ns(), "bad_topic", "rg/x", b"{}", "0" * 64, 2),
    )
    acknowledge = {
        "id": "c1", "action": "acknowledge", "args": {"alarm": "acme/plant/GD-1/lel:HH", "occurrence": 1},
        "actor": "ann", "role": "operator", "organisation": "", "source": "test",
        "deadline_ns": maker.clock.wall_ns() + 5 * SECOND,
    }  # fmt: skip
    maker.turn(asks=(Ask(acknowledge, lambda _event: None),))
    maker.turn(LinkChange(2, False, False, False, "cable", maker.clock.mono_ns()))
    maker.turn(LinkChange(3, True, False, True, "", maker.clock.mono_ns()))
    maker.core.stop()  # a snapshot in the middle
    maker.turn(maker.reading(21.5, "acme/line/RTU-1", "pressure"))  # a broken loop, NE 43
    maker.core.note("disk_full", active=True)
    maker.core.note("disk_full", active=False)
    maker.core.change_config(FLEET[:2], {k: v for k, v in read_profiles([]).items() if k.startswith("gas/c")})
    for _ in range(60):
        maker.turn()
    maker.turn(maker.reading(70.0))
    maker.stores.journal.close()
    maker.stores.ledger.close()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
