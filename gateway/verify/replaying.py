"""Stepping the journal again, and comparing what it gives with the ledger, event by event. Reads only."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detectors import NOT_LIVE, SUSPECT
from gateway.alarms.events import Event, encode
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.outcome import Outcome
from gateway.paths import DataFolder
from gateway.restore import Restored, partition_of, restore
from gateway.snapshots import SnapshotStore


@dataclass(slots=True)
class Replayed:
    """What stepping the journal again gave, compared with the ledger as it went."""

    monitor: Monitor
    position: int = 0
    """The last journal position stepped."""
    entries: int = 0
    events: int = 0
    pending: int = 0
    """Events of the journal's tail that the ledger does not hold yet: the core is at work, or was killed
    before it wrote them and will at its next start."""
    difference: str = ""
    digest: str = ""
    """SHA-256 over all events made, in order."""
    behaviour: int = BEHAVIOUR
    effective_twice: int = 0

    @property
    def ok(self) -> bool:
        """Whether replay and ledger agree."""
        return not self.difference

    def rows(self) -> list[tuple[str, str]]:
        """A table, heading first."""
        return [
            ("what", "figure"),
            ("entries stepped", str(self.entries)),
            ("events made", str(self.events)),
            ("not yet in the ledger", str(self.pending)),
            ("SHA-256 of the events", self.digest),
            ("difference from the ledger", self.difference or "none"),
        ]


class _Effects:
    """Which readings took effect live, as 64-bit keys of (slot, event time, value)."""

    def __init__(self) -> None:
        self._keys: list[npt.NDArray[np.uint64]] = []

    def note(self, outcome: Outcome) -> None:
        readings = outcome.readings
        live = (readings.time & (NOT_LIVE | SUSPECT)) == 0  # a frozen clock may repeat itself
        if not live.any():
            return
        with np.errstate(over="ignore"):
            key = readings.slot[live].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            key ^= readings.event_ns[live].astype(np.uint64) * np.uint64(0xC2B2AE3D27D4EB4F)
            bits = (readings.value[live] + 0.0).view(np.uint64)  # + 0.0: minus zero is zero
            key = (key ^ (key >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9) ^ bits
        self._keys.append(key * np.uint64(0x94D049BB133111EB))

    def twice(self) -> int:
        if not self._keys:
            return 0
        keys = np.concatenate(self._keys)
        return len(keys) - len(np.unique(keys))


def replay(data: DataFolder, since: int = 0, print_event: Callable[[str], None] | None = None) -> Replayed:
    """Step the journal after ``since`` (from the newest snapshot at or before it) and compare each event with
    the ledger. Writes nothing, delivers nothing."""
    partition = partition_of(data.ledger)
    found = Restored(Monitor(partition))
    if since:
        store = SnapshotStore(data.snapshots)
        found = restore(store, partition, at_or_before=since, behaviour=BEHAVIOUR)
    after = found.position
    result = Replayed(found.monitor, after)
    held = (event for _, event in events_of(LedgerReader(data.ledger)) if _position(event) > after)
    digest = hashlib.sha256()
    effects = _Effects()
    ahead = next(held, None)
    for position, entry in JournalReader(data.journal).read(after):
        outcome = result.monitor.step(position, entry)
        result.position = position
        result.entries += 1
        effects.note(outcome)
        for event in outcome.events:
            body = encode(event)
            digest.update(body)
            result.events += 1
            if print_event is not None:
                print_event(body.decode())
            if ahead is None:
                result.pending += 1
            elif body == encode(ahead):
                ahead = next(held, None)
            elif not result.difference:
                result.difference = (
                    f"position {position}: replay {body.decode()} / ledger {encode(ahead).decode()}"
                )
    # a running core may have recorded more since the journal was read to its end
    if ahead is not None and _position(ahead) <= result.position and not result.difference:
        result.difference = f"the ledger holds {ahead.id}, which replay did not give"
    result.digest = digest.hexdigest()
    result.effective_twice = effects.twice()
    return result


def events_of(ledger: LedgerReader) -> Iterator[tuple[int, Event]]:
    """Every event of the ledger with its sequence number, in order."""
    seq = 0
    while page := ledger.events_after(seq):
        yield from page
        seq = page[-1][0]


def _position(event: Event) -> int:
    """The journal position that an event's id names."""
    return int(event.id.split("-")[1])
