"""``riskgate verify`` and ``riskgate replay``: the invariants, by count and hash, and what was compared.

I1 each reading takes effect once, and what the broker acknowledged to a publisher is in the journal;
I2 each transition is in the ledger once, in order, and legal; I3 replay gives the ledger's events, byte for
byte; I4 each event reached each sink, waits for it, or is listed as a dead letter, in order per alarm;
I7 counts balance. Reads only; safe beside a running gateway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from gateway.access.record import WITNESS, check_record
from gateway.alarms import lifecycle
from gateway.alarms.events import AlarmEvent
from gateway.alarms.lifecycle import RAISED, RE_RAISED, Situation
from gateway.chain import Head
from gateway.errors import RiskgateError
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.verify.deliveries import check_deliveries
from gateway.verify.published import check_published, read_published
from gateway.verify.replaying import Replayed, events_of, replay
from gateway.verify.report import Report

__all__ = ["Replayed", "Report", "replay", "verify"]

MAX_WITNESSES = 10_000_000
CUT_BYTES, TIME_BYTES = 16, 8
"""Of one packet in a ``Packets`` entry: four int32 offsets, one int64 time."""


def verify(data: DataFolder, published: Path | None = None, sinks: Mapping[str, Any] | None = None) -> Report:
    """Check I1-I4 and I7; every check says what it compared.

    published: a publisher's list (see ``read_published``). sinks: ``Config.sinks``; without it only the
    sinks that delivery.db knows are looked at. RiskgateError when a file cannot be read.
    """
    wanted = None if published is None else read_published(published)
    report = Report()
    ledger = LedgerReader(data.ledger)
    if not _check_chains(report, data, ledger):
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
    _check_counts(report, data, replayed)
    _check_accounts(report, data, ledger)
    check_deliveries(report, data, ledger, sinks, exercise=replayed.monitor.exercise)
    if published is not None and wanted is not None:
        check_published(report, data, published.name, wanted)
    return report


def _check_chains(report: Report, data: DataFolder, ledger: LedgerReader) -> bool:
    chain = JournalReader(data.journal).check_chain()
    report.add(
        "chain", "journal rows against their hash chain", chain.ok, chain.reason or f"{chain.checked} rows"
    )
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
    return chain.ok and told.ok


def _digest_at(data: DataFolder, witness: Head) -> bytes | None:
    try:
        return JournalReader(data.journal).digest_at(witness.position)
    except RiskgateError:
        return None


def _check_transitions(report: Report, ledger: LedgerReader) -> None:
    """I2: ids once; each alarm's events chain by state and are legal by the transition table."""
    ids: Counter[str] = Counter()
    at: dict[str, tuple[Situation, int]] = {}
    illegal = ""
    alarms = 0
    for _, event in events_of(ledger):
        ids[event.id] += 1
        if not isinstance(event, AlarmEvent):
            continue
        alarms += 1
        before, occurrence = at.get(event.alarm, (lifecycle.A, 0))
        if not illegal and not _legal(event, before, occurrence):
            illegal = f"{event.id}: {event.alarm} {before.state} -> {event.state} by {event.cause}"
        at[event.alarm] = (Situation(event.state, event.process_active), event.occurrence)
    twice = sum(1 for count in ids.values() if count > 1)
    report.add(
        "I2",
        "alarm transitions: once each, chained, legal by the state table",
        not illegal and twice == 0,
        illegal or f"{alarms} transitions of {len(at)} alarms, {twice} ids twice",
    )


def _legal(event: AlarmEvent, before: Situation, occurrence: int) -> bool:
    """Whether the event goes on from where the alarm stood, by a step of the table and to the occurrence
    that the step leads to."""
    after = Situation(event.state, event.process_active)
    return (
        event.before == before.state
        and lifecycle.legal(before, event.cause, after, latch=event.latched)
        and event.occurrence == occurrence + (event.cause in (RAISED, RE_RAISED))
    )


def _check_accounts(report: Report, data: DataFolder, ledger: LedgerReader) -> None:
    """Changes of accounts and tokens: the chain in console.db, and what the ledger witnessed of it."""
    told = [event for _, event in ledger.commands(WITNESS, MAX_WITNESSES) if event.accepted]
    witnesses = [(int(event.args["number"]), str(event.args["digest"])) for event in told]
    if not data.console.exists() and not witnesses:
        report.nothing("chain", "account changes against their hash chain", "no console.db")
        return
    chain, missing = check_record(data.console, witnesses)
    report.add(
        "chain", "account changes against their hash chain", chain.ok, chain.reason or f"{chain.checked} rows"
    )
    report.add(
        "chain",
        "account changes that the ledger witnessed",
        not missing,
        f"console.db: {missing}" if missing else f"{len(witnesses)} of {chain.checked} changes",
    )


def _check_counts(report: Report, data: DataFolder, replayed: Replayed) -> None:
    """I7: the monitor's counts against a count of the stored rows that no code of the monitor takes part in,
    and its balance of readings."""
    counts = replayed.monitor.counts
    packets, refused, ragged = _count_rows(data, replayed.position)
    report.add(
        "I7",
        "packets and refusals in the journal, counted apart from the monitor",
        not ragged and (packets, dict(refused)) == (counts.packets, counts.refused),
        ragged
        or f"journal {packets} packets and {refused.total()} refused, monitor {counts.packets} and "
        f"{sum(counts.refused.values())}",
    )
    rejected = sum(counts.rejected.values())
    report.add(
        "I7",
        "decoded = effective + duplicate + rejected",
        counts.balanced(),
        f"{counts.decoded} = {counts.effective} + {counts.duplicates} + {rejected}",
    )


def _count_rows(data: DataFolder, until: int) -> tuple[int, Counter[str], str]:
    """Packets, refusals by reason, and the first entry whose columns differ in length, from the bare rows.
    The places are those of entries.py with the tag before them."""
    packets, refused, ragged = 0, Counter[str](), ""
    for position, body, _ in JournalReader(data.journal).read_raw(0, until):
        row: list[Any] = msgspec.msgpack.decode(body)
        if row[0] == "packets":
            cuts, received, flags = row[4:7]
            packets += len(flags)
            if not ragged and (len(cuts), len(received)) != (CUT_BYTES * len(flags), TIME_BYTES * len(flags)):
                ragged = f"position {position}: {len(flags)} packets with columns of other lengths"
        elif row[0] == "fact" and row[2] == "refused":
            refused[str(row[5].get("reason", ""))] += 1
    return packets, refused, ragged
