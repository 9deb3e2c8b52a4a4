"""Which packets of a journal's page concern the devices that are stepped, found in its bytes, undecoded.

Guarantee: what is dropped is addressed ``rg/<enterprise>/<site>/<device>/<stream>`` to another device. A
topic of another form stays, for the profiles may look it up; so does, once in 10**15, a stranger's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import compiled
from gateway.journal.pages import Page
from gateway.monitor._topics import mix

OTHER, PACKETS, TICK = 0, 1, 2
"""Kinds of entries; OTHER ones are decoded one by one."""
BYTES_A_PACKET = 25
"""Cuts, time and flag: what a packet takes at least."""
_NO_EPOCH = -1
_TAG_PACKETS = np.frombuffer(b"\x97\xa7packets", np.uint8)
_TAG_TICK = np.frombuffer(b"\x92\xa4tick", np.uint8)

ROW = np.dtype(
    [
        ("kind", "<i8"),
        ("wall_ns", "<i8"),
        ("mono_ns", "<i8"),
        ("epoch", "<i8"),
        ("boot", "<i8"),  # where its name lies in the page
        ("boot_end", "<i8"),
        ("like", "<i8"),  # 1: boot and epoch are those of the row before
        ("kept", "<i8"),  # packets kept until this row's end
    ]
)


@dataclass(slots=True)
class Sifted:
    """One page's entries. rows: ROW[n]; of the packets kept: blob, cuts int32[k, 4], received int64[k], flags
    uint8[k], as in ``Packets``."""

    rows: npt.NDArray[np.void]
    blob: npt.NDArray[np.uint8]
    cuts: npt.NDArray[np.int32]
    received: npt.NDArray[np.int64]
    flags: npt.NDArray[np.uint8]


class Sieve:
    """Knows the devices that are stepped."""

    def __init__(self, keys: list[str]) -> None:
        """keys: "<enterprise>/<site>/<device>" of every device kept."""
        size = 16
        while size < 4 * len(keys):
            size *= 2
        self._table = np.zeros(size, np.uint64)
        _enter(self._table, *_joined([key.encode() for key in keys]))

    def sift(self, page: Page) -> Sifted:
        """The page's entries and the packets of them that are kept."""
        body = np.frombuffer(page.body, np.uint8)
        room = len(body) // BYTES_A_PACKET + 1
        rows = np.zeros(len(page.begins), ROW)
        found = Sifted(
            rows,
            np.empty(len(body), np.uint8),
            np.empty((room, 4), np.int32),
            np.empty(room, np.int64),
            np.empty(room, np.uint8),
        )
        kept, size = _sift(
            body,
            page.begins,
            page.ends,
            self._table,
            rows,
            found.blob,
            found.cuts,
            found.received,
            found.flags,
        )
        found.blob, found.cuts = found.blob[:size], found.cuts[:kept]
        found.received, found.flags = found.received[:kept], found.flags[:kept]
        return found


def _joined(keys: list[bytes]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    ends = np.cumsum([len(key) for key in keys], dtype=np.int64)
    return np.frombuffer(b"".join(keys), np.uint8), ends


@compiled
def _enter(table: npt.NDArray[np.uint64], keys: npt.NDArray[np.uint8], ends: npt.NDArray[np.int64]) -> None:
    begin = 0
    for k in range(len(ends)):
        found = mix(keys, begin, ends[k], np.uint64(1)) | np.uint64(1)
        place = np.int64(found & np.uint64(len(table) - 1))
        while table[place] not in (np.uint64(0), found):
            place = (place + 1) & (len(table) - 1)
        table[place] = found
        begin = ends[k]


@compiled
def _concerns(body: npt.NDArray[np.uint8], begin: int, end: int, table: npt.NDArray[np.uint64]) -> bool:
    if end - begin < 3 or body[begin] != 0x72 or body[begin + 1] != 0x67 or body[begin + 2] != 0x2F:  # rg/
        return True
    slashes, last = 0, begin
    for at in range(begin, end):
        if body[at] == 0x2F:
            slashes += 1
            last = at
    if slashes != 4:
        return True
    found = mix(body, begin + 3, last, np.uint64(1)) | np.uint64(1)
    place = np.int64(found & np.uint64(len(table) - 1))
    while table[place] != 0:
        if table[place] == found:
            return True
        place = (place + 1) & (len(table) - 1)
    return False


@compiled
def _sift(
    body: npt.NDArray[np.uint8],
    begins: npt.NDArray[np.int64],
    ends: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint64],
    rows: Any,
    blob: npt.NDArray[np.uint8],
    cuts: npt.NDArray[np.int32],
    received: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
) -> tuple[int, int]:
    """Fill the rows and what is kept; (packets, bytes) kept."""
    kept, size, before = 0, 0, -1
    parts = np.zeros(8, np.int64)
    for n in range(len(begins)):
        row = rows[n]
        kind = _read(body, begins[n], ends[n], row, parts)
        if kind == PACKETS:
            kept, size, sound = _keep(body, parts, table, blob, cuts, received, flags, kept, size)
            if not sound:
                kind = OTHER
        row["kind"] = kind
        row["kept"] = kept
        if kind != OTHER:
            row["like"] = 1 if before >= 0 and _alike(body, rows[before], row) else 0
            before = n
    return kept, size


