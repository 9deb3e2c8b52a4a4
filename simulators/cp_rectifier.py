"""A rectifier that holds the potential of a pipe: constant-potential control, ground bed, polarisation,
heat.

E_on = E_natural - polarisation - R_soil I; polarisation follows R_pol I with TAU_S, so after the current
stops the ohmic part is gone at once and the rest decays for hours. The controller makes I such that E_on
is the set potential, as far as its voltage reaches: V = V_back + R_loop I. Damaged coating lowers R_soil
and R_pol alike and costs current; a bed that dries out raises R_loop; a dry reference electrode shows too
little, and the pipe is driven too far. Each device is one rectifier.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase
from simulators.cp_post import TIDE_S, metro_v

PROFILE = "cathodic_protection/rectifier"
UNITS = {
    "output_voltage": "V", "output_current": "A", "e_on": "V(CSE)", "e_set": "V(CSE)",
    "loop_resistance": "ohm", "ac_ripple": "V", "mains": "V", "cabinet_temperature": "degC",
}  # fmt: skip
FAULTS = {
    "rectifier_out": (
        Expected("output_current", "LL", 5.0), Expected("mode", "fault", 0.0), Expected("e_on", "H", 600.0),
    ),
    "mains_lost": (
        Expected("mains", "L", 0.0), Expected("mode", "off", 0.0), Expected("output_current", "LL", 5.0),
    ),
    "cable_broken": (
        Expected("output_current", "LL", 5.0), Expected("output_voltage", "H", 5.0),
        Expected("loop_resistance", "H", 5.0),
    ),
    "bed_drying": (Expected("loop_resistance", "H", 760.0), Expected("output_voltage", "H", 340.0)),
    "reference_dry": (Expected("reference", "reference_fault", 0.0),),
    "set_drift": (Expected("e_on", "", 6 * 3600.0),),
    "coating_damage": (Expected("output_current", "", 12 * 3600.0),),
    "diode_open": (Expected("ac_ripple", "H", 0.0),),
    "fan_failed": (Expected("cabinet_temperature", "H", 620.0),),
    "interrupter_astray": (Expected("interrupter", "out_of_time", 0.0),),
    "door_opened": (Expected("door", "opened", 0.0),),
    "metro": (Expected("", "", 0.0, quiet=True),),
    "telluric": (Expected("", "", 0.0, quiet=True),),
    "rain": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
NATURAL_V, SET_V, SOIL_OHM, POL_OHM, TAU_S = -0.55, -1.10, 0.03125, 0.0375, 7200.0
CONTROL_TAU_S, LIMIT_V, BACK_V, LOOP_OHM = 30.0, 55.0, 2.0, 2.5
BROKEN_OHM, SHOWN_OHM, DRY_S, BED_TAU_S = 1000.0, 100.0, 347.0, 3600.0
"""A bed that dries: R_loop grows e-fold in DRY_S at severity 1 (tenfold in 800 s)."""
REFERENCE_V, DRIFT_V, DRIFT_S, DAMAGE, DAMAGE_TAU_S = 0.25, 0.15, 6 * 3600.0, 1.0, 3 * 3600.0
RIPPLE_V, DIODE_V, MAINS_V = 1.0, (5.0, 4.0), 226.0
CABINET_C, HOT_C, CABINET_TAU_S = 34.0, (65.0, 15.0), 600.0
METRO_V, TELLURIC_V, RAIN_SHARE = 0.06, 0.04, 0.25
OFF, POTENTIAL, FAULTY = 0, 1, 4


@dataclass(slots=True)
class Rectifier:
    """State of one rectifier and its pipe."""

    current_a: float
    polarisation_v: float
    loop_ohm: float
    cabinet_c: float = CABINET_C
    damage: float = 0.0
    dead: bool = False


def steady_a(set_v: float = SET_V, damage: float = 0.0) -> float:
    """The current that holds the set potential for good."""
    return (NATURAL_V - set_v) / (SOIL_OHM + POL_OHM) * (1.0 + damage)


class Plant(UnitsBase[Rectifier]):
    """Every device is one rectifier with its own pipe."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Rectifier:
        current = steady_a()
        return Rectifier(current, POL_OHM * current, LOOP_OHM * self._between(0.8, 1.2))

    def _stray_v(self) -> float:
        time_s = self._start_ns / 1e9 + self._now_s * self._scale
        tide = self._severity("telluric") * TELLURIC_V * math.sin(2 * math.pi * time_s / TIDE_S)
        return self._severity("metro") * METRO_V * metro_v(time_s) + tide

    def _set_v(self, k: int) -> float:
        drift = self._severity("set_drift", k)
        return SET_V + DRIFT_V * drift * min(1.0, self._elapsed_s("set_drift", k) / DRIFT_S)

    def _e_on(self, k: int, unit: Rectifier) -> float:
        """What the reference electrode shows."""
        share = 1.0 / (1.0 + unit.damage)
        true_v = NATURAL_V - unit.polarisation_v - SOIL_OHM * share * unit.current_a
        return true_v + REFERENCE_V * self._severity("reference_dry", k)

    def _part(self, k: int, unit: Rectifier, dt_s: float) -> None:
        unit.dead = self._on("rectifier_out", k) or self._on("mains_lost", k)
        dry = self._severity("bed_drying", k)
        wet = LOOP_OHM * (1.0 - RAIN_SHARE * self._severity("rain", k))
        if dry:
            unit.loop_ohm = min(SHOWN_OHM, unit.loop_ohm * math.exp(dry * dt_s / DRY_S))
        else:
            unit.loop_ohm = towards(unit.loop_ohm, wet, dt_s, BED_TAU_S)
        target = DAMAGE * self._severity("coating_damage", k)
        unit.damage = towards(unit.damage, target, dt_s, DAMAGE_TAU_S)
        share = 1.0 / (1.0 + unit.damage)
        shown = REFERENCE_V * self._severity("reference_dry", k)
        wanted = (NATURAL_V - unit.polarisation_v + shown - self._set_v(k)) / (SOIL_OHM * share)
        most = (LIMIT_V - BACK_V) / self._loop_ohm(k, unit)
        limited = (
            0.0 if unit.dead else max(0.0, min(most, towards(unit.current_a, wanted, dt_s, CONTROL_TAU_S)))
        )
        unit.current_a = limited
        steady = POL_OHM * share * unit.current_a
        unit.polarisation_v = towards(unit.polarisation_v, steady, dt_s, TAU_S)
        hot = self._severity("fan_failed", k)
        warm = HOT_C[0] + HOT_C[1] * hot if hot else CABINET_C
        unit.cabinet_c = towards(unit.cabinet_c, warm, dt_s, CABINET_TAU_S)

    def _loop_ohm(self, k: int, unit: Rectifier) -> float:
        return BROKEN_OHM if self._on("cable_broken", k) else unit.loop_ohm

    def _read(self, k: int, unit: Rectifier) -> Iterable[tuple[str, float]]:
        loop = self._loop_ohm(k, unit)
        volts = 0.0 if unit.dead else BACK_V + loop * unit.current_a
        diode = self._severity("diode_open", k)
        ripple = DIODE_V[0] + DIODE_V[1] * diode if diode else RIPPLE_V
        yield "output_voltage", max(0.0, volts + self._noise(0.05))
        yield "output_current", max(0.0, unit.current_a + self._noise(0.01))
        yield "e_on", self._e_on(k, unit) + self._stray_v() + self._noise(0.002)
        yield "e_set", self._set_v(k)
        yield "loop_resistance", max(0.0, min(SHOWN_OHM, loop) + self._noise(0.02))
        yield "ac_ripple", 0.0 if unit.dead else max(0.0, ripple + self._noise(0.05))
        yield "mains", 0.0 if self._on("mains_lost", k) else MAINS_V + self._noise(1.0)
        yield "cabinet_temperature", unit.cabinet_c + self._noise(0.2)
        yield "mode", self._code(k, POTENTIAL, {"mains_lost": OFF, "rectifier_out": FAULTY})
        yield "interrupter", self._code(k, 0, {"interrupter_astray": 2})
        yield "reference", self._code(k, 0, {"reference_dry": 1})
        yield "door", self._code(k, 0, {"door_opened": 1})
