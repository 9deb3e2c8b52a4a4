"""Every alarm transition of the ledger as columns, so that a month of a city is counted in milliseconds.

Guarantee: equal to what the ledger holds. The columns kept in ``lookback/events.npz`` are used only if the
ledger's chain has the digest at that sequence number that it had when they were made; what came since is read
from the ledger each time and written when it has grown. ``rebuilt`` derives everything again.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.alarms.events import AlarmEvent, Event, NoteEvent
from gateway.kpi import derived_file
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder

FORMAT = 1
WRITE_AFTER = 5_000
"""Events since the file was written: fewer are cheaper read again than written."""
PAGE = 20_000
FILE = "events.npz"
KEY_BYTES = 16

EVENT = np.dtype(
    [
        ("at_ns", "<i8"),  # gateway wall time, never before the event before: a clock set back stands still
        ("alarm", "<i4"),
        ("occurrence", "<i4"),
        ("cause", "u1"),
        ("state", "u1"),
        ("before", "u1"),
        ("active", "u1"),
        ("priority", "u1"),
        ("exercise", "u1"),
    ],
    align=True,
)
"""One transition; cause, state and before are places in the summary's ``words``."""


class Known(msgspec.Struct, frozen=True, array_like=True):
    """Whose an alarm is; as its newest event tells."""

    alarm: str
    category: str
    condition: str
    enterprise: str
    county: str
    sector: str
    family: str
    device: str
    """ "<enterprise>/<site>/<device>"; "" for the gateway's own alarms."""
    channel: str


class Noted(msgspec.Struct, frozen=True, array_like=True):
    """A start, or a configuration in force, and at which journal position."""

    kind: str
    position: int
    at_ns: int
    digest: str = ""


NOTED = ("started", "configuration")


@dataclass(slots=True)
class Summary:
    """See the module's docstring."""

    seq: int = 0
    digest: bytes = b""
    events: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(0, EVENT))
    alarms: list[Known] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    written: bool = False
    """Whether the file holds this."""

    def code(self, word: str) -> int:
        """The place of a word; one that no event ever said is 255."""
        return self.words.index(word) if word in self.words else 255

    def device_keys(self) -> npt.NDArray[np.bytes_]:
        """For each alarm the hashed key of its device, as the fleet's rows have it."""
        return np.array([key_of(one.device) for one in self.alarms], f"S{KEY_BYTES}")

    @classmethod
    def of(cls, ledger: Path) -> Summary:
        """Everything up to the ledger's newest event; writes the file when much came since."""
        path, reader = _file(ledger), LedgerReader(ledger)
        found = _stored(path, reader) or cls()
        fresh = _extend(found, reader)
        if fresh >= WRITE_AFTER:
            found.written = _save(found, path)
        return found


def rebuilt(ledger: Path) -> tuple[Summary, bool]:
    """Derived anew from the ledger and written; and whether the file that was there told the same."""
    path, reader = _file(ledger), LedgerReader(ledger)
    before = _stored(path, reader)
    if before is not None:
        _extend(before, reader)
    fresh = Summary()
    _extend(fresh, reader, until=before.seq if before else None)
    same = before is None or (
        np.array_equal(before.events, fresh.events)
        and (before.alarms, before.notes, before.words) == (fresh.alarms, fresh.notes, fresh.words)
    )
    fresh.written = _save(fresh, path)
    return fresh, same


def key_of(device: str) -> bytes:
    """The hashed key of a device: 128 bits, so that two devices never share one."""
    return hashlib.blake2b(device.encode(), digest_size=KEY_BYTES).digest()


def _file(ledger: Path) -> Path:
    return DataFolder(ledger.parent).root / "lookback" / FILE


def _stored(path: Path, reader: LedgerReader) -> Summary | None:
    loaded = derived_file.load(path)
    if loaded is None:
        return None
    head, arrays = loaded
    if head.get("format") != FORMAT or reader.digest_at(head["seq"]) != head["digest"]:
        return None  # another ledger, or one that was restored: what is kept does not follow from it
    return Summary(
        head["seq"],
        head["digest"],
        arrays["events"],
        msgspec.convert(head["alarms"], list[Known]),
        msgspec.convert(head["notes"], list[Noted]),
        head["words"],
        written=True,
    )


def _save(summary: Summary, path: Path) -> bool:
    head: dict[str, Any] = {
        "format": FORMAT,
        "seq": summary.seq,
        "digest": summary.digest,
        "alarms": summary.alarms,
        "notes": summary.notes,
        "words": summary.words,
    }
    return derived_file.save(path, head, {"events": summary.events})


def _extend(summary: Summary, reader: LedgerReader, until: int | None = None) -> int:
    """Add what the ledger has beyond the summary; how many events that were."""
    begin = summary.seq
    index: dict[str, int] | None = None
    parts = [summary.events]
    last = int(summary.events["at_ns"][-1]) if len(summary.events) else 0
    while page := reader.events_after(summary.seq, PAGE):
        page = [(seq, event) for seq, event in page if until is None or seq <= until]
        if not page:
            break
        if index is None:
            index = {one.alarm: place for place, one in enumerate(summary.alarms)}
        rows = [_row(summary, index, event) for _, event in page]
        part = np.array([row for row in rows if row is not None], EVENT)
        if len(part):
            part["at_ns"] = np.maximum(np.maximum.accumulate(part["at_ns"]), last)
            last = int(part["at_ns"][-1])
            parts.append(part)
        summary.seq = page[-1][0]
    if summary.seq != begin:
        summary.events = np.concatenate(parts)
        summary.digest = reader.digest_at(summary.seq) or b""
        summary.written = False
    return summary.seq - begin


def _row(summary: Summary, index: dict[str, int], event: Event) -> tuple[Any, ...] | None:
    if isinstance(event, NoteEvent) and event.kind in NOTED:
        position = int(event.id.split("-")[1])
        summary.notes.append(Noted(event.kind, position, event.at_ns, event.detail.get("digest", "")))
    if not isinstance(event, AlarmEvent):
        return None
    device = f"{event.enterprise}/{event.site}/{event.device}" if event.device else ""
    known = Known(
        event.alarm, event.category, event.condition, event.enterprise, event.county, event.sector,
        event.family, device, event.channel,
    )  # fmt: skip
    place = index.get(event.alarm)
    if place is None:
        place = index[event.alarm] = len(summary.alarms)
        summary.alarms.append(known)
    elif summary.alarms[place] != known:
        summary.alarms[place] = known
    return (
        event.at_ns,
        place,
        event.occurrence,
        _word(summary, event.cause),
        _word(summary, event.state),
        _word(summary, event.before),
        event.process_active,
        event.priority,
        "exercise" in event.flags,
    )


def _word(summary: Summary, word: str) -> int:
    if word not in summary.words:
        summary.words.append(word)
    return summary.words.index(word)
