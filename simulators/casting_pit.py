"""An aluminium deep-well casting pit: cooling water by the pump's affinity laws, metal by volume balances.

Flow goes with the pump's speed, pressure with its square (affinity laws; the nozzles are an orifice).
Metal that the launder gives and the cast does not take raises the mould; a plugged launder outlet raises
the launder. The PLC, not the gateway, acts: water below 80 % for a second trips it; then the shut-off
closes, the drain opens and the cast ends. Each device is one pit; a cast is 8 m long, so a run of an hour
stays in one cast.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "casting/deep_well_pit"
UNITS = {
    "water_pressure": "MPa", "water_flow": "m3/h", "water_temperature": "degC", "mould_level": "mm",
    "launder_level": "mm", "casting_length": "mm", "casting_speed": "mm/s",
}  # fmt: skip
FAULTS = {
    "pump_loss": (
        Expected("water_pressure", "L", 4.0),
        Expected("water_pressure", "LL", 4.0),
        Expected("water_flow", "L", 4.0),
        Expected("water_flow", "LL", 4.0),
        Expected("plc_trip", "plc_tripped", 6.0),
        Expected("drain", "drain_open", 6.0),
    ),
    "level_control_lost": (Expected("mould_level", "H", 28.0), Expected("mould_level", "HH", 43.0)),
    "launder_plugged": (Expected("launder_level", "H", 26.0), Expected("launder_level", "HH", 36.0)),
    "warm_water": (Expected("water_temperature", "H", 170.0),),
    "shut_off_fault": (Expected("shut_off", "shut_off_fault", 0.0),),
    "drain_fault": (Expected("drain", "drain_fault", 0.0),),
    "filter_change": (Expected("", "", 0.0, quiet=True),),
}

PRESSURE_MPA, FLOW_M3_H = 0.31, 255.0
SPEED_TAU_S, TRIP_SHARE, TRIP_S = 2.0, 0.80, 1.0
LOST = (0.25, 0.35)
FILTER_SHARE = 0.03
"""Speed that a pump loses, at no severity and more with it; and that the change of a filter costs."""
MOULD_MM, LAUNDER_MM = 70.0, 180.0
MOULD_MM_S, LAUNDER_MM_S = 2.0, 5.0
CAST_MM, CAST_MM_S = 8000.0, 1.2
IDLE, FILLING, CASTING, ENDING = 0, 1, 2, 3
LASTS_S = {IDLE: 120.0, FILLING: 60.0, ENDING: 60.0}
COOL_C, WARM_C, TOWER_TAU_S = 28.0, (14.0, 16.0), 300.0


@dataclass(slots=True)
class Pit:
    """State of one pit."""

    length_mm: float
    speed: float = 1.0
    """Of the pump, share of its own."""
    water_c: float = COOL_C
    mould_mm: float = MOULD_MM
    launder_mm: float = LAUNDER_MM
    phase: int = CASTING
    phase_s: float = 0.0
    low_s: float = 0.0
    tripped: bool = False


class Plant(UnitsBase[Pit]):
    """Every device is one pit."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Pit:
        return Pit(self._between(500.0, 2000.0))

    def _part(self, k: int, unit: Pit, dt_s: float) -> None:
        filtering = FILTER_SHARE * self._severity("filter_change", k)
        speed = 1.0 - self._by_severity("pump_loss", k, LOST, filtering)
        unit.speed = towards(unit.speed, speed, dt_s, SPEED_TAU_S)
        unit.low_s = unit.low_s + dt_s if unit.speed < TRIP_SHARE else 0.0
        if unit.low_s >= TRIP_S:
            unit.tripped = True
        elif unit.low_s == 0.0 and unit.phase == IDLE:
            unit.tripped = False
        warm = COOL_C + self._by_severity("warm_water", k, WARM_C)
        unit.water_c = towards(unit.water_c, warm, dt_s, TOWER_TAU_S)
        self._cast(k, unit, dt_s)

    def _cast(self, k: int, unit: Pit, dt_s: float) -> None:
        unit.phase_s += dt_s
        over = unit.phase_s >= LASTS_S.get(unit.phase, float("inf"))
        if unit.phase == CASTING:
            unit.length_mm += CAST_MM_S * dt_s
            over = unit.length_mm >= CAST_MM or unit.tripped
        if over and not (unit.phase == IDLE and unit.tripped):
            unit.phase, unit.phase_s = (unit.phase + 1) % 4, 0.0
            unit.length_mm = 0.0 if unit.phase == FILLING else unit.length_mm
        metal = unit.phase in {FILLING, CASTING} and not unit.tripped
        rise = MOULD_MM_S * self._severity("level_control_lost", k)
        if rise and metal:
            unit.mould_mm = min(190.0, unit.mould_mm + rise * dt_s)
        else:
            unit.mould_mm = towards(unit.mould_mm, MOULD_MM if metal else 0.0, dt_s, 20.0)
        plugged = LAUNDER_MM_S * self._severity("launder_plugged", k)
        if plugged and metal:
            unit.launder_mm = min(390.0, unit.launder_mm + plugged * dt_s)
        else:
            unit.launder_mm = towards(unit.launder_mm, LAUNDER_MM if metal else 0.0, dt_s, 20.0)

    def _read(self, k: int, unit: Pit) -> Iterable[tuple[str, float]]:
        casting = unit.phase == CASTING
        yield "water_pressure", max(0.0, PRESSURE_MPA * unit.speed**2 + self._noise(0.001))
        yield "water_flow", max(0.0, FLOW_M3_H * unit.speed + self._noise(1.0))
        yield "water_temperature", unit.water_c + self._noise(0.1)
        yield "mould_level", max(0.0, unit.mould_mm + self._noise(0.5))
        yield "launder_level", max(0.0, unit.launder_mm + self._noise(0.8))
        yield "casting_length", unit.length_mm
        yield "casting_speed", CAST_MM_S if casting else 0.0
        yield "phase", unit.phase
        yield "plc_trip", 1 if unit.tripped else 0
        yield "shut_off", self._code(k, 0 if unit.tripped or unit.phase == IDLE else 1, {"shut_off_fault": 2})
        yield "drain", self._code(k, 1 if unit.tripped else 0, {"drain_fault": 2})
