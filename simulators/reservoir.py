"""Small reservoirs in the hills: storage balance, rain that runs off, spillway, gate, seepage that
erodes its own way.

A dh/dt = inflow - outflow. Rain runs off through a linear store (unit hydrograph k e^(-t/k)); the
spillway is a weir, q = C L h^1.5; the gate an orifice. Piping: what seeps wears the way wider, so it
grows exponentially. Each device is one reservoir.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "reservoir/level"
UNITS = {
    "level": "m",
    "rainfall": "mm",
    "inflow": "m3/h",
    "outflow": "m3/h",
    "seepage": "L/min",
    "battery": "V",
}
FAULTS = {
    "flood": (Expected("level", "H", 620.0),),
    "storm": (Expected("rainfall", "H", 560.0), Expected("rainfall", "HH", 930.0)),
    "piping": (Expected("seepage", "H", 350.0),),
    "gate_opened": (Expected("gate", "gate_open", 0.0),),
    "gate_fault": (Expected("gate", "gate_fault", 0.0),),
    "panel_covered": (Expected("battery", "L", 640.0),),
    "shower": (Expected("", "", 0.0, quiet=True),),
}

AREA_M2, CATCHMENT_M2 = 1.0e5, 2.0e6
LEVEL_M, CREST_M, SILL_M = 94.2, 96.0, 60.0
BASE_M3_S = 0.5
"""What always comes; the outlet lets the same out."""
FLOOD_M3_S = 150.0
"""From a reservoir above that fails, at severity 1."""
STORM_MM_S, SHOWER_MM_S, SHOWER_S = 200.0 / 3600.0, 8.0 / 3600.0, 3600.0
RUNOFF, STORE_TAU_S = 0.6, 1800.0
HOUR_S = 3600.0
WEIR = 1.7 * 30.0
"""C L of a crest of 30 m."""
GATE_M2, DISCHARGE, G = 1.5, 0.62, 9.81
SEEP_L_MIN, EROSION_S = 120.0, 200.0
CHARGED_V, EMPTY_V, DROP_V_S = 12.9, 10.6, 1.4 / 600.0


@dataclass(slots=True)
class Lake:
    """State of one reservoir."""

    level_m: float
    fell_mm: float = 0.0
    """Rain of the last hour (an exponential hour)."""
    stored_m3: float = 0.0
    """Rain on its way."""
    inflow_m3_s: float = BASE_M3_S
    outflow_m3_s: float = BASE_M3_S
    seep_l_min: float = SEEP_L_MIN
    battery_v: float = CHARGED_V
    shower_s: float = 0.0
    in_m3: float = 0.0
    out_m3: float = 0.0


class Plant(UnitsBase[Lake]):
    """Every device is one reservoir."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 10.0

    def _new(self, k: int) -> Lake:
        return Lake(LEVEL_M + self._between(-0.1, 0.1))

    def _part(self, k: int, unit: Lake, dt_s: float) -> None:
        storm, shower = self._severity("storm", k), self._severity("shower", k)
        unit.shower_s = unit.shower_s + dt_s if shower else 0.0
        rain = STORM_MM_S * storm + (SHOWER_MM_S * shower if unit.shower_s <= SHOWER_S else 0.0)
        if storm or shower:
            unit.fell_mm = min(290.0, unit.fell_mm + rain * dt_s)
        else:
            unit.fell_mm = towards(unit.fell_mm, 0.0, dt_s, HOUR_S)
        unit.stored_m3 += rain / 1000.0 * CATCHMENT_M2 * RUNOFF * dt_s
        arrives = unit.stored_m3 * -math.expm1(-dt_s / STORE_TAU_S)
        unit.stored_m3 -= arrives
        unit.inflow_m3_s = BASE_M3_S + arrives / dt_s + FLOOD_M3_S * self._severity("flood", k)
        over = max(0.0, unit.level_m - CREST_M)
        gate = self._severity("gate_opened", k)
        through = DISCHARGE * GATE_M2 * gate * math.sqrt(2 * G * max(0.0, unit.level_m - SILL_M))
        unit.outflow_m3_s = BASE_M3_S + WEIR * over**1.5 + through
        unit.in_m3 += unit.inflow_m3_s * dt_s
        unit.out_m3 += unit.outflow_m3_s * dt_s
        unit.level_m += (unit.inflow_m3_s - unit.outflow_m3_s) * dt_s / AREA_M2
        piping = self._severity("piping", k)
        if piping:
            unit.seep_l_min = min(9000.0, unit.seep_l_min * math.exp(piping * dt_s / EROSION_S))
        unit.battery_v = (
            max(EMPTY_V, unit.battery_v - DROP_V_S * dark * dt_s)
            if (dark := self._severity("panel_covered", k))
            else towards(unit.battery_v, CHARGED_V, dt_s, 1800.0)
        )

    def _read(self, k: int, unit: Lake) -> Iterable[tuple[str, float]]:
        yield "level", unit.level_m + self._noise(0.005)
        yield "rainfall", unit.fell_mm
        yield "inflow", unit.inflow_m3_s * 3600.0
        yield "outflow", unit.outflow_m3_s * 3600.0
        yield "seepage", unit.seep_l_min + self._noise(1.0)
        yield "battery", unit.battery_v + self._noise(0.01)
        yield "gate", self._code(k, 0, {"gate_fault": 3, "gate_opened": 1})
