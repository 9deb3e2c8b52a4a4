"""What the gateway's machine tells of itself: disk, how long it lasts, the journal's files. Reads only sizes
and times of files."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gateway.paths import DataFolder

DAY_S = 86_400.0
LEAST_S = 3_600.0
"""What grew in less time than this says nothing about a day."""
FULL = 0.90
"""Share of the disk at which the gateway calls it nearly full (gateway/conditions.py)."""
SEGMENTS = 12
BESIDE = ("-wal", "-shm", "-journal", ".lock", ".tmp")
"""Files that SQLite and the writer keep beside a segment."""


def disk(data: DataFolder, now_s: float) -> dict[str, Any]:
    """Bytes of the disk; ``days_left`` until FULL at the pace of the last day, None while that is unknown.

    The pace is what the journal and the history hold of the last day: they are all that grows for ever.
    """
    usage = shutil.disk_usage(data.root)
    sizes = [(stat.st_size, stat.st_mtime) for stat in _files(data.journal, data.history)]
    oldest = min((when for _, when in sizes), default=now_s)
    span = min(DAY_S, now_s - oldest)
    fresh = sum(size for size, when in sizes if when > now_s - DAY_S)
    pace = fresh / span * DAY_S if span >= LEAST_S else None
    room = usage.total * FULL - usage.used
    return {
        "total": usage.total,
        "used": usage.used,
        "free": usage.free,
        "full_at": FULL,
        "bytes_a_day": None if pace is None else round(pace),
        "days_left": max(0.0, room / pace) if pace else None,
        "files": {
            name: sum(stat.st_size for stat in _files(path))
            for name, path in (
                ("journal", data.journal), ("ledger", data.ledger), ("history", data.history),
                ("snapshots", data.snapshots), ("delivery", data.delivery), ("log", data.log),
            )
        },
    }  # fmt: skip


def segments(data: DataFolder) -> dict[str, Any]:
    """The journal's files, newest first: how many, and the newest ones."""
    found = sorted((one for one in _named(data.journal) if not one[0].endswith(BESIDE)), reverse=True)
    return {
        "count": len(found),
        "newest": [
            {"name": name, "bytes": stat.st_size, "changed_ms": round(stat.st_mtime * 1000)}
            for name, stat in found[:SEGMENTS]
        ],
    }


def _named(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    yield entry.name, entry.stat()
    except OSError:
        return  # not there yet, or taken away meanwhile: the next look tells


def _files(*places: Path) -> Iterator[os.stat_result]:
    for place in places:
        if place.is_dir():
            for folder, _, names in os.walk(place):
                for name in names:
                    yield from _stat(Path(folder) / name)
        else:
            yield from _stat(place)


def _stat(path: Path) -> Iterator[os.stat_result]:
    try:
        yield path.stat()
    except OSError:
        return
