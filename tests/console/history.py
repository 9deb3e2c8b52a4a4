"""Readings in the local history, for pages that draw them."""

from __future__ import annotations

import numpy as np

from detectors import Readings
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.roster import MonitorConfig, Roster
from gateway.paths import DataFolder
from gateway.sinks import Delivered, ReadingsBatch, SinkContext
from gateway.sinks.history import Settings, Sink

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
