"""A pump station: where the pump's curve and the line's meet, the motor behind it, and how it wears.

Pump: p_out = p_in + LIFT - CURVE q^2; line: p_out = STATIC + LINE q^2 / opening^2 (q = 1 at the normal
flow). They meet at q^2 = (p_in + LIFT - STATIC) / (CURVE + LINE / opening^2). The motor's current follows
what the pump gives the liquid; a bad bearing is a body that warms, P = h (T - T_air), tau = C / h; a
leaking seal fills the pump room with vapour. Each device is one station.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "pipeline/pump_station"
UNITS = {
    "suction_pressure": "mA", "discharge_pressure": "mA", "flow": "m3/h", "motor_current": "A",
    "bearing_temperature": "degC", "vibration": "mm/s", "lel": "%LEL",
}  # fmt: skip
FAULTS = {
    "suction_lost": (
        Expected("suction_pressure", "L", 20.0), Expected("suction_pressure", "LL", 40.0),
    ),
    "outlet_shut": (
        Expected("outlet_valve", "valve_closed", 21.0), Expected("discharge_pressure", "H", 25.0),
    ),
    "outlet_stuck": (Expected("outlet_valve", "valve_stuck", 0.0),),
    "inlet_fault": (Expected("inlet_valve", "valve_fault", 0.0),),
    "pump_trip": (Expected("pump", "tripped", 0.0),),
    "bearing_dry": (
        Expected("bearing_temperature", "H", 500.0), Expected("bearing_temperature", "HH", 700.0),
        Expected("vibration", "H", 0.0),
    ),
    "unbalance": (Expected("vibration", "H", 0.0), Expected("vibration", "HH", 0.0)),
    "bearing_wear": (Expected("vibration", "", 12 * 3600.0),),
    "seal_leak": (Expected("seal", "leaking", 0.0), Expected("lel", "H", 150.0)),
    "motor_overload": (Expected("motor_current", "H", 5.0),),
    "shut_down": (Expected("esd", "acted", 0.0),),
    "pump_stop": (Expected("", "", 0.0, quiet=True),),
    "valve_move": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
SUCTION_MPA, LIFT_MPA, CURVE_MPA, STATIC_MPA, LINE_MPA = 0.8, 7.5, 2.3, 1.0, 5.0
"""At q = 1: 8.3 - 2.3 = 6.0 = 1.0 + 5.0."""
FLOW_M3_H, AMPERE, IDLE_SHARE = 420.0, 240.0, 0.45
LOST_MPA, SUCTION_TAU_S, PIPE_TAU_S = (0.1, 0.1), 15.0, 2.0
SHUT_S, MOVE = 20.0, 0.2
AIR_C, RISE_K, BEARING_TAU_S, DRY, VIBRATION = 26.0, 30.0, 600.0, (2.2, 1.0), 2.2
ROUGH, OUT, WORN = (6.0, 4.0), (10.0, 6.0), 2.5
"""Vibration that a dry bearing, an unbalanced and (within half a day) a worn pump add."""
SEAL_LEL, ROOM_TAU_S, OVERLOAD = (45.0, 30.0), 90.0, (0.42, 0.2)
WEAR_S = 12 * 3600.0
STOPPED, RUNNING, TRIPPED, LOCKED = 0, 1, 2, 3


def meets(suction_mpa: float, opening: float) -> tuple[float, float]:
    """(discharge pressure, share of the normal flow) where the two curves meet; a check valve holds."""
    share = max(1e-6, opening)
    square = max(0.0, suction_mpa + LIFT_MPA - STATIC_MPA) / (CURVE_MPA + LINE_MPA / share**2)
    return suction_mpa + LIFT_MPA - CURVE_MPA * square, math.sqrt(square)


@dataclass(slots=True)
class Station:
    """State of one station."""

    suction_mpa: float = SUCTION_MPA
    discharge_mpa: float = 6.0
    flow: float = 1.0
    opening: float = 1.0
    bearing_c: float = AIR_C + RISE_K
    worn: float = 0.0
    lel: float = 0.2


class Plant(UnitsBase[Station]):
    """Every device is one station."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Station:
        return Station(lel=self._between(0.1, 0.4))

    def _runs(self, k: int) -> bool:
        return not any(self._on(kind, k) for kind in ("pump_trip", "pump_stop", "shut_down"))

    def _part(self, k: int, unit: Station, dt_s: float) -> None:
        lost = self._severity("suction_lost", k)
        target = LOST_MPA[0] - LOST_MPA[1] * lost if lost else SUCTION_MPA
        unit.suction_mpa = towards(unit.suction_mpa, target, dt_s, SUCTION_TAU_S)
        shut = self._severity("outlet_shut", k)
        aim = 0.0 if shut else 1.0 - MOVE * self._severity("valve_move", k)
        step = dt_s / SHUT_S * (shut or 1.0)
        unit.opening += max(-step, min(step, aim - unit.opening))
        pressure, flow = meets(unit.suction_mpa, unit.opening) if self._runs(k) else (STATIC_MPA + 3.0, 0.0)
        unit.discharge_mpa = towards(unit.discharge_mpa, pressure, dt_s, PIPE_TAU_S)
        unit.flow = towards(unit.flow, flow, dt_s, PIPE_TAU_S)
        dry = self._severity("bearing_dry", k)
        rise = RISE_K * (1.0 + (DRY[0] + DRY[1] * dry if dry else 0.0)) * (1.0 if self._runs(k) else 0.0)
        unit.bearing_c = towards(unit.bearing_c, AIR_C + rise, dt_s, BEARING_TAU_S)
        unit.worn = min(1.0, unit.worn + self._severity("bearing_wear", k) * dt_s / WEAR_S)
        seal = self._severity("seal_leak", k)
        unit.lel = towards(unit.lel, SEAL_LEL[0] + SEAL_LEL[1] * seal if seal else 0.2, dt_s, ROOM_TAU_S)

    def _vibration(self, k: int, unit: Station) -> float:
        dry, out = self._severity("bearing_dry", k), self._severity("unbalance", k)
        more = (ROUGH[0] + ROUGH[1] * dry if dry else 0.0) + (OUT[0] + OUT[1] * out if out else 0.0)
        return VIBRATION + more + WORN * unit.worn if self._runs(k) else 0.1

    def _read(self, k: int, unit: Station) -> Iterable[tuple[str, float]]:
        runs, over = self._runs(k), self._severity("motor_overload", k)
        load = IDLE_SHARE + (1.0 - IDLE_SHARE) * unit.flow * (unit.discharge_mpa - unit.suction_mpa) / 5.2
        amperes = AMPERE * load * (1.0 + (OVERLOAD[0] + OVERLOAD[1] * over if over else 0.0)) if runs else 0.0
        suction = max(0.0, unit.suction_mpa + self._noise(0.004))
        discharge = max(0.0, unit.discharge_mpa + self._noise(0.01))
        yield "suction_pressure", 4.0 + 16.0 * suction / 4.0
        yield "discharge_pressure", 4.0 + 16.0 * discharge / 10.0
        yield "flow", max(0.0, FLOW_M3_H * unit.flow * (1.0 + self._noise(0.005)))
        yield "motor_current", max(0.0, min(400.0, amperes + self._noise(1.0)))
        yield "bearing_temperature", unit.bearing_c + self._noise(0.1)
        yield "vibration", max(0.0, self._vibration(k, unit) + self._noise(0.1))
        yield "lel", max(0.0, unit.lel + self._noise(0.05))
        state = RUNNING if runs else STOPPED
        yield "pump", self._code(k, state, {"pump_trip": TRIPPED, "shut_down": LOCKED})
        yield "inlet_valve", self._code(k, 1, {"inlet_fault": 3})
        outlet = 0 if unit.opening <= 0.0 else 2 if self._on("outlet_shut", k) else 1
        yield "outlet_valve", self._code(k, outlet, {"outlet_stuck": 2})
        yield "seal", self._code(k, 0, {"seal_leak": 1})
        yield "esd", self._code(k, 0, {"shut_down": 1})
        yield "control", 0
