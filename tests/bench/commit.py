"""The slowest of a hundred journal commits against the disk: what one bare write and flush of the same bytes
takes in the same folder at the same time."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from gateway.coreprocess import AHEAD_BYTES
from gateway.journal import Journal
from gateway.monitor.entries import encode
from tests.bench._fleet import Plant
from tests.support.report import Row

GROUP = 200
"""Packets in a commit: what arrives during one at some 30,000 a second."""
COMMITS = 400
DISK = Path("/var/tmp")  # a new folder in it, private; unlike /tmp it is never memory


def measure(rounds: int = 5, *, commits: int = COMMITS) -> list[Row]:
    """The row ``commit_p99``: p99 of ``Journal.append`` over the median flush, median of the rounds."""
    ratios, slowest, flushes = [], [], []
    for seed in range(rounds):
        appended, flushed = _round(commits, seed)
        slowest.append(_p99(appended))
        flushes.append(statistics.median(flushed))
        ratios.append(slowest[-1] / flushes[-1])
    note = (
        f"p99 {statistics.median(slowest) * 1e3:.2f} ms, the disk's median flush "
        f"{statistics.median(flushes) * 1e3:.2f} ms; {commits} commits of {GROUP} packets a round"
    )
    figure = "journal commit p99 against the disk's median flush of the same bytes"
    return [Row.judged("commit_p99", figure, statistics.median(ratios), "x", "<= 20", "<= 8", note)]


def _round(commits: int, seed: int) -> tuple[list[float], list[float]]:
    """Seconds of each commit and of each bare flush, one of either in turn."""
    plant = Plant(10_000, 30_000, seed=seed + 1)
    appended, flushed = [], []
    with tempfile.TemporaryDirectory(dir=DISK) as name:
        folder = Path(name)
        writer = ThreadPoolExecutor(1)
        journal = Journal(folder / "journal", run=writer.submit, ahead_bytes=AHEAD_BYTES)
        file = os.open(folder / "flush", os.O_WRONLY | os.O_CREAT, 0o600)
        for _ in range(commits):
            entry = plant.entry(GROUP)
            body = encode(entry)
            begin = time.perf_counter()
            journal.append([entry])
            appended.append(time.perf_counter() - begin)
            begin = time.perf_counter()
            os.write(file, body)
            os.fdatasync(file)
            flushed.append(time.perf_counter() - begin)
        os.close(file)
        writer.shutdown()
        journal.close()
    return appended, flushed


def _p99(seconds: list[float]) -> float:
    return sorted(seconds)[max(0, -(-99 * len(seconds) // 100) - 1)]
