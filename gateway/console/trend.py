"""One channel for a plot: its recorded readings, its limits and what was found.

Guarantee: however many readings a stretch has, no extreme of it is left out of the reduced line, and a bad
reading is never drawn as a value.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detectors import BAD, LATE, REASONS, RETAINED, SUSPECT, UNCERTAIN
from device_profiles import LIMITS, Profile, override
from gateway.monitor.channels import Device
from gateway.paths import DataFolder
from gateway.sinks.history import HistoryReader

MS = 1_000_000
POINTS = 1600
"""Places along the time axis; each keeps its first, least, greatest and last reading."""
MAX_ROWS = 3_000_000
MAX_BAD = 300
HIGH = ("H", "HH")


class Recorded(msgspec.Struct, frozen=True):
    """Readings of one channel in receive order of their filed time. Arrays of equal length."""

    at_ns: npt.NDArray[np.int64]
    received_ns: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint8]
    reason: npt.NDArray[np.uint8]
    time: npt.NDArray[np.uint8]
    cut: bool = False
    """There were more than MAX_ROWS: these are the first of them."""


def recorded(data: DataFolder, channel: str, begin_ns: int, end_ns: int) -> Recorded:
    """What the local history holds of a channel ("<enterprise>/<site>/<device>/<channel>")."""
    parts, count = [], 0
    for stored in HistoryReader(data.history).readings(channel, begin_ns, end_ns):
        parts.append(stored.rows)
        count += len(stored.rows)
        if count > MAX_ROWS:
            break
    names = ("filed_ns", "received_ns", "value", "quality", "reason", "time")
    kinds = (np.int64, np.int64, np.float64, np.uint8, np.uint8, np.uint8)
    columns = {
        name.replace("filed_ns", "at_ns"): (
            np.concatenate([getattr(part, name) for part in parts]) if parts else np.zeros(0, kind)
        )
        for name, kind in zip(names, kinds, strict=True)
    }
    return Recorded(**columns, cut=count > MAX_ROWS)


def line(found: Recorded, begin_ns: int, end_ns: int, gap_ns: int) -> dict[str, Any]:
    """The line of a plot: "at_ms" and "value" (None where longer than gap_ns nothing came), "uncertain" and
    "late" as places in these; "bad" as [at_ms, reason]; "count" of all readings and whether they were
    "reduced" or "cut"."""
    bad = (found.quality == BAD) | ~np.isfinite(found.value)
    drawn = ~bad & ((found.time & RETAINED) == 0)
    at, value = found.at_ns[drawn], found.value[drawn]
    order = np.argsort(at, kind="stable")
    at, value = at[order], value[order]
    quality, time = found.quality[drawn][order], found.time[drawn][order]
    kept = _kept(at, value, begin_ns, end_ns)
    at, value, quality, time = at[kept], value[kept], quality[kept], time[kept]
    gaps = np.flatnonzero(np.diff(at) > max(gap_ns, 2 * (end_ns - begin_ns) // POINTS)) + 1
    told_at = np.insert(at.astype(np.float64), gaps, at[gaps] - 1)
    told_value = np.insert(value, gaps, np.nan)
    shift = np.searchsorted(gaps, np.arange(len(at)), "right")
    place = np.arange(len(at)) + shift
    wrong = np.flatnonzero(bad)[:MAX_BAD].tolist()
    return {
        "at_ms": [round(ns / MS, 3) for ns in told_at.tolist()],
        "value": [None if v != v else v for v in told_value.tolist()],  # noqa: PLR0124 - NaN: a gap
        "uncertain": place[quality == UNCERTAIN].tolist(),
        "late": place[(time & (LATE | SUSPECT)) != 0].tolist(),
        "bad": [[int(found.at_ns[n]) // MS, REASONS[int(found.reason[n])]] for n in wrong],
        "count": len(found.at_ns),
        "bad_count": int(bad.sum()),
        "reduced": bool(len(kept) < len(drawn.nonzero()[0])),
        "cut": found.cut,
    }


def _kept(
    at: npt.NDArray[np.int64], value: npt.NDArray[np.float64], begin_ns: int, end_ns: int
) -> npt.NDArray[np.int64]:
    """Indices of the first, least, greatest and last reading of each place of the axis."""
    if len(at) <= 4 * POINTS:
        return np.arange(len(at))
    width = max(1, (end_ns - begin_ns) // POINTS)
    bucket = np.clip((at - begin_ns) // width, 0, POINTS)
    by_value = np.lexsort((value, bucket))
    starts = np.flatnonzero(np.diff(bucket, prepend=-1))
    ends = np.append(starts[1:], len(at)) - 1
    return np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))


def limits(profile: Profile, device: Device, channel: str) -> dict[str, Any] | None:
    """What a plot needs of a channel: title, unit, range, states, and its limits as they are in force for
    this device, each with the value at which it clears. None for a channel that the profile does not have."""
    point = profile.point(channel)
    if point is None:
        return None
    own = override(profile, {(s.channel, s.condition): s.value for s in device.overrides})
    listed = [
        {
            "condition": alarm.condition,
            "priority": alarm.priority,
            "setpoint": alarm.setpoint,
            "clears": alarm.setpoint - alarm.deadband * (1 if alarm.condition in HIGH else -1),
            "deadband": alarm.deadband,
            "on_delay_s": alarm.on_delay_ns / 1e9,
            "off_delay_s": alarm.off_delay_ns / 1e9,
            "clause": alarm.clause,
            "verified": alarm.source_verified,
        }
        for alarm in own.alarms
        if alarm.channel == channel and alarm.condition in LIMITS
    ]
    return {
        "channel": channel,
        "title_en": point.title_en,
        "title_zh": point.title_zh,
        "unit": point.unit,
        "kind": point.kind,
        "low": point.low,
        "high": point.high,
        "states_en": point.states,
        "states_zh": point.states_zh,
        "limits": listed,
    }
