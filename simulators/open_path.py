"""An open-path detector over a yard: a cloud drifts through its beam; fog, dirt and a bumped mast take light.

The wind carries a leak G across the beam in a layer of height h, so that the beam sees G / (u h) of gas, in
LEL.m after division by the LEL, a travel time x / u later. Light follows Beer and Lambert: what arrives is
e^(-extinction * length) of what is clear. The gas reading is a ratio of two wavelengths: dimming leaves
it alone. Beyond 5 LEL.m the detector shows a little more and no more.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected, _instruments
from simulators._instruments import Cell, InstrumentsBase
from simulators._plant import towards

PROFILE = "gas/open_path"
UNITS = {
    "gas": "LEL.m", "signal": "%", "supply": "V", "calibration_days": "d", "life_days": "d",
}  # fmt: skip
FAULTS = {
    "leak": (Expected("gas", "H", 20.0), Expected("gas", "HH", 22.0)),
    "seep": (Expected("gas", "H", 24.0),),
    "fog": (Expected("signal", "L", 80.0),),
    "dirty_window": (Expected("signal", "", 6 * 3600.0),),
    "blocked": (Expected("beam", "blocked", 0.0), Expected("signal", "L", 5.0)),
    "misaligned": (Expected("beam", "misaligned", 0.0),),
    "mist": (Expected("", "", 0.0, quiet=True),),
    "spray": (Expected("", "", 0.0, quiet=True),),
    **_instruments.FAULTS,
}
LEL = 0.05
"""Volume share of methane."""
LAYER_M, AWAY_M, WIND_M_S, GUST = 2.0, 20.0, 2.0, 0.12
LEAK_M3_S, SEEP_M3_S, SPRAY_M3_S = (0.6, 0.4), (0.26, 0.06), 0.05
PATH_M, T90_S = 60.0, 3.0
FOG_PER_M, MIST_PER_M, FOG_TAU_S = (0.016, 0.02), 0.007, 120.0
DIRT_TAU_S = 8 * 3600.0
FULL_SCALE = 5.2
MISALIGNED = (0.5, 0.3)
"""Light lost to a bumped mast, at no severity and more at 1."""
CLEAR, WEAK, BLOCKED, OFF = 0, 1, 2, 3
WEAK_PERCENT = 60.0


def beam_lel_m(leak_m3_s: float, wind_m_s: float) -> float:
    """The gas in the beam, downwind of a leak."""
    return leak_m3_s / (wind_m_s * LAYER_M) / LEL


@dataclass(slots=True)
class Beam:
    """State of one beam."""

    cell: Cell = field(default_factory=lambda: Cell(T90_S))
    wind_m_s: float = WIND_M_S
    under_way: deque[tuple[float, float]] = field(default_factory=lambda: deque([(0.0, 0.0)]))
    """(when, how much leaves the leak) of what has not yet reached the beam, and the last that has."""
    time_s: float = 0.0
    extinction_per_m: float = 0.0
    dirt: float = 0.02


class Plant(InstrumentsBase[Beam]):
    """Every device is one beam with its own leak upwind."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Beam:
        return Beam()

    def _part(self, k: int, unit: Beam, dt_s: float) -> None:
        unit.time_s += dt_s
        leak, seep = self._severity("leak", k), self._severity("seep", k)
        escaping = SPRAY_M3_S * self._severity("spray", k)
        escaping += LEAK_M3_S[0] + LEAK_M3_S[1] * leak if leak else 0.0
        escaping += SEEP_M3_S[0] + SEEP_M3_S[1] * seep if seep else 0.0
        if escaping != unit.under_way[-1][1]:
            unit.under_way.append((unit.time_s, escaping))
        while len(unit.under_way) > 1 and unit.under_way[1][0] + AWAY_M / WIND_M_S <= unit.time_s:
            unit.under_way.popleft()
        # gusts: a wind with a memory of 20 s
        keep = math.exp(-dt_s / 20.0)
        gust = (unit.wind_m_s / WIND_M_S - 1.0) * keep + self._noise(0.5 * GUST * math.sqrt(1 - keep * keep))
        unit.wind_m_s = WIND_M_S * (1.0 + max(-GUST, min(GUST, gust)))
        unit.cell.step(beam_lel_m(unit.under_way[0][1], unit.wind_m_s), dt_s)
        fog, mist = self._severity("fog", k), self._severity("mist", k)
        thick = FOG_PER_M[0] + FOG_PER_M[1] * fog if fog else MIST_PER_M * mist
        unit.extinction_per_m = towards(unit.extinction_per_m, thick, dt_s, FOG_TAU_S)
        dirty = self._severity("dirty_window", k)
        unit.dirt = towards(unit.dirt, 1.0, dt_s * dirty, DIRT_TAU_S) if dirty else unit.dirt

    def _light(self, k: int, unit: Beam) -> float:
        """Percent of the clear beam that arrives."""
        bumped = self._severity("misaligned", k)
        left = 1.0 - (MISALIGNED[0] + MISALIGNED[1] * bumped if bumped else 0.0)
        left *= 0.0 if self._on("blocked", k) else 1.0 - unit.dirt
        return 100.0 * left * math.exp(-unit.extinction_per_m * PATH_M)

    def _read(self, k: int, unit: Beam) -> Iterable[tuple[str, float]]:
        light = self._light(k, unit)
        seen = 0.0 if self._on("blocked", k) else unit.cell.shown
        yield "gas", min(FULL_SCALE, max(0.0, seen + self._noise(0.015)))
        yield "signal", max(0.0, light + self._noise(0.3))
        normal = WEAK if light < WEAK_PERCENT else CLEAR
        yield "beam", self._code(k, normal, {"blocked": BLOCKED, "misaligned": OFF})
        yield from self._told(k)
