"""Test posts along a pipe under cathodic protection, fed by one rectifier.

The off-potential is the natural potential plus polarisation; polarisation follows the current with a lag
(E(t) = E_target + (E_0 - E_target) e^(-t/tau)), so after the rectifier fails it decays for hours. The
on-potential adds the ohmic drop, which vanishes at once. Alternating current density at a coupon follows
from the voltage: J = 8 U / (rho pi d) (holiday of 1 cm2, d = 0.0113 m).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulators import Expected
from simulators._plant import PlantBase, towards

PROFILE = "cathodic_protection/test_post"
UNITS = {"e_on": "V(CSE)", "e_off": "V(CSE)", "ac_voltage": "V", "coupon_dc": "A/m2", "coupon_ac": "A/m2"}
TAU_S = 7200.0
"""Of polarisation."""
FAULTS = {
    "rectifier_drift": (Expected("e_off", "H", 5.0 * TAU_S),),
    "broken_cable": (Expected("e_off", "H", 0.0),),
    "coating_damage": (Expected("e_off", "H", 0.9 * TAU_S),),
    "drying_electrode": (Expected("e_off", "H", 1.7 * TAU_S),),
    "metro": (Expected("e_off", "", 0.0, quiet=True),),
    "telluric": (Expected("e_off", "", 0.0, quiet=True),),
    "rectifier_out": (Expected("e_off", "H", 0.55 * TAU_S),),
    "over_protection": (Expected("e_off", "L", 1.0 * TAU_S),),
    "ac_interference": (
        Expected("ac_voltage", "H", 5.0),
        Expected("ac_voltage", "HH", 5.0),
        Expected("coupon_ac", "H", 5.0),
        Expected("coupon_ac", "HH", 5.0),
    ),
}

NATURAL_V = -0.55
POLARISED_V = -0.45
"""Shift at normal current; three times the current gives a logarithmic share more (Tafel)."""
TAFEL_V = 0.35
OHMIC_V = -0.30
NORMAL_A_M2 = -0.10
OVER = 5.0
"""How many times the normal current an over-driven rectifier gives."""
AC_NORMAL_V, AC_FAULT_V = 1.2, 18.0
SOIL_OHM_M = 50.0
HOLIDAY_M = 0.0113
DAY_S = 86400.0
FADE_S = 6 * 3600.0
"""Of a drifting rectifier and of an electrode that dries out."""
LOOSE_V = -0.08
"""What an open cable shows."""
DRY_V = 0.5
METRO_V, TELLURIC_V, TIDE_S = 0.10, 0.05, 44_714.0
"""Stray current moves the on-potential so much, the off-potential by a third of it; 12.42 h."""
ZONE_S = 8 * 3600.0
QUIET_FROM_S, QUIET_TO_S = 1800.0, 16_200.0
"""No trains from 00:30 to 04:30 local time."""


def coupon_a_m2(volts: float) -> float:
    """Alternating current density at the holiday."""
    return 8.0 * volts / (SOIL_OHM_M * math.pi * HOLIDAY_M)


def metro_v(time_s: float) -> float:
    """Stray potential of trains every 180 to 450 s, -0.5..1: near a train that draws current, or brakes."""
    day_s = (time_s + ZONE_S) % DAY_S
    if QUIET_FROM_S <= day_s < QUIET_TO_S:
        return 0.0
    hour, in_hour_s = divmod(day_s, 3600.0)
    busy = 0.5 - 0.5 * math.cos(4 * math.pi * hour / 24.0)
    # an even number of trains an hour, so that every one ends with its hour and with half of it
    headway_s = 1800.0 / round(4 + 6 * busy)
    phase = (in_hour_s % headway_s) / headway_s
    return math.sin(2 * math.pi * phase) if phase < 0.5 else 0.5 * math.sin(2 * math.pi * phase)


class Plant(PlantBase):
    """One rectifier; every device is a post on its pipe. The rectifier's faults show at every post."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _begin(self) -> None:
        self._place = [1.0 + 0.03 * self._noise(1.0) for _ in self.devices]
        self.polarisation = [POLARISED_V for _ in self.devices]
        self.current = 1.0
        self.ac_v = [AC_NORMAL_V for _ in self.devices]

    def _advance(self, dt_s: float) -> None:
        self.current = self._current()
        target_v = self._target_v()
        for k in range(len(self.devices)):
            bare = self._severity("coating_damage", k)
            share = 0.65 - 0.45 * bare if bare else 1.0
            self.polarisation[k] = towards(self.polarisation[k], target_v * share, dt_s, TAU_S)
        busy = 1.0 + 0.3 * math.sin(2 * math.pi * self._now_ns / 1e9 / DAY_S)
        for k in range(len(self.devices)):
            line = self._severity("ac_interference", k)
            target = AC_FAULT_V - 2.2 * (1.0 - line) if line else AC_NORMAL_V * busy
            self.ac_v[k] = towards(self.ac_v[k], target, dt_s, 1.0)

    @property
    def polarisation_v(self) -> float:
        """Of the first post."""
        return self.polarisation[0]

    def _current(self) -> float:
        """The rectifier's, in times of its normal one."""
        out, over = self._severity("rectifier_out"), self._severity("over_protection")
        if out:
            return 0.3 * (1.0 - out)
        if over:
            return 1.0 + (OVER - 1.0) * (0.5 + 0.5 * over)
        return math.exp(-self._severity("rectifier_drift") * self._elapsed_s("rectifier_drift") / FADE_S)

    def _target_v(self) -> float:
        if self.current <= 0.0:
            return 0.0
        return min(0.0, POLARISED_V - TAFEL_V * math.log10(self.current) * 1.7)

    def _stray_v(self) -> float:
        time_s = self._now_ns / 1e9
        tide = self._severity("telluric") * TELLURIC_V * math.sin(2 * math.pi * time_s / TIDE_S)
        return self._severity("metro") * METRO_V * metro_v(time_s) + tide

    def _dry_v(self, k: int) -> float:
        dry = self._severity("drying_electrode", k)
        size = DRY_V * (0.6 + 0.4 * dry) if dry else 0.0
        return size * (1.0 - math.exp(-self._elapsed_s("drying_electrode", k) / FADE_S))

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, place in enumerate(self._place):
            stray = self._stray_v()
            off = NATURAL_V + self.polarisation[k] * place + self._dry_v(k) + stray / 3
            on = off + OHMIC_V * self.current * place + stray * 2 / 3
            if self._on("broken_cable", k):
                off = on = LOOSE_V
            yield k, "e_on", on + self._noise(0.002)
            yield k, "e_off", off + self._noise(0.002)
            yield k, "ac_voltage", max(0.0, self.ac_v[k] + self._noise(0.02))
            yield k, "coupon_dc", NORMAL_A_M2 * self.current * place + self._noise(0.001)
            yield k, "coupon_ac", max(0.0, coupon_a_m2(self.ac_v[k]) + self._noise(0.05))
