"""Lifts: trips between floors with a limited speed and acceleration; every start warms the machine room.

Position is the integral of speed, speed of acceleration; the car brakes so that it stops at its floor.
The machine room: C dT/dt = heat of the trips - U (T - T_out); with the fan off it keeps more. Each device
is one car.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "lift/car"
UNITS = {"speed": "m/s", "machine_temperature": "degC"}
FAULTS = {
    "ebike_blocked": (Expected("ebike", "ebike_blocked", 0.0),),
    "ebike_carried": (Expected("ebike", "ebike_carried", 0.0),),
    "trapped": (
        Expected("trapped", "people_trapped", 0.0),
        Expected("car", "lift_fault", 0.0),
        Expected("emergency_call", "emergency_call", 40.0),
    ),
    "door_blocked": (Expected("door", "door_blocked", 0.0),),
    "fan_off": (Expected("machine_temperature", "H", 200.0),),
    "rush_hour": (Expected("", "", 0.0, quiet=True),),
}

FLOOR_M, FLOORS = 3.0, 26
FASTEST_M_S, ACCELERATION_M_S2 = 1.75, 0.8
WAIT_S, RUSH_WAIT_S = 60.0, 8.0
ROOM_C, WARM_K, RUSH_K, ROOM_TAU_S = 26.0, 3.0, 4.0, 400.0
HOT_K = (14.0, 20.0)
CALL_AFTER_S = 30.0


@dataclass(slots=True)
class Car:
    """State of one car."""

    at_m: float
    to_m: float
    speed_m_s: float = 0.0
    waited_s: float = 0.0
    room_c: float = ROOM_C + WARM_K
    travelled_m: float = 0.0


class Plant(UnitsBase[Car]):
    """Every device is one car."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 0.5

    def _new(self, k: int) -> Car:
        floor = float(self._random.integers(FLOORS)) * FLOOR_M
        return Car(floor, floor, waited_s=self._between(0, WAIT_S))

    def _part(self, k: int, unit: Car, dt_s: float) -> None:
        held = any(self._on(kind, k) for kind in ("ebike_blocked", "trapped", "door_blocked"))
        rush = self._severity("rush_hour", k)
        if held:
            unit.speed_m_s = 0.0
        elif unit.at_m == unit.to_m:
            unit.speed_m_s, unit.waited_s = 0.0, unit.waited_s + dt_s
            if unit.waited_s >= (RUSH_WAIT_S if rush else WAIT_S):
                unit.waited_s, unit.to_m = 0.0, float(self._random.integers(FLOORS)) * FLOOR_M
        else:
            self._travel(unit, dt_s)
        warm = WARM_K + RUSH_K * rush + self._by_severity("fan_off", k, HOT_K)
        unit.room_c = towards(unit.room_c, ROOM_C + warm, dt_s, ROOM_TAU_S)

    def _travel(self, unit: Car, dt_s: float) -> None:
        """As fast as it may, and no faster than it can still stop from: v = sqrt(2 a d)."""
        left = unit.to_m - unit.at_m
        able = min(
            FASTEST_M_S,
            abs(unit.speed_m_s) + ACCELERATION_M_S2 * dt_s,
            max(0.1, math.sqrt(2 * ACCELERATION_M_S2 * abs(left))),
        )
        step = min(able * dt_s, abs(left))
        unit.speed_m_s = math.copysign(able, left)
        unit.travelled_m += step
        unit.at_m = unit.to_m if step == abs(left) else unit.at_m + math.copysign(step, left)

    def _read(self, k: int, unit: Car) -> Iterable[tuple[str, float]]:
        waiting = unit.at_m == unit.to_m
        called = self._on("trapped", k) and self._elapsed_s("trapped", k) >= CALL_AFTER_S
        yield "ebike", self._code(k, 0, {"ebike_blocked": 1, "ebike_carried": 2})
        yield "car", self._code(k, 0, {"trapped": 2})
        yield "trapped", self._code(k, 0, {"trapped": 1})
        yield "door", self._code(k, 1 if waiting else 0, {"door_blocked": 2, "trapped": 0})
        yield "emergency_call", 1 if called else 0
        yield "speed", unit.speed_m_s
        yield "machine_temperature", unit.room_c + self._noise(0.1)
