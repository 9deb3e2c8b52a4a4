"""Merchant vessels in a fairway: a course, a draught by the cargo's mass, water under the keel, a heel by its
moment.

Under the keel: depth and tide, less draught and squat (Barrass, open water: Cb v^2 / 100, v in knots). Beside
the fairway the ground rises evenly, so a wrong course ends on it. Without her engine she slows by the drag of
the hull, v' = -k v^2. A cargo that shifts heels her until tan(heel) balances its moment; one that burns
heats by C dT/dt = P - U (T - T_air). Each device is one vessel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._motion import approach, gain, moved
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "moving/merchant_vessel"
UNITS = {
    "latitude": "deg", "longitude": "deg", "speed": "km/h", "heading": "deg", "draught": "m",
    "under_keel": "m", "roll": "deg", "cargo_temperature": "degC",
}  # fmt: skip
FAULTS = {
    "off_fairway": (
        Expected("under_keel", "L", 230.0),
        Expected("under_keel", "LL", 255.0),
        Expected("nav_status", "aground", 275.0),
    ),
    "overladen": (Expected("draught", "H", 0.0),),
    "speeding": (Expected("speed", "H", 180.0),),
    "engine_out": (Expected("nav_status", "not_under_command", 0.0),),
    "cargo_shift": (Expected("roll", "H", 110.0),),
    "cargo_fire": (Expected("cargo_temperature", "H", 330.0),),
    "distress": (Expected("sos", "distress", 0.0),),
    "ais_off": (Expected("ais", "ais_off", 0.0),),
    "swell": (Expected("", "", 0.0, quiet=True),),
}

CRUISE_KM_H, CHANGE_KM_H_S = 18.0, 0.06
FAST_KM_H = (30.0, 4.0)
KNOT_KM_H = 1.852
BLOCK, DRAG_1_M = 0.8, 1.0 / 1500.0
DEPTH_M, TIDE_M, TIDE_S = 21.0, 1.0, 44_700.0
BANK, WRONG_DEG, TUG_M_S = 0.05, 10.0, 0.5
"""How steep the ground rises beside the fairway; by how much the course is wrong; how fast tugs bring her."""
WATERPLANE_M2, SEA_T_M3 = 4800.0, 1.025
TOO_MUCH_T = (24_300.0, 2700.0)
SHIFTED, HEEL_TAU_S = (0.5, 0.25), 60.0
"""Moment of the shifted cargo over displacement and metacentric height; her own lag."""
NATURAL_S, SWELL_S, DAMPING = 14.0, 9.0, 0.1
SLOPE_DEG, ROUGH_DEG = 1.0, 3.0
HOLD_C, FIRE_W, HOLD_J_K, HOLD_W_K = 24.0, 1.0e6, 5.0e6, 8000.0
UNDER_WAY, NOT_UNDER_COMMAND, AGROUND = 0, 2, 4
TURN_AFTER_S = 14_400.0


@dataclass(slots=True)
class Ship:
    """State of one vessel."""

    latitude: float
    longitude: float
    heading: float
    cargo_t: float
    tide: float
    phase: float
    speed_km_h: float = CRUISE_KM_H
    gone_s: float = 0.0
    off_m: float = 0.0
    """Beside the fairway."""
    heel_deg: float = 0.0
    slope_deg: float = SLOPE_DEG
    hold_c: float = HOLD_C
    aground: bool = False

    @property
    def draught_m(self) -> float:
        """By Archimedes, for a hull with upright sides."""
        return self.cargo_t / (SEA_T_M3 * WATERPLANE_M2)

    @property
    def under_keel_m(self) -> float:
        """What is left of the water; nothing while she sits on the ground."""
        if self.aground:
            return 0.0
        depth = DEPTH_M + TIDE_M * math.sin(self.tide) - BANK * self.off_m
        return depth - self.draught_m - squat_m(self.speed_km_h)


def squat_m(km_h: float) -> float:
    """How much deeper a hull goes that moves."""
    return BLOCK * (km_h / KNOT_KM_H) ** 2 / 100.0


def coasting(km_h: float, dt_s: float) -> float:
    """The speed without an engine, closed form of v' = -k v^2."""
    return km_h / (1.0 + DRAG_1_M * km_h / 3.6 * dt_s)


