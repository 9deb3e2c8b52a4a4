"""What the disk and SQLite answer, as errors that say whether to wait, to exit or to repair.

Disk full: nothing was written, wait and try again. A failed write or flush: exit, because Linux may have
dropped the pages that were not confirmed and SQLite would carry on without them.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
from pathlib import Path

from gateway.errors import FlushFailed, JournalBusy, JournalError, JournalFull

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})


def sqlite_failure(error: sqlite3.Error, path: Path) -> JournalError:
    """Our error for what SQLite said about a write to ``path``."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    # A shared-memory index that cannot grow is a full disk too: it holds no data, so nothing is in doubt.
    if code == sqlite3.SQLITE_IOERR_SHMSIZE or code & 0xFF == sqlite3.SQLITE_FULL:
        return JournalFull(
            f"{path}: the disk is full ({name}); nothing was written. Free space on this disk."
        )
    if code & 0xFF == sqlite3.SQLITE_IOERR:
        return FlushFailed(
            f"{path}: the disk did not take a write or a flush ({name}: {error}). The process must exit and "
            "read the disk anew; check the disk before trusting it."
        )
    if code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return JournalBusy(
            f"{path}: another program holds its lock ({name}); nothing was written. Close whatever opened "
            "this file for writing (a database browser, a backup)."
        )
    return JournalError(f"{path}: {name}: {error}. Run 'riskgate verify' on a copy of the data folder.")


def file_failure(error: OSError, path: Path) -> JournalError:
    """Our error for what the operating system said about a write to ``path``."""
    if error.errno in _NO_SPACE:
        return JournalFull(f"{path}: {error.strerror}; nothing was written. Free space on this disk.")
    return FlushFailed(f"{path}: the disk did not take a write or a flush ({error}). The process must exit.")


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. OSError if the disk does not confirm."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class WriterLock:
    """One writer a file: held until closed or until the process ends, however it ends."""

    def __init__(self, path: Path, what: str) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise JournalError(
                f"{path.parent}: another process already writes {what}. Only one core may run on a data "
                f"folder: stop the other one ('fuser {path}' names it) or use another --data."
            ) from error

    def close(self) -> None:
        """Let another writer in."""
        os.close(self._descriptor)


def has_wal_reset_fix(version: tuple[int, int, int]) -> bool:
    """Whether this SQLite has the fix of the WAL-reset race: 3.51.3, or its backports 3.44.6 and 3.50.7."""
    return version >= (3, 51, 3) or (3, 50, 7) <= version < (3, 51) or (3, 44, 6) <= version < (3, 45)


def sqlite_warnings() -> list[str]:
    """What a person should know about the SQLite in use; empty if nothing."""
    if has_wal_reset_fix(sqlite3.sqlite_version_info):
        return []
    return [
        (
            f"SQLite {sqlite3.sqlite_version} can corrupt a WAL file when several connections write or "
            "checkpoint at once (fixed in 3.51.3, 3.50.7, 3.44.6). The gateway writes and checkpoints each "
            "file from one connection only; let no other program write them."
        )
    ]
