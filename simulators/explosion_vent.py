"""A filter with explosion vent, isolation flap and suppression: what they do in a deflagration, and how
they fail.

A deflagration in a closed vessel raises the pressure by the cube of time, p = p_max (t S / r)^3 (S the
flame's speed, r the vessel's radius), until the vent opens at P_STAT; all is over in tenths of a second,
so the device shows the highest pressure since its last record. Then the vent is open, the flap shut, the
suppression empty, the fan tripped, and the hot vessel cools. A leaking bottle loses its pressure
exponentially.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "dust/vent_burst"
UNITS = {"pressure": "kPa", "bottle": "MPa", "temperature": "degC"}
FAULTS = {
    "explosion": (
        Expected("vent", "burst", 0.0),
        Expected("isolation", "closed", 0.0),
        Expected("suppression", "discharged", 0.0),
        Expected("pressure", "HH", 0.0),
        Expected("temperature", "H", 5.0),
        Expected("fan", "fan_tripped", 0.0),
    ),
    "smoulder": (Expected("temperature", "H", 600.0),),
    "wire_broken": (Expected("vent", "wire_broken", 0.0),),
    "flap_dusty": (Expected("isolation", "not_ready", 0.0),),
    "suppression_locked": (Expected("suppression", "locked_off", 0.0),),
    "suppression_fault": (Expected("suppression", "suppression_fault", 0.0),),
    "bottle_leak": (Expected("bottle", "L", 340.0),),
    "rotary_fault": (Expected("rotary_valve", "rotary_fault", 0.0),),
    "fan_trip": (Expected("fan", "fan_tripped", 0.0),),
    "idle": (Expected("", "", 0.0, quiet=True),),
}
SUCTION_KPA, P_STAT_KPA, P_MAX_KPA = -2.0, 10.0, 800.0
FLAME_M_S, RADIUS_M = 3.0, 0.8
OVERSHOOT_KPA = (6.0, 20.0)
"""The pressure rises on while the vent opens: at no severity, more at 1."""
WARM_C, FIRE_C, SMOULDER_C, COOL_TAU_S = 32.0, 190.0, (60.0, 50.0), 900.0
BOTTLE_MPA, BOTTLE_TAU_S = 6.0, 1500.0
STOPPED, RUNNING, TRIPPED = 0, 1, 2


def opens_after_s() -> float:
    """From the ignition until the vent opens: the cubic law at P_STAT."""
    share = (P_STAT_KPA - SUCTION_KPA) / P_MAX_KPA
    return float(RADIUS_M / FLAME_M_S * share ** (1 / 3))


def rise_kpa(time_s: float) -> float:
    """Pressure above the start of a flame that has burnt so long, before any vent opens."""
    return min(P_MAX_KPA, P_MAX_KPA * (time_s * FLAME_M_S / RADIUS_M) ** 3)


@dataclass(slots=True)
class Vessel:
    """State of one filter."""

    temperature_c: float
    pressure_kpa: float = SUCTION_KPA
    peak_kpa: float = SUCTION_KPA
    bottle_mpa: float = BOTTLE_MPA
    burst: bool = False


class Plant(UnitsBase[Vessel]):
    """Every device is one filter with its protection."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Vessel:
        return Vessel(WARM_C + self._between(-3.0, 3.0), bottle_mpa=BOTTLE_MPA + self._between(-0.2, 0.2))

    def _part(self, k: int, unit: Vessel, dt_s: float) -> None:
        blast = self._severity("explosion", k)
        if blast and not unit.burst:
            unit.burst, unit.temperature_c, unit.bottle_mpa = True, FIRE_C, 0.1
            unit.peak_kpa = P_STAT_KPA + OVERSHOOT_KPA[0] + OVERSHOOT_KPA[1] * blast
        sucks = not (unit.burst or self._on("fan_trip", k) or self._on("idle", k))
        unit.pressure_kpa = towards(unit.pressure_kpa, SUCTION_KPA if sucks else 0.0, dt_s, 3.0)
        unit.peak_kpa = max(unit.peak_kpa, unit.pressure_kpa)
        hot = self._severity("smoulder", k)
        target = WARM_C + (SMOULDER_C[0] + SMOULDER_C[1] * hot if hot else 0.0)
        unit.temperature_c = towards(unit.temperature_c, target, dt_s, COOL_TAU_S)
        leak = self._severity("bottle_leak", k)
        unit.bottle_mpa = towards(unit.bottle_mpa, 0.0, dt_s * leak, BOTTLE_TAU_S)

    def _read(self, k: int, unit: Vessel) -> Iterable[tuple[str, float]]:
        stands = self._on("idle", k)
        yield "vent", 1 if unit.burst else self._code(k, 0, {"wire_broken": 2})
        yield "isolation", 1 if unit.burst else self._code(k, 0, {"flap_dusty": 2})
        armed = self._code(k, 0, {"suppression_locked": 2, "suppression_fault": 3})
        yield "suppression", 1 if unit.burst else armed
        yield "rotary_valve", self._code(k, STOPPED if stands or unit.burst else 1, {"rotary_fault": 2})
        fan = TRIPPED if unit.burst else self._code(k, STOPPED if stands else RUNNING, {"fan_trip": TRIPPED})
        yield "fan", fan
        yield "pressure", unit.peak_kpa + self._noise(0.03)
        unit.peak_kpa = unit.pressure_kpa
        yield "bottle", max(0.0, unit.bottle_mpa + self._noise(0.01))
        yield "temperature", unit.temperature_c + self._noise(0.2)
