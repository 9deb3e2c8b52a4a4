"""One device as pages and programs see it: from fleet, core and ledger, inside an organisation only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.access import Scope
from gateway.alarms.events import AlarmEvent
from gateway.commands import ask
from gateway.console.answers import ProblemError, readable
from gateway.errors import CoreUnreachable
from gateway.export import QUALITY
from gateway.kpi import Registered, device_of
from gateway.ledger import LedgerReader

if TYPE_CHECKING:
    from gateway.console.pages.desk import Desk

MS = 1_000_000
ASK_S = 2.0


def known_device(desk: Desk, device: str, scope: Scope) -> Registered:
    """A device of the fleet, now or once; a 404 for another organisation's as for one that never was."""
    with readable():
        known = device_of(desk.data.ledger, device, scope)
    if known is None:
        raise ProblemError(404, "there is no such device", "没有该设备")
    return known


def last_values(desk: Desk, device: str) -> list[dict[str, Any]] | None:
    """Last value of each channel as the core knows it; None while it does not answer."""
    try:
        told = ask(desk.core_socket, {"op": "values", "device": device}, ASK_S)["values"]
    except (CoreUnreachable, ValueError, KeyError):
        return None
    return [
        {
            "channel": row["channel"],
            "value": row["value"],
            "event_ms": row["event_ns"] // MS or None,
            "quality": QUALITY[row["quality"]],
        }
        for row in told
    ]


def open_alarms(desk: Desk, device: str) -> list[AlarmEvent]:
    """The open alarms of one device, most urgent first. JournalError when the ledger cannot be read."""
    enterprise, site, name = device.split("/", 2)
    reader = LedgerReader(desk.data.ledger)
    return [
        event for _, event in reader.open_after(None, 1000, enterprise=enterprise, site=site, device=name)
    ]
