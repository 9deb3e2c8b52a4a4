"""A journal and a ledger written by hand, second by second: what happened is exactly what a test says."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.alarms.events import AlarmEvent, Event, NoteEvent
from gateway.fleet import read_profiles
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.roster import config_change
from gateway.paths import DataFolder

BEGIN_S = 1_764_000_000
SECOND = 1_000_000_000
GAS = "gas/combustible_point"
TEXT = read_profiles([])[GAS]


def ns(second: float) -> int:
    """Wall time of a second of the story."""
    return BEGIN_S * SECOND + round(second * SECOND)


def gas(number: int, enterprise: str = "acme", county: str = "north", commissioned: str = "") -> Device:
    return Device(enterprise, "plant", "hall", f"GD-{number}", GAS, county, "chem", commissioned=commissioned)


class Book:
    """Times are seconds of the story, not falling."""

    def __init__(self, folder: Path) -> None:
        self.data = DataFolder(folder)
        self.data.create()
        self._journal = Journal(self.data.journal, synchronous="NORMAL")
        self._ledger = Ledger(self.data.ledger)

    def close(self) -> None:
        self._journal.close()
        self._ledger.close()

    def start(self, second: float) -> None:
        entry = Started(self._stamp(second), "test", BEHAVIOUR, 1)
        note = NoteEvent(id="", kind="started", at_ns=ns(second), reason_en="", reason_zh="")
        self._write(entry, note)

    def fleet(self, second: float, devices: list[Device]) -> None:
        entry = config_change(self._stamp(second), devices, {GAS: TEXT})
        detail = {"digest": entry.digest, "devices": len(devices)}
        note = NoteEvent(
            id="", kind="configuration", at_ns=ns(second), reason_en="", reason_zh="", detail=detail
        )
        self._write(entry, note)

    def tick(self, second: float) -> None:
        """The core wrote: it was alive then."""
        self._journal.append([Tick(self._stamp(second))])

    def alarm(
        self,
        second: float,
        device: Device | None,
        channel: str,
        condition: str,
        state: str,
        *,
        active: bool,
        cause: str = "raised",
        before: str = "normal",
        occurrence: int = 1,
        priority: int = 3,
        flags: tuple[str, ...] = (),
    ) -> None:
        name = f"{device.key}/{channel}:{condition}" if device else f"gateway:{condition}"
        kind = "system" if device is None else ("process" if condition in {"H", "HH"} else "device")
        where = (
            {"enterprise": device.enterprise, "site": device.site, "device": device.device,
             "county": device.county, "sector": device.sector, "family": "gas"} if device else {}
        )  # fmt: skip
        event = AlarmEvent(
            id="", alarm=name, occurrence=occurrence, category=kind, condition=condition, priority=priority,
            state=state, before=before, cause=cause, reason_en="", reason_zh="", at_ns=ns(second),
            process_active=active, channel=channel, flags=flags, **where,
        )  # type: ignore[arg-type]  # fmt: skip
        self._write(Tick(self._stamp(second)), event)

    def _stamp(self, second: float) -> Stamp:
        return Stamp(ns(second), round(second * SECOND) + 1, "boot")

    def _write(self, entry: Entry, event: Event) -> None:
        (position,) = self._journal.append([entry])
        named = msgspec.structs.replace(event, id=f"1-{position}-0")
        self._ledger.record([(position, [named])], self._journal.head)
