"""A bucket elevator or belt: friction warms its bearings, load slows and heats its motor, a belt slips.

Each bearing is one body, C dT/dt = P - h (T - T_air): with a constant friction it ends P / h above the
air, with tau = C / h. A dry bearing has several times the friction. A slipping belt is slower than its
pulley and warms the head bearing a little; a choked boot blocks the load, which the motor's current
shows.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "dust/bearing_belt"
UNITS = {
    "bearing_head": "degC", "bearing_tail": "degC", "ambient": "degC", "belt_speed": "%",
    "motor_current": "A",
}  # fmt: skip
FAULTS = {
    "dry_head": (Expected("bearing_head", "H", 500.0), Expected("bearing_head", "HH", 700.0)),
    "dry_tail": (Expected("bearing_tail", "H", 500.0), Expected("bearing_tail", "HH", 700.0)),
    "wearing": (Expected("bearing_head", "", 24 * 3600.0),),
    "belt_slip": (Expected("belt_speed", "L", 10.0), Expected("belt_speed", "LL", 15.0)),
    "choked": (Expected("choke", "choked", 0.0), Expected("motor_current", "H", 10.0)),
    "off_track": (Expected("alignment", "off_centre", 0.0), Expected("alignment", "rubbing", 60.0)),
    "drive_trip": (Expected("drive", "tripped", 0.0), Expected("belt_speed", "LL", 10.0)),
    "guard_opened": (Expected("guard", "opened", 0.0),),
    "heavy_load": (Expected("", "", 0.0, quiet=True),),
    "hot_day": (Expected("", "", 0.0, quiet=True),),
}
RISE_K, TAU_S = 15.0, 600.0
"""Of a good bearing above the air, and C / h."""
DRY, WEAR_S = (4.5, 2.5), 24 * 3600.0
"""Times the friction that a dry bearing adds; a worn one doubles its own within WEAR_S at severity 1."""
AIR_C, SWING_K, HOT_K = 24.0, 5.0, 8.0
DAY_S = 86_400.0
SLIP, SLIP_K = (0.2, 0.25), 12.0
IDLE_A, LOAD_A, HEAVY, CHOKED = 18.0, 27.0, 0.35, (1.45, 0.4)
"""Motor current at no load and of the normal one; more load; times the load when the boot is choked."""
STOPPED, RUNNING, TRIPPED = 0, 1, 2


def rests_at(friction: float, air_c: float) -> float:
    """Where a bearing ends with so many times its normal friction."""
    return air_c + RISE_K * friction


@dataclass(slots=True)
class Belt:
    """State of one elevator."""

    head_c: float
    tail_c: float
    hot_k: float = 0.0
    speed: float = 1.0
    load: float = 1.0
    rub_s: float = 0.0
    worn: float = 0.0


class Plant(UnitsBase[Belt]):
    """Every device is one elevator."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Belt:
        air_c = self._air_c(0.0)
        return Belt(rests_at(1.0, air_c), rests_at(0.9, air_c))

    def _air_c(self, hot_k: float) -> float:
        swing = math.sin(2 * math.pi * self._now_s * self._scale / DAY_S)
        return AIR_C + SWING_K * swing + hot_k

    def _part(self, k: int, unit: Belt, dt_s: float) -> None:
        tripped = self._on("drive_trip", k)
        slip = self._severity("belt_slip", k)
        choked, heavy = self._severity("choked", k), self._severity("heavy_load", k)
        unit.load = CHOKED[0] + CHOKED[1] * choked if choked else 1.0 + HEAVY * heavy
        unit.load = 0.0 if tripped else unit.load
        speed = 0.0 if tripped else 1.0 - (SLIP[0] + SLIP[1] * slip if slip else 0.01 * (unit.load - 1.0))
        unit.speed = towards(unit.speed, speed, dt_s, 2.0)
        unit.hot_k = towards(unit.hot_k, HOT_K * self._severity("hot_day", k), dt_s, 2 * 3600.0)
        unit.worn += self._severity("wearing", k) * dt_s / WEAR_S
        air_c = self._air_c(unit.hot_k)
        for name, share in (("head", 1.0 + unit.worn), ("tail", 0.9)):
            dry = self._severity(f"dry_{name}", k)
            friction = (share + (DRY[0] + DRY[1] * dry if dry else 0.0)) * min(1.0, unit.speed)
            extra = SLIP_K * slip if name == "head" else 0.0
            now_c = unit.head_c if name == "head" else unit.tail_c
            now_c = towards(now_c, rests_at(friction, air_c) + extra, dt_s, TAU_S)
            if name == "head":
                unit.head_c = now_c
            else:
                unit.tail_c = now_c
        unit.rub_s = unit.rub_s + dt_s * self._severity("off_track", k) if self._on("off_track", k) else 0.0

    def _read(self, k: int, unit: Belt) -> Iterable[tuple[str, float]]:
        tripped = self._on("drive_trip", k)
        yield "bearing_head", unit.head_c + self._noise(0.1)
        yield "bearing_tail", unit.tail_c + self._noise(0.1)
        yield "ambient", self._air_c(unit.hot_k) + self._noise(0.1)
        yield "belt_speed", max(0.0, 100.0 * unit.speed + self._noise(0.3))
        current = 0.0 if tripped else IDLE_A + LOAD_A * unit.load**2 + self._noise(0.4)
        yield "motor_current", max(0.0, min(100.0, current))
        yield "drive", TRIPPED if tripped else RUNNING
        yield "alignment", 0 if not self._on("off_track", k) else 2 if unit.rub_s >= 45.0 else 1
        yield "choke", self._code(k, 0, {"choked": 1})
        yield "guard", self._code(k, 0, {"guard_opened": 1})
