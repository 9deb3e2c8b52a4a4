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

from gateway.alarms.events import DRILL, AlarmEvent, Event, NoteEvent
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
        ("cause", "<i4"),
        ("state", "<i4"),
        ("before", "<i4"),
        ("active", "u1"),
        ("priority", "u1"),
        ("exercise", "u1"),
    ],
    align=True,
)
"""One transition; cause, state and before are places in the summary's ``words``."""


ALARM = np.dtype(
    [
        ("key", f"S{KEY_BYTES}"),  # of its device, as the fleet's rows have it
        ("enterprise", "<i4"),
        ("county", "<i4"),
        ("category", "<i4"),
        ("condition", "<i4"),
        ("channel", "<i4"),  # "" for an alarm about a whole device
    ],
    align=True,
)
"""Whose an alarm is, as its newest event tells; all but the key are places in the summary's ``words``."""


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
    alarms: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ALARM))
    lines: str = ""
    """The alarms' ids, a line each: taken apart only when somebody asks for names."""
    notes: list[Noted] = field(default_factory=list)
    words: list[str] = field(default_factory=lambda: [""])
    written: bool = False
    """Whether the file holds this."""

    def names(self) -> list[str]:
        """The id of every alarm."""
        return self.lines.split("\n") if self.lines else []

    def code(self, word: str) -> int:
        """The place of a word; -1 for one that no event ever said."""
        return self.words.index(word) if word in self.words else -1

    def coded(self, column: str, words: dict[str, int], missing: int) -> npt.NDArray[np.int64]:
        """A column of ``alarms`` as other numbers, by its words."""
        told = np.array([words.get(word, missing) for word in self.words], np.int64)
        return told[self.alarms[column]] if len(self.alarms) else np.zeros(0, np.int64)

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
        and np.array_equal(before.alarms, fresh.alarms)
        and (before.lines, before.notes, before.words) == (fresh.lines, fresh.notes, fresh.words)
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
        arrays["alarms"],
        arrays["lines"].tobytes().decode(),
        msgspec.convert(head["notes"], list[Noted]),
        head["words"],
        written=True,
    )


def _save(summary: Summary, path: Path) -> bool:
    head: dict[str, Any] = {
        "format": FORMAT,
        "seq": summary.seq,
        "digest": summary.digest,
        "notes": summary.notes,
        "words": summary.words,
    }
    lines = np.frombuffer(summary.lines.encode(), np.uint8)
    return derived_file.save(path, head, {"events": summary.events, "alarms": summary.alarms, "lines": lines})


def _extend(summary: Summary, reader: LedgerReader, until: int | None = None) -> int:
    """Add what the ledger has beyond the summary; how many events that were."""
    begin = summary.seq
    if reader.last_seq() == begin:
        return 0
    rows = _Rows(summary)
    parts = [summary.events]
    last = int(summary.events["at_ns"][-1]) if len(summary.events) else 0
    while page := reader.events_after(summary.seq, PAGE):
        page = [(seq, event) for seq, event in page if until is None or seq <= until]
        if not page:
            break
        told = [rows.take(event) for _, event in page]
        part = np.array([row for row in told if row is not None], EVENT)
        if len(part):
            part["at_ns"] = np.maximum(np.maximum.accumulate(part["at_ns"]), last)
            last = int(part["at_ns"][-1])
            parts.append(part)
        summary.seq = page[-1][0]
    rows.close()
    summary.events = np.concatenate(parts)
    summary.digest = reader.digest_at(summary.seq) or b""
    summary.written = False
    return summary.seq - begin


class _Rows:
    """Events to rows, and what they tell of their alarms."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._words = {word: place for place, word in enumerate(summary.words)}
        self._index = {name: place for place, name in enumerate(summary.names())}
        self._changed: dict[int, tuple[Any, ...]] = {}

    def take(self, event: Event) -> tuple[Any, ...] | None:
        """The row of an alarm event; notes that matter are kept."""
        if isinstance(event, NoteEvent) and event.kind in NOTED:
            position = int(event.id.split("-")[1])
            digest = event.detail.get("digest", "")
            self._summary.notes.append(Noted(event.kind, position, event.at_ns, digest))
        if not isinstance(event, AlarmEvent):
            return None
        place = self._index.setdefault(event.alarm, len(self._index))
        texts = (event.enterprise, event.county, event.category, event.condition, event.channel)
        device = f"{event.enterprise}/{event.site}/{event.device}" if event.device else ""
        self._changed[place] = (device, *map(self._word, texts))
        return (
            event.at_ns,
            place,
            event.occurrence,
            self._word(event.cause),
            self._word(event.state),
            self._word(event.before),
            event.process_active,
            event.priority,
            "exercise" in event.flags or DRILL in event.flags,
        )

    def close(self) -> None:
        """Hand over what was told of the alarms."""
        summary = self._summary
        alarms = np.zeros(len(self._index), ALARM)
        alarms[: len(summary.alarms)] = summary.alarms
        for place, (device, *codes) in self._changed.items():
            alarms[place] = (key_of(device), *codes)
        summary.alarms, summary.words = alarms, list(self._words)
        summary.lines = "\n".join(self._index)

    def _word(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words))
