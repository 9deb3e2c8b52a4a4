"""The machine: its clock, how long a flush takes, how long the disk lasts, SQLite, the compiled loops.

Measured where it can be. Every figure comes in as an argument or through one small function, so that each
judgement is a pure one.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gateway.clock import Clock
from gateway.doctor.finding import Finding, doubt, fault, fine
from gateway.durable import has_wal_reset_fix, sqlite_warnings
from gateway.journal.segment import segments
from gateway.paths import DataFolder

FLUSHES = 100
FLUSH_BYTES = 4096
FLUSH_BUDGET_NS = 3_000_000_000
SLOW_NS, TOO_SLOW_NS = 50_000_000, 1_000_000_000
"""p99 of one flush: a commit waits for it, and a reading for its commit."""
UNREAL_NS = 5_000
"""No disk writes 4 KiB this quickly, so something only says that it did."""
DAYS_LOW, DAYS_OUT = 30.0, 7.0
FREE_LOW, FREE_OUT = 0.10, 1 << 30
"""Share of the disk, and bytes."""
GROWTH_NS_MIN = 3600 * 10**9
DAY_NS = 86_400 * 10**9
CLOCK_US_MAX = 1_000_000
STA_UNSYNC = 0x0040
"""adjtimex(2)."""
IN_MEMORY = ("tmpfs", "ramfs")
REMOTE = ("nfs", "nfs4", "cifs", "smb3", "9p", "fuse.sshfs", "ceph", "glusterfs")


class ClockState(NamedTuple):
    """What the kernel says of its clock; ``max_error_us`` is its own bound."""

    synchronised: bool
    max_error_us: int


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2); the tail is room for what is not read."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long), ("esterror", ctypes.c_long), ("status", ctypes.c_int),
        ("rest", ctypes.c_char * 256),
    )  # fmt: skip


def read_clock() -> ClockState | None:
    """The kernel's clock state; None where it does not say."""
    timex = _Timex(modes=0)
    try:
        if ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(timex)) < 0:
            return None
    except (OSError, AttributeError):  # no such call here
        return None
    return ClockState(not timex.status & STA_UNSYNC, timex.maxerror)


def examine_clock(state: ClockState | None, host: str) -> Finding:
    """Whether the wall clock follows a time server; devices' times are judged against it."""
    check = "clock"
    here = host in ("127.0.0.1", "localhost", "::1")
    away = "the broker is on this machine" if here else f"not known: the difference to the clock of {host}"
    todo = "run chrony or systemd-timesyncd; timedatectl shows it"
    if state is None:
        return doubt(check, f"not known: the kernel does not say; {away}", todo)
    if not state.synchronised:
        return doubt(check, f"follows no time server: readings may be called late or early; {away}", todo)
    if state.max_error_us > CLOCK_US_MAX:
        return doubt(check, f"may be wrong by {state.max_error_us / 1e6:.1f} s; {away}", todo)
    return fine(check, f"follows a time server, within {state.max_error_us / 1e3:.0f} ms; {away}")


def measure_flushes(folder: Path, clock: Clock, count: int = FLUSHES) -> list[int]:
    """Nanoseconds of each of up to ``count`` appends of 4 KiB with fdatasync, within about 3 s; sorted."""
    taken: list[int] = []
    descriptor, name = tempfile.mkstemp(prefix=".doctor-", dir=folder)
    try:
        began = clock.mono_ns()
        while len(taken) < count and clock.mono_ns() - began < FLUSH_BUDGET_NS:
            start = clock.mono_ns()
            os.write(descriptor, bytes(FLUSH_BYTES))
            os.fdatasync(descriptor)
            taken.append(clock.mono_ns() - start)
    finally:
        os.close(descriptor)
        os.unlink(name)
    return sorted(taken)


def examine_flushes(taken: list[int], kind: str) -> Finding:
    """taken: sorted nanoseconds; kind: the file system's, as ``file_system`` gives it."""
    check = "disk flush"
    median, p99 = taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)]
    said = f"median {median / 1e6:.2f} ms, p99 {p99 / 1e6:.2f} ms of {len(taken)} writes of 4 KiB"
    if kind in REMOTE:
        return fault(
            check, f"{said}; the folder lies on {kind}, where SQLite's WAL is not safe", "use a local disk"
        )
    if kind in IN_MEMORY:
        return doubt(
            check, f"{said}; the folder lies in memory ({kind})", "use a disk: a reboot loses everything"
        )
    if median < UNREAL_NS:
        return doubt(
            check, f"{said}: too quick to be true", "check that flushes reach the disk; power cuts lose data"
        )
    if p99 > TOO_SLOW_NS:
        return fault(check, said, "use another disk: every reading waits this long for its acknowledgement")
    if p99 > SLOW_NS:
        return doubt(check, said, "use a quicker disk, or one of its own: alarms wait for a flush")
    return fine(check, said)


