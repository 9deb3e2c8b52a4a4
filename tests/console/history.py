"""Readings in the local history and last values from the core, for pages that show them."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np

from detectors import BAD, GOOD, Readings
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.roster import MonitorConfig, Roster
from gateway.paths import DataFolder
from gateway.sinks import Delivered, ReadingsBatch, SinkContext
from gateway.sinks.history import Settings, Sink
from tests.console.stand import Stand

S = 1_000_000_000
Row = tuple[str, int, float, int]
"""(channel, event time ns, value, quality)."""


def record(data: DataFolder, device: Device, rows: list[Row], arrives_after_ns: int = 300_000_000) -> None:
    """Readings of one device, as delivery would keep them; each arrives so much later than its own time."""
    roster = Roster()
    roster.apply(MonitorConfig([device], read_profiles([])), "digest")
    slot = {roster.channels.channel(n).channel: n for n in roster.slots_of(0)}
    at = np.array([row[1] for row in rows], np.int64)
    none = np.zeros(len(rows), np.uint8)
    what = Readings(
        np.array([slot[row[0]] for row in rows], np.int32),
        at,
        at + arrives_after_ns,
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows], np.uint8),
        none,
        none,
        np.zeros(len(rows), np.int32),
    )
    history = Sink(Settings(), SinkContext("history", str(data.root), lambda: int(at[-1])))
    positions = np.arange(1, len(rows) + 1, dtype=np.int64)
    outcome = history.deliver(ReadingsBatch(1, len(rows), what, roster.channels, positions))
    assert isinstance(outcome, Delivered), outcome
    history.close()


LAST: list[dict[str, Any]] = [
    {"channel": "lel", "value": 61.2, "event_ns": 0, "quality": 0},
    {"channel": "temperature", "value": None, "event_ns": 0, "quality": 2},
]


class KnowingStand(Stand):
    """The core also tells last values, of one device."""

    known = "acme/tankfarm/GD-1"

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["op"] == "values":
            now = {"event_ns": time.time_ns() - S}
            return {"values": [LAST[0] | now, LAST[1]] if request["device"] == self.known else []}
        return super()._answer(request)


def two_hours(now: int) -> list[Row]:
    """Two hours, every 5 s: calm, a pause, some bad ones, and the climb at the end."""
    rows: list[Row] = []
    for k in range(1440):
        if 900 <= k < 930:
            continue
        value = 6 + math.sin(k / 40) + max(0, k - 1360) * 0.7
        bad = 700 <= k < 710
        rows.append(("lel", now - (1440 - k) * 5 * S, math.nan if bad else value, BAD if bad else GOOD))
    return rows
