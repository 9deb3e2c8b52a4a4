"""Oxygen in rooms with nitrogen or oxygen lines: dilution, enrichment, and a galvanic cell that wears out.

A gas that leaks in at G mixes with fresh air Q: V dC/dt = Q (20.9 - C) + G (c - C), which ends at
(20.9 Q + c G) / (Q + G) with tau = V / (Q + G); c is 0 for nitrogen, 100 for oxygen. The cell follows the
partial pressure, so weather moves its reading; carbon dioxide makes a galvanic cell read a little high; its
anode is used up and lets the reading fall.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected, _instruments
from simulators._instruments import Cell, InstrumentsBase
from simulators._plant import towards

PROFILE = "gas/oxygen"
UNITS = {
    "oxygen": "%VOL", "pressure": "kPa", "supply": "V", "calibration_days": "d", "life_days": "d",
}  # fmt: skip
FAULTS = {
    "nitrogen": (Expected("oxygen", "L", 60.0), Expected("oxygen", "LL", 120.0)),
    "enrichment": (Expected("oxygen", "H", 90.0),),
    "worn": (Expected("oxygen", "", 12 * 3600.0),),
    "front": (Expected("", "", 0.0, quiet=True),),
    "carbon_dioxide": (Expected("", "", 0.0, quiet=True),),
    **_instruments.FAULTS,
}
AIR, STANDARD_KPA = 20.9, 101.325
VOLUME_M3, FRESH_M3_S = 60.0, 0.3
NITROGEN_M3_S, OXYGEN_M3_S = (0.06, 0.12), (0.012, 0.024)
"""A leak at no severity, and so much more at 1."""
T90_S, WEAR_TAU_S = 15.0, 5 * 86_400.0
FRONT_KPA, FRONT_TAU_S, WEATHER_KPA = 2.5, 3 * 3600.0, 0.4
CO2_SHARE = 0.01
"""By which 5 % of carbon dioxide raises a galvanic cell's reading."""


def mixes(volume_share: float, leak_m3_s: float) -> tuple[float, float]:
    """(where the room ends, %VOL; its time constant, s) with a leak of a gas with so much oxygen."""
    total = FRESH_M3_S + leak_m3_s
    return (AIR * FRESH_M3_S + volume_share * leak_m3_s) / total, VOLUME_M3 / total


@dataclass(slots=True)
class Room:
    """State of one room."""

    cell: Cell
    oxygen: float = AIR
    front_kpa: float = 0.0
    acid: float = 0.0


class Plant(InstrumentsBase[Room]):
    """Every device is one detector in its own room."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Room:
        return Room(Cell(T90_S * (1 + 0.1 * (k % 5)), AIR))

    def _weather_kpa(self, unit: Room) -> float:
        swing = math.sin(2 * math.pi * self._now_s * self._scale / 43_200.0)
        return STANDARD_KPA + WEATHER_KPA * swing - unit.front_kpa

    def _part(self, k: int, unit: Room, dt_s: float) -> None:
        nitrogen, oxygen = self._severity("nitrogen", k), self._severity("enrichment", k)
        steady, tau_s = AIR, VOLUME_M3 / FRESH_M3_S
        if nitrogen:
            steady, tau_s = mixes(0.0, NITROGEN_M3_S[0] + NITROGEN_M3_S[1] * nitrogen)
        elif oxygen:
            steady, tau_s = mixes(100.0, OXYGEN_M3_S[0] + OXYGEN_M3_S[1] * oxygen)
        half = towards(unit.oxygen, steady, dt_s / 2, tau_s)
        unit.oxygen = towards(half, steady, dt_s / 2, tau_s)
        unit.front_kpa = towards(unit.front_kpa, FRONT_KPA * self._severity("front", k), dt_s, FRONT_TAU_S)
        unit.acid = towards(unit.acid, CO2_SHARE * self._severity("carbon_dioxide", k), dt_s, 300.0)
        unit.cell.poison(self._severity("worn", k), dt_s, WEAR_TAU_S)
        unit.cell.step(half * (1 + unit.acid) * self._weather_kpa(unit) / STANDARD_KPA, dt_s)

    def _read(self, k: int, unit: Room) -> Iterable[tuple[str, float]]:
        yield "oxygen", min(30.0, max(0.0, unit.cell.shown + self._noise(0.02)))
        yield "pressure", self._weather_kpa(unit) + self._noise(0.02)
        yield from self._told(k)