def file_system(folder: Path, mounts: str) -> str:
    """The kind of file system a folder lies on. mounts: the text of /proc/self/mounts."""
    best, kind = "", "unknown"
    for row in mounts.splitlines():
        where, what = row.split(" ")[1:3]
        where = where.replace("\\040", " ")
        if len(where) >= len(best) and (folder == Path(where) or Path(where) in folder.parents):
            best, kind = where, what
    return kind


def growth_per_day(data: DataFolder) -> float | None:
    """Bytes a day that journal and history grew by lately; None while less than an hour is there."""
    total = 0.0
    files = [segment.path for segment in segments(data.journal)][-30:]
    days = sorted(data.history.glob("????-??-??.db"))[-30:] if data.history.is_dir() else []
    for group in (files, days):
        seen = sorted(_written(path) for path in group)
        if len(seen) > 1 and seen[-1][0] - seen[0][0] >= GROWTH_NS_MIN:
            total += sum(size for _, size in seen[1:]) * DAY_NS / (seen[-1][0] - seen[0][0])
        elif group is files:
            return None
    return total


def examine_disk(total: int, free: int, per_day: float | None) -> Finding:
    """Bytes of the disk, bytes free, bytes a day."""
    check = "disk space"
    days = free / per_day if per_day else None
    left = "not known how long it lasts: less than two segments yet" if per_day is None else (
        f"{days:.0f} days at {per_day / 1e9:.2f} GB a day" if days is not None else "nothing grows"
    )  # fmt: skip
    said = f"{free / 1e9:.1f} GB of {total / 1e9:.1f} GB free; {left}"
    todo = "free space, use a larger disk, or move old journal segments away"
    if free < FREE_OUT or (days is not None and days < DAYS_OUT):
        return fault(check, said, todo)
    if free < FREE_LOW * total or (days is not None and days < DAYS_LOW):
        return doubt(check, said, todo)
    return fine(check, said)


def examine_sqlite(version: tuple[int, int, int]) -> Finding:
    """Whether this SQLite has the fix of the WAL-reset race."""
    said = ".".join(map(str, version))
    if has_wal_reset_fix(version):
        return fine("SQLite", said)
    known = sqlite_warnings() if version == sqlite3.sqlite_version_info else []
    return doubt(
        "SQLite", known[0] if known else f"{said}: WAL-reset race", "use a Python with 3.51.3 or later"
    )


def examine_compiled(folder: Path) -> Finding:
    """Whether compiled loops can be kept, and are."""
    check = "compiled loops"
    nearest = next(p for p in (folder, *folder.parents) if p.exists())
    if not os.access(nearest, os.W_OK | os.X_OK):
        todo = f"let this user write {nearest}, or set NUMBA_CACHE_DIR"
        return fault(check, f"{folder} cannot be written: each start compiles for minutes", todo)
    count = sum(1 for _ in folder.rglob("*.nbi")) if folder.is_dir() else 0
    if count:
        return fine(check, f"{count} kept in {folder}")
    return doubt(check, "none kept yet", "nothing; the first start compiles for about a minute")


def examine_machine(data: DataFolder, clock: Clock, host: str, compiled: Path) -> Iterator[Finding]:
    """All of the above, here and now. A data folder that is not there yet is judged by where it will lie."""
    folder = next(p for p in (data.root, *data.root.parents) if p.exists())
    yield examine_clock(read_clock(), host)
    mounts = ""
    with contextlib.suppress(OSError):  # not Linux: its kind stays unknown
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    try:
        yield examine_flushes(measure_flushes(folder, clock), file_system(folder.resolve(), mounts))
        usage = shutil.disk_usage(folder)
        yield examine_disk(usage.total, usage.free, growth_per_day(data))
    except OSError as error:
        todo = "let this user write it, or choose another --data"
        yield fault("disk", f"{folder} cannot be written: {error.strerror}", todo)
    yield examine_sqlite(sqlite3.sqlite_version_info)
    yield examine_compiled(compiled)


def _written(path: Path) -> tuple[int, int]:
    """When a database was last written and what it takes, its write-ahead log with it."""
    beside = [f.stat() for f in (path, path.with_name(path.name + "-wal")) if f.exists()]
    return max(s.st_mtime_ns for s in beside), sum(s.st_size for s in beside)
