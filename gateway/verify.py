"""``riskgate verify`` and ``riskgate replay``: the invariants, by count and hash, and what was compared.

I1 each reading takes effect once, and what the broker acknowledged to a publisher is in the journal;
I2 each transition is in the ledger once, in order, and legal; I3 replay gives the ledger's events, byte for
byte; I4 each event reached each sink, waits for it, or is listed as a dead letter; I7 counts balance.
Reads only; safe beside a running gateway.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detectors import NOT_LIVE, SUSPECT
from gateway.alarms import lifecycle
from gateway.alarms.events import AlarmEvent, Event, encode
from gateway.chain import Head
from gateway.delivery import receipts
from gateway.delivery.receipts import SinkAccount
from gateway.errors import RiskgateError
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.entries import Packets, SystemFact
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.outcome import Outcome
from gateway.paths import DataFolder
from gateway.restore import restore
from gateway.snapshots import SnapshotStore

Row = tuple[str, str, str, str]


@dataclass(slots=True)
class Report:
    """Findings of a verification: one line a check."""

    checks: list[tuple[str, str, bool, str]] = field(default_factory=list)
    """(invariant, what was compared, held, figures or the first difference)."""

    @property
    def ok(self) -> bool:
        """Whether every check held."""
        return all(held for _, _, held, _ in self.checks)

    def add(self, invariant: str, compared: str, held: bool, figures: str) -> None:
        """One more check."""
        self.checks.append((invariant, compared, held, figures))

    def rows(self) -> list[Row]:
        """A table, heading first."""
        return [
            ("invariant", "compared", "held", "figures"),
            *((i, c, "yes" if held else "NO", f) for i, c, held, f in self.checks),
        ]


@dataclass(slots=True)
class Replayed:
    """What stepping the journal again gave, compared with the ledger as it went."""

    entries: int = 0
    packets: int = 0
    refused: int = 0
    events: int = 0
    pending: int = 0
    """Events of the journal's tail that the ledger does not hold yet: the core is at work, or was killed
    before it wrote them and will at its next start."""
    difference: str = ""
    digest: str = ""
    """SHA-256 over all events made, in order."""
    behaviour: int = BEHAVIOUR
    effective_twice: int = 0
    monitor: Monitor = field(default_factory=Monitor)

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
    result = Replayed()
    after = 0
    if since:
        found = restore(SnapshotStore(data.snapshots), at_or_before=since, behaviour=BEHAVIOUR)
        result.monitor, after = found.monitor, found.position
    held = _events_of(LedgerReader(data.ledger), after)
    digest = hashlib.sha256()
    effects = _Effects()
    ahead = next(held, None)
    position = after
    for position, entry in JournalReader(data.journal).read(after):
        if isinstance(entry, Packets):
            result.packets += len(entry)
        elif isinstance(entry, SystemFact) and entry.kind == "refused":
            result.refused += 1
        outcome = result.monitor.step(position, entry)
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
    if ahead is not None and _position(ahead) <= position and not result.difference:
        result.difference = f"the ledger holds {ahead.id}, which replay did not give"
    result.digest = digest.hexdigest()
    result.effective_twice = effects.twice()
    return result


def verify(data: DataFolder, published: Path | None = None) -> Report:
    """Check I1-I4 and I7; every check says what it compared."""
    report = Report()
    chain = JournalReader(data.journal).check_chain()
    report.add(
        "chain", "journal rows against their hash chain", chain.ok, chain.reason or f"{chain.checked} rows"
    )
    ledger = LedgerReader(data.ledger)
    told = ledger.check_chain()
    report.add(
        "chain", "ledger rows against their hash chain", told.ok, told.reason or f"{told.checked} rows"
    )
    witness = ledger.witness()
    if chain.ok and witness is not None:
        held = _digest_at(data, witness) == witness.digest
        report.add(
            "chain", "journal at the position the ledger witnessed", held, f"position {witness.position}"
        )
    if not (chain.ok and told.ok):
        return report
    replayed = replay(data)
    report.add(
        "I3",
        "events of a full replay against the ledger, byte for byte",
        replayed.ok,
        replayed.difference
        or f"{replayed.events} events from {replayed.entries} entries, SHA-256 {replayed.digest[:16]}, "
        f"{replayed.pending} not yet recorded",
    )
    report.add(
        "I1",
        "live readings of believable time by (channel, event time, value)",
        replayed.effective_twice == 0,
        f"{replayed.monitor.counts.effective} effective, {replayed.effective_twice} took effect twice",
    )
    _check_transitions(report, ledger)
    _check_counts(report, replayed)
    handed = receipts.check_chain(data.delivery)
    report.add(
        "chain", "receipts against their hash chain", handed.ok, handed.reason or f"{handed.checked} rows"
    )
    for account in receipts.accounts(data.delivery):
        report.add("I4", f"events for sink {account.sink}", *_delivered(account, ledger.last_seq()))
    if published is not None:
        _check_published(report, data, published)
    return report


def _events_of(ledger: LedgerReader, after_position: int) -> Iterator[Event]:
    seq = 0
    while page := ledger.events_after(seq):
        for number, event in page:
            seq = number
            if _position(event) > after_position:
                yield event


def _position(event: Event) -> int:
    """The journal position that an event's id names."""
    return int(event.id.split("-")[1])


