"""One UTC day of readings in one SQLite file.

``chunk``: what arrived, per hour and batch, all channels together. ``block``: compacted, one channel and
hour. ``channel``: numbers of the channel names in this file. ``applied``: the journal position up to which
every reading of this day is in the file; it moves in the transaction that adds the chunk, so a batch that
comes again, however it is cut, changes nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gateway.monitor.channels import Channel
from gateway.sinks._columns import Rows, decode, encode

HOUR_NS = 3_600_000_000_000
DAY_NS = 24 * HOUR_NS
SCHEMA = """
CREATE TABLE IF NOT EXISTS channel (
  number INTEGER PRIMARY KEY, key TEXT NOT NULL,
  enterprise TEXT NOT NULL, site TEXT NOT NULL, asset TEXT NOT NULL, device TEXT NOT NULL,
  channel TEXT NOT NULL, unit TEXT NOT NULL, family TEXT NOT NULL, profile TEXT NOT NULL,
  UNIQUE (key, asset, unit, profile));
CREATE TABLE IF NOT EXISTS chunk (
  id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, rows INTEGER NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS chunk_hour ON chunk (hour);
CREATE TABLE IF NOT EXISTS block (
  channel INTEGER NOT NULL, hour INTEGER NOT NULL, part INTEGER NOT NULL,
  rows INTEGER NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (channel, hour, part)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS applied (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL);
INSERT OR IGNORE INTO applied VALUES (1, 0);
"""
COMPACT_ROWS = 300_000
"""Rows of chunks taken into one compaction: bounds its memory and time."""
MERGE_ROWS = 65_536
"""A block smaller than this takes later data of its channel and hour in; larger ones get another part."""


def day_name(day: int) -> str:
    """The file name of a day counted from 1970-01-01."""
    return f"{np.datetime64(day, 'D')}.db"


def split(rows: Rows) -> list[tuple[int, Rows]]:
    """Rows by channel number; within one, their order stays."""
    if not len(rows):
        return []
    rows = rows.take(np.argsort(rows.channel, kind="stable"))
    numbers, starts = np.unique(rows.channel, return_index=True)
    ends = [*starts[1:].tolist(), len(rows)]
    return [
        (number, rows.take(slice(start, end)))
        for number, start, end in zip(numbers.tolist(), starts.tolist(), ends, strict=True)
    ]


class DayWriter:
    """The file's only writer."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.executescript(SCHEMA)
        self.applied = int(self._db.execute("SELECT position FROM applied").fetchone()[0])
        self._numbers: dict[Channel, int] = {}

    def append(self, channels: list[Channel], which: npt.NDArray[np.int64], rows: Rows, last: int) -> int:
        """Add the rows of positions not yet applied; ``which[i]`` is row i's place in ``channels``. Returns
        how many were new. One durable transaction."""
        new = rows.position > self.applied
        with self._transaction():
            if new.any():
                numbers = np.array([self._number(channel) for channel in channels], np.int32)
                rows = Rows(numbers[which], *(getattr(rows, name) for name in Rows.__slots__[1:])).take(new)
                hours = rows.filed_ns // HOUR_NS
                for hour in np.unique(hours).tolist():
                    part = rows.take(hours == hour)
                    self._db.execute(
                        "INSERT INTO chunk (hour, rows, body) VALUES (?, ?, ?)",
                        (hour, len(part), encode(part, 1)),
                    )
            self._db.execute("UPDATE applied SET position = max(position, ?)", (last,))
        self.applied = max(self.applied, last)
        return int(new.sum())

    def compact(self, before_hour: int) -> bool:
        """Turn some chunks of one hour before ``before_hour`` into blocks; whether there was anything to do.

        One transaction: a reader sees a reading either in its chunk or in its block.
        """
        found = self._db.execute("SELECT min(hour) FROM chunk WHERE hour < ?", (before_hour,)).fetchone()[0]
        if found is None:
            return False
        taken, count = [], 0
        for number, rows, body in self._db.execute(
            "SELECT id, rows, body FROM chunk WHERE hour = ?", (found,)
        ):
            taken.append((number, body))
            count += rows
            if count >= COMPACT_ROWS:
                break
        parts = split(Rows.joined([decode(body) for _, body in taken]))
        with self._transaction():
            for channel, part in parts:
                self._merge(channel, found, part)
            self._db.executemany("DELETE FROM chunk WHERE id = ?", [(number,) for number, _ in taken])
        return True

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _merge(self, channel: int, hour: int, rows: Rows) -> None:
        part, old = 0, None
        query = "SELECT part, rows, body FROM block WHERE channel = ? AND hour = ? ORDER BY part DESC LIMIT 1"
        for part_, count, body in self._db.execute(query, (channel, hour)):
            part, old = (part_, body) if count < MERGE_ROWS else (part_ + 1, None)
        if old is not None:
            rows = Rows.joined([decode(old), rows])
        self._db.execute(
            "INSERT OR REPLACE INTO block VALUES (?, ?, ?, ?, ?)",
            (channel, hour, part, len(rows), encode(rows.ordered(), 6)),
        )

    def _number(self, channel: Channel) -> int:
        found = self._numbers.get(channel)
        if found is None:
            key = (channel.key, channel.asset, channel.unit, channel.profile)
            self._db.execute(
                "INSERT OR IGNORE INTO channel"
                " (key, enterprise, site, asset, device, channel, unit, family, profile)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (channel.key, *channel),
            )
            where = "SELECT number FROM channel WHERE key = ? AND asset = ? AND unit = ? AND profile = ?"
            found = self._numbers[channel] = int(self._db.execute(where, key).fetchone()[0])
        return found

    def _transaction(self) -> _Transaction:
        return _Transaction(self._db, self._numbers)


class _Transaction:
    """BEGIN IMMEDIATE ... COMMIT; on an exception ROLLBACK, and channel numbers are looked up anew."""

    def __init__(self, db: sqlite3.Connection, numbers: dict[Channel, int]) -> None:
        self._db = db
        self._numbers = numbers

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._db.execute("COMMIT")
            return
        self._numbers.clear()
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")


class DayReader:
    """Read-only view of one file; each question is one short read transaction."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        self._db.execute("PRAGMA busy_timeout = 5000")

    def channels(self, key: str | None = None) -> dict[int, Channel]:
        """Channels by number; all, or those of one key."""
        query = "SELECT number, enterprise, site, asset, device, channel, unit, family, profile FROM channel"
        rows = self._db.execute(query) if key is None else self._db.execute(f"{query} WHERE key = ?", (key,))
        return {number: Channel(*names) for number, *names in rows}

    def hours(self, start: int, end: int) -> list[int]:
        """Hours start <= hour <= end that hold readings, in order."""
        inside = "hour BETWEEN ? AND ?"
        query = f"SELECT hour FROM chunk WHERE {inside} UNION SELECT hour FROM block WHERE {inside}"  # noqa: S608
        return sorted(hour for (hour,) in self._db.execute(query, (start, end, start, end)))

    def hour(self, hour: int, numbers: dict[int, Channel], every: bool) -> Iterator[tuple[Channel, Rows]]:
        """One hour's readings of the numbered channels (``every``: they are all there are), each in order."""
        self._db.execute("BEGIN")
        try:
            blocks = self._blocks(hour, numbers, every)
            bodies = [body for (body,) in self._db.execute("SELECT body FROM chunk WHERE hour = ?", (hour,))]
        finally:
            self._db.execute("COMMIT")
        if not blocks and not bodies:
            return
        rows = Rows.joined([decode(body) for body in [*blocks, *bodies]])
        if not every:
            rows = rows.take(np.isin(rows.channel, list(numbers)))
        for number, part in split(rows):
            yield numbers[number], part.ordered()

    def _blocks(self, hour: int, numbers: dict[int, Channel], every: bool) -> list[bytes]:
        if every:
            return [body for (body,) in self._db.execute("SELECT body FROM block WHERE hour = ?", (hour,))]
        found: list[bytes] = []
        query = "SELECT body FROM block WHERE channel = ? AND hour = ? ORDER BY part"
        for number in numbers:
            found += [body for (body,) in self._db.execute(query, (number, hour))]
        return found

    def close(self) -> None:
        """Close the file."""
        self._db.close()
