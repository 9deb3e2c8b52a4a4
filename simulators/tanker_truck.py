"""LPG tankers on the road: a course over the ground, a speed that changes as a lorry's can, a tank at
its vapour pressure.

Position is the integral of speed along the heading on a sphere; it goes out and back on one road.
Pressure in the tank is the vapour pressure at its temperature (Clausius-Clapeyron), which follows what
heats it. Each device is one lorry.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._motion import approach, moved
from simulators._plant import towards
from simulators._pressure_vessel import vapour_mpa
from simulators._units import UnitsBase

PROFILE = "moving/tanker_truck"
UNITS = {
    "latitude": "deg", "longitude": "deg", "speed": "km/h", "heading": "deg", "tank_pressure": "MPa",
    "tank_temperature": "degC", "tank_level": "%", "lel": "%LEL", "roll": "deg",
}  # fmt: skip
FAULTS = {
    "speeding": (Expected("speed", "H", 60.0), Expected("speed", "HH", 70.0)),
    "leak": (Expected("lel", "H", 12.0), Expected("lel", "HH", 20.0)),
    "heated": (Expected("tank_temperature", "H", 185.0), Expected("tank_temperature", "HH", 265.0)),
    "rollover": (Expected("roll", "H", 0.0), Expected("crash", "crash", 0.0)),
    "box_opened": (Expected("valve_door", "door_open", 0.0),),
    "tired": (Expected("driver", "driver_tired", 0.0),),
    "on_the_phone": (Expected("driver", "driver_distracted", 0.0),),
    "shut_off_fault": (Expected("shut_off", "shut_off_fault", 0.0),),
    "braking": (Expected("", "", 0.0, quiet=True),),
}

SPEEDS_KM_H = (50.0, 74.0)
FAST_KM_H = (106.0, 8.0)
ACCELERATION_KM_H_S, BRAKING_KM_H_S = 1.8, 12.0
TURN_AFTER_M = 60_000.0
TANK_C, HEATED_K_S, TANK_TAU_S = 23.0, 0.1, 7200.0
LEL, LEL_TAU_S = (60.0, 60.0), 10.0
TIPPED_DEG = (32.0, 28.0)


@dataclass(slots=True)
class Truck:
    """State of one lorry."""

    latitude: float
    longitude: float
    heading: float
    wanted_km_h: float
    speed_km_h: float
    gone_m: float
    level: float
    tank_c: float = TANK_C
    lel: float = 0.0
    until_s: float = 60.0
    """Until the driver chooses another speed."""


class Plant(UnitsBase[Truck]):
    """Every device is one lorry."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Truck:
        speed = self._between(*SPEEDS_KM_H)
        return Truck(
            self._between(29.7, 30.1), self._between(121.5, 122.2), self._between(0, 359), speed, speed,
            self._between(0, TURN_AFTER_M), self._between(60, 80),
        )  # fmt: skip

    def _part(self, k: int, unit: Truck, dt_s: float) -> None:
        unit.until_s -= dt_s
        if unit.until_s <= 0:
            unit.wanted_km_h, unit.until_s = self._between(*SPEEDS_KM_H), self._between(60, 300)
        wanted = self._by_severity("speeding", k, FAST_KM_H, unit.wanted_km_h)
        if self._on("rollover", k) or self._on("braking", k):
            unit.speed_km_h = approach(unit.speed_km_h, 0.0, BRAKING_KM_H_S * dt_s)
        else:
            unit.speed_km_h = approach(unit.speed_km_h, wanted, ACCELERATION_KM_H_S * dt_s)
        metres = unit.speed_km_h / 3.6 * dt_s
        unit.gone_m += metres
        if unit.gone_m >= TURN_AFTER_M:
            unit.gone_m, unit.heading = 0.0, (unit.heading + 180.0) % 360.0
        unit.latitude, unit.longitude = moved(unit.latitude, unit.longitude, unit.heading, metres)
        heated = self._severity("heated", k)
        unit.tank_c = (
            min(70.0, unit.tank_c + HEATED_K_S * heated * dt_s)
            if heated
            else towards(unit.tank_c, TANK_C, dt_s, TANK_TAU_S)
        )
        unit.lel = towards(unit.lel, self._by_severity("leak", k, LEL), dt_s, LEL_TAU_S)

    def _read(self, k: int, unit: Truck) -> Iterable[tuple[str, float]]:
        tipped = self._severity("rollover", k)
        roll = TIPPED_DEG[0] + TIPPED_DEG[1] * tipped - 2.0 if tipped else self._noise(1.0)
        yield "latitude", unit.latitude
        yield "longitude", unit.longitude
        yield "speed", unit.speed_km_h
        yield "heading", unit.heading
        yield "tank_pressure", vapour_mpa(unit.tank_c) + self._noise(0.002)
        yield "tank_temperature", unit.tank_c + self._noise(0.05)
        yield "tank_level", unit.level + self._noise(0.2)
        yield "lel", min(100.0, max(0.0, unit.lel + self._noise(0.1)))
        yield "roll", roll
        yield "valve_door", self._code(k, 0, {"box_opened": 1})
        yield "shut_off", self._code(k, 0, {"shut_off_fault": 2})
        yield "driver", self._code(k, 0, {"tired": 1, "on_the_phone": 3})
        yield "crash", self._code(k, 0, {"rollover": 2})