def _digest_at(data: DataFolder, witness: Head) -> bytes | None:
    try:
        return JournalReader(data.journal).digest_at(witness.position)
    except RiskgateError:
        return None


def _check_transitions(report: Report, ledger: LedgerReader) -> None:
    """I2: ids once; each alarm's events chain by state and are legal by the transition table."""
    ids: Counter[str] = Counter()
    at: dict[str, tuple[str, bool, int]] = {}
    illegal = ""
    alarms = 0
    for event in _events_of(ledger, 0):
        ids[event.id] += 1
        if not isinstance(event, AlarmEvent):
            continue
        alarms += 1
        state, active, occurrence = at.get(event.alarm, ("normal", False, 0))
        if not illegal and not _legal(event, state, active, occurrence):
            illegal = f"{event.id}: {event.alarm} {state} -> {event.state} by {event.cause}"
        at[event.alarm] = (event.state, event.process_active, event.occurrence)
    twice = sum(1 for count in ids.values() if count > 1)
    report.add(
        "I2",
        "alarm transitions: once each, chained, legal by the state table",
        not illegal and twice == 0,
        illegal or f"{alarms} transitions of {len(at)} alarms, {twice} ids twice",
    )


def _legal(event: AlarmEvent, state: str, active: bool, occurrence: int) -> bool:
    if event.before != state:
        return False
    what = lifecycle.RAISED if event.cause == lifecycle.RE_RAISED else event.cause
    step = lifecycle.next_state(lifecycle.Situation(state, active), what, latch=event.latched)
    if not isinstance(step, lifecycle.Transition):
        return False
    expected = occurrence + 1 if step.new_occurrence else occurrence
    return step.to == (event.state, event.process_active) and expected == event.occurrence


def _check_counts(report: Report, replayed: Replayed) -> None:
    counts = replayed.monitor.counts
    received = counts.packets + sum(counts.refused.values())
    report.add(
        "I7",
        "received = journalled + refused before the journal",
        (counts.packets, sum(counts.refused.values())) == (replayed.packets, replayed.refused),
        f"{received} = {counts.packets} + {sum(counts.refused.values())}",
    )
    rejected = sum(counts.rejected.values())
    report.add(
        "I7",
        "decoded = effective + duplicate + rejected",
        counts.balanced(),
        f"{counts.decoded} = {counts.effective} + {counts.duplicates} + {rejected}",
    )


def _delivered(account: SinkAccount, last_seq: int) -> tuple[bool, str]:
    figures = (
        f"{len(account.taken & account.receipts)} with receipt, {len(account.waiting)} waiting, "
        f"{len(account.dead)} dead letters, {account.events - len(account.taken)} not for this sink, "
        f"{last_seq - account.events} not looked at yet, of {last_seq}"
    )
    missing = account.missing
    return (
        not missing,
        f"missing: event {min(missing)} and {len(missing) - 1} more; {figures}" if missing else figures,
    )


def _check_published(report: Report, data: DataFolder, published: Path) -> None:
    """The outside witness: every packet that the broker acknowledged to the publisher."""
    wanted: dict[bytes, str] = {}
    with published.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.endswith("\n"):
                break  # the publisher was stopped within its last line
            packet: dict[str, Any] = json.loads(line)
            key = _packet_key(packet["topic"].encode(), packet["payload"].encode())
            wanted[key] = f"{packet['topic']} {packet['payload'][:100]}"
    total = len(wanted)
    for _, entry in JournalReader(data.journal).read():
        if isinstance(entry, Packets):
            for row in range(len(entry)):
                wanted.pop(_packet_key(*entry.packet(row)), None)
        elif isinstance(entry, SystemFact) and entry.kind == "refused":
            _pop_refused(wanted, entry)
    first = next(iter(wanted.values()), "")
    report.add(
        "I1",
        f"packets acknowledged to the publisher ({published.name}) in the journal",
        not wanted,
        f"{total} acknowledged, {len(wanted)} missing" + (f", first: {first}" if first else ""),
    )


def _pop_refused(wanted: dict[bytes, str], entry: SystemFact) -> None:
    head = entry.detail.get("head", b"")
    if len(head) == entry.detail.get("size"):
        wanted.pop(_packet_key(entry.subject.encode(), head), None)


def _packet_key(topic: bytes, payload: bytes) -> bytes:
    return hashlib.blake2b(topic + b"\0" + payload, digest_size=16).digest()


def to_json(report: Report) -> bytes:
    """The report for other programs."""
    return msgspec.json.encode(report.rows())
