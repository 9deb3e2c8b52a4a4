"""The journal's only writer: when ``append`` returns, its entries survive a power cut, or it raised.

One commit for all entries given, flushed before return (synchronous=FULL, asserted). A failed append wrote
nothing: JournalFull and JournalBusy may be tried again; after FlushFailed the process must exit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path

from gateway.chain import GENESIS, ChainWalk, Head, link
from gateway.crashpoint import reached
from gateway.durable import WriterLock, file_failure, sqlite_failure, sqlite_warnings
from gateway.errors import FlushFailed, JournalBusy, JournalError, JournalFull, JournalTruncated
from gateway.journal.ahead import Ahead
from gateway.journal.reader import JournalReader, decode_row
from gateway.journal.segment import (
    Segment,
    Synchronous,
    create,
    finish,
    is_closed,
    last_row,
    open_writer,
    read_meta,
    remove_half_packed,
    remove_unfinished,
    segments,
)
from gateway.monitor.entries import Entry, encode

ROW_BYTES = 64
"""What a row costs beside its body: position, digest, cell; for deciding when a segment is full."""

_INSERT = "INSERT INTO entry (position, body, digest) VALUES (?, ?, ?)"

Closed = tuple[int, int, bytes]
"""A closed segment: first position, last position, digest of the last."""


class Journal:
    """Opens or begins the journal in ``folder`` and checks it: the newest segment's whole chain, its link to
    the one before, and ``witness`` (what a second file knows to be durable).

    Raises JournalTruncated if the journal ends before the witness, JournalError if it is damaged or another
    process writes it. ``run`` decides where the work of closing a full segment is done (by default at once);
    it is given a function that does not raise.
    """

    def __init__(
        self,
        folder: Path,
        *,
        synchronous: Synchronous = "FULL",
        segment_bytes: int = 256 << 20,
        segment_age_ns: int = 86_400_000_000_000,
        witness: Head | None = None,
        run: Callable[[Callable[[], None]], None] | None = None,
        ahead_bytes: int = 0,
    ) -> None:
        self._folder = folder
        self._synchronous: Synchronous = synchronous
        self._segment_bytes = segment_bytes
        self._segment_age_ns = segment_age_ns
        self._run = run or (lambda work: work())
        self._ahead_bytes = ahead_bytes
        self._broken = ""
        self._unfinished: list[Segment] = []
        self._head = GENESIS
        self._bytes = 0
        self._opened_ns: int | None = None
        self._segment: Segment
        self._connection: sqlite3.Connection
        self._ahead: Ahead | None = None
        self.closed_segments: list[Closed] = []
        """To be anchored in the ledger; whoever does so clears the list. At start: every closed segment."""
        self.warnings = sqlite_warnings()
        if synchronous != "FULL":
            self.warnings.append(
                "The journal runs with synchronous=NORMAL: a power cut loses acknowledged data."
            )
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = WriterLock(folder / "writer.lock", "this journal")
        try:
            self._open(witness)
        except BaseException:
            self._lock.close()
            raise

    @property
    def head(self) -> Head:
        """The newest durable position and its digest."""
        return self._head

    def append(self, entries: Sequence[Entry], meanwhile: Callable[[], None] | None = None) -> list[int]:
        """Make all entries durable in one commit and return their positions, in order. ``meanwhile`` is
        called when nothing is left but to wait for the disk.

        JournalFull, JournalBusy: nothing was written, try again. FlushFailed: exit.
        """
        if self._broken:
            raise FlushFailed(self._broken)
        if not entries:
            return []
        if self._full(entries[0]):
            self._roll()
        position, digest = self._head
        rows = []
        size = 0
        for entry in entries:
            position += 1
            body = encode(entry)
            digest = link(digest, position, body)
            rows.append((position, body, digest))
            size += len(body) + ROW_BYTES
        if meanwhile is not None:
            meanwhile()
        self._commit(rows)
        if self._opened_ns is None:
            self._opened_ns = entries[0].stamp.wall_ns
        self._bytes += size
        self._head = Head(position, digest)
        if self._ahead is not None:
            self._ahead.spent(size)
        return [row[0] for row in rows]

    def read(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        """Everything after a position, in order."""
        return JournalReader(self._folder).read(after)

    def digest_at(self, position: int) -> bytes | None:
        """The digest at a position; None when the journal does not hold it (no longer, or not yet)."""
        found = segments(self._folder)
        if not found or position < found[0].first:
            return None
        return JournalReader(self._folder).digest_at(position)

    def close(self) -> None:
        """Stop writing. Nothing is pending: what was appended is durable already."""
        self._connection.close()
        self._finish_left()
        self._lock.close()

    def _commit(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        try:
            if len(rows) == 1:  # a statement by itself is a transaction, and costs two calls less
                self._connection.execute(_INSERT, rows[0])
            else:
                self._connection.execute("BEGIN IMMEDIATE")
                self._connection.executemany(_INSERT, rows)
                self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._failed(sqlite_failure(error, self._segment.path)) from error
        finally:
            # SQLite has rolled back by itself after most failures; a transaction left open would be joined
            # to the next append.
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")

    def _failed(self, error: JournalError) -> JournalError:
        if not isinstance(error, JournalFull | JournalBusy):
            self._broken = str(error)
        return error

    def _full(self, entry: Entry) -> bool:
        if self._opened_ns is None:
            return False
        return (
            self._bytes >= self._segment_bytes
            or entry.stamp.wall_ns - self._opened_ns >= self._segment_age_ns
        )

    def _roll(self) -> None:
        """Begin a new segment, then close the full one; a crash in between is finished at the next start."""
        reached("before-segment-roll")
        segment = create(self._folder, self._head)
        connection = open_writer(segment, self._synchronous)
        full, full_connection = self._segment, self._connection
        self._segment, self._connection = segment, connection
        self._bytes, self._opened_ns = 0, None
        self._ahead = self._zeros_ahead()
        self.closed_segments.append((full.first, self._head.position, self._head.digest))
        self._run(lambda: self._finish_all(full, full_connection))
        reached("after-segment-roll")

    def _zeros_ahead(self) -> Ahead | None:
        """For the live segment, if asked for. A failed flush stops the journal at its next append."""
        if self._ahead_bytes == 0 or self._synchronous != "FULL":
            return None

        def run(work: Callable[[], None]) -> None:
            def carefully() -> None:
                try:
                    work()
                except OSError as error:
                    self._broken = str(file_failure(error, self._segment.path))

            self._run(carefully)

        return Ahead(self._segment.path.with_name(self._segment.path.name + "-wal"), self._ahead_bytes, run)

    def _finish_all(self, segment: Segment, connection: sqlite3.Connection) -> None:
        self._finish(segment, connection)
        self._finish_left()

    def _finish(self, segment: Segment, connection: sqlite3.Connection) -> None:
        """Close one segment. A failed flush stops the journal at its next append."""
        try:
            done = finish(connection, segment)
        except JournalFull:
            done = False
        except JournalError as error:
            self._broken = str(error)
            return
        if not done:
            self._unfinished.append(segment)

    def _finish_left(self) -> None:
        """Try again to close the segments that a reader, a full disk or a crash kept open."""
        left, self._unfinished = self._unfinished, []
        for segment in left:
            try:
                connection = open_writer(segment, self._synchronous)
            except (JournalFull, JournalBusy):
                self._unfinished.append(segment)
            except JournalError as error:
                self._broken = str(error)
            else:
                self._finish(segment, connection)

    def _open(self, witness: Head | None) -> None:
        remove_unfinished(self._folder)
        remove_half_packed(self._folder)
        found = segments(self._folder) or [create(self._folder, GENESIS)]
        self._segment = found[-1]
        # Writers first: what a death left half-done, only they may finish.
        self._unfinished = [segment for segment in found[:-1] if not is_closed(segment)]
        self._finish_left()
        self._connection = open_writer(self._segment, self._synchronous)
        self._ahead = self._zeros_ahead()
        try:
            self._check(self._start(found))
            self._check_witness(witness)
        except BaseException:
            self._connection.close()
            raise

    def _start(self, found: list[Segment]) -> Head:
        """What the live segment continues, checked against the segment before it."""
        metas = [read_meta(segment) for segment in found]
        for segment, following in zip(found, metas[1:], strict=False):
            self.closed_segments.append((segment.first, following.first - 1, following.previous))
        start = Head(metas[-1].first - 1, metas[-1].previous)
        if len(found) > 1 and last_row(found[-2], metas[-2]) != start:
            raise JournalError(
                f"{found[-1].path} does not continue {found[-2].path}: a segment is damaged or missing. "
                "Restore it from a backup; 'riskgate verify' names the first bad row."
            )
        return start

    def _check(self, start: Head) -> None:
        """Follow the whole chain of the live segment; learn its size and age on the way."""
        walk = ChainWalk(start)
        try:
            with closing(
                self._connection.execute("SELECT position, body, digest FROM entry ORDER BY position")
            ) as rows:
                for position, body, digest in rows:
                    if not walk.step(position, body, digest):
                        break
                    if self._opened_ns is None:
                        self._opened_ns = decode_row(self._folder, position, body).stamp.wall_ns
                    self._bytes += len(body) + ROW_BYTES
        except sqlite3.Error as error:
            walk.stop(walk.head.position + 1, str(error))
        if walk.reason:
            raise JournalError(
                f"{self._segment.path} is damaged at position {walk.bad}: {walk.reason}. Copy the data "
                "folder, then restore this file from a backup, or move the folder aside and start with an "
                "empty one."
            )
        self._head = walk.head

    def _check_witness(self, witness: Head | None) -> None:
        if witness is None or witness.position == 0:
            return
        if self._head.position < witness.position:
            raise JournalTruncated(
                f"{self._folder} ends at position {self._head.position}, but position {witness.position} was "
                f"durable: {witness.position - self._head.position} entries are missing. Remove nothing; "
                "copy the data folder and restore journal/ (with its -wal file) from the disk or a backup. "
                "If they are lost for good, move the data folder aside and start with an empty one."
            )
        first = segments(self._folder)[0].first
        if (
            witness.position >= first
            and JournalReader(self._folder).digest_at(witness.position) != witness.digest
        ):
            raise JournalTruncated(
                f"{self._folder}: position {witness.position} is not the entry that was witnessed there: "
                "this journal belongs to another ledger or was rewritten. Restore journal/ and ledger.db "
                "from one backup, or move the data folder aside."
            )
