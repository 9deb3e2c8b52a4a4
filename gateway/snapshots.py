"""Snapshots of the monitor: a file is complete and checked, or it is not used.

A file is two lines and a body: a JSON header (format, position, digest of the journal there, behaviour,
size), the SHA-256 of header and body in hexadecimal, then the body, compressed by zlib level 1. It gets its
name after its bytes are durable.

The newest snapshot serves a restart; the older ones serve a sink that was away and derives its readings again
from its cursor. They are kept ever sparser (``thinned``), so that the way from a snapshot to a cursor is not
longer than the way the sink is behind, whatever its age, with a number of files that grows only by a few
each time the journal doubles.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from gateway.chain import Head
from gateway.crashpoint import reached
from gateway.durable import file_failure, sync_folder
from gateway.errors import SnapshotLeft
from gateway.monitor.stored import Piece, size_of

FORMAT = 1
_CHECKSUM_CHARACTERS = 64
_RUN_BYTES = 1 << 20
_NAME = re.compile(r"\d{16}\.snapshot")


class _Header(msgspec.Struct, frozen=True):
    format: int
    position: int
    digest: str
    behaviour: int
    size: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The monitor after one journal position."""

    position: int
    digest: bytes
    """The journal's digest at this position."""
    behaviour: int
    body: bytes
    path: Path

    @property
    def head(self) -> Head:
        """The journal head it was made at."""
        return Head(self.position, self.digest)


class Pieces(Protocol):
    """Pieces that come one by one."""

    size: int
    """Bytes of all."""

    def __iter__(self) -> Iterator[Piece]:
        """The pieces, in order."""
        ...


