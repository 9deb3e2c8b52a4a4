"""An LPG filling station: a tank by volume and heat, vapour at two places, and a shut-down that acts by
itself.

The pressure is the vapour pressure at the tank's temperature (Clausius and Clapeyron), which follows the
sun with TANK_TAU_S. Vapour at the dispenser and at the unloading point is a plume: C follows its source
with AIR_TAU_S. At 50 %LEL the shut-down stops the pump and shuts both valves, which ends a leak after their
stroke; a hand on site resets it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._plant import towards
from simulators._pressure_vessel import vapour_mpa
from simulators._units import UnitsBase

PROFILE = "gas/lpg_station"
UNITS = {
    "lel_dispenser": "%LEL", "lel_unloading": "%LEL", "tank_pressure": "mA", "tank_level": "%",
    "tank_temperature": "degC", "supply": "V",
}  # fmt: skip
FAULTS = {
    "dispenser_leak": (
        Expected("lel_dispenser", "H", 15.0), Expected("lel_dispenser", "HH", 25.0),
        Expected("esd", "acted", 25.0), Expected("outlet_valve", "valve_closed", 25.0),
    ),
    "unloading_leak": (
        Expected("lel_unloading", "H", 15.0), Expected("lel_unloading", "HH", 25.0),
        Expected("esd", "acted", 25.0),
    ),
    "overfill": (Expected("tank_level", "H", 450.0), Expected("tank_level", "HH", 650.0)),
    "hot_tank": (Expected("tank_temperature", "H", 600.0),),
    "not_earthed": (Expected("earthing", "not_earthed", 0.0),),
    "drive_off": (Expected("breakaway", "parted", 0.0),),
    "pump_trip": (Expected("pump", "tripped", 0.0),),
    "esd_fault": (Expected("esd", "esd_fault", 0.0),),
    "valve_fault": (Expected("inlet_valve", "valve_fault", 0.0),),
    "supply_low": (Expected("supply", "L", 60.0),),
    "unloading": (Expected("", "", 0.0, quiet=True),),
    "filling_cars": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
LEAK_LEL, AIR_TAU_S, TRIP_LEL = (70.0, 80.0), 12.0, 50.0
LEVEL, FILL_S, UNLOAD_LEVEL, UNLOAD_TAU_S = 60.0, 30.0 / 500.0, 15.0, 1800.0
TANK_C, SWING_K, HOT_C, TANK_TAU_S, DAY_S = 20.0, 6.0, (46.0, 6.0), 600.0, 86_400.0
SUPPLY_V, LOW_V, SPAN_MPA, CAR_LEL = 24.0, 18.0, 2.5, 6.0
STROKE_S = 10.0
BREAKAWAY_LEL = 15.0
"""What escapes before the two halves of the coupling have shut."""


@dataclass(slots=True)
class Station:
    """State of one station."""

    level: float
    temperature_c: float = TANK_C
    lel: dict[str, float] = field(default_factory=lambda: {"dispenser": 0.3, "unloading": 0.3})
    supply_v: float = SUPPLY_V
    shut: bool = False
    stroke_s: float = 0.0
    """How long the valves have been closing."""


class Plant(UnitsBase[Station]):
    """Every device is one station."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Station:
        return Station(LEVEL + self._between(-5.0, 5.0))

    def _part(self, k: int, unit: Station, dt_s: float) -> None:
        leaking = False
        for place in unit.lel:
            leak = self._severity(f"{place}_leak", k)
            leaking = leaking or leak > 0
            source = LEAK_LEL[0] + LEAK_LEL[1] * leak if leak and unit.stroke_s < STROKE_S else 0.3
            if place == "dispenser":
                source += CAR_LEL * self._severity("filling_cars", k)
                source += BREAKAWAY_LEL * self._severity("drive_off", k)
            unit.lel[place] = towards(unit.lel[place], source, dt_s, AIR_TAU_S)
        unit.shut = (unit.shut and leaking) or max(unit.lel.values()) >= TRIP_LEL
        unit.stroke_s = unit.stroke_s + dt_s if unit.shut else 0.0
        over, unload = self._severity("overfill", k), self._severity("unloading", k)
        if over:
            unit.level = min(98.0, unit.level + FILL_S * over * dt_s)
        elif unload:
            unit.level = towards(unit.level, LEVEL + UNLOAD_LEVEL * unload, dt_s, UNLOAD_TAU_S)
        hot = self._severity("hot_tank", k)
        day = SWING_K * math.sin(2 * math.pi * self._now_s * self._scale / DAY_S)
        target = HOT_C[0] + HOT_C[1] * hot if hot else TANK_C + day
        unit.temperature_c = towards(unit.temperature_c, target, dt_s, TANK_TAU_S)
        low = self._severity("supply_low", k)
        unit.supply_v = towards(unit.supply_v, LOW_V - low if low else SUPPLY_V, dt_s, 20.0)

    def _read(self, k: int, unit: Station) -> Iterable[tuple[str, float]]:
        for place, lel in unit.lel.items():
            yield f"lel_{place}", min(104.0, max(0.0, lel + self._noise(0.1)))
        pressure = vapour_mpa(unit.temperature_c) + self._noise(0.003)
        yield "tank_pressure", min(20.8, 4.0 + 16.0 * max(0.0, pressure) / SPAN_MPA)
        yield "tank_level", unit.level + self._noise(0.05)
        yield "tank_temperature", unit.temperature_c + self._noise(0.1)
        yield "esd", 1 if unit.shut else self._code(k, 0, {"esd_fault": 2})
        yield "inlet_valve", self._code(k, 0 if unit.shut else 1, {"valve_fault": 3})
        yield "outlet_valve", 0 if unit.shut else 1
        tanker = 1 if self._on("unloading", k) or self._on("overfill", k) else 0
        yield "earthing", self._code(k, tanker, {"not_earthed": 2})
        yield "breakaway", self._code(k, 0, {"drive_off": 1})
        yield "pump", self._code(k, 0 if unit.shut else 1, {"pump_trip": 2})
        yield "supply", unit.supply_v + self._noise(0.02)
