"""What stands between the simulated plant and the real gateway: faulty files, admission, slower profiles."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import gateway.core as core_module
import gateway.grouping as grouping_module
import gateway.journal.journal as journal_module
from gateway.alarms.events import CommandEvent
from gateway.alarms.openalarm import OpenAlarm
from gateway.errors import JournalFull
from gateway.ingest import HEAD_BYTES, TOPIC_CHARS, Packet, RefusedPacket
from gateway.ingest.admission import Admission
from gateway.ledger import Ledger
from tests.crash.sim.broker import Sent
from tests.crash.sim.faults import Disk, FaultyConnection


def paced(text: str, period_s: int) -> str:
    """A shipped profile whose devices speak every ``period_s``: the hour stays short enough to be simulated
    by the hundred. Everything else of the profile stays."""
    times = r"^(period_s|upload_period_s|silent_after_s|late_after_s|clear_readings|max_future_s)\s*=.*\n"
    head, mark, rest = text.partition("[profile]\n")
    return head + mark + f"period_s = {period_s}\n" + re.sub(times, "", rest, flags=re.MULTILINE)


@dataclass(slots=True)
class Command:
    """One operator command and what became of it."""

    fields: dict[str, Any]
    asked_mono_ns: int
    boot: str
    answers: list[tuple[int, CommandEvent]] = field(default_factory=list)


class FaultyLedger(Ledger):
    """The real ledger on a disk that may be full."""

    disk: Disk

    def record(self, outcomes: Any, head: Any) -> None:
        """As the real one, unless the disk is full just now: then nothing is written."""
        if self.disk.ledger_full_in:
            self.disk.ledger_full_in -= 1
            if self.disk.ledger_full_in == 0:
                raise JournalFull("injected: the ledger's disk is full")
        super().record(outcomes, head)


def admitted(sent: Sent, admission: Admission, epoch: int, mono_ns: int) -> Packet | RefusedPacket:
    """What the receiver makes of one PUBLISH."""
    topic, payload = sent.message.topic, sent.message.payload
    reason = admission.refuse(topic, payload)
    if not reason:
        return Packet(topic, payload, mono_ns, sent.mid, epoch, sent.flags)
    shown = topic.decode("ascii", "backslashreplace")[:TOPIC_CHARS]
    digest = hashlib.sha256(payload).hexdigest()
    return RefusedPacket(epoch, sent.mid, mono_ns, reason, shown, payload[:HEAD_BYTES], digest, len(payload))


def command_fields(draw: random.Random, alarm: OpenAlarm, number: int, deadline_ns: int) -> dict[str, Any]:
    """What an operator asks about an open alarm; now and then about an occurrence that does not exist."""
    occurrence = alarm.occurrence + draw.choice((0, 0, 0, 1))
    return {
        "id": f"cmd-{number}",
        "action": draw.choice(("acknowledge", "acknowledge", "acknowledge", "reset", "comment")),
        "args": {"alarm": alarm.definition.id, "occurrence": occurrence, "comment": "seen"},
        "actor": "sim",
        "role": "operator",
        "organisation": "",
        "deadline_ns": deadline_ns,
        "source": "simulation",
    }


def watch_journal(disk: Disk) -> Callable[[], None]:
    """Put a faulty disk under every connection the journal opens to write; returns how to take it out."""
    real = journal_module.open_writer

    def open_writer(*arguments: Any, **named: Any) -> Any:
        return FaultyConnection(real(*arguments, **named), disk)

    journal_module.open_writer = open_writer

    def undo() -> None:
        journal_module.open_writer = real

    return undo


def small_records() -> Callable[[], None]:
    """Entries of few packets, recorded in pieces, as in a flood; an hour has none. Returns the way back."""
    real = core_module.RECORD_EVENTS, grouping_module.ENTRY_PACKETS
    core_module.RECORD_EVENTS, grouping_module.ENTRY_PACKETS = 1, 5

    def undo() -> None:
        core_module.RECORD_EVENTS, grouping_module.ENTRY_PACKETS = real

    return undo