class SnapshotStore:
    """The snapshots of one folder. The core writes; others may read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.damaged: list[Path] = []
        """Files that the last ``newest`` could not use."""

    def save(self, head: Head, behaviour: int, body: bytes | list[Piece] | Pieces) -> Path:
        """Write a snapshot and make it durable. Pieces are taken out of their list as they are written, so
        that their memory is free early; or they come one by one from elsewhere.

        JournalFull when the disk is full, FlushFailed when it fails; no file of that name is left then.
        """
        reached("before-snapshot")
        path = self._folder / f"{head.position:016}.snapshot"
        new = path.with_suffix(".new")
        parts: list[Piece] | Pieces = [body] if isinstance(body, bytes) else body
        size = size_of(parts) if isinstance(parts, list) else parts.size
        header = msgspec.json.encode(_Header(FORMAT, head.position, head.digest.hex(), behaviour, size))
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._write(new, header, parts)
            new.rename(path)
            sync_folder(self._folder)
        except (OSError, SnapshotLeft) as error:
            new.unlink(missing_ok=True)
            raise (file_failure(error, path) if isinstance(error, OSError) else error) from error
        reached("after-snapshot")
        return path

    def newest(self, at_or_before: int | None = None, behaviour: int | None = None) -> Snapshot | None:
        """The newest usable snapshot, optionally at or before a position and of one behaviour version.

        Damaged ones are passed over and listed in ``damaged``.
        """
        self.damaged = []
        for path in self._paths():
            if at_or_before is not None and int(path.stem) > at_or_before:
                continue
            snapshot = _load(path)
            if snapshot is None:
                self.damaged.append(path)
            elif behaviour is None or snapshot.behaviour == behaviour:
                return snapshot
        return None

    def keep(self, count: int) -> list[Path]:
        """Remove what is not needed; returns what was removed.

        The newest ``count`` stay, of the older ones those that ``thinned`` names among those of their
        behaviour version, and always the newest usable one.
        """
        for left in self._folder.glob("*.new"):
            left.unlink()
        paths = list(self._paths())
        kept = set(paths[: max(count, 1)])
        # Usually the first file is usable, and only that one is read.
        if paths and not any(_whole(path) for path in paths[: max(count, 1)]):
            usable = self.newest()
            kept |= {usable.path} if usable else set()
        alike: dict[int | None, list[Path]] = {}
        for path in paths:  # a snapshot of another behaviour, or a damaged one, replaces none of these
            alike.setdefault(_behaviour(path), []).append(path)
        for group in alike.values():
            stay = thinned([int(path.stem) for path in group], int(paths[0].stem))
            kept |= {path for path in group if int(path.stem) in stay}
        removed = [path for path in paths if path not in kept]
        for path in removed:
            path.unlink()
        return removed

    def _paths(self) -> Iterator[Path]:
        if not self._folder.is_dir():
            return iter(())
        found = (path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))
        return iter(sorted(found, reverse=True))

    @staticmethod
    def _write(path: Path, header: bytes, parts: list[Piece] | Pieces) -> None:
        digest = hashlib.sha256(header)
        deflate = zlib.compressobj(1)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(header + b"\n")
            place = file.tell()
            file.write(b"0" * _CHECKSUM_CHARACTERS + b"\n")
            for part in _slices(parts):
                packed = deflate.compress(part)
                digest.update(packed)
                file.write(packed)
            packed = deflate.flush()
            digest.update(packed)
            file.write(packed)
            file.seek(place)
            file.write(digest.hexdigest().encode())
            file.flush()
            os.fsync(file.fileno())


def _slices(parts: list[Piece] | Pieces) -> Iterator[memoryview]:
    """The pieces in order, in runs of at most a mebibyte; empties a list."""
    for piece in _taken(parts) if isinstance(parts, list) else parts:
        part = memoryview(piece)
        for begin in range(0, len(part), _RUN_BYTES):
            yield part[begin : begin + _RUN_BYTES]


def _taken(parts: list[Piece]) -> Iterator[Piece]:
    parts.reverse()
    while parts:
        yield parts.pop()


def thinned(positions: Sequence[int], head: int) -> set[int]:
    """Which of these positions (newest first) are worth a snapshot when the journal is at ``head``.

    One goes when the gap that it leaves is no longer than the way from that gap's newer end to ``head``. Such
    a gap stays allowed as the journal grows, so removing bit by bit keeps the promise: for every position p
    from the oldest on, the newest kept one at or before p is either the newest there ever was at or before
    p, or not farther from p than ``head`` is. Two neighbouring gaps at least double the way to ``head``: some
    30 snapshots for a year of one a minute. The newest and the oldest always stay.
    """
    kept: list[int] = []
    for place, position in enumerate(positions):
        older = positions[place + 1] if place + 1 < len(positions) else None
        if not kept or older is None or kept[-1] - older > head - kept[-1]:
            kept.append(position)
    return set(kept)


def _checksum(header: bytes, packed: bytes) -> bytes:
    digest = hashlib.sha256(header)
    digest.update(packed)
    return digest.hexdigest().encode()


def _behaviour(path: Path) -> int | None:
    """What the header says, without reading the body; None if it cannot be read."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.readline(1000), type=_Header).behaviour
    except (OSError, ValueError):
        return None


def _whole(path: Path) -> bool:
    """As ``_sound``, read in runs: a large file is not held in memory only to be found whole."""
    try:
        with path.open("rb") as file:
            header_line, checksum = file.readline(1000).rstrip(b"\n"), file.readline(100).rstrip(b"\n")
            digest = hashlib.sha256(header_line)
            while run := file.read(_RUN_BYTES):
                digest.update(run)
        header = msgspec.json.decode(header_line, type=_Header)
    except (OSError, ValueError):
        return False
    known = (header.format, header.position) == (FORMAT, int(path.stem))
    return known and digest.hexdigest().encode() == checksum


def _sound(path: Path) -> tuple[_Header, bytes] | None:
    """Header and compressed body of a file whose every byte is what was written; else None, also for a
    format this version does not know."""
    try:
        header_line, checksum, packed = path.read_bytes().split(b"\n", 2)
        if _checksum(header_line, packed) != checksum:
            return None
        header = msgspec.json.decode(header_line, type=_Header)
    except (OSError, ValueError):
        return None
    return (header, packed) if (header.format, header.position) == (FORMAT, int(path.stem)) else None


def _load(path: Path) -> Snapshot | None:
    """The snapshot of a file, None if it cannot be used."""
    sound = _sound(path)
    if sound is None:
        return None
    header, packed = sound
    try:
        digest, body = bytes.fromhex(header.digest), zlib.decompress(packed)
    except (ValueError, zlib.error):
        return None
    return Snapshot(header.position, digest, header.behaviour, body, path)
