"""What follows from one journal entry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from detectors import Readings
from gateway.alarms.events import Event

NONE = Readings.empty()


class Rejected(NamedTuple):
    """One packet, or one row of it, that gave no reading. The raw bytes are in the journal at
    (position, packet)."""

    position: int
    packet: int
    row: int
    """Row within the payload, -1 for the whole packet."""
    reason: str
    detail: str
    topic: str


@dataclass(slots=True)
class Outcome:
    """Events for the ledger, readings for the sinks, and an honest count.

    received = packets in the entry; decoded = effective + duplicate + rejected_rows, where effective
    readings include the late and retained ones that are only history.
    """

    position: int
    events: list[Event] = field(default_factory=list)
    readings: Readings = NONE
    rejected: list[Rejected] = field(default_factory=list)
    duplicates: int = 0
    previous_readings: int = 0
    """Position of the last earlier entry that gave readings."""
