"""Cameras: coverage only. Whether one sees, how many frames it gives, how long its recorder keeps them.

The recorder's balance: it takes frames times their size, drops the oldest when its disk is full, and keeps so
many days as its content lasts at the present rate. A disk loses blocks. Frames are fewer by night, when the
exposure is long: the sun stands by the time of day. No picture is made or judged. Each device is one camera.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "camera/presence"
UNITS = {"frame_rate": "1/s", "storage_days": "d"}
FAULTS = {
    "covered": (Expected("view", "no_view", 0.0),),
    "turned": (Expected("view", "no_view", 0.0),),
    "blacked_out": (Expected("view", "no_view", 0.0),),
    "disk_failing": (Expected("storage_days", "", 600.0),),
    "dusk": (Expected("", "", 0.0, quiet=True),),
}

DAY_S = 86_400.0
DAY_FRAMES, NIGHT_FRAMES, EXPOSURE_TAU_S = 25.0, 12.5, 30.0
FRAME_BYTES = 20_000.0
DISK_BYTES = (2.6e12, 5.2e12)
LOST_1_S = 1.0 / 1800.0
"""Share of the disk that a failing one loses a second, at severity 1."""


@dataclass(slots=True)
class Camera:
    """State of one camera and its recorder."""

    clock_s: float
    disk_bytes: float
    stored_bytes: float
    frames: float = DAY_FRAMES
    taken_bytes: float = 0.0
    dropped_bytes: float = 0.0

    @property
    def days(self) -> float:
        """How long the content lasts at the present rate."""
        return self.stored_bytes / (self.frames * FRAME_BYTES * DAY_S)


def sun(clock_s: float) -> float:
    """Sine of its height, on a day of twelve hours of light; midnight is 0 s."""
    return -math.cos(2 * math.pi * clock_s / DAY_S)


class Plant(UnitsBase[Camera]):
    """Every device is one camera."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Camera:
        disk = self._between(*DISK_BYTES)
        return Camera((self._start_ns / 1e9 + 8 * 3600.0) % DAY_S, disk, disk)

    def _part(self, k: int, unit: Camera, dt_s: float) -> None:
        unit.clock_s = (unit.clock_s + dt_s) % DAY_S
        light = sun(unit.clock_s) > 0 and not self._on("dusk", k)
        unit.frames = towards(unit.frames, DAY_FRAMES if light else NIGHT_FRAMES, dt_s, EXPOSURE_TAU_S)
        unit.disk_bytes *= math.exp(-LOST_1_S * self._severity("disk_failing", k) * dt_s)
        came = unit.frames * FRAME_BYTES * dt_s
        went = max(0.0, unit.stored_bytes + came - unit.disk_bytes)
        unit.stored_bytes += came - went
        unit.taken_bytes += came
        unit.dropped_bytes += went

    def _read(self, k: int, unit: Camera) -> Iterable[tuple[str, float]]:
        yield "view", self._code(k, 0, {"blacked_out": 1, "covered": 2, "turned": 3})
        yield "frame_rate", max(0.0, unit.frames + self._noise(0.2))
        yield "storage_days", unit.days
