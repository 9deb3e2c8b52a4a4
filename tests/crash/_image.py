"""The disk as a power cut may leave it: what was flushed is there; of the rest none, a beginning, any subset,
or any subset of 512-byte sectors.

Directory entries (a new file, a rename, a removal) count as durable at once; shared memory (-shm) is left
out, for SQLite builds it anew.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash._strace import Happening, Rename, Sync, Truncate, Unlink, Write

SECTOR = 512
MODES = ("lost", "prefix", "subset", "torn")


@dataclass(slots=True)
class _File:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, Write | Truncate]] = field(default_factory=list)


class Disk:
    """Every file below ``root``, by what happened to it."""

    def __init__(self, root: Path) -> None:
        self._root = f"{root}/"
        self._files: dict[str, _File] = {}

    def apply(self, order: int, event: Happening) -> None:
        """Let the next thing happen."""
        match event:
            case Write(path, _, data) if self._ours(path):
                file = self._files.setdefault(path, _File())
                if data:
                    file.pending.append((order, event))
            case Truncate(path) if self._ours(path):
                self._files.setdefault(path, _File()).pending.append((order, event))
            case Sync(path, began) if path in self._files:
                self._flush(self._files[path], began)
            case Rename(path, new) if path in self._files:
                self._files[new] = self._files.pop(path)
            case Unlink(path):
                self._files.pop(path, None)

    def build(self, folder: Path, mode: str, chance: random.Random) -> None:
        """Write one possible image below ``folder``."""
        for path, file in sorted(self._files.items()):
            body = bytearray(file.durable)
            for operation in _surviving(file.pending, mode, chance):
                _do(body, operation)
            target = folder / path.removeprefix(self._root)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(body)

    def _ours(self, path: str) -> bool:
        return path.startswith(self._root) and not path.endswith("-shm")

    @staticmethod
    def _flush(file: _File, began: int) -> None:
        for order, operation in file.pending:
            if order < began:
                _do(file.durable, operation)
        file.pending = [(order, operation) for order, operation in file.pending if order >= began]


def _do(body: bytearray, operation: Write | Truncate) -> None:
    if isinstance(operation, Truncate):
        del body[operation.size :]
        body.extend(bytes(operation.size - len(body)))
        return
    end = operation.offset + len(operation.data)
    body.extend(bytes(max(0, operation.offset - len(body))))
    body[operation.offset : end] = operation.data


def _surviving(
    pending: list[tuple[int, Write | Truncate]], mode: str, chance: random.Random
) -> list[Write | Truncate]:
    operations = [operation for _, operation in pending]
    if mode == "lost":
        return []
    if mode == "prefix":
        return operations[: chance.randint(0, len(operations))]
    if mode == "torn":
        operations = [part for operation in operations for part in _sectors(operation)]
    return [operation for operation in operations if chance.random() < 0.5]


def _sectors(operation: Write | Truncate) -> list[Write | Truncate]:
    if isinstance(operation, Truncate):
        return [operation]
    parts: list[Write | Truncate] = []
    at, end = operation.offset, operation.offset + len(operation.data)
    while at < end:
        after = min(end, (at // SECTOR + 1) * SECTOR)
        data = operation.data[at - operation.offset : after - operation.offset]
        parts.append(Write(operation.path, at, data))
        at = after
    return parts
