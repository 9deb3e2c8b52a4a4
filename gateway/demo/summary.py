"""What the demonstration has to show at its end: each injected fault with its alarm and its verified receipt,
and how long it took from the packet's reception to the receipt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gateway.alarms.events import AlarmEvent
from gateway.demo.receiver import Receipt
from gateway.errors import JournalError
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.entries import Packets
from gateway.paths import DataFolder
from simulators import Label

RAISED = frozenset({"raised", "re_raised"})


class Shown(NamedTuple):
    """One label and what became of it."""

    label: Label
    event: AlarmEvent | None
    """The first event that raises it, if there is one."""
    receipt: Receipt | None

    @property
    def ok(self) -> bool:
        """Alarm in the ledger in time, and genuine message at the receiver."""
        return self.event is not None and self.in_time and self.receipt is not None

    @property
    def seconds(self) -> float | None:
        """From the fault's begin to the alarm; None where the fault has no begin, or no alarm."""
        if self.event is None or self.label.start_ns == 0:
            return None
        return (self.event.at_ns - self.label.start_ns) / 1e9

    @property
    def in_time(self) -> bool:
        """Whether the alarm came within the label's time."""
        return self.seconds is None or self.seconds <= self.label.within_s


@dataclass(frozen=True)
class Latency:
    """Packet received to receipt, ms."""

    count: int
    p50_ms: float
    p99_ms: float


def read_labels(path: Path) -> list[Label]:
    """The labels that a limit or a device check can see; [] before they are written."""
    if not path.exists():
        return []
    found = [Label(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    return [label for label in found if label.condition]


def alarm_events(reader: LedgerReader) -> list[AlarmEvent]:
    """Every alarm event of the ledger, in order."""
    found: list[AlarmEvent] = []
    seq = 0
    while page := reader.events_after(seq):
        seq = page[-1][0]
        found += [event for _, event in page if isinstance(event, AlarmEvent)]
    return found


def match(
    labels: Sequence[Label], events: Iterable[AlarmEvent], receipts: Mapping[str, Receipt]
) -> list[Shown]:
    """For each label the first raise at or after its start, and that event's receipt."""
    raises: dict[str, list[AlarmEvent]] = {}
    for event in events:
        if event.cause in RAISED:
            raises.setdefault(event.alarm, []).append(event)
    shown = []
    for label in labels:
        name = f"{label.device}/{label.channel}:{label.condition}"
        first = next((e for e in raises.get(name, ()) if e.at_ns >= label.start_ns), None)
        shown.append(Shown(label, first, receipts.get(first.id) if first else None))
    return shown


def latency(data: DataFolder, events: Iterable[AlarmEvent], receipts: Mapping[str, Receipt]) -> Latency:
    """Over every event that a packet caused: its packet's reception, as journalled, to its first receipt."""
    journal = JournalReader(data.journal)
    took = []
    for event in events:
        receipt = receipts.get(event.id)
        received_ns = _received_ns(journal, event)
        if receipt is not None and received_ns is not None:
            took.append((receipt.at_ns - received_ns) / 1e6)
    if not took:
        return Latency(0, 0.0, 0.0)
    return Latency(len(took), float(np.percentile(took, 50)), float(np.percentile(took, 99)))


def _received_ns(journal: JournalReader, event: AlarmEvent) -> int | None:
    """Wall time at which the packet behind an event was received; None when time itself was the cause."""
    position = int(event.id.split("-")[1])
    try:
        entry = journal.entry(position)
    except JournalError:
        return None
    if not isinstance(entry, Packets):
        return None
    prefix = f"rg/{event.enterprise}/{event.site}/{event.device}/".encode()
    rows = [row for row in range(len(entry)) if entry.packet(row)[0].startswith(prefix)]
    if not rows:
        return None
    mono_ns = int(entry.received_array()[rows[-1]])
    return entry.stamp.wall_ns - (entry.stamp.mono_ns - mono_ns)
