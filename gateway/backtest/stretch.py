"""Many entries in a row that are packets or the mere passing of time, as columns; and how they are gathered.

Guarantee: ``entry(row)`` is the journal's entry of that position with the packets that are kept, and
``merged(a, b)`` holds just those of its rows, in order.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.backtest.sift import OTHER, Sifted
from gateway.journal.pages import Page
from gateway.monitor.entries import Packets, Stamp, Tick

MAX_ROWS = 8192
MAX_PACKETS = 32_768
"""Of a stretch: what is stepped again when something happened in it."""


class Stretch(msgspec.Struct, frozen=True, array_like=True, tag="stretch"):
    """Entries first, first + 1, ... of one boot and one connection. wall, mono: int64[n]; kept: int64[n + 1],
    how many packets the rows before hold; blob, cuts, received, flags as in ``Packets``."""

    first: int
    boot: str
    epoch: int
    wall: bytes
    mono: bytes
    kept: bytes
    blob: bytes
    cuts: bytes
    received: bytes
    flags: bytes

    def __len__(self) -> int:
        return len(self.wall) // 8

    def columns(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """wall, mono and kept."""
        return (
            np.frombuffer(self.wall, "<i8"),
            np.frombuffer(self.mono, "<i8"),
            np.frombuffer(self.kept, "<i8"),
        )

    def merged(self, begin: int, end: int) -> Packets | Tick:
        """Rows begin <= row < end as one entry, made when the last of them was."""
        wall, mono, kept = self.columns()
        stamp = Stamp(int(wall[end - 1]), int(mono[end - 1]), self.boot)
        a, b = int(kept[begin]), int(kept[end])
        if a == b:
            return Tick(stamp)
        cuts = np.frombuffer(self.cuts, "<i4").reshape(-1, 4)[a:b]
        start = int(cuts[0, 0])
        return Packets(
            stamp,
            self.epoch,
            self.blob[start : int(cuts[-1, 3])],
            (cuts - np.int32(start)).tobytes(),
            self.received[8 * a : 8 * b],
            self.flags[a:b],
        )


class Gathering:
    """Makes stretches of pages; what is no packet stays by itself."""

    def __init__(self) -> None:
        self._boot, self._epoch, self._first = b"", -1, 0
        self._rows = self._packets = self._bytes = 0
        self._columns: list[list[npt.NDArray[np.generic]]] = [[] for _ in range(7)]

    def add(self, page: Page, found: Sifted, begin: int) -> Iterator[Stretch | int]:
        """Take the page's rows from ``begin`` on: gives every stretch that ended, and the row number of every
        entry that is to be stepped by itself, in order."""
        rows = found.rows
        breaks = np.flatnonzero((rows["like"] == 0) | (rows["kind"] == OTHER))
        at = begin
        for row in [*breaks[breaks >= begin].tolist(), len(rows)]:
            if row > at:
                yield from self._put(page, found, at, row)
                at = row
            if row == len(rows):
                return
            if rows[row]["kind"] == OTHER:
                yield from self.end()
                yield row
                at = row + 1
                self._boot = b""
                continue
            yield from self._turn(
                page.body[rows[row]["boot"] : rows[row]["boot_end"]], int(rows[row]["epoch"])
            )

    def _turn(self, boot: bytes, epoch: int) -> Iterator[Stretch]:
        """Whoever wrote the rows from here on: a tick knows no connection, so it goes with any."""
        if boot == self._boot and (epoch in (-1, self._epoch) or self._epoch == -1):
            self._epoch = max(epoch, self._epoch)
            return
        yield from self.end()
        self._boot, self._epoch = boot, epoch

    def _put(self, page: Page, found: Sifted, begin: int, end: int) -> Iterator[Stretch]:
        rows = found.rows
        before = int(rows["kept"][begin - 1]) if begin else 0
        last = int(rows["kept"][end - 1])
        cuts = found.cuts[before:last]
        start, stop = (int(cuts[0, 0]), int(cuts[-1, 3])) if last > before else (0, 0)
        if not self._rows:
            self._first = page.first + begin
        parts: tuple[npt.NDArray[np.generic], ...] = (
            rows["wall_ns"][begin:end],
            rows["mono_ns"][begin:end],
            rows["kept"][begin:end] - before + self._packets,
            found.blob[start:stop],
            cuts - np.int32(start - self._bytes),
            found.received[before:last],
            found.flags[before:last],
        )
        for column, part in zip(self._columns, parts, strict=True):
            column.append(part)
        self._rows += end - begin
        self._packets += last - before
        self._bytes += stop - start
        if self._rows >= MAX_ROWS or self._packets >= MAX_PACKETS:
            yield from self.end()

    def end(self) -> Iterator[Stretch]:
        """What was gathered until now, if anything."""
        if not self._rows:
            return
        wall, mono, kept, *rest = (np.concatenate(column) for column in self._columns)
        kept = np.concatenate([np.zeros(1, np.int64), kept])
        body = [column.tobytes() for column in (wall, mono, kept, *rest)]
        yield Stretch(self._first, self._boot.decode(), max(self._epoch, 0), *body)
        self._rows = self._packets = self._bytes = 0
        self._columns = [[] for _ in range(7)]
