"""The doctor's judgement of the machine: each check can say well and ill."""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path

import pytest

from gateway.clock import SystemClock, VirtualClock
from gateway.doctor.finding import Finding
from gateway.doctor.machine import (
    FLUSHES,
    ClockState,
    examine_clock,
    examine_compiled,
    examine_disk,
    examine_flushes,
    examine_machine,
    examine_sqlite,
    file_system,
    growth_per_day,
    measure_flushes,
    read_clock,
)
from gateway.paths import DataFolder

MS = 1_000_000
GB = 10**9


def complete(finding: Finding) -> Finding:
    """Whatever is not ok says what to do."""
    assert bool(finding.todo) == (finding.level != "ok"), finding
    return finding


@pytest.mark.parametrize(
    ("state", "level", "said"),
    [
        (ClockState(True, 20_000), "ok", "within 20 ms"),
        (ClockState(True, 5_000_000), "warning", "wrong by 5.0 s"),
        (ClockState(False, 16_000_000), "warning", "follows no time server"),
        (None, "warning", "does not say"),
    ],
)
def test_the_clock(state: ClockState | None, level: str, said: str) -> None:
    away, here = complete(examine_clock(state, "broker.example")), examine_clock(state, "127.0.0.1")
    assert (away.level, here.level) == (level, level)
    assert said in away.found
    assert "not known: the difference to the clock of broker.example" in away.found
    assert "the broker is on this machine" in here.found


@pytest.mark.skipif(sys.platform != "linux", reason="adjtimex is Linux's")
def test_the_kernel_says_how_its_clock_is() -> None:
    state = read_clock()
    assert state is not None
    assert 0 <= state.max_error_us <= 16_000_000  # NTP_PHASE_LIMIT of the kernel


@pytest.mark.parametrize(
    ("taken", "kind", "level"),
    [
        ([MS] * 100, "ext4", "ok"),
        ([MS] * 98 + [60 * MS] * 2, "ext4", "warning"),
        ([MS] * 98 + [1100 * MS] * 2, "ext4", "failure"),
        ([1000] * 100, "ext4", "warning"),
        ([MS] * 100, "tmpfs", "warning"),
        ([MS] * 100, "nfs4", "failure"),
        ([2000 * MS], "xfs", "failure"),
    ],
)
def test_flushes(taken: list[int], kind: str, level: str) -> None:
    assert complete(examine_flushes(taken, kind)).level == level


def test_flushes_are_measured_and_nothing_stays(tmp_path: Path) -> None:
    taken = measure_flushes(tmp_path, SystemClock(), 5)
    assert len(taken) == 5
    assert taken == sorted(taken)
    assert taken[0] > 0
    assert list(tmp_path.iterdir()) == []


def test_a_slow_disk_is_not_measured_for_minutes(tmp_path: Path) -> None:
    class Slow(VirtualClock):
        def mono_ns(self) -> int:
            self.advance(400 * MS)
            return super().mono_ns()

    taken = measure_flushes(tmp_path, Slow())
    assert 1 <= len(taken) < 5 < FLUSHES


def test_the_file_system_is_that_of_the_deepest_mount() -> None:
    mounts = "/dev/a / ext4 rw 0 0\ntmpfs /run tmpfs rw 0 0\nsrv:/x /data\\040disk nfs4 rw 0 0\n"
    assert file_system(Path("/run/riskgate"), mounts) == "tmpfs"
    assert file_system(Path("/runs"), mounts) == "ext4"
    assert file_system(Path("/data disk/riskgate"), mounts) == "nfs4"
    assert file_system(Path("/x"), "") == "unknown"


@pytest.mark.parametrize(
    ("free", "per_day", "level", "said"),
    [
        (500 * GB, 1.0 * GB, "ok", "500 days at 1.00 GB a day"),
        (500 * GB, 20.0 * GB, "warning", "25 days"),
        (500 * GB, 100.0 * GB, "failure", "5 days"),
        (90 * GB, 0.001 * GB, "warning", "90.0 GB of 1000.0 GB free"),
        (GB, None, "failure", "not known how long"),
        (500 * GB, None, "ok", "not known how long"),
        (500 * GB, 0.0, "ok", "nothing grows"),
    ],
)
def test_the_disk(free: int, per_day: float | None, level: str, said: str) -> None:
    finding = complete(examine_disk(1000 * GB, free, per_day))
    assert finding.level == level
    assert said in finding.found


def test_growth_is_what_lately_came_a_day(tmp_path: Path) -> None:
    data = DataFolder(tmp_path)
    assert growth_per_day(data) is None
    data.create()

    def file(path: Path, size: int, hour: int) -> None:
        path.write_bytes(bytes(size))
        os.utime(path, (hour * 3600, hour * 3600))

    file(data.journal / f"{1:016}.db", 5000, 0)
    assert growth_per_day(data) is None
    file(data.journal / f"{100:016}.db", 1000, 12)
    file(data.journal / f"{200:016}.db", 500, 6)
    file(data.journal / f"{200:016}.db-wal", 2500, 24)  # the live one: its log is where it is written
    assert growth_per_day(data) == 1000 + 3000
    file(data.history / "2026-01-01.db", 100, 24)
    file(data.history / "2026-01-02.db", 70, 48)
    assert growth_per_day(data) == 4000 + 70


@pytest.mark.parametrize(
    ("version", "level"),
    [
        ((3, 51, 3), "ok"),
        ((3, 44, 6), "ok"),
        ((3, 50, 7), "ok"),
        ((3, 51, 2), "warning"),
        ((3, 45, 0), "warning"),
        ((3, 40, 1), "warning"),
    ],
)
def test_sqlite(version: tuple[int, int, int], level: str) -> None:
    assert complete(examine_sqlite(version)).level == level


def test_this_sqlite_is_named() -> None:
    assert sqlite3.sqlite_version in examine_sqlite(sqlite3.sqlite_version_info).found


def test_compiled_loops(tmp_path: Path) -> None:
    folder = tmp_path / "compiled"
    assert complete(examine_compiled(folder)).level == "warning"
    folder.mkdir()
    (folder / "x.nbi").touch()
    assert complete(examine_compiled(folder)) == ("compiled loops", "ok", f"1 kept in {folder}", "")
    (tmp_path / "file").touch()
    assert complete(examine_compiled(tmp_path / "file" / "compiled")).level == "failure"


def test_all_of_it_here_and_now_leaves_no_trace(tmp_path: Path) -> None:
    found = list(examine_machine(DataFolder(tmp_path / "new"), SystemClock(), "127.0.0.1", tmp_path / "c"))
    assert [f.check for f in found] == ["clock", "disk flush", "disk space", "SQLite", "compiled loops"]
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    found = list(examine_machine(DataFolder(tmp_path / "file" / "d"), SystemClock(), "x", tmp_path / "c"))
    assert ("disk", "failure") in [f[:2] for f in found]
