"""A wet collector for aluminium dust: metal and water give hydrogen, which the fan, or a vent when it
stands, carries off.

Above the water V dC/dt = G - Q C; G grows with the sludge and e-fold for every TEN_K kelvin of the water.
Q is the fan's, or what the vent draws by itself. The interlock blocks the machines when water or fan
fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._instruments import FAULTS as INSTRUMENT
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "dust/metal_hydrogen"
UNITS = {
    "hydrogen": "%LEL", "water_level": "%", "water_flow": "L/min", "water_temperature": "degC",
    "duct_velocity": "m/s", "sludge": "mm", "calibration_days": "d",
}  # fmt: skip
FAULTS = {
    "gassing": (Expected("hydrogen", "H", 15.0), Expected("hydrogen", "HH", 25.0)),
    "water_lost": (
        Expected("water_level", "L", 400.0), Expected("water_level", "LL", 700.0),
        Expected("machines", "blocked", 700.0),
    ),
    "pump_lost": (Expected("water_flow", "LL", 15.0), Expected("machines", "blocked", 15.0)),
    "warm_water": (Expected("water_temperature", "H", 700.0),),
    "sludge_left": (Expected("sludge", "H", 900.0),),
    "duct_blocked": (Expected("duct_velocity", "L", 5.0), Expected("duct_velocity", "LL", 15.0)),
    "fan_trip": (
        Expected("fan", "tripped", 0.0), Expected("duct_velocity", "LL", 10.0),
        Expected("machines", "blocked", 0.0),
    ),
    "vent_jammed": (Expected("hydrogen_vent", "vent_fault", 0.0),),
    "bypassed": (Expected("machines", "bypassed", 0.0),),
    "explosion": (Expected("vent", "burst", 0.0),),
    "fine_dust": (Expected("", "", 0.0, quiet=True),),
    **{kind: shown for kind, shown in INSTRUMENT.items() if kind != "supply_low"},
}  # fmt: skip
VOLUME_M3, FAN_M3_S, VENT_M3_S, LEL = 2.0, 0.5, 0.05, 0.04
GAS_M3_S, TEN_K, SLUDGE_MM = 3e-4, 14.4, 22.0
"""Hydrogen at 27 C over the normal sludge: 1.5 %LEL with the fan; the rate doubles every 10 K."""
GASSING, FINE = (40.0, 30.0), 6.0
"""Times the normal rate: at no severity, more at 1; and in ordinary fine grinding."""
LEVEL, LOSS_S, FLOW, WATER_C, HOT_C, WATER_TAU_S = 75.0, 0.06, 260.0, 27.0, (56.0, 10.0), 600.0
SLUDGE_S, VELOCITY, BLOCKED = 0.1, 25.0, (0.25, 0.3)
TRIP_LEVEL, TRIP_FLOW = 40.0, 120.0


@dataclass(slots=True)
class Collector:
    """State of one collector."""

    hydrogen: float
    calibration_days: float
    level: float = LEVEL
    flow: float = FLOW
    water_c: float = WATER_C
    sludge_mm: float = SLUDGE_MM
    velocity: float = VELOCITY
    burst: bool = False


def rate_m3_s(sludge_mm: float, water_c: float) -> float:
    """Hydrogen that the sludge gives."""
    return GAS_M3_S * sludge_mm / SLUDGE_MM * math.exp((water_c - WATER_C) / TEN_K)


def rests_at(gas_m3_s: float, air_m3_s: float) -> float:
    """%LEL that the collector ends at."""
    return 100.0 * gas_m3_s / (gas_m3_s + air_m3_s) / LEL


class Plant(UnitsBase[Collector]):
    """Every device is one collector."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Collector:
        return Collector(rests_at(GAS_M3_S, FAN_M3_S), self._between(100.0, 180.0))

    def _part(self, k: int, unit: Collector, dt_s: float) -> None:
        unit.burst = unit.burst or self._on("explosion", k)
        stands = self._on("fan_trip", k) or unit.burst
        gassing = self._severity("gassing", k)
        times = GASSING[0] + GASSING[1] * gassing if gassing else 1 + FINE * self._severity("fine_dust", k)
        gas = times * rate_m3_s(unit.sludge_mm, unit.water_c)
        air = FAN_M3_S if not stands else 0.0 if self._on("vent_jammed", k) else VENT_M3_S
        unit.hydrogen = towards(unit.hydrogen, rests_at(gas, air), dt_s, VOLUME_M3 / (air + gas))
        lost = self._severity("water_lost", k)
        unit.level = (
            max(5.0, unit.level - LOSS_S * lost * dt_s) if lost else towards(unit.level, LEVEL, dt_s, 60.0)
        )
        pump = self._severity("pump_lost", k)
        unit.flow = towards(unit.flow, FLOW * (0.3 - 0.3 * pump) if pump else FLOW, dt_s, 4.0)
        hot = self._severity("warm_water", k)
        unit.water_c = towards(unit.water_c, HOT_C[0] + HOT_C[1] * hot if hot else WATER_C, dt_s, WATER_TAU_S)
        unit.sludge_mm = min(480.0, unit.sludge_mm + SLUDGE_S * self._severity("sludge_left", k) * dt_s)
        blocked = self._severity("duct_blocked", k)
        share = 1.0 - (BLOCKED[0] + BLOCKED[1] * blocked if blocked else 0.0)
        unit.velocity = towards(unit.velocity, 0.0 if stands else VELOCITY * share, dt_s, 3.0)
        unit.calibration_days -= dt_s / 86_400.0

    def _read(self, k: int, unit: Collector) -> Iterable[tuple[str, float]]:
        stands = self._on("fan_trip", k) or unit.burst
        trips = unit.level <= TRIP_LEVEL or unit.flow <= TRIP_FLOW or stands
        yield "hydrogen", min(104.0, max(0.0, unit.hydrogen + self._noise(0.1)))
        yield "water_level", unit.level + self._noise(0.1)
        yield "water_flow", max(0.0, unit.flow + self._noise(1.0))
        yield "water_temperature", unit.water_c + self._noise(0.1)
        yield "duct_velocity", max(0.0, unit.velocity + self._noise(0.1))
        yield "sludge", max(0.0, unit.sludge_mm + self._noise(0.3))
        yield "fan", 2 if stands else 1
        yield "hydrogen_vent", self._code(k, 1 if stands else 0, {"vent_jammed": 2})
        yield "machines", self._code(k, 1 if trips else 0, {"bypassed": 2})
        yield "vent", 1 if unit.burst else 0
        yield "unit_state", self._code(k, 0, {"unit_fault": 3, "left_inhibited": 2})
        yield "calibration_days", unit.calibration_days