class Plant(UnitsBase[Ship]):
    """Every device is one vessel."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 10.0

    def _new(self, k: int) -> Ship:
        return Ship(
            self._between(29.7, 30.3), self._between(122.0, 123.0), self._between(0, 359),
            self._between(9.0, 10.5) * SEA_T_M3 * WATERPLANE_M2, self._between(0, 6.2), self._between(0, 6.2),
        )  # fmt: skip

    def _part(self, k: int, unit: Ship, dt_s: float) -> None:
        unit.tide = (unit.tide + 2 * math.pi * dt_s / TIDE_S) % (2 * math.pi)
        self._move(k, unit, dt_s)
        unit.phase = (unit.phase + 2 * math.pi * dt_s / SWELL_S) % (2 * math.pi)
        rough = SLOPE_DEG + ROUGH_DEG * self._severity("swell", k)
        unit.slope_deg = towards(unit.slope_deg, rough, dt_s, 600.0)
        moment = self._by_severity("cargo_shift", k, SHIFTED)
        unit.heel_deg = towards(unit.heel_deg, math.degrees(math.atan(moment)), dt_s, HEEL_TAU_S)
        rest = HOLD_C + self._severity("cargo_fire", k) * FIRE_W / HOLD_W_K
        unit.hold_c = towards(unit.hold_c, rest, dt_s, HOLD_J_K / HOLD_W_K)

    def _move(self, k: int, unit: Ship, dt_s: float) -> None:
        wrong = WRONG_DEG * self._severity("off_fairway", k)
        wanted = self._by_severity("speeding", k, FAST_KM_H, CRUISE_KM_H)
        if unit.aground:
            unit.speed_km_h = 0.0
        elif self._on("engine_out", k):
            unit.speed_km_h = coasting(unit.speed_km_h, dt_s)
        else:
            unit.speed_km_h = approach(unit.speed_km_h, wanted, CHANGE_KM_H_S * dt_s)
        metres = unit.speed_km_h / 3.6 * dt_s
        unit.latitude, unit.longitude = moved(unit.latitude, unit.longitude, unit.heading + wrong, metres)
        if wrong:
            unit.off_m += metres * math.sin(math.radians(wrong))
            unit.aground = unit.aground or unit.under_keel_m <= 0.0
        else:
            unit.off_m = approach(unit.off_m, 0.0, TUG_M_S * dt_s)
            unit.aground = False
        unit.gone_s += dt_s
        if unit.gone_s >= TURN_AFTER_S:
            unit.gone_s, unit.heading = 0.0, (unit.heading + 180.0) % 360.0

    def _read(self, k: int, unit: Ship) -> Iterable[tuple[str, float]]:
        extra_m = self._by_severity("overladen", k, TOO_MUCH_T) / (SEA_T_M3 * WATERPLANE_M2)
        roll = unit.heel_deg + gain(NATURAL_S, SWELL_S, DAMPING) * unit.slope_deg * math.sin(unit.phase)
        status = AGROUND if unit.aground else UNDER_WAY
        wrong = WRONG_DEG * self._severity("off_fairway", k)
        yield "latitude", unit.latitude
        yield "longitude", unit.longitude
        yield "speed", unit.speed_km_h
        yield "heading", (unit.heading + wrong) % 360.0
        yield "draught", unit.draught_m + extra_m + self._noise(0.01)
        yield (
            "under_keel",
            max(-1.0, unit.under_keel_m - (0.0 if unit.aground else extra_m) + self._noise(0.02)),
        )
        yield "roll", min(60.0, roll + self._noise(0.2))
        yield "cargo_temperature", min(150.0, unit.hold_c + self._noise(0.1))
        yield "nav_status", self._code(k, status, {"engine_out": NOT_UNDER_COMMAND})
        yield "sos", self._code(k, 0, {"distress": 1})
        yield "ais", self._code(k, 0, {"ais_off": 1})
