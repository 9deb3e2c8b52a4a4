"""Files with secrets in them: written whole or not at all, readable by nobody else at any moment.

Guarantee: whoever reads the path sees the old text or the new one, also after a power cut; an interrupted
write leaves nothing behind. The file is created with its final mode, so there is no moment before a chmod.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gateway.durable import sync_folder

PRIVATE = 0o600


@contextmanager
def _beside(path: Path, text: str, mode: int) -> Iterator[Path]:
    """A durable file with this text beside ``path``, gone at the end whatever happens."""
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        yield new
    finally:
        with suppress(FileNotFoundError):  # it was renamed: all is well
            new.unlink()
    sync_folder(path.parent)


def replace(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write ``path`` anew. An existing file keeps owner, group and mode, except that others lose all rights
    if ``mode`` gives them none. OSError as the system says it."""
    old = path.stat() if path.exists() else None
    if old is not None:
        mode = stat.S_IMODE(old.st_mode) & (mode | 0o770)
    with _beside(path, text, mode) as new:
        if old is not None and (old.st_uid, old.st_gid) != (new.stat().st_uid, new.stat().st_gid):
            os.chown(new, old.st_uid, old.st_gid)
        new.replace(path)


def create(path: Path, text: str, mode: int = PRIVATE) -> None:
    """Write a file that is not there yet; FileExistsError if it is, and it stays as it was."""
    with _beside(path, text, mode) as new:
        os.link(new, path)
