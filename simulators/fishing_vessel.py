"""Fishing vessels at sea: a course over the ground, a hull that rolls in the swell, water that takes
her stability.

Roll is a damped oscillator driven by the swell, phi'' + 2 z w phi' + w^2 phi = w^2 slope: stepped in
closed form for a sine of her own amplitude. Water in the hull grows with the leak and heels her. Each
device is one vessel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._motion import approach, gain, moved
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "moving/fishing_vessel"
UNITS = {
    "latitude": "deg", "longitude": "deg", "speed": "km/h", "heading": "deg", "roll": "deg", "battery": "V",
    "people": "count",
}  # fmt: skip
FAULTS = {
    "flooding": (Expected("bilge", "bilge_high", 40.0), Expected("roll", "H", 480.0)),
    "distress": (Expected("sos", "distress", 0.0),),
    "ais_off": (Expected("ais", "ais_off", 0.0),),
    "ais_fault": (Expected("ais", "ais_fault", 0.0),),
    "engine_fault": (Expected("engine", "engine_fault", 0.0),),
    "crowded": (Expected("people", "H", 0.0),),
    "no_charging": (Expected("battery", "L", 640.0),),
    "swell": (Expected("", "", 0.0, quiet=True),),
}

CRUISE_KM_H, CHANGE_KM_H_S = 14.0, 0.3
NATURAL_S, SWELL_S, DAMPING = 7.0, 9.0, 0.1
"""Periods of her own and of the swell."""
SLOPE_DEG, ROUGH_DEG = 2.0, 3.0
LEAK_1_S, BILGE, HEEL_DEG, HEEL_TAU_S = 0.01, 0.3, 46.0, 150.0
"""Water as a share of what she can carry: a second, where the float switch sits; how far it heels her."""
CHARGED_V, EMPTY_V, DROP_V_S = 13.1, 10.5, 1.6 / 600.0
CROWD = 14


@dataclass(slots=True)
class Vessel:
    """State of one vessel."""

    latitude: float
    longitude: float
    heading: float
    people: int
    phase: float
    speed_km_h: float = CRUISE_KM_H
    gone_s: float = 0.0
    water: float = 0.0
    heel_deg: float = 0.0
    slope_deg: float = SLOPE_DEG
    battery_v: float = CHARGED_V


class Plant(UnitsBase[Vessel]):
    """Every device is one vessel."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 10.0

    def _new(self, k: int) -> Vessel:
        return Vessel(
            self._between(29.5, 30.5), self._between(122.5, 124.0), self._between(0, 359),
            int(self._random.integers(5, 11)), self._between(0, 2 * math.pi),
        )  # fmt: skip

    def _part(self, k: int, unit: Vessel, dt_s: float) -> None:
        stopped = self._on("engine_fault", k) or self._on("flooding", k)
        unit.speed_km_h = approach(unit.speed_km_h, 0.0 if stopped else CRUISE_KM_H, CHANGE_KM_H_S * dt_s)
        unit.gone_s += dt_s
        if unit.gone_s >= 7200.0:
            unit.gone_s, unit.heading = 0.0, (unit.heading + 180.0) % 360.0
        metres = unit.speed_km_h / 3.6 * dt_s / self._scale  # a scale hastens the water, not the ship
        unit.latitude, unit.longitude = moved(unit.latitude, unit.longitude, unit.heading, metres)
        unit.phase = (unit.phase + 2 * math.pi * dt_s / SWELL_S) % (2 * math.pi)
        rough = SLOPE_DEG + ROUGH_DEG * self._severity("swell", k)
        unit.slope_deg = towards(unit.slope_deg, rough, dt_s, 600.0)
        leak = self._severity("flooding", k)
        unit.water = max(0.0, min(1.0, unit.water + (LEAK_1_S * leak if leak else -0.002) * dt_s))
        heel, tau_s = (HEEL_DEG, HEEL_TAU_S / leak) if leak else (0.0, HEEL_TAU_S)
        unit.heel_deg = towards(unit.heel_deg, heel, dt_s, tau_s)
        empties = self._severity("no_charging", k)
        unit.battery_v = (
            max(EMPTY_V, unit.battery_v - DROP_V_S * empties * dt_s)
            if empties
            else towards(unit.battery_v, CHARGED_V, dt_s, 1800.0)
        )

    def _read(self, k: int, unit: Vessel) -> Iterable[tuple[str, float]]:
        roll = unit.heel_deg + gain(NATURAL_S, SWELL_S, DAMPING) * unit.slope_deg * math.sin(unit.phase)
        crowded = self._severity("crowded", k)
        yield "latitude", unit.latitude
        yield "longitude", unit.longitude
        yield "speed", unit.speed_km_h
        yield "heading", unit.heading
        yield "roll", min(60.0, roll + self._noise(0.3))
        yield "battery", unit.battery_v + self._noise(0.01)
        yield "people", round(CROWD + 2 * crowded) if crowded else unit.people
        yield "sos", self._code(k, 0, {"distress": 1})
        yield "bilge", 1 if unit.water >= BILGE else 0
        yield "ais", self._code(k, 0, {"ais_off": 1, "ais_fault": 2})
        yield "engine", self._code(k, 1, {"engine_fault": 2, "flooding": 0})
