"""A small atmospheric tank of solvent: volume balance, heat balance, breathing vent, vapour over a spill.

dV/dt = inflow - outflow; it is filled to 75 % and drawn off to 30 % in turn. m c dT/dt = P - U A (T -
T_out), with the mass that is in it. Vapour over a spill follows the first-order balance of an open bund.
Each device is one tank.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "hazchem/atmospheric_tank"
UNITS = {"level": "%", "temperature": "degC", "pressure": "kPa", "lel": "%LEL"}
FAULTS = {
    "overfill": (
        Expected("level", "H", 420.0),
        Expected("level", "HH", 450.0),
        Expected("level_switch", "high_level", 450.0),
    ),
    "spill": (Expected("lel", "H", 15.0), Expected("lel", "HH", 20.0)),
    "coil_stuck": (Expected("temperature", "H", 300.0), Expected("temperature", "HH", 480.0)),
    "blanket_stuck": (Expected("pressure", "H", 8.0),),
    "valve_fault": (Expected("inlet_valve", "valve_fault", 0.0),),
    "delivery": (Expected("level", "", 0.0, quiet=True),),
}

VOLUME_M3 = 20.0
FILL_M3_S, DRAW_M3_S = 0.03, 0.004
LOW, FULL, ALLOWED = 0.30, 0.75, 0.80
"""Shares of the volume: drawn off to, filled to, and what one delivery more may reach."""
SWITCH = 0.90
"""Where the independent level switch sits."""
DENSITY, HEAT_J_KG_K = 850.0, 2000.0
COIL_W, LOSS_W_K = 1.5e6, 200.0
AMBIENT_C = 25.0
SPILL_LEL = (60.0, 60.0)
"""Vapour over a spill at no severity, and more with it, %LEL at rest."""
BUND_TAU_S, VENT_TAU_S = 20.0, 10.0
BREATH_KPA = 0.4
"""Over- or under-pressure at the filling rate; the vent lets through in proportion."""
BLANKET_KPA = (1.5, 2.0)


@dataclass(slots=True)
class Tank:
    """State of one tank."""

    volume_m3: float
    temperature_c: float
    pressure_kpa: float = 0.2
    lel: float = 0.0
    filling: bool = False
    taken_m3: float = 0.0
    """What went in less what came out since the beginning: the volume balance."""


class Plant(UnitsBase[Tank]):
    """Every device is one tank."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Tank:
        return Tank(VOLUME_M3 * self._between(LOW, FULL), AMBIENT_C + self._between(-2, 2))

    def _part(self, k: int, unit: Tank, dt_s: float) -> None:
        overfill, delivery = self._severity("overfill", k), self._severity("delivery", k)
        top = ALLOWED if delivery else FULL
        if unit.volume_m3 >= top * VOLUME_M3:
            unit.filling = False
        elif unit.volume_m3 <= LOW * VOLUME_M3 or delivery:
            unit.filling = True
        inflow = FILL_M3_S if unit.filling else 0.0
        outflow = DRAW_M3_S if not unit.filling else 0.0
        if overfill:
            inflow, outflow = FILL_M3_S * (0.5 + 0.5 * overfill), 0.0
        change = min((inflow - outflow) * dt_s, VOLUME_M3 - unit.volume_m3)
        self._heat(k, unit, dt_s, max(0.0, change))
        unit.volume_m3 += change
        unit.taken_m3 += change
        rest = 0.2 + BREATH_KPA * change / dt_s / FILL_M3_S
        rest += self._by_severity("blanket_stuck", k, BLANKET_KPA)
        unit.pressure_kpa = towards(unit.pressure_kpa, rest, dt_s, VENT_TAU_S)
        unit.lel = towards(unit.lel, self._by_severity("spill", k, SPILL_LEL), dt_s, BUND_TAU_S)

    def _heat(self, k: int, unit: Tank, dt_s: float, added_m3: float) -> None:
        """The coil's power less the losses; what comes in is as warm as the air."""
        store_j_k = unit.volume_m3 * DENSITY * HEAT_J_KG_K
        power = COIL_W * self._severity("coil_stuck", k) - LOSS_W_K * (unit.temperature_c - AMBIENT_C)
        warm = unit.temperature_c + power * dt_s / store_j_k
        unit.temperature_c = (warm * unit.volume_m3 + AMBIENT_C * added_m3) / (unit.volume_m3 + added_m3)

    def _read(self, k: int, unit: Tank) -> Iterable[tuple[str, float]]:
        yield "level", min(100.0, 100.0 * unit.volume_m3 / VOLUME_M3 + self._noise(0.05))
        yield "temperature", min(150.0, unit.temperature_c + self._noise(0.05))
        yield "pressure", min(10.0, unit.pressure_kpa + self._noise(0.01))
        yield "lel", min(100.0, max(0.0, unit.lel + self._noise(0.1)))
        yield "level_switch", 1 if unit.volume_m3 >= SWITCH * VOLUME_M3 else 0
        yield "inlet_valve", self._code(k, 1 if unit.filling else 0, {"valve_fault": 2, "overfill": 1})
