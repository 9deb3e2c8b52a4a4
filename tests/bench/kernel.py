"""The default set of a gas channel against tuned C doing the same passes over the same records.

Rows ``kernel`` (every one of 100,000 channels once a batch, in order) and ``kernel_sparse`` (2,000 readings
strewn over 100,000 channels). Measured is our time over C's, so 1 is level. Ours is what the monitor calls,
Python's part included; C is one call for all passes, its pointers made ready beforehand. Both judge the same
readings in turn, each on its own copy of the records, and must leave equal bytes: findings of every batch,
states at the end. One reading in 500 is bad, out of range, over a limit or a spike. Without gcc, or with
other bytes, a row fails and says why.
"""

from __future__ import annotations

import ctypes
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from detectors import BAD, FINDING, GOOD, REASONS, UNCERTAIN, Readings
from gateway.monitor.bank import ChannelDetector
from tests.support.report import Row, meets

KINDS = ("out_of_range", "limits", "ewma", "cusum", "flat")
"""The default set of a gas channel."""
SOURCE = Path(__file__).with_suffix(".c")
SECOND = 1_000_000_000
RULES: dict[str, dict[str, Any]] = {
    "out_of_range": {"clear_readings": 3},
    "limits": {
        "limits": {
            "H": {"setpoint": 25.0, "deadband": 1.0, "on_delay_ns": 2 * SECOND, "off_delay_ns": 5 * SECOND},
            "HH": {"setpoint": 50.0, "deadband": 1.0, "off_delay_ns": 5 * SECOND},
        },
        "clear_readings": 3,
    },
    "ewma": {"low": 0.0, "high": 100.0, "sigma_min": 0.2, "warmup": 20, "clear_readings": 3},
    "cusum": {"low": 0.0, "high": 100.0, "sigma_min": 0.2, "warmup": 20, "adopt_readings": 50},
    "flat": {"after_ns": 3600 * SECOND, "clear_readings": 3},
}
CHANNELS, SPARSE = 100_000, 2_000
WARM_SWEEPS = 25
"""More than the warm-up of any detector: what is timed is judging, not learning."""


COLUMNS = ("slot", "event_ns", "received_ns", "value", "quality", "reason", "time")


