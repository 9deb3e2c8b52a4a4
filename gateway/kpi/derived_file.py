"""One derived file: named arrays and a msgpack head, complete or not there, written by one process at a time.

Damage is found (every part has a checksum) and means: derive it again.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from gateway.durable import WriterLock
from gateway.errors import JournalError

Arrays = dict[str, npt.NDArray[Any]]
HEAD = "head"


def load(path: Path) -> tuple[dict[str, Any], Arrays] | None:
    """Head and arrays; None when there is no file or it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return msgspec.msgpack.decode(arrays.pop(HEAD).tobytes()), arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, msgspec.MsgspecError):
        return None  # nothing is lost: whatever is not here is derived from its source


def save(path: Path, head: dict[str, Any], arrays: Arrays) -> bool:
    """Write the file whole; False when another process is writing it, or this user may not write here."""
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        lock = WriterLock(path.with_suffix(".lock"), "this summary")
    except (JournalError, OSError):
        return False  # somebody who may only read goes on with what is in memory
    fresh = path.with_suffix(".new")
    try:
        with fresh.open("wb") as to:
            np.savez(to, allow_pickle=False, **{HEAD: _packed(head)}, **arrays)
        fresh.replace(path)
    except OSError:
        return False  # a full disk is told by the core; the answer does not depend on this file
    finally:
        fresh.unlink(missing_ok=True)
        lock.close()
    return True


def _packed(head: dict[str, Any]) -> npt.NDArray[np.uint8]:
    return np.frombuffer(msgspec.msgpack.encode(head), np.uint8)
