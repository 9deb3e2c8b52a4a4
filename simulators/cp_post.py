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


def coupon_a_m2(volts: float) -> float:
    """Alternating current density at the holiday."""
    return 8.0 * volts / (SOIL_OHM_M * math.pi * HOLIDAY_M)


class Plant(PlantBase):
    """One rectifier; every device is a post on its pipe. The rectifier's faults show at every post."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _begin(self) -> None:
        self._place = [1.0 + 0.03 * self._noise(1.0) for _ in self.devices]
        self.polarisation_v = POLARISED_V
        self.current = 1.0
        self.ac_v = [AC_NORMAL_V for _ in self.devices]

    def _advance(self, dt_s: float) -> None:
        self.current = 0.0 if self._on("rectifier_out") else OVER if self._on("over_protection") else 1.0
        self.polarisation_v = towards(self.polarisation_v, self._target_v(), dt_s, TAU_S)
        busy = 1.0 + 0.3 * math.sin(2 * math.pi * self._now_ns / 1e9 / DAY_S)
        for k in range(len(self.devices)):
            target = AC_FAULT_V if self._on("ac_interference", k) else AC_NORMAL_V * busy
            self.ac_v[k] = towards(self.ac_v[k], target, dt_s, 1.0)

    def _target_v(self) -> float:
        if self.current <= 0.0:
            return 0.0
        return POLARISED_V - TAFEL_V * math.log10(self.current) * 1.7

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, place in enumerate(self._place):
            off = NATURAL_V + self.polarisation_v * place
            yield k, "e_on", off + OHMIC_V * self.current * place + self._noise(0.002)
            yield k, "e_off", off + self._noise(0.002)
            yield k, "ac_voltage", max(0.0, self.ac_v[k] + self._noise(0.02))
            yield k, "coupon_dc", NORMAL_A_M2 * self.current * place + self._noise(0.001)
            yield k, "coupon_ac", max(0.0, coupon_a_m2(self.ac_v[k]) + self._noise(0.05))
