"""Reads a journal from any process, in pages: a page is one short read transaction, so that a reader never
holds the write-ahead log and never blocks the writer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.chain import GENESIS, ChainCheck, ChainWalk, Head
from gateway.errors import JournalError
from gateway.journal.packed import Row
from gateway.journal.pages import Page, pages_of
from gateway.journal.segment import Segment, last_row, read_meta, reading, rows_between, segments
from gateway.monitor.entries import Entry, decode

PAGE_BYTES = 4 << 20
PAGE_ROWS = 5000

_MAX_POSITION = (1 << 63) - 1


class JournalReader:
    """Read-only. Every method sees what was durable when it read; a later call sees more."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, after: int = 0, until: int | None = None) -> Iterator[tuple[int, Entry]]:
        """Positions and entries greater than ``after``, up to ``until`` or the newest, in order.

        JournalError names the first position that is missing, unreadable or was pruned.
        """
        for position, body, _ in self.read_raw(after, until):
            yield position, decode_row(self._folder, position, body)

    def read_raw(self, after: int = 0, until: int | None = None) -> Iterator[Row]:
        """The same, as (position, body, digest); the bodies are not decoded, the chain is not checked."""
        last = _MAX_POSITION if until is None else until
        while after < last:
            page = self._page(after, last)
            if not page:
                return
            if after and page[0][0] != after + 1:
                raise JournalError(f"{self._folder}: position {after + 1} is missing; run 'riskgate verify'")
            yield from page
            after = page[-1][0]

    def read_pages(self, after: int = 0, until: int | None = None) -> Iterator[Page]:
        """The same entries as ``read``, undecoded, as they lie in the journal's pages; the same errors."""
        last = _MAX_POSITION if until is None else until
        while after < last:
            found = segments(self._folder)  # before the rows: a segment with a successor is complete
            if not found:
                return
            index = self._index(found, after)
            reached = after
            for page in pages_of(found[index], after, last):
                if reached and page.first != reached + 1:
                    raise JournalError(
                        f"{self._folder}: position {reached + 1} is missing; run 'riskgate verify'"
                    )
                yield page
                reached = page.first + len(page.begins) - 1
            if reached == after:
                self._complete(found, index, after, last)
                return
            after = reached

    def entry(self, position: int) -> Entry:
        """One entry; JournalError if there is none at this position."""
        for found, body, _ in self.read_raw(position - 1, position):
            if found == position:
                return decode_row(self._folder, position, body)
        raise JournalError(f"{self._folder} has no entry at position {position}")

    def head(self) -> Head:
        """The newest position and its digest; ``GENESIS`` if there is no journal yet."""
        found = segments(self._folder)
        return last_row(found[-1], read_meta(found[-1])) if found else GENESIS

    def digest_at(self, position: int) -> bytes | None:
        """The digest at a position, None if the journal does not hold it."""
        for found, _, digest in self.read_raw(position - 1, position):
            if found == position:
                return digest
        return None

    def check_chain(self, after: int = 0, progress: Callable[[int], None] | None = None) -> ChainCheck:
        """Follow the hash chain to the newest entry and name the first row that breaks it.

        With ``after``, what is stored at that position is taken as good. ``progress`` is called with the
        position reached, once a page.
        """
        try:
            walk = ChainWalk(self._start(after))
        except JournalError as error:
            return ChainCheck(0, Head(after, b""), after or 1, str(error))
        try:
            self._walk(walk, progress)
        except JournalError as error:
            walk.stop(walk.head.position + 1, str(error))
        return walk.result()

    def _start(self, after: int) -> Head:
        found = segments(self._folder)
        if after == 0:
            if not found or found[0].first == 1:
                return GENESIS
            return Head(found[0].first - 1, read_meta(found[0]).previous)
        digest = self.digest_at(after)
        if digest is None:
            raise JournalError(f"{self._folder} has no entry at position {after} to begin from")
        return Head(after, digest)

    def _walk(self, walk: ChainWalk, progress: Callable[[int], None] | None) -> None:
        """Segment by segment, so that what each says of itself is checked where it begins."""
        for segment in segments(self._folder):
            meta = read_meta(segment)
            if meta.first == walk.head.position + 1 and meta.previous != walk.head.digest:
                walk.stop(meta.first, f"{segment.path} does not continue row {walk.head.position}")
                return
            while page := _rows(segment, walk.head.position, _MAX_POSITION):
                if not all(walk.step(*row) for row in page):
                    return
                if progress is not None:
                    progress(walk.head.position)
            if segment.first > walk.head.position + 1:
                walk.stop(
                    walk.head.position + 1, f"row {walk.head.position + 1} is missing before {segment.path}"
                )
                return

    def _page(self, after: int, until: int) -> list[Row]:
        # The list is taken before the rows: a segment with a successor is complete.
        found = segments(self._folder)
        if not found:
            return []
        index = self._index(found, after)
        rows = _rows(found[index], after, until)
        if not rows:
            self._complete(found, index, after, until)
        return rows

    def _index(self, found: list[Segment], after: int) -> int:
        """Which segment holds what follows ``after``."""
        index = bisect_right([s.first for s in found], after + 1) - 1
        if index < 0 and after:
            raise JournalError(
                f"{self._folder}: positions {after + 1} to {found[0].first - 1} are no longer here; the "
                f"journal begins at {found[0].first}"
            )
        return max(0, index)

    def _complete(self, found: list[Segment], index: int, after: int, until: int) -> None:
        """Nothing more was in a segment: JournalError if the next one begins later."""
        if index + 1 < len(found) and found[index + 1].first <= until:
            raise JournalError(
                f"{found[index].path}: positions {after + 1} to {found[index + 1].first - 1} are missing"
            )


def _rows(segment: Segment, after: int, until: int) -> list[Row]:
    page: list[Row] = []
    size = 0
    with (
        reading(segment.path) as connection,
        closing(rows_between(connection, segment, after, until, PAGE_ROWS)) as rows,
    ):
        for row in rows:
            page.append(row)
            size += len(row[1]) if isinstance(row[1], bytes) else 0  # a damaged cell may hold anything
            if size >= PAGE_BYTES:
                break
    return page


def decode_row(folder: Path, position: int, body: bytes) -> Entry:
    """The entry of a stored body; JournalError names the position if it is none."""
    try:
        return decode(body)
    except (msgspec.DecodeError, TypeError) as error:
        raise JournalError(f"{folder}: position {position} is not a journal entry: {error}") from error
