"""Closed segments are compressed in the background, at the lowest priority: the file is replaced as a whole.

The compressed file is written beside the segment under another name, read back against the hash chain, made
durable, and only then renamed over the segment. A death at any moment leaves the one or the other, complete;
a reader that has the old file open goes on reading it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

from gateway.chain import ChainWalk, Head
from gateway.crashpoint import reached
from gateway.durable import file_failure, sqlite_failure, sync_folder
from gateway.errors import JournalError, JournalFull
from gateway.journal.packed import PACK_BYTES, PACKED, Row, pack, packed_rows
from gateway.journal.segment import (
    FORMAT,
    HALF_PACKED,
    Segment,
    is_closed,
    last_row,
    read_meta,
    reading,
    segments,
)

LOWEST = 19
"""The niceness of the thread."""

_LAST = (1 << 63) - 1


class StoppedError(Exception):
    """The work was broken off because the process ends."""


def compress(segment: Segment, stopped: Callable[[], bool] = lambda: False) -> bool:
    """Compress a closed segment; False when it is compressed already or not closed to the end.

    JournalError when the segment does not fit its own chain (it is left as it is), JournalFull when there is
    no room for the second file, FlushFailed when the disk does not take it.
    """
    path = segment.path
    # a log beside the file belongs to its pages: nothing else may take their place
    if not is_closed(segment) or any(Path(f"{path}{end}").exists() for end in ("-wal", "-journal")):
        return False
    meta = read_meta(segment)
    if meta.format != FORMAT:
        return False
    end, start = last_row(segment, meta), Head(meta.first - 1, meta.previous)
    if shutil.disk_usage(path.parent).free < 2 * path.stat().st_size:
        raise JournalFull(f"{path}: too little room on this disk to compress it. Free space on this disk.")
    new = path.with_suffix(HALF_PACKED)
    try:
        new.unlink(missing_ok=True)
        _write(segment, meta.first, meta.previous, new, stopped)
        _check(new, start, end, stopped)
        new.chmod(0o400)
        _sync(new)
        sync_folder(path.parent)
        reached("before-segment-compressed")
        new.rename(path)
        sync_folder(path.parent)
        reached("after-segment-compressed")
    except sqlite3.Error as error:
        raise sqlite_failure(error, new) from error
    except OSError as error:
        raise file_failure(error, new) from error
    finally:
        new.unlink(missing_ok=True)
    return True


def _write(segment: Segment, first: int, previous: bytes, new: Path, stopped: Callable[[], bool]) -> None:
    with closing(sqlite3.connect(new, isolation_level=None)) as out:
        out.execute("PRAGMA journal_mode=OFF")  # a half-written one is thrown away
        out.execute("PRAGMA synchronous=FULL")
        out.execute("BEGIN IMMEDIATE")
        out.execute("CREATE TABLE page (first INTEGER PRIMARY KEY, body BLOB NOT NULL)")
        out.execute(
            "CREATE TABLE segment (format INTEGER NOT NULL, first INTEGER NOT NULL, previous BLOB NOT NULL)"
        )
        out.execute("INSERT INTO segment VALUES (?, ?, ?)", (PACKED, first, previous))
        for page in _pages(segment):
            if stopped():
                raise StoppedError
            out.execute("INSERT INTO page VALUES (?, ?)", (page[0][0], pack(page)))
        out.execute("COMMIT")


def _pages(segment: Segment) -> Iterator[list[Row]]:
    page: list[Row] = []
    size = 0
    with reading(segment.path) as source:
        rows = source.execute("SELECT position, body, digest FROM entry ORDER BY position")
        with closing(rows):
            for row in rows:
                if not (isinstance(row[1], bytes) and isinstance(row[2], bytes)):
                    raise JournalError(f"{segment.path} is damaged at position {row[0]}; not compressed")
                page.append(row)
                size += len(row[1])
                if size >= PACK_BYTES:
                    yield page
                    page, size = [], 0
    if page:
        yield page


def _check(new: Path, start: Head, end: Head, stopped: Callable[[], bool]) -> None:
    """Follow the chain through the compressed file, from where the segment began to where it ended."""
    walk = ChainWalk(start)
    with reading(new) as connection:
        for row in packed_rows(connection, new, 0, _LAST):
            if not walk.step(*row) or stopped():
                break
    if stopped():
        raise StoppedError
    if walk.reason or walk.head != end:
        raise JournalError(
            f"{new.parent}: the segment that begins at {start.position + 1} was not compressed: "
            f"{walk.reason or f'it ends at {walk.head.position}, not {end.position}'}. "
            "It is left as it is; run 'riskgate verify'."
        )


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Compressor:
    """A thread that compresses every closed segment of a folder, once at its start and at each ``wake``."""

    def __init__(self, folder: Path, said: Callable[[str], None]) -> None:
        """said: told what went wrong, once for each different text; the segment stays as it is."""
        self._folder = folder
        self._said = said
        self._told: set[str] = set()
        self._done: set[int] = set()
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="compressor", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._woken.set()
        self._thread.start()

    def wake(self) -> None:
        """A segment may have been closed."""
        self._woken.set()

    def close(self) -> None:
        """Break off and end; what was not finished is begun anew at the next start."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        with suppress(OSError, AttributeError):  # elsewhere than on Linux a thread has no niceness of its own
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
        while not self._stopping.is_set():
            self._woken.wait()
            self._woken.clear()
            for segment in segments(self._folder)[:-1]:
                if segment.first not in self._done and not self._stopping.is_set():
                    self._compress(segment)

    def _compress(self, segment: Segment) -> None:
        try:
            # one that was not closed when it was looked at may be by now: it is tried again at the next wake
            compressed = compress(segment, self._stopping.is_set)
            if compressed or (is_closed(segment) and read_meta(segment).format == PACKED):
                self._done.add(segment.first)
        except StoppedError:
            return
        except JournalFull as error:
            self._tell(str(error))  # tried again at the next wake
        except (JournalError, OSError) as error:
            self._done.add(segment.first)
            self._tell(str(error))

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._said(text)
