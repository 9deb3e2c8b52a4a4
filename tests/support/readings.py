"""Channel tables and readings for tests of what carries them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from detectors import Readings
from gateway.monitor.channels import ChannelTable, Device
from gateway.sinks import ReadingsBatch

NOW_NS = 1_764_000_000_000_000_000
HOUR_NS = 3_600_000_000_000


def table(devices: int = 2, channels: int = 2, asset: str = "vessel 1") -> ChannelTable:
    """Slots device-major: slot = device * channels + channel."""
    made = ChannelTable()
    made.version = 1
    made.devices = [Device("acme", "north", asset, f"GD-{n + 1}", "gas/test") for n in range(devices)]
    made.points = {"gas/test": [(f"ch{n}", "%LEL") for n in range(channels)]}
    made.device_of_slot = np.repeat(np.arange(devices, dtype=np.int32), channels)
    made.point_of_slot = np.tile(np.arange(channels, dtype=np.int32), devices)
    return made


def readings(rows: list[tuple[int, int, float, int, int, int]], received_ns: int = NOW_NS) -> Readings:
    """From (slot, event_ns, value, quality, reason, time flags) rows."""
    columns = list(zip(*rows, strict=True)) if rows else [[]] * 6
    count = len(rows)
    return Readings(
        np.array(columns[0], np.int32),
        np.array(columns[1], np.int64),
        np.full(count, received_ns, np.int64),
        np.array(columns[2], np.float64),
        np.array(columns[3], np.uint8),
        np.array(columns[4], np.uint8),
        np.array(columns[5], np.uint8),
        np.arange(count, dtype=np.int32),
    )


def good(count: int, slot: int = 0, start_ns: int = NOW_NS, step_ns: int = 1_000_000) -> Readings:
    """Good readings with the values 0, 1, 2 ..."""
    return readings([(slot, start_ns + n * step_ns, float(n), 0, 0, 0) for n in range(count)])


def batch(position: int, what: Readings, channels: ChannelTable | None = None) -> ReadingsBatch:
    """The readings of one journal position."""
    return ReadingsBatch(position, position, what, channels or table())


def rows_strategy(
    slots: int = 4, hours: int = 30, max_size: int = 40
) -> st.SearchStrategy[list[tuple[int, int, float, int, int, int]]]:
    """Rows of any quality and time flag over some hours, values of every kind."""
    return st.lists(
        st.tuples(
            st.integers(0, slots - 1),
            st.integers(NOW_NS, NOW_NS + hours * HOUR_NS),
            st.floats(width=64),
            st.integers(0, 2),
            st.integers(0, 8),
            st.integers(0, 15),
        ),
        max_size=max_size,
    )
