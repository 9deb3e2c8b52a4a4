"""An optical dust monitor in a duct of aluminium grinding: what the machines feed by what the fan carries.

Mass per volume is feed / (velocity * section); the concentration is its share of the dust's own lower
explosible limit (MEC). A clogging duct slows the air and so thickens the dust. The window soils, quicker
when the purge air that keeps it clean fails.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected, _instruments
from simulators._instruments import InstrumentsBase
from simulators._plant import towards

PROFILE = "dust/concentration"
UNITS = {
    "concentration": "%MEC", "mass": "g/m3", "velocity": "m/s", "window": "%", "purge": "kPa", "supply": "V",
    "calibration_days": "d",
}  # fmt: skip
FAULTS = {
    "overload": (Expected("concentration", "H", 8.0), Expected("concentration", "HH", 15.0)),
    "clogging": (Expected("velocity", "L", 60.0),),
    "window_soiled": (Expected("window", "H", 620.0),),
    "purge_lost": (Expected("purge", "L", 10.0),),
    "cleaning": (Expected("", "", 0.0, quiet=True),),
    **_instruments.FAULTS,
}
MEC_G_M3 = 45.0
"""Aluminium, a handbook figure; the plant's own tested value wins."""
SECTION_M2, VELOCITY_M_S, FEED_G_S = 0.2, 20.0, 14.4
"""8 % of the MEC."""
OVERLOAD, CLEANING = (6.0, 4.0), 0.8
"""Times the normal feed: at no severity, more at 1; and in ordinary cleaning."""
CLOGGED, FAN_TAU_S, FEED_TAU_S = (0.28, 0.25), 30.0, 5.0
WINDOW, SOIL_S, PURGE_KPA = 20.0, 40.0 / 600.0, 300.0
UNPURGED = 5.0
"""Percent an hour that a window soils without purge air."""


def percent_mec(feed_g_s: float, velocity_m_s: float) -> float:
    """The concentration in the duct."""
    return 100.0 * feed_g_s / (velocity_m_s * SECTION_M2) / MEC_G_M3


@dataclass(slots=True)
class Duct:
    """State of one duct."""

    feed_g_s: float = FEED_G_S
    velocity_m_s: float = VELOCITY_M_S
    window: float = WINDOW
    purge_kpa: float = PURGE_KPA


class Plant(InstrumentsBase[Duct]):
    """Every device is one duct with its monitor."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    HAS_LIFE = False

    def _new(self, k: int) -> Duct:
        return Duct(window=WINDOW + self._between(-5.0, 5.0))

    def _part(self, k: int, unit: Duct, dt_s: float) -> None:
        over = self._severity("overload", k)
        times = OVERLOAD[0] + OVERLOAD[1] * over if over else 1.0 + CLEANING * self._severity("cleaning", k)
        unit.feed_g_s = towards(unit.feed_g_s, FEED_G_S * times, dt_s, FEED_TAU_S)
        clogged = self._severity("clogging", k)
        open_share = 1.0 - (CLOGGED[0] + CLOGGED[1] * clogged if clogged else 0.0)
        unit.velocity_m_s = towards(unit.velocity_m_s, VELOCITY_M_S * open_share, dt_s, FAN_TAU_S)
        lost, soiled = self._severity("purge_lost", k), self._severity("window_soiled", k)
        unit.purge_kpa = towards(unit.purge_kpa, PURGE_KPA * (0.3 - 0.3 * lost if lost else 1.0), dt_s, 5.0)
        rate = SOIL_S * soiled + (UNPURGED * lost / 3600.0)
        unit.window = min(100.0, unit.window + rate * dt_s)

    def _read(self, k: int, unit: Duct) -> Iterable[tuple[str, float]]:
        share = percent_mec(unit.feed_g_s, unit.velocity_m_s) * math.exp(self._noise(0.03))
        yield "concentration", min(104.0, share)
        yield "mass", share / 100.0 * MEC_G_M3
        yield "velocity", max(0.0, unit.velocity_m_s + self._noise(0.1))
        yield "window", unit.window + self._noise(0.1)
        yield "purge", max(0.0, unit.purge_kpa + self._noise(1.0))
        yield from self._told(k)
