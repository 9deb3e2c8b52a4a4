"""One segment: a SQLite file named by its first position, complete from the moment its name exists.

Table ``entry``: position, body, digest. Table ``segment``: one row of format version, first position and the
digest before it. A live segment is in WAL mode and never checkpointed; a closed one is an ordinary file
without -wal or -shm, read-only, and is replaced by one with compressed pages of rows (packed.py).
"""

from __future__ import annotations

import os
import re
import sqlite3
import stat
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import quote

from gateway.chain import Head
from gateway.durable import file_failure, sqlite_failure, sync_folder
from gateway.errors import JournalError
from gateway.journal.packed import PACKED, Row, packed_last, packed_rows

FORMAT = 1
HALF_PACKED = ".pack"
"""What a segment is called while it is being compressed (compress.py)."""
BUSY_S = 5.0
"""How long a reader waits for a lock, and the writer for a stranger's."""

Synchronous = Literal["FULL", "NORMAL"]
_LEVELS: dict[Synchronous, int] = {"FULL": 2, "NORMAL": 1}
_NAME = re.compile(r"\d{16}\.db")


class Segment(NamedTuple):
    """A segment's file and the position of its first entry, which is its name."""

    first: int
    path: Path


class Meta(NamedTuple):
    """What a segment says of itself."""

    format: int
    first: int
    previous: bytes


def segments(folder: Path) -> list[Segment]:
    """All segments, oldest first. A folder that is not there has none."""
    if not folder.is_dir():
        return []
    return sorted(Segment(int(p.stem), p) for p in folder.iterdir() if _NAME.fullmatch(p.name))


def remove_unfinished(folder: Path) -> None:
    """Remove what a crash left of a segment that never got its name; it holds no entry."""
    for path in folder.glob("*.new*"):
        path.unlink()


def remove_half_packed(folder: Path) -> None:
    """Remove what a death left of a compression; the segment itself was not touched. Only at a start."""
    for path in folder.glob(f"*{HALF_PACKED}*"):
        path.unlink()


def create(folder: Path, head: Head) -> Segment:
    """An empty segment that continues ``head``, durable together with its name.

    JournalFull or FlushFailed when the disk does not take it; what is left then holds no entry and is
    removed at the next try.
    """
    path = folder / f"{head.position + 1:016}.db"
    new = path.with_suffix(".new")
    try:
        remove_unfinished(folder)
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous=FULL")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                "CREATE TABLE entry (position INTEGER PRIMARY KEY, body BLOB NOT NULL, digest BLOB NOT NULL)"
            )
            connection.execute(
                "CREATE TABLE segment "
                "(format INTEGER NOT NULL, first INTEGER NOT NULL, previous BLOB NOT NULL)"
            )
            connection.execute(
                "INSERT INTO segment VALUES (?, ?, ?)", (FORMAT, head.position + 1, head.digest)
            )
            connection.execute("COMMIT")
            # Before it has its name: a death inside a later switch would leave a half-done one to undo, which
            # readers may not.
            connection.execute("PRAGMA journal_mode=WAL")
        new.chmod(0o600)
        new.rename(path)
        sync_folder(folder)
    except sqlite3.Error as error:
        raise sqlite_failure(error, path) from error
    except OSError as error:
        raise file_failure(error, path) from error
    return Segment(head.position + 1, path)


