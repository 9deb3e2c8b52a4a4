"""Three of our detectors on every reading against one of river's: limits + EWMA + CUSUM against PageHinkley.

Row ``river``: river's time per reading over ours. Both judge the same values of the same channels in the
same order, in one process. In every round first ours runs, then river's: neither empties the other's caches
at each sweep. river gets what favours it: one detector object a channel, looked up beforehand, and plain
floats; ours is what the monitor calls, Python's part included. Without river the row fails.
"""

from __future__ import annotations

import importlib.metadata
import statistics
import time
from typing import Any

import numpy as np

from detectors import Readings
from gateway.monitor.bank import ChannelDetector
from tests.bench.kernel import RULES, WARM_SWEEPS, feed
from tests.support.report import Row, meets

KINDS = ("limits", "ewma", "cusum")
CHANNELS = 10_000
FIGURE = "limits + EWMA + CUSUM per reading against river's PageHinkley alone"
MUST, GOOD = ">= 10", ">= 40"


def _row(ratio: float, note: str) -> Row:
    return Row("river", FIGURE, round(ratio, 2), "x river", MUST, GOOD, meets(ratio, MUST), note)


def _ours(bank: list[ChannelDetector], readings: Readings) -> float:
    begin = time.perf_counter()
    for detector in bank:
        detector.step(readings)
    return time.perf_counter() - begin


def _theirs(detectors: list[Any], values: list[float]) -> float:
    begin = time.perf_counter()
    for detector, value in zip(detectors, values, strict=True):
        detector.update(value)
    return time.perf_counter() - begin


def measure(rounds: int = 5, channels: int = CHANNELS, sweeps: int = 30) -> list[Row]:
    """The row ``river``: the median of ``rounds``, each of ``sweeps`` readings a channel."""
    try:
        from river.drift import PageHinkley
    except ImportError as error:
        return [_row(0.0, f"river is not there ({error}): install the dev group")]
    bank = [ChannelDetector(kind) for kind in KINDS]
    for detector in bank:
        detector.grow(channels)
        detector.configure(np.arange(channels), RULES[detector.kind])
    peers = [PageHinkley() for _ in range(channels)]
    source = feed(channels, channels, 1)
    for _ in range(WARM_SWEEPS):
        readings = next(source)
        _ours(bank, readings)
        _theirs(peers, readings.value.tolist())
    ratios, own, others, findings = [], [], [], 0
    for _ in range(rounds):
        given = [next(source) for _ in range(sweeps)]
        values = [readings.value.tolist() for readings in given]
        ours = theirs = 0.0
        for readings in given:
            ours += _ours(bank, readings)
            findings += sum(detector.findings.count for detector in bank)
        for sweep in values:
            theirs += _theirs(peers, sweep)
        ratios.append(theirs / ours)
        own.append(ours / (sweeps * channels) * 1e9)
        others.append(theirs / (sweeps * channels) * 1e9)
    if findings == 0:
        return [_row(0.0, "nothing was found: ours judged nothing")]
    version = importlib.metadata.version("river")
    note = f"{statistics.median(own):.1f} ns a reading, river {version} {statistics.median(others):.0f} ns"
    return [_row(statistics.median(ratios), f"{note}; {channels:,} channels, {findings:,} findings")]
