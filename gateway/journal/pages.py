"""The journal's entries as they lie in a page: undecoded bytes of many at once, for whoever wants few.

Guarantee: the same entries in the same order as ``JournalReader.read``; a compressed page is unpacked once,
and the live segment is read in short transactions.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice, pairwise
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detectors import compiled
from gateway.errors import JournalError
from gateway.journal.packed import Row, unpack
from gateway.journal.segment import Segment, is_packed, reading, rows_between
from gateway.monitor.entries import Entry, decode

PAGES = 32
"""Compressed pages read with one opening of a closed segment."""
PAGE_BYTES = 4 << 20
PAGE_ROWS = 5000
ARRAY_16, ARRAY_32, BIN_8, BIN_16, BIN_32 = 0xDC, 0xDD, 0xC4, 0xC5, 0xC6
_PAIR = 0x92
"""First byte of a page: bodies, digests."""


class Page(NamedTuple):
    """Entries ``first``, ``first + 1``, ...: entry k is ``body[begins[k]:ends[k]]``."""

    first: int
    body: bytes
    begins: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]


def entry_of(page: Page, row: int) -> Entry:
    """One of the page's entries; JournalError names its position if it is none."""
    try:
        return decode(page.body[page.begins[row] : page.ends[row]])
    except (msgspec.DecodeError, TypeError) as error:
        raise JournalError(f"position {page.first + row} is not a journal entry: {error}") from error


def pages_of(segment: Segment, after: int, until: int) -> Iterator[Page]:
    """A few pages of one segment with entries after < position <= until; none when it holds no more."""
    with reading(segment.path) as connection:
        if is_packed(connection):
            found = _packed(connection, segment, after, until)
        else:
            found = _plain(connection, segment, after, until)
        pages = list(found)
    for page in pages:
        yield _within(page, after, until)


def _packed(connection: sqlite3.Connection, segment: Segment, after: int, until: int) -> Iterator[Page]:
    rows = connection.execute(
        "SELECT first, body FROM page WHERE first <= ? "
        "AND first >= coalesce((SELECT max(first) FROM page WHERE first <= ?), 0) ORDER BY first LIMIT ?",
        (until, after + 1, PAGES),
    )
    with closing(rows):
        for first, packed in rows:
            yield _unpacked(segment, first, packed)


def _unpacked(segment: Segment, first: int, packed: bytes) -> Page:
    try:
        body = zlib.decompress(packed)
    except (zlib.error, TypeError):
        body = b""
    raw = np.frombuffer(body, np.uint8)
    begins, ends = np.empty(len(raw), np.int64), np.empty(len(raw), np.int64)
    count = _cut(raw, begins, ends)
    if count < 1:
        return _joined(unpack(segment.path, first, packed))  # which names what is damaged
    return Page(first, body, begins[:count].copy(), ends[:count].copy())


def _plain(connection: sqlite3.Connection, segment: Segment, after: int, until: int) -> Iterator[Page]:
    rows: list[Row] = []
    size = 0
    with closing(rows_between(connection, segment, after, until, PAGE_ROWS)) as found:
        for row in islice(found, PAGE_ROWS):
            if not isinstance(row[1], bytes):
                raise JournalError(f"{segment.path}: position {row[0]} is damaged; run 'riskgate verify'")
            rows.append(row)
            size += len(row[1])
            if size >= PAGE_BYTES:
                break
    if rows:
        yield _joined(rows)


def _joined(rows: list[Row]) -> Page:
    if any(b[0] != a[0] + 1 for a, b in pairwise(rows)):
        raise JournalError(f"a position after {rows[0][0]} is missing; run 'riskgate verify'")
    bodies = [body for _, body, _ in rows]
    ends = np.cumsum([len(body) for body in bodies], dtype=np.int64)
    begins = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    return Page(rows[0][0], b"".join(bodies), begins, ends)


def _within(page: Page, after: int, until: int) -> Page:
    begin = max(0, after + 1 - page.first)
    end = min(len(page.begins), until + 1 - page.first)
    if begin == 0 and end == len(page.begins):
        return page
    return Page(page.first + begin, page.body, page.begins[begin:end], page.ends[begin:end])


@compiled
def _cut(raw: npt.NDArray[np.uint8], begins: npt.NDArray[np.int64], ends: npt.NDArray[np.int64]) -> int:
    """Where the bodies of a page's MessagePack lie; -1 when it is not [[bin, ...], ...]."""
    size = len(raw)
    if size < 8 or raw[0] != _PAIR:
        return -1
    count, at = 0, 2
    if raw[1] & 0xF0 == 0x90:
        count = int(raw[1] & 0x0F)
    elif raw[1] == ARRAY_16:
        count, at = _big(raw, 2, 2), 4
    elif raw[1] == ARRAY_32:
        count, at = _big(raw, 2, 4), 6
    else:
        return -1
    for k in range(count):
        if at + 5 > size or not BIN_8 <= raw[at] <= BIN_32 or k >= len(begins):
            return -1
        width = 1 << (int(raw[at]) - BIN_8)
        length = _big(raw, at + 1, width)
        at += 1 + width
        begins[k] = at
        at += length
        if at > size:
            return -1
        ends[k] = at
    return int(count)


@compiled
def _big(raw: npt.NDArray[np.uint8], at: int, width: int) -> int:
    """A big-endian number."""
    value = np.int64(0)
    for k in range(width):
        value = (value << 8) | np.int64(raw[at + k])
    return int(value)
