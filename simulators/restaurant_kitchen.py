"""A commercial kitchen: gas gathers by its mass balance, the control unit warns, starts the fan and
shuts the valve.

V dC/dt = G / LEL - Q C, with Q of the hood at rest and with its fan; a leak ends with the shut valve. A
bad burner makes carbon monoxide the same way. Each device is one kitchen.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "gas/commercial_kitchen"
UNITS = {
    "methane": "%LEL", "co": "ppm", "inlet_pressure": "kPa", "calibration_days": "d", "life_days": "d",
}  # fmt: skip
FAULTS = {
    "leak": (
        Expected("methane", "H", 25.0), Expected("methane", "HH", 50.0),
        Expected("control_unit", "gas_alarm", 25.0), Expected("valve", "valve_closed", 60.0),
    ),
    "bad_burner": (Expected("co", "H", 60.0), Expected("co", "HH", 250.0)),
    "regulator_open": (Expected("inlet_pressure", "H", 30.0),),
    "supply_weak": (Expected("inlet_pressure", "L", 30.0),),
    "valve_fault": (Expected("valve", "valve_fault", 0.0),),
    "fan_fault": (Expected("fan", "fan_fault", 0.0),),
    "head_fault": (Expected("control_unit", "head_fault", 0.0),),
    "mains_lost": (Expected("control_unit", "on_battery", 0.0),),
    "tampered": (Expected("cover", "tampered", 0.0),),
    "rush": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
VOLUME_M3, HOOD_M3_S, LEL = 30.0, 0.15, 0.05
"""The hood runs while people cook; its second fan speed doubles it when there is gas."""
LEAK_M3_S, BURNER_M3_S = (0.004, 0.006), (4.5e-5, 6e-5)
RUSH_LEL, RUSH_PPM = 3.0, 14.0
T90_S, LOW_LEL, HIGH_LEL, SHUT_S = 15.0, 10.0, 25.0, 5.0
PRESSURE_KPA, HIGH_KPA, LOW_KPA = 2.0, (3.4, 1.0), (0.7, 0.4)
CLOSED, OPEN = 0, 1


@dataclass(slots=True)
class Kitchen:
    """State of one kitchen."""

    calibration_days: float
    life_days: float
    methane: float = 0.2
    shown: float = 0.2
    co: float = 2.0
    inlet_kpa: float = PRESSURE_KPA
    open: bool = True
    high_s: float = 0.0


class Plant(UnitsBase[Kitchen]):
    """Every device is one kitchen."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Kitchen:
        return Kitchen(self._between(100.0, 180.0), self._between(300.0, 900.0))

    def _part(self, k: int, unit: Kitchen, dt_s: float) -> None:
        leak, bad, rush = (self._severity(kind, k) for kind in ("leak", "bad_burner", "rush"))
        gas = LEAK_M3_S[0] + LEAK_M3_S[1] * leak if leak and unit.open else 0.0
        air = HOOD_M3_S * (2.0 if unit.shown >= LOW_LEL and not self._on("fan_fault", k) else 1.0)
        steady = 0.2 + RUSH_LEL * rush + 100.0 * gas / (LEL * air)
        unit.methane = towards(unit.methane, steady, dt_s, VOLUME_M3 / air)
        unit.shown = towards(unit.shown, unit.methane, dt_s, T90_S / math.log(10.0))
        burnt = BURNER_M3_S[0] + BURNER_M3_S[1] * bad if bad and unit.open else 0.0
        unit.co = towards(unit.co, 2.0 + RUSH_PPM * rush + 1e6 * burnt / air, dt_s, VOLUME_M3 / air)
        unit.high_s = unit.high_s + dt_s if unit.shown >= HIGH_LEL else 0.0
        unit.open = unit.open and unit.high_s < SHUT_S
        high, weak = self._severity("regulator_open", k), self._severity("supply_weak", k)
        target = HIGH_KPA[0] + HIGH_KPA[1] * high if high else PRESSURE_KPA
        target = LOW_KPA[0] - LOW_KPA[1] * weak if weak else target
        unit.inlet_kpa = towards(unit.inlet_kpa, target, dt_s, 5.0)
        unit.calibration_days -= dt_s / 86_400.0
        unit.life_days -= dt_s / 86_400.0

    def _read(self, k: int, unit: Kitchen) -> Iterable[tuple[str, float]]:
        yield "methane", min(104.0, max(0.0, unit.shown + self._noise(0.05)))
        yield "co", min(500.0, max(0.0, unit.co + self._noise(0.3)))
        yield "inlet_pressure", max(0.0, unit.inlet_kpa + self._noise(0.01))
        state = 2 if unit.shown >= HIGH_LEL else 1 if unit.shown >= LOW_LEL else 0
        yield "control_unit", state or self._code(k, 0, {"head_fault": 3, "mains_lost": 4})
        yield "valve", self._code(k, OPEN if unit.open else CLOSED, {"valve_fault": 3})
        yield "fan", self._code(k, 1, {"fan_fault": 2})
        yield "cover", self._code(k, 0, {"tampered": 1})
        yield "calibration_days", unit.calibration_days
        yield "life_days", unit.life_days
