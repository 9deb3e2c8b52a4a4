"""Readings and alarm events as CSV or JSON lines, for other programs and for evidence."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec

from detectors import DISORDER, LATE, REASONS, RETAINED, SUSPECT
from gateway.alarms.events import AlarmEvent
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.sinks.history import HistoryReader, Stored

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
QUALITY = ("good", "uncertain", "bad")
FLAGS = ((LATE, "late"), (SUSPECT, "suspect"), (RETAINED, "retained"), (DISORDER, "out_of_order"))
END_OF_TIME_NS = 1 << 62
READING = (
    "time", "enterprise", "site", "device", "channel", "value", "unit", "quality", "reason", "flags",
)  # fmt: skip
"""Columns of a reading."""
ALARM = ("seq", "time", *AlarmEvent.__struct_fields__)
"""Columns of an alarm event."""


def readings(data: DataFolder, to: TextIO, form: str, channel: str | None) -> None:
    """Every reading of the local history (of one channel, if named), oldest hour first."""
    _write(to, form, READING, _readings(data, channel))


def alarms(data: DataFolder, to: TextIO, form: str) -> None:
    """Every alarm event of the ledger, in order."""
    _write(to, form, ALARM, _alarms(data))


def _readings(data: DataFolder, channel: str | None) -> Iterator[dict[str, Any]]:
    for stored in HistoryReader(data.history).readings(channel, 0, END_OF_TIME_NS):
        yield from reading_rows(stored)


def reading_rows(stored: Stored) -> Iterator[dict[str, Any]]:
    """One channel's readings of an hour, by the columns of READING."""
    rows = stored.rows
    for i in range(len(rows.event_ns)):
        value = float(rows.value[i])
        flags = int(rows.time[i])
        yield {
            "time": iso(int(rows.event_ns[i])),
            "enterprise": stored.channel.enterprise,
            "site": stored.channel.site,
            "device": stored.channel.device,
            "channel": stored.channel.channel,
            "value": None if value != value else value,  # noqa: PLR0124 - NaN: no value
            "unit": stored.channel.unit,
            "quality": QUALITY[int(rows.quality[i])],
            "reason": REASONS[int(rows.reason[i])],
            "flags": " ".join(name for bit, name in FLAGS if flags & bit),
        }


def _alarms(data: DataFolder) -> Iterator[dict[str, Any]]:
    ledger, seq = LedgerReader(data.ledger), 0
    names = AlarmEvent.__struct_fields__
    while page := ledger.events_after(seq):
        for number, event in page:
            seq = number
            if isinstance(event, AlarmEvent):
                row = {"seq": number, "time": iso(event.at_ns)}
                yield row | {name: msgspec.to_builtins(getattr(event, name)) for name in names}


def _write(to: TextIO, form: str, columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    if form == "jsonl":
        for row in rows:
            to.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    writer = csv.writer(to, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(safe_cell(row[name]) for name in columns)


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is quoted; numbers stay numbers."""
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return "'" + value
    return "" if value is None else value


def iso(at_ns: int) -> str:
    """UTC with the full nanoseconds."""
    seconds, rest = divmod(at_ns, 1_000_000_000)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{rest:09d}Z"