@compiled
def _keep(
    body: npt.NDArray[np.uint8],
    parts: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint64],
    blob: npt.NDArray[np.uint8],
    cuts: npt.NDArray[np.int32],
    received: npt.NDArray[np.int64],
    flags: npt.NDArray[np.uint8],
    kept: int,
    size: int,
) -> tuple[int, int, bool]:
    """Copy one entry's packets that are kept; False when its cuts lie outside its bytes."""
    before, size_before = kept, size
    base, length = parts[0], parts[1] - parts[0]
    count = parts[7] - parts[6]
    for k in range(count):
        at = parts[2] + 16 * k
        a, b, c, d = _i4(body, at), _i4(body, at + 4), _i4(body, at + 8), _i4(body, at + 12)
        if not (0 <= a <= b <= length and 0 <= c <= d <= length):
            return before, size_before, False
        if not _concerns(body, base + a, base + b, table):
            continue
        cuts[kept, 0], cuts[kept, 1] = size, size + b - a
        cuts[kept, 2], cuts[kept, 3] = size + b - a, size + b - a + d - c
        if cuts[kept, 3] > len(blob):  # cuts that overlap
            return before, size_before, False
        for i in range(a, b):
            blob[size] = body[base + i]
            size += 1
        for i in range(c, d):
            blob[size] = body[base + i]
            size += 1
        received[kept] = _i8(body, parts[4] + 8 * k)
        flags[kept] = body[parts[6] + k]
        kept += 1
    return kept, size, True


@compiled
def _read(body: npt.NDArray[np.uint8], at: int, end: int, row: Any, parts: npt.NDArray[np.int64]) -> int:
    """The kind of an entry's bytes, its stamp, and where its parts lie. Whatever is unlike our own encoding
    of a Packets or Tick is OTHER."""
    if _begins(body, at, end, _TAG_PACKETS):
        at += len(_TAG_PACKETS)
        packets = True
    elif _begins(body, at, end, _TAG_TICK):
        at += len(_TAG_TICK)
        packets = False
    else:
        return OTHER
    at = _stamp(body, at, end, row)
    row["epoch"] = _NO_EPOCH
    if at < 0 or not packets:
        return TICK if at == end else OTHER
    row["epoch"], at = _whole(body, at, end)
    for part in range(4):
        at, parts[2 * part], parts[2 * part + 1] = _binary(body, at, end)
    if at != end or row["epoch"] < 0:
        return OTHER
    count = parts[7] - parts[6]
    sized = parts[3] - parts[2] == 16 * count and parts[5] - parts[4] == 8 * count
    return PACKETS if sized else OTHER


@compiled
def _stamp(body: npt.NDArray[np.uint8], at: int, end: int, row: Any) -> int:
    if at >= end or body[at] != 0x93:
        return -1
    row["wall_ns"], at = _whole(body, at + 1, end)
    row["mono_ns"], at = _whole(body, at, end)
    if at < 0 or at >= end or body[at] & 0xE0 != 0xA0:  # a boot's name is short
        return -1
    row["boot"] = at + 1
    row["boot_end"] = at + 1 + np.int64(body[at] & 0x1F)
    return int(row["boot_end"]) if row["boot_end"] <= end else -1


@compiled
def _alike(body: npt.NDArray[np.uint8], one: Any, other: Any) -> bool:
    length = one["boot_end"] - one["boot"]
    if one["epoch"] != other["epoch"] or other["boot_end"] - other["boot"] != length:
        return False
    for k in range(length):  # noqa: SIM110 - a plain loop, compiled
        if body[one["boot"] + k] != body[other["boot"] + k]:
            return False
    return True


@compiled
def _begins(body: npt.NDArray[np.uint8], at: int, end: int, text: npt.NDArray[np.uint8]) -> bool:
    if at + len(text) > end:
        return False
    for k in range(len(text)):  # noqa: SIM110 - a plain loop, compiled
        if body[at + k] != text[k]:
            return False
    return True


@compiled
def _whole(body: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """A whole number from 0, and where it ends; (-1, -1) for anything else."""
    if at < 0 or at >= end:
        return -1, -1
    head = int(body[at])
    if head < 0x80:
        return head, at + 1
    if not 0xCC <= head <= 0xCF:
        return -1, -1
    width = 1 << (head - 0xCC)
    if at + 1 + width > end or (width == 8 and body[at + 1] & 0x80):
        return -1, -1
    return _big(body, at + 1, width), at + 1 + width


@compiled
def _binary(body: npt.NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """(where it ends, where its bytes begin, and end) of bytes; -1 first for anything else."""
    if at < 0 or at + 2 > end:
        return -1, 0, 0
    head = int(body[at])
    if not 0xC4 <= head <= 0xC6:
        return -1, 0, 0
    width = 1 << (head - 0xC4)
    begin = at + 1 + width
    if begin > end:
        return -1, 0, 0
    stop = begin + _big(body, at + 1, width)
    return (stop, begin, stop) if stop <= end else (-1, 0, 0)


@compiled
def _big(body: npt.NDArray[np.uint8], at: int, width: int) -> int:
    value = np.int64(0)
    for k in range(width):
        value = (value << 8) | np.int64(body[at + k])
    return int(value)


@compiled
def _i4(body: npt.NDArray[np.uint8], at: int) -> int:
    value = np.uint32(0)
    for k in range(4):
        value |= np.uint32(body[at + k]) << np.uint32(8 * k)
    return int(np.int32(value))


@compiled
def _i8(body: npt.NDArray[np.uint8], at: int) -> int:
    value = np.uint64(0)
    for k in range(8):
        value |= np.uint64(body[at + k]) << np.uint64(8 * k)
    return int(np.int64(value))
