"""One round's work: journal entries in arrival order, whom to acknowledge afterwards, and who waits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gateway.alarms.events import CommandEvent
from gateway.ingest import Item, LinkChange, Mids, Packet, Run
from gateway.ingest.intake import item_packets
from gateway.monitor.entries import Entry, Link, OperatorCommand, Packets, Stamp, SystemFact

ENTRY_PACKETS = 1000
"""Packets of one entry at most: a flood's alarms are recorded entry by entry. Fewer would cost a full load
more steps."""


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
    acks: list[tuple[int, Mids]] = field(default_factory=list)
    """(connection epoch, packet ids) to acknowledge once the entries are durable."""
    asks: list[Ask] = field(default_factory=list)


def refusal(ask: Ask, reason: str, at_ns: int) -> CommandEvent:
    """The answer to a command that could not be journalled; it has no event id, for there is no event."""
    fields = {name: value for name, value in ask.fields.items() if name not in ("id", "deadline_ns")}
    return CommandEvent(
        **{"source": "", **fields},
        id="",
        command=ask.fields["id"],
        accepted=False,
        reason_en=f"not taken, and it will not act later: the gateway is blind ({reason})",
        reason_zh=f"未受理, 之后也不会执行: 网关无法记录 ({reason})",
        at_ns=at_ns,
    )


def assemble(stamp: Stamp, items: Sequence[Item], asks: Sequence[Ask]) -> Group:
    """Entries in arrival order: neighbouring packets and runs of one epoch make one entry
    of up to ``ENTRY_PACKETS``."""
    group = Group()
    together: list[Packet | Run] = []
    count = 0

    def close() -> None:
        nonlocal count
        if together:
            entry, mids = join(stamp, together)
            group.entries.append(entry)
            group.acks.append((entry.epoch, mids))
            together.clear()
            count = 0

    for item in items:
        if isinstance(item, Packet | Run):
            if together and together[0].epoch != item.epoch:
                close()
            for piece in _pieces(item):
                if count + item_packets(piece) > ENTRY_PACKETS:
                    close()
                together.append(piece)
                count += item_packets(piece)
            continue
        close()
        if isinstance(item, LinkChange):
            group.entries.append(
                Link(stamp, item.epoch, item.up, item.session_present, item.expected_session, item.reason)
            )
        else:
            detail = {"reason": item.reason, "head": item.head, "sha256": item.sha256, "size": item.size}
            group.entries.append(SystemFact(stamp, "refused", item.topic, detail=detail))
            if item.mid:
                group.acks.append((item.epoch, [item.mid]))
    close()
    for ask in asks:
        group.entries.append(OperatorCommand(stamp, **ask.fields))
        group.asks.append(ask)
    return group


def only_packets(entries: Sequence[Entry]) -> bool:
    """Whether these are what devices sent, and nothing else."""
    return all(isinstance(entry, Packets) for entry in entries)


def _pieces(item: Packet | Run) -> Iterator[Packet | Run]:
    """The item, or its rows in pieces that an entry takes."""
    if not isinstance(item, Run):
        yield item
        return
    for begin in range(0, len(item), ENTRY_PACKETS):
        yield item.part(begin, min(begin + ENTRY_PACKETS, len(item)))


def join(stamp: Stamp, items: list[Packet | Run]) -> tuple[Packets, Mids]:
    """One entry of what arrived in one connection epoch, and whom to acknowledge for it."""
    packets = [item for item in items if isinstance(item, Packet)]
    if len(packets) == len(items):
        return of_packets(stamp, packets)
    if len(items) == 1 and isinstance(run := items[0], Run):
        return of_run(stamp, run)
    blobs, cuts, received, flags, mids = [], [], [], [], []
    offset = 0
    for item in items:
        if isinstance(item, Run):
            blobs.append(item.blob)
            cuts.append(item.cuts + np.int32(offset) if offset else item.cuts)
            received.append(np.full(len(item), item.received_ns, "<i8"))
            flags.append(item.flags)
            mids.append(item.mids)
        else:
            one, ids = of_packets(stamp, [item])
            blobs.append(one.blob)
            cuts.append(one.cut_array() + np.int32(offset))
            received.append(one.received_array())
            flags.append(one.flag_array())
            mids.append(np.array(ids, np.uint16))
        offset += len(blobs[-1])
    entry = Packets(
        stamp,
        items[0].epoch,
        b"".join(blobs),
        np.concatenate(cuts).astype("<i4", copy=False).tobytes(),
        np.concatenate(received).tobytes(),
        np.concatenate(flags).tobytes(),
    )
    return entry, np.concatenate(mids)


def of_run(stamp: Stamp, run: Run) -> tuple[Packets, Mids]:
    """The same for one run alone, the usual case while little arrives."""
    received = run.received_ns.to_bytes(8, "little", signed=True) * len(run)
    cuts = run.cuts.astype("<i4", copy=False).tobytes()
    return Packets(stamp, run.epoch, run.blob, cuts, received, run.flags.tobytes()), run.mids


def of_packets(stamp: Stamp, packets: list[Packet]) -> tuple[Packets, list[int]]:
    """The same for packets that came one by one."""
    rows = [(p.topic, p.payload, p.received_ns, p.flags) for p in packets]
    return Packets.of(stamp, packets[0].epoch, rows), [p.mid for p in packets]
