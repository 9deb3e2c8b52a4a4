"""Spark detection before a wood-dust filter: sparks come at random, water puts them out, too many stop
the machine.

Sparks are a Poisson stream; the panel counts those of the last minute. From EXTINGUISH on it opens the
nozzles, from STOP on it stops the machine, and then no more come. The water is a pump and a vessel:
without its pump the pressure falls exponentially; in frost the pipe cools towards the air.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "dust/spark_detection"
UNITS = {
    "sparks": "1/min", "sparks_today": "count", "water_pressure": "mA", "water_temperature": "degC",
}  # fmt: skip
FAULTS = {
    "foreign_metal": (
        Expected("sparks", "H", 12.0),
        Expected("sparks", "HH", 45.0),
        Expected("panel", "shut_down", 45.0),
    ),
    "striking": (Expected("panel", "extinguishing", 40.0),),
    "water_pump_lost": (Expected("water_pressure", "L", 30.0),),
    "frost": (Expected("water_temperature", "L", 420.0),),
    "valve_shut": (Expected("water_valve", "water_shut", 0.0),),
    "lens_dirty": (Expected("detector", "dirty", 0.0),),
    "detector_broken": (Expected("detector", "broken", 0.0),),
    "panel_fault": (Expected("panel", "panel_fault", 0.0),),
    "battery_weak": (Expected("battery", "battery", 0.0),),
    "single_sparks": (Expected("", "", 0.0, quiet=True),),
}
NORMAL_S, METAL_S, STRIKE_S = 0.0003, (0.9, 1.1), (0.15, 0.1)
"""Sparks a second: of ordinary work; of metal in the mill and of a striking rotor, more by severity."""
SINGLE_EVERY_S = 45.0
EXTINGUISH, STOP, WINDOW_S = 4, 30, 60.0
PRESSURE_MPA, LOST_MPA, VESSEL_TAU_S = 0.8, (0.35, 0.3), 15.0
WATER_C, FROST_C, PIPE_TAU_S = 12.0, (-6.0, -4.0), 600.0
SPAN_MPA, DAY_S = 1.6, 86_400.0
READY, EXTINGUISHING, SHUT_DOWN, FAULTY = 0, 1, 2, 3


@dataclass(slots=True)
class Duct:
    """State of one duct."""

    recent: deque[float] = field(default_factory=deque)
    """When the sparks of the last minute came."""
    time_s: float = 0.0
    today: int = 0
    stopped: bool = False
    single_s: float = 0.0
    pressure_mpa: float = PRESSURE_MPA
    water_c: float = WATER_C


class Plant(UnitsBase[Duct]):
    """Every device is one duct with its panel."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Duct:
        return Duct(water_c=WATER_C + self._between(-1.0, 1.0))

    def _sparks_s(self, k: int) -> float:
        metal, strike = self._severity("foreign_metal", k), self._severity("striking", k)
        rate = METAL_S[0] + METAL_S[1] * metal if metal else 0.0
        return rate + (STRIKE_S[0] + STRIKE_S[1] * strike if strike else 0.0) + NORMAL_S

    def _part(self, k: int, unit: Duct, dt_s: float) -> None:
        before_day, unit.time_s = unit.time_s // DAY_S, unit.time_s + dt_s
        unit.today = unit.today if unit.time_s // DAY_S == before_day else 0
        metal = self._on("foreign_metal", k)
        unit.stopped = unit.stopped and metal
        fresh = 0 if unit.stopped else int(self._random.poisson(self._sparks_s(k) * dt_s))
        if self._on("single_sparks", k):
            unit.single_s += dt_s
            if unit.single_s >= SINGLE_EVERY_S / self._severity("single_sparks", k):
                unit.single_s, fresh = 0.0, fresh + 1
        unit.recent.extend([unit.time_s] * fresh)
        unit.today = min(99_999, unit.today + fresh)
        while unit.recent and unit.recent[0] <= unit.time_s - WINDOW_S:
            unit.recent.popleft()
        unit.stopped = unit.stopped or len(unit.recent) >= STOP
        lost, frost = self._severity("water_pump_lost", k), self._severity("frost", k)
        target = LOST_MPA[0] - LOST_MPA[1] * lost if lost else PRESSURE_MPA
        unit.pressure_mpa = towards(unit.pressure_mpa, target, dt_s, VESSEL_TAU_S)
        outside = FROST_C[0] + FROST_C[1] * frost if frost else WATER_C
        unit.water_c = towards(unit.water_c, outside, dt_s, PIPE_TAU_S)

    def _read(self, k: int, unit: Duct) -> Iterable[tuple[str, float]]:
        count = len(unit.recent)
        acts = SHUT_DOWN if unit.stopped else EXTINGUISHING if count >= EXTINGUISH else READY
        yield "sparks", min(1000, count)
        yield "sparks_today", unit.today
        yield "water_pressure", 4.0 + 16.0 * max(0.0, unit.pressure_mpa + self._noise(0.003)) / SPAN_MPA
        yield "water_temperature", unit.water_c + self._noise(0.1)
        yield "panel", self._code(k, acts, {"panel_fault": FAULTY})
        yield "detector", self._code(k, 0, {"detector_broken": 2, "lens_dirty": 1})
        yield "water_valve", self._code(k, 1, {"valve_shut": 0})
        yield "battery", self._code(k, 0, {"battery_weak": 1})
