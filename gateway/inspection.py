"""Listings for people: what was rejected, who is unknown, which alarms are open, what a sink refused.

Asks the running core where its live state is wanted; without one, derives the same from snapshot and journal.
"""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from typing import Any

from gateway.clock import new_id
from gateway.commands import ask
from gateway.errors import CoreUnreachable
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.paths import DataFolder
from gateway.restore import partition_of, restore
from gateway.snapshots import SnapshotStore

Rows = list[tuple[Any, ...]]
SHOWN_BYTES = 80
MAX_OPEN = 1_000_000


def derived(data: DataFolder) -> Monitor:
    """The monitor as the journal's end leaves it: newest snapshot and tail. Reads only."""
    found = restore(SnapshotStore(data.snapshots), partition_of(data.ledger), behaviour=BEHAVIOUR)
    for position, entry in JournalReader(data.journal).read(found.position):
        found.monitor.step(position, entry)
    return found.monitor


def rejections(data: DataFolder, limit: int) -> tuple[Rows, Rows]:
    """(counts by reason, newest rejections with the head of their raw bytes)."""
    try:
        answer = ask(data.core_socket, {"op": "rejections", "limit": limit})
        counts, newest = answer["counts"], answer["rejections"]
    except CoreUnreachable:
        monitor = derived(data)
        counts = monitor.counts.turned_away()
        newest = [r._asdict() for r in reversed(list(monitor.inlet.rejections.recent)[-limit:])]
    reader = JournalReader(data.journal)
    rows: Rows = [("position", "packet", "row", "reason", "detail", "topic", "payload")]
    for item in newest:
        entry: Any = reader.entry(item["position"])
        before = item["packet"] < 0  # refused before the journal: only its head was kept
        payload = entry.detail["head"] if before else entry.packet(item["packet"])[1]
        shown = payload[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
        more = f" ... {len(payload)} bytes" if len(payload) > SHOWN_BYTES else ""
        row = "" if item["row"] < 0 else item["row"]
        rows.append(
            (
                item["position"],
                item["packet"],
                row,
                item["reason"],
                item["detail"],
                item["topic"],
                shown + more,
            )
        )
    return sorted(counts.items(), key=lambda pair: -pair[1]), rows if len(rows) > 1 else []


def unknown_speakers(data: DataFolder) -> tuple[dict[str, Any], int]:
    """(device -> packets, first and last heard in ns, newest topic; how many packets of others)."""
    try:
        answer = ask(data.core_socket, {"op": "quarantine"})
    except CoreUnreachable:
        answer = derived(data).inlet.quarantine.export()
    return answer["devices"], answer["beyond"]


def quarantine(data: DataFolder) -> Rows:
    """Unknown devices with their counts, busiest first."""
    devices, beyond = unknown_speakers(data)
    rows: Rows = [("device", "packets", "first seen", "last seen", "newest topic")]
    for key, (packets, first, last, topic) in sorted(devices.items(), key=lambda item: -item[1][0]):
        rows.append((key, packets, when(first), when(last), topic))
    if beyond:
        rows.append(("(more, only counted)", beyond, "", "", ""))
    return rows if len(rows) > 1 else []


def open_alarms(data: DataFolder) -> Rows:
    """Alarms that are not normal, most urgent first."""
    rows: Rows = [("priority", "state", "alarm", "occurrence", "since", "reason", "response")]
    for _, event in LedgerReader(data.ledger).open_alarms(limit=MAX_OPEN):
        rows.append(
            (
                event.priority,
                event.state,
                event.alarm,
                event.occurrence,
                when(event.at_ns),
                event.reason_en,
                event.response_en,
            )
        )
    return rows if len(rows) > 1 else []


def deadletters(data: DataFolder) -> Rows:
    """What sinks refused for good, from running delivery."""
    answer = ask(data.delivery_socket, {"op": "deadletters"})
    letters = answer["deadletters"]
    if not letters:
        return []
    names = list(letters[0])
    return [tuple(names), *(tuple(letter[name] for name in names) for letter in letters)]


def resend(data: DataFolder, sink: str, ids: list[str]) -> dict[str, Any]:
    """Ask the core to have dead letters sent again."""
    args = {"sink": sink, "ids": ids} if ids else {"sink": sink, "all": True}
    return command(data, "deadletter_resend", args)


def command(data: DataFolder, action: str, args: dict[str, Any]) -> dict[str, Any]:
    """A command of the machine's user; the core's answer."""
    return ask(
        data.core_socket,
        {
            "op": "command",
            "id": new_id(),
            "action": action,
            "args": args,
            "actor": getpass.getuser(),
            "role": "admin",  # whoever may write to this gateway's socket owns it
            "organisation": "",
            "source": "cli",
        },
    )


def when(at_ns: int) -> str:
    """A time for a person, UTC."""
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%S")
