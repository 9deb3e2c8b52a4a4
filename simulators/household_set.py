"""A kitchen with its three-piece set: hose, alarm, shut-off valve. The valve closes by itself, for good.

Gas escapes through a broken hose as through an orifice, G = A Cd sqrt(2 p / rho), gathers in the layer
under the ceiling (mass balance with slow air change) and stops when the valve closes: then the hose's
pressure goes too. The valve is opened by hand only; nothing here ever opens it. Each device is one home;
faults are per device.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import PlantBase, towards

PROFILE = "gas/household_set"
UNITS = {"methane": "%LEL", "co": "ppm", "hose_pressure": "kPa", "hose_days_left": "d"}
FAULTS = {
    "leak": (
        Expected("methane", "H", 16.0),
        Expected("alarm_unit", "gas", 18.0),
        Expected("valve", "valve_closed", 24.0),
    ),
    "cooking": (Expected("", "", 0.0, quiet=True),),
    "blocked_flue": (Expected("co", "H", 400.0),),
    "valve_fault": (Expected("valve", "valve_fault", 0.0),),
    "unit_fault": (Expected("alarm_unit", "unit_fault", 0.0),),
}

LAYER_M3 = 6.0
"""Air under the ceiling, where methane gathers and the alarm hangs."""
KITCHEN_M3 = 20.0
AIR_CHANGE_M3_S = 0.01
LEL = 0.05
SUPPLY_KPA = 2.0
HOSE_AREA_M2 = math.pi * 0.0095**2 / 4
"""A 9.5 mm hose, torn off."""
DISCHARGE = 0.62
METHANE_KG_M3 = 0.68
ALARM_LEL = 10.0
QUIET_LEL = 5.0
VALVE_S = 3.0
"""From the alarm to the closed valve."""
SENSOR_T90_S = 10.0
FLUE_CO_M3_S = 2e-5
"""A burner with a blocked flue: about 2000 ppm in 0.01 m3/s."""
COOKING_LEL, COOKING_PPM = 2.0, 12.0
"""What lighting and burning leave in the air, on the way to it."""
NORMAL, GAS, UNIT_FAULT = 0, 1, 2
CLOSED, OPEN, VALVE_FAULT = 0, 1, 2


@dataclass(slots=True)
class Home:
    """State of one kitchen."""

    methane: float = 0.0
    shown: float = 0.0
    co: float = 0.0
    pressure_kpa: float = SUPPLY_KPA
    alarm_s: float = 0.0
    """Seconds that the alarm has been sounding."""
    sounding: bool = False
    valve_open: bool = True


def orifice_m3_s(pressure_kpa: float) -> float:
    """Gas through the torn hose."""
    speed = math.sqrt(2.0 * max(0.0, pressure_kpa) * 1000.0 / METHANE_KG_M3)
    return HOSE_AREA_M2 * DISCHARGE * speed


class Plant(PlantBase):
    """Every device is one home."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _begin(self) -> None:
        self.homes = [Home(methane=0.2, shown=0.2, co=1.0) for _ in self.devices]
        self._days_left = [float(self._random.integers(200, 2500)) for _ in self.devices]

    def _advance(self, dt_s: float) -> None:
        for k, home in enumerate(self.homes):
            left = dt_s
            torn, blocked = self._severity("leak", k), self._severity("blocked_flue", k)
            cooking = self._severity("cooking", k)
            while left > 0:
                part = min(left, 0.5)
                self._home(home, part, torn=torn, blocked=blocked, cooking=cooking)
                left -= part

    def _home(self, home: Home, dt_s: float, *, torn: float, blocked: float, cooking: float) -> None:
        supply = SUPPLY_KPA if home.valve_open else 0.0
        home.pressure_kpa = towards(home.pressure_kpa, supply * (1.0 - 0.3 * torn), dt_s, 2.0)
        gas = torn * orifice_m3_s(home.pressure_kpa) if home.valve_open else 0.0
        steady = 0.2 + COOKING_LEL * cooking + 100.0 * gas / (LEL * AIR_CHANGE_M3_S)
        home.methane = towards(home.methane, steady, dt_s, LAYER_M3 / AIR_CHANGE_M3_S)
        home.shown = towards(home.shown, home.methane, dt_s, SENSOR_T90_S / math.log(10.0))
        burning = blocked > 0 and home.valve_open
        co = (
            1.0 + COOKING_PPM * cooking + (1e6 * FLUE_CO_M3_S * blocked / AIR_CHANGE_M3_S if burning else 0.0)
        )
        home.co = towards(home.co, co, dt_s, KITCHEN_M3 / AIR_CHANGE_M3_S)
        if home.shown >= ALARM_LEL:
            home.sounding = True
        elif home.shown < QUIET_LEL:
            home.sounding = False
        home.alarm_s = home.alarm_s + dt_s if home.sounding else 0.0
        if home.alarm_s >= VALVE_S:
            home.valve_open = False

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, home in enumerate(self.homes):
            unit = UNIT_FAULT if self._on("unit_fault", k) else GAS if home.sounding else NORMAL
            valve = VALVE_FAULT if self._on("valve_fault", k) else OPEN if home.valve_open else CLOSED
            yield k, "methane", min(50.0, max(0.0, home.shown + self._noise(0.05)))
            yield k, "co", max(0.0, home.co + self._noise(0.3))
            yield k, "alarm_unit", unit
            yield k, "valve", valve
            yield k, "hose_pressure", max(0.0, home.pressure_kpa + self._noise(0.01))
            yield k, "hose_days_left", self._days_left[k] - self._now_s * self._scale / 86400.0