def open_writer(segment: Segment, synchronous: Synchronous) -> sqlite3.Connection:
    """The one connection that writes a live segment. JournalError if SQLite does not keep what is asked."""
    connection = sqlite3.connect(segment.path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint=0")
        require_synchronous(connection, synchronous, segment.path)
    except sqlite3.Error as error:
        connection.close()
        raise sqlite_failure(error, segment.path) from error
    except JournalError:
        connection.close()
        raise
    return connection


def require_synchronous(connection: sqlite3.Connection, synchronous: Synchronous, path: Path) -> None:
    """JournalError unless commits on this connection are flushed as asked: with less, acknowledged data is
    lost in a power cut."""
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if mode != "wal":
        raise JournalError(
            f"{path}: journal mode {mode!r} instead of WAL: put the data folder on a local disk"
        )
    (level,) = connection.execute("PRAGMA synchronous").fetchone()
    if level != _LEVELS[synchronous]:
        raise JournalError(
            f"{path}: SQLite runs with synchronous={level}, not {synchronous}: it would lose acknowledged "
            "data in a power cut. Use a Python whose SQLite is not built with another setting."
        )


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection, held for one short piece of reading only, so that it pins nothing.

    JournalError names the file if SQLite cannot read it.
    """
    connection = None
    try:
        connection = sqlite3.connect(
            f"file:{quote(os.fspath(path))}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_S
        )
        yield connection
    except (sqlite3.Error, UnicodeDecodeError) as error:  # SQLite repeats damaged text in its messages
        hint = ""
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_READONLY:
            hint = " (a core died while closing it; the next start of the core finishes that)"
        raise JournalError(f"{path} cannot be read: {error}{hint}") from error
    finally:
        if connection is not None:
            connection.close()


def read_meta(segment: Segment) -> Meta:
    """What the segment says of itself, checked against its name. JournalError if it does not fit."""
    with reading(segment.path) as connection:
        rows = connection.execute("SELECT format, first, previous FROM segment").fetchall()
    if len(rows) != 1:
        raise JournalError(f"{segment.path}: {len(rows)} header rows instead of one: the file is damaged")
    meta = Meta(*rows[0])
    if meta.format not in (FORMAT, PACKED):
        raise JournalError(
            f"{segment.path} has journal format {meta.format}; this version reads {FORMAT} and {PACKED}: use "
            "a newer one."
        )
    if not isinstance(meta.previous, bytes):  # a damaged cell may hold anything
        raise JournalError(f"{segment.path}: its digest before position {meta.first} is damaged")
    if meta.first != segment.first:
        raise JournalError(
            f"{segment.path} says it begins at {meta.first}: the file is damaged or was renamed. "
            "Give it back its name."
        )
    return meta


def last_row(segment: Segment, meta: Meta) -> Head:
    """The segment's newest position and digest; what came before it if it is empty."""
    before = Head(meta.first - 1, meta.previous)
    with reading(segment.path) as connection:
        # asked of the file that was opened: it may have been compressed since its meta was read
        if is_packed(connection):
            return packed_last(connection, segment.path) or before
        row = connection.execute(
            "SELECT position, digest FROM entry ORDER BY position DESC LIMIT 1"
        ).fetchone()
    return Head(*row) if row else before


def is_packed(connection: sqlite3.Connection) -> bool:
    """Whether this is a compressed segment."""
    row = connection.execute("SELECT format FROM segment").fetchone()
    return bool(row and row[0] == PACKED)


def rows_between(
    connection: sqlite3.Connection, segment: Segment, after: int, until: int, limit: int
) -> Generator[Row]:
    """(position, body, digest) with after < position <= until, in order, at most ``limit``. Close it before
    the connection."""
    if is_packed(connection):
        yield from islice(packed_rows(connection, segment.path, after, until), limit)
        return
    found = connection.execute(
        "SELECT position, body, digest FROM entry WHERE position > ? AND position <= ? "
        "ORDER BY position LIMIT ?",
        (after, until, limit),
    )
    with closing(found):
        yield from found


def is_closed(segment: Segment) -> bool:
    """Whether the segment was closed to the end: its mode is the last thing that changes."""
    return not segment.path.stat().st_mode & stat.S_IWUSR


def finish(connection: sqlite3.Connection, segment: Segment) -> bool:
    """Move the write-ahead log into the file and make it read-only; closes the connection.

    False if a reader was in the way: nothing is lost, try again later. FlushFailed or JournalFull when the
    disk does not take it.
    """
    try:
        with closing(connection):
            (busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if busy:
                return False
            connection.execute("PRAGMA journal_mode=DELETE")
        segment.path.chmod(0o400)
        sync_folder(segment.path.parent)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            return False
        raise sqlite_failure(error, segment.path) from error
    except OSError as error:
        raise file_failure(error, segment.path) from error
    return True
