"""Compressed pages of rows: what a closed segment holds instead of table ``entry`` once it was compressed.

Table ``page``: first position, body. The body is zlib over a msgpack array of two: the rows' bodies, and
their digests joined together. Pages are small, so that one row costs one page to read.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec

from gateway.chain import Head
from gateway.errors import JournalError

PACKED = 2
"""The format number of a compressed segment."""
PACK_BYTES = 256 << 10
"""Bodies in a page: a page is closed by the row that reaches it."""
LEVEL = 4
"""Journals shrink to 23 % at 80-100 MB/s; level 1 gives 27 % at 130 MB/s, level 6 21 % at 45 MB/s."""

_DIGEST_BYTES = 32
_DECODER = msgspec.msgpack.Decoder(tuple[list[bytes], bytes])

Row = tuple[int, bytes, bytes]
"""Position, body, digest."""


def pack(rows: list[Row]) -> bytes:
    """The body of a page of these consecutive rows."""
    plain = ([body for _, body, _ in rows], b"".join(digest for _, _, digest in rows))
    return zlib.compress(msgspec.msgpack.encode(plain), LEVEL)


def unpack(path: Path, first: int, page: bytes) -> list[Row]:
    """The rows of a page; JournalError names file and page when it is damaged."""
    try:
        bodies, digests = _DECODER.decode(zlib.decompress(page))
    except (zlib.error, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise JournalError(f"{path}: the page that begins at position {first} is damaged: {error}") from error
    cuts = range(0, len(digests), _DIGEST_BYTES)
    if not bodies or len(cuts) != len(bodies):
        raise JournalError(
            f"{path}: the page that begins at position {first} is damaged: {len(digests)} bytes of digests "
            f"for {len(bodies)} rows"
        )
    return [
        (first + n, body, digests[at : at + _DIGEST_BYTES])
        for n, (body, at) in enumerate(zip(bodies, cuts, strict=True))
    ]


def packed_rows(connection: sqlite3.Connection, path: Path, after: int, until: int) -> Iterator[Row]:
    """Rows with after < position <= until of a compressed segment."""
    found = connection.execute(
        "SELECT first, body FROM page WHERE first <= ? "
        "AND first >= coalesce((SELECT max(first) FROM page WHERE first <= ?), 0) ORDER BY first",
        (until, after + 1),
    )
    with closing(found) as pages:
        for first, body in pages:
            for row in unpack(path, first, body):
                if row[0] > until:
                    return
                if row[0] > after:
                    yield row


def packed_last(connection: sqlite3.Connection, path: Path) -> Head | None:
    """Position and digest of the last row of a compressed segment; None if it has none."""
    found = connection.execute("SELECT first, body FROM page ORDER BY first DESC LIMIT 1").fetchone()
    if found is None:
        return None
    rows = unpack(path, *found)
    return Head(rows[-1][0], rows[-1][2])
