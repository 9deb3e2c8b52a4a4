"""Dust, noise and wind of building sites: a box of air that is blown through, sources of sound that add up.

H dC/dt = emission - (u H / L) (C - C_outside): earthworks raise the dust, wind takes it along, and a
spray halves what is raised. Levels of sound add by energy, L = 10 log10 (sum 10^(Li/10)). Each device is
one site.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "site/pm10"
UNITS = {"pm10": "ug/m3", "pm2_5": "ug/m3", "noise": "dB", "wind": "m/s", "temperature": "degC"}
FAULTS = {
    "earthworks": (
        Expected("pm10", "H", 60.0),
        Expected("pm10", "HH", 120.0),
        Expected("pm2_5", "H", 130.0),
    ),
    "piling": (Expected("noise", "H", 2.0),),
    "gale": (Expected("wind", "H", 60.0),),
    "spray_fault": (Expected("spray", "spray_fault", 0.0),),
    "sweeping": (Expected("", "", 0.0, quiet=True),),
}

OUTSIDE_UG, SHARE_FINE, OUTSIDE_FINE_UG = 45.0, 0.3, 15.0
BOX_M, LENGTH_M, WIND_M_S = 10.0, 300.0, 2.5
DUG_UG, SWEPT_UG = (350.0, 350.0), 30.0
"""What the work adds to the air at rest, at WIND_M_S: at no severity, and more with it."""
QUIET_DB, SITE_DB, PILE_DB = 50.0, 58.0, (76.0, 12.0)
GALE_M_S, GALE_TAU_S = (12.5, 5.0), 20.0
DAY_S = 86_400.0
SPRAY_FROM_UG, SPRAYED = 120.0, 0.85


@dataclass(slots=True)
class Site:
    """State of one site."""

    added_ug: float
    wind_m_s: float = WIND_M_S
    spraying: bool = False


class Plant(UnitsBase[Site]):
    """Every device is one site."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Site:
        return Site(self._between(5.0, 15.0))

    def _part(self, k: int, unit: Site, dt_s: float) -> None:
        wind = self._by_severity("gale", k, GALE_M_S, WIND_M_S)
        unit.wind_m_s = towards(unit.wind_m_s, wind, dt_s, GALE_TAU_S)
        raised = 10.0 + SWEPT_UG * self._severity("sweeping", k) + self._by_severity("earthworks", k, DUG_UG)
        unit.spraying = OUTSIDE_UG + unit.added_ug > SPRAY_FROM_UG and not self._on("spray_fault", k)
        raised *= SPRAYED if unit.spraying else 1.0
        blown = WIND_M_S / unit.wind_m_s
        unit.added_ug = towards(unit.added_ug, raised * blown, dt_s, LENGTH_M / unit.wind_m_s)

    def _read(self, k: int, unit: Site) -> Iterable[tuple[str, float]]:
        pile = self._by_severity("piling", k, PILE_DB)
        sources = [QUIET_DB, SITE_DB, *([pile] if pile else [])]
        noise = 10.0 * math.log10(sum(10.0 ** (level / 10.0) for level in sources))
        day = math.sin(2 * math.pi * (self._now_ns / 1e9 / DAY_S - 0.3))
        yield "pm10", max(0.0, OUTSIDE_UG + unit.added_ug + self._noise(2.0))
        yield "pm2_5", max(0.0, OUTSIDE_FINE_UG + SHARE_FINE * unit.added_ug + self._noise(1.0))
        yield "noise", noise + self._noise(0.5)
        yield "wind", max(0.0, unit.wind_m_s + self._noise(0.3))
        yield "temperature", 18.0 + 6.0 * day + self._noise(0.1)
        yield "spray", self._code(k, 1 if unit.spraying else 0, {"spray_fault": 2})
