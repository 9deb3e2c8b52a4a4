"""Fire-water of one building: tank, pump on its curve, mains that let through as an orifice.

Pump p = p0 - c q^2 while it runs; demand q = K sqrt(p) of a burst or an open hydrant; the jockey pump
makes up what seeps. Pressure goes to where the two meet, within seconds. The tank empties after
Torricelli: sqrt(h) falls in proportion to time. Each device is one building.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "fire/fire_water"
UNITS = {"main_pressure": "MPa", "end_pressure": "MPa", "tank_level": "m"}
FAULTS = {
    "main_burst": (
        Expected("main_pressure", "L", 6.0),
        Expected("main_pressure", "LL", 8.0),
        Expected("end_pressure", "L", 6.0),
        Expected("pump", "pump_running", 6.0),
    ),
    "hydrant_opened": (Expected("hydrant_cap", "cap_open", 0.0), Expected("pump", "pump_running", 10.0)),
    "tank_hole": (Expected("tank_level", "L", 345.0), Expected("tank_level", "LL", 790.0)),
    "valve_shut": (Expected("end_pressure", "L", 60.0),),
    "pump_fault": (Expected("pump", "pump_fault", 0.0),),
    "left_in_manual": (Expected("pump_mode", "not_automatic", 0.0),),
    "filling_line": (Expected("", "", 0.0, quiet=True),),
}

HELD_MPA, START_MPA = 0.75, 0.55
"""What the jockey pump holds, and where the main pump starts by itself."""
SHUT_OFF_MPA, CURVE = 0.9, 187.0
"""Main pump: MPa at no flow; MPa/(m3/s)^2."""
BURST_K, HYDRANT_K = 0.25, 0.06
"""m3/s at 1 MPa."""
PIPE_TAU_S, VALVE_TAU_S = 1.5, 25.0
STATIC_MPA = 0.35
"""What the height of the building takes."""
TANK_M, TANK_M2, HOLE_M2, DISCHARGE, G = 4.5, 20.0, 0.0177, 0.6, 9.81
UNPUMPED_MPA = 0.02
"""What the jockey pump alone keeps against a burst."""
SEEP_MPA = 0.08
"""How much a line being filled takes for a while: not enough for the main pump."""


@dataclass(slots=True)
class System:
    """State of one building's system."""

    main_mpa: float = HELD_MPA
    end_mpa: float = HELD_MPA - STATIC_MPA
    tank_m: float = TANK_M
    running: bool = False


def meets_mpa(k: float) -> float:
    """Pressure where the main pump's curve meets an orifice: p = p0 / (1 + c K^2)."""
    return SHUT_OFF_MPA / (1.0 + CURVE * k**2)


class Plant(UnitsBase[System]):
    """Every device is one building."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> System:
        return System(tank_m=TANK_M - self._between(0.0, 0.2))

    def _part(self, k: int, unit: System, dt_s: float) -> None:
        burst, hydrant = self._severity("main_burst", k), self._severity("hydrant_opened", k)
        demand = BURST_K * (0.5 + 0.5 * burst) if burst else 0.0
        demand += HYDRANT_K * (0.5 + 0.5 * hydrant) if hydrant else 0.0
        able = not self._on("pump_fault", k) and not self._on("left_in_manual", k)
        if not demand:
            unit.running = False
        elif unit.main_mpa < START_MPA and able:
            unit.running = True
        held = HELD_MPA - SEEP_MPA * self._severity("filling_line", k)
        rest = held
        if demand:
            rest = meets_mpa(demand) if unit.running else UNPUMPED_MPA
        unit.main_mpa = towards(unit.main_mpa, rest, dt_s, PIPE_TAU_S)
        shut = self._severity("valve_shut", k)
        end = max(0.0, unit.main_mpa - STATIC_MPA)
        rest, tau_s = (0.0, VALVE_TAU_S / (0.5 + 0.5 * shut)) if shut else (end, PIPE_TAU_S)
        unit.end_mpa = towards(unit.end_mpa, rest, dt_s, tau_s)
        self._tank(k, unit, dt_s)

    def _tank(self, k: int, unit: System, dt_s: float) -> None:
        hole = HOLE_M2 * self._severity("tank_hole", k)
        if hole:
            root = math.sqrt(unit.tank_m) - DISCHARGE * hole * math.sqrt(2 * G) / (2 * TANK_M2) * dt_s
            unit.tank_m = max(0.0, root) ** 2
        else:
            unit.tank_m = towards(unit.tank_m, TANK_M, dt_s, 1800.0)

    def _read(self, k: int, unit: System) -> Iterable[tuple[str, float]]:
        yield "main_pressure", max(0.0, unit.main_mpa + self._noise(0.003))
        yield "end_pressure", max(0.0, unit.end_mpa + self._noise(0.003))
        yield "tank_level", max(0.0, unit.tank_m + self._noise(0.005))
        yield "pump", self._code(k, 1 if unit.running else 0, {"pump_fault": 2})
        yield "pump_mode", self._code(k, 0, {"left_in_manual": 1})
        yield "hydrant_cap", self._code(k, 0, {"hydrant_opened": 1})
