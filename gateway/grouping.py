"""One round's work: journal entries in arrival order, whom to acknowledge afterwards, and who waits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.alarms.events import CommandEvent
from gateway.ingest import Item, LinkChange, Packet
from gateway.monitor.entries import Entry, Link, OperatorCommand, Packets, Stamp, SystemFact


@dataclass(frozen=True, slots=True)
class Ask:
    """A command on its way: what is wanted, and where the answer goes."""

    fields: dict[str, Any]
    """id, action, args, actor, role, organisation, deadline_ns, source."""
    answer: Callable[[CommandEvent], None]


@dataclass(slots=True)
class Group:
    """What one commit makes durable."""

    entries: list[Entry] = field(default_factory=list)
    acks: list[tuple[int, list[int]]] = field(default_factory=list)
    """(connection epoch, packet ids) to acknowledge once the entries are durable."""
    asks: list[Ask] = field(default_factory=list)


def assemble(stamp: Stamp, items: Sequence[Item], asks: Sequence[Ask]) -> Group:
    """Entries in arrival order: neighbouring packets of one epoch make one entry."""
    group = Group()
    run: list[Packet] = []

    def close_run() -> None:
        if run:
            rows = [(p.topic, p.payload, p.received_ns, p.flags) for p in run]
            group.entries.append(Packets.of(stamp, run[0].epoch, rows))
            group.acks.append((run[0].epoch, [p.mid for p in run]))
            run.clear()

    for item in items:
        if isinstance(item, Packet):
            if run and run[0].epoch != item.epoch:
                close_run()
            run.append(item)
            continue
        close_run()
        if isinstance(item, LinkChange):
            group.entries.append(
                Link(stamp, item.epoch, item.up, item.session_present, item.expected_session, item.reason)
            )
        else:
            detail = {"reason": item.reason, "head": item.head, "sha256": item.sha256, "size": item.size}
            group.entries.append(SystemFact(stamp, "refused", item.topic, detail=detail))
            if item.mid:
                group.acks.append((item.epoch, [item.mid]))
    close_run()
    for ask in asks:
        group.entries.append(OperatorCommand(stamp, **ask.fields))
        group.asks.append(ask)
    return group
