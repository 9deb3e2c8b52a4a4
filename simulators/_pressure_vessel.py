"""Vessels that hold liquefied gas under its own vapour pressure: for tanks, spheres and tankers.

dV/dt = inflow - outflow - leak; a leak is an orifice below the liquid, Q = Cd A sqrt(2 p / rho). Heat: m c
dT/dt = P - loss, until the relief valve's set pressure is the vapour pressure; from then on the heat
evaporates what the valve lets out. Pressure is the vapour pressure at the temperature (Clausius-Clapeyron).
Gas beside a leak: _leak.py.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import ClassVar

from simulators import Expected
from simulators._leak import ALARMS, LEAK_LEL, Nose
from simulators._plant import towards
from simulators._units import UnitsBase

REFERENCE_MPA, REFERENCE_K, SLOPE_K = 0.64, 296.15, 2200.0
DENSITY, HEAT_J_KG_K, LATENT_J_KG = 550.0, 2500.0, 3.6e5
FLOW_1_S, DRAW_1_S = 6e-4, 2e-4
"""Shares of the volume a second: what a pump moves, what is drawn off when all is well."""
LOW, FULL, ALLOWED = 0.40, 0.75, 0.80
AMBIENT_C, LOSS_TAU_S = 23.0, 50_000.0
FIRE_K_S = 0.1
"""How fast a fire near warms a vessel that is ``FULL``, at severity 1."""
DISCHARGE, HOLE_M2 = 0.62, 7.85e-5

COMMON = {
    "overfill": (Expected("level", "H", 770.0), Expected("level", "HH", 860.0)),
    "drawn_out": (Expected("level", "L", 1200.0),),
    "leak": ALARMS,
    "relief_leaks": (Expected("relief", "relief_open", 0.0),),
    "valve_fault": (Expected("bottom_valve", "valve_fault", 0.0),),
    "delivery": (Expected("", "", 0.0, quiet=True),),
}
"""Faults that all of them have."""


@dataclass(slots=True)
class Vessel:
    """State of one vessel."""

    volume_m3: float
    temperature_c: float
    filling: bool = False
    taken_m3: float = 0.0
    leaked_m3: float = 0.0
    boiled_m3: float = 0.0
    """What went in less what was drawn, what leaked, what the relief valve let out: the volume balance."""
    flowing: bool = False
    nose: Nose = field(default_factory=Nose)


def vapour_mpa(celsius: float) -> float:
    """Vapour pressure of the load."""
    return REFERENCE_MPA * math.exp(SLOPE_K * (1.0 / REFERENCE_K - 1.0 / (celsius + 273.15)))


def boils_c(mpa: float) -> float:
    """The temperature at which that is the vapour pressure."""
    return 1.0 / (1.0 / REFERENCE_K - math.log(mpa / REFERENCE_MPA) / SLOPE_K) - 273.15


def orifice_m3_s(mpa: float) -> float:
    """Liquid through the hole."""
    return DISCHARGE * HOLE_M2 * math.sqrt(2.0 * mpa * 1e6 / DENSITY)


class PressureVessel(UnitsBase[Vessel]):
    """Every device is one vessel."""

    VOLUME_M3: ClassVar[float]
    RELIEF_MPA: ClassVar[float]

    def _new(self, k: int) -> Vessel:
        return Vessel(self.VOLUME_M3 * self._between(LOW, FULL), AMBIENT_C + self._between(-0.5, 0.5))

    def _part(self, k: int, unit: Vessel, dt_s: float) -> None:
        self._flow(k, unit, dt_s)
        self._heat(k, unit, dt_s)
        unit.nose.step(self._by_severity("leak", k, LEAK_LEL), dt_s)

    def _flow(self, k: int, unit: Vessel, dt_s: float) -> None:
        delivery, fire = self._on("delivery", k), self._on("fire_near", k)
        over, out = self._severity("overfill", k), self._severity("drawn_out", k)
        if unit.volume_m3 >= (ALLOWED if delivery else FULL) * self.VOLUME_M3:
            unit.filling = False
        elif unit.volume_m3 <= LOW * self.VOLUME_M3 or delivery:
            unit.filling = True
        share = FLOW_1_S if unit.filling else -DRAW_1_S
        if over or out:
            share = FLOW_1_S * (0.5 + 0.5 * (over or out)) * (1.0 if over else -1.0)
        elif fire:
            share = 0.0
        change = min(max(share * self.VOLUME_M3 * dt_s, -unit.volume_m3), self.VOLUME_M3 - unit.volume_m3)
        leaked = 0.0
        if self._on("leak", k):
            leaked = min(orifice_m3_s(vapour_mpa(unit.temperature_c)) * dt_s, unit.volume_m3 + change)
        unit.taken_m3 += change
        unit.leaked_m3 += leaked
        unit.volume_m3 += change - leaked

    def _heat(self, k: int, unit: Vessel, dt_s: float) -> None:
        fire = self._severity("fire_near", k)
        store_j_k = max(1.0, unit.volume_m3) * DENSITY * HEAT_J_KG_K
        watts = fire * FIRE_K_S * FULL * self.VOLUME_M3 * DENSITY * HEAT_J_KG_K
        unit.temperature_c = towards(unit.temperature_c, AMBIENT_C, dt_s, LOSS_TAU_S)
        unit.temperature_c += watts * dt_s / store_j_k
        most = boils_c(self.RELIEF_MPA)
        unit.flowing = unit.temperature_c >= most
        if unit.flowing:
            boiled = (unit.temperature_c - most) * store_j_k / LATENT_J_KG / DENSITY
            boiled = min(boiled, unit.volume_m3)
            unit.temperature_c = most
            unit.volume_m3 -= boiled
            unit.boiled_m3 += boiled

    def _read(self, k: int, unit: Vessel) -> Iterable[tuple[str, float]]:
        yield "pressure", vapour_mpa(unit.temperature_c) + self._noise(0.002)
        yield "level", min(100.0, max(0.0, 100.0 * unit.volume_m3 / self.VOLUME_M3 + self._noise(0.05)))
        yield "temperature", unit.temperature_c + self._noise(0.05)
        yield "lel", min(100.0, max(0.0, unit.nose.shown + self._noise(0.1)))
        yield "relief", self._code(k, int(unit.flowing), {"relief_leaks": 1})
        yield "bottom_valve", self._code(k, 0 if unit.flowing else 1, {"valve_fault": 2})