class _Columns(ctypes.Structure):
    """``Readings`` of kernel.c."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in COLUMNS),
        ("rows", ctypes.c_int64),
        ("record_of", ctypes.c_void_p),
        ("rule_of", ctypes.c_void_p),
    )


class _Peer:
    """The compiled C and its own records."""

    def __init__(self, folder: Path, bank: list[ChannelDetector], most_findings: int) -> None:
        library = folder / "kernel.so"
        command = ["gcc", "-O3", "-march=native", "-ffp-contract=off", "-shared", "-fPIC", "-o"]
        done = subprocess.run(
            [*command, str(library), str(SOURCE), "-lm"], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise OSError(f"gcc: {done.stderr.strip()[-300:]}")
        self._passes = ctypes.CDLL(str(library)).passes
        self.state = [detector.state.copy() for detector in bank]
        self._rules = [detector.rules.copy() for detector in bank]
        self._numbers = [d.record_of.copy() for d in bank], [d.rule_of.copy() for d in bank]
        self._out = [np.zeros(most_findings, FINDING) for _ in bank]
        pointers = ctypes.c_void_p * len(bank)
        self._addresses = [
            pointers(*(array.ctypes.data for array in arrays))
            for arrays in (self._rules, self.state, self._out, *self._numbers)
        ]
        self._count = (ctypes.c_int64 * len(bank))()

    def judge(self, readings: Readings) -> float:
        """Seconds for all passes."""
        columns = _Columns(*(getattr(readings, name).ctypes.data for name in COLUMNS), len(readings))
        at, addresses, count = ctypes.byref(columns), self._addresses, self._count
        begin = time.perf_counter()
        self._passes(at, *addresses, count)
        return time.perf_counter() - begin

    def found(self) -> list[bytes]:
        """Findings of the last batch, a pass each."""
        return [out[:count].tobytes() for out, count in zip(self._out, self._count, strict=True)]


def _ours(bank: list[ChannelDetector], readings: Readings) -> float:
    begin = time.perf_counter()
    for detector in bank:
        detector.step(readings)
    return time.perf_counter() - begin


def _bank(channels: int) -> list[ChannelDetector]:
    bank = [ChannelDetector(kind) for kind in KINDS]
    for detector in bank:
        detector.grow(channels)
        detector.configure(np.arange(channels), RULES[detector.kind])
    return bank


def feed(channels: int, size: int, seed: int) -> Iterator[Readings]:
    """Batches without end: the channels in order, or ``size`` of them strewn."""
    random = np.random.default_rng(seed)
    pool = 5.0 + 0.4 * random.standard_normal(1 << 20)
    at = 1_700_000_000 * SECOND
    while True:
        every = size == channels
        slot = (np.arange(size) if every else random.integers(0, channels, size)).astype(np.int32)
        first = int(random.integers(0, len(pool) - size))
        value, quality = pool[first : first + size].copy(), np.zeros(size, np.uint8)
        reason = np.zeros(size, np.uint8)
        odd = random.integers(0, size, max(1, size // 500))
        value[odd] = random.choice(np.array([30.0, 60.0, 9.0, 104.0]), len(odd))
        quality[odd] = random.choice(np.array([GOOD, GOOD, BAD, UNCERTAIN], np.uint8), len(odd))
        reason[quality == UNCERTAIN] = REASONS.index("out of range")
        at += 5 * SECOND
        event = at + np.arange(size, dtype=np.int64)
        rows = np.arange(size, dtype=np.int32)
        yield Readings(slot, event, event + SECOND, value, quality, reason, np.zeros(size, np.uint8), rows)


def _compare(bank: list[ChannelDetector], peer: _Peer, readings: Readings) -> tuple[float, float, str]:
    """(our seconds, C's seconds, "" or the first pass whose findings differ)."""
    ours, theirs = _ours(bank, readings), peer.judge(readings)
    for detector, found in zip(bank, peer.found(), strict=True):
        if detector.findings.found().tobytes() != found:
            return ours, theirs, f"{detector.kind}: other findings than C"
    return ours, theirs, ""


def _run(folder: Path, channels: int, size: int, rounds: int, batches: int) -> tuple[float, float, int, str]:
    """(ratio, ns a reading of ours, findings, what is wrong)."""
    bank = _bank(channels)
    peer = _Peer(folder, bank, 4 * channels)
    for readings, _ in zip(feed(channels, channels, 1), range(WARM_SWEEPS), strict=False):
        *_, wrong = _compare(bank, peer, readings)
        if wrong:
            return 0.0, 0.0, 0, wrong
    source = feed(channels, size, 2)
    ratios, own, findings = [], [], 0
    for _ in range(rounds):
        ours = theirs = 0.0
        for _ in range(batches):
            us, them, wrong = _compare(bank, peer, next(source))
            if wrong:
                return 0.0, 0.0, 0, wrong
            ours, theirs = ours + us, theirs + them
            findings += sum(detector.findings.count for detector in bank)
        ratios.append(ours / theirs)
        own.append(ours / (batches * size) * 1e9)
    for detector, state in zip(bank, peer.state, strict=True):
        if detector.state.tobytes() != state.tobytes():
            return 0.0, 0.0, 0, f"{detector.kind}: another state than C"
    if findings == 0:
        return 0.0, 0.0, 0, "nothing was found: the comparison shows nothing"
    return statistics.median(ratios), statistics.median(own), findings, ""


def measure(
    rounds: int = 5, channels: int = CHANNELS, sparse: int = SPARSE, sweeps: int = 10, strewn: int = 400
) -> list[Row]:
    """The rows ``kernel`` and ``kernel_sparse``; a ratio is the median of ``rounds``."""
    rows = []
    plans = (
        ("kernel", f"default set of a gas channel, {channels:,} channels, full sweep", channels, sweeps, 1.3),
        ("kernel_sparse", f"the same, {sparse:,} readings over {channels:,} channels", sparse, strewn, 1.5),
    )
    for row_id, figure, size, batches, most in plans:
        ratio, own, findings, wrong = 0.0, 0.0, 0, "" if shutil.which("gcc") else "no gcc on this machine"
        if not wrong:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    ratio, own, findings, wrong = _run(Path(folder), channels, size, rounds, batches)
            except OSError as error:
                wrong = str(error)
        note = f"{own:.1f} ns a reading, C {own / ratio:.1f}; {findings:,} findings equal" if ratio else ""
        must, passed = f"<= {most}", not wrong and meets(ratio, f"<= {most}")
        rows.append(Row(row_id, figure, round(ratio, 3), "x C", must, "<= 1.1", passed, wrong or note))
    return rows
