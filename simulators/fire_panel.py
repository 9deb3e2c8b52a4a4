"""Points of a fire alarm panel, each in its own room: a growing fire, its smoke, the detector's chamber.

Heat release alpha t^2 ("fast": 1 MW after 150 s, NFPA 72 annex); soot in proportion to what burns, all of
it stays in the room; extinction k = sigma m / V; the chamber follows with a lag and the point says fire
above its threshold. The panel's battery carries it when the mains fail: an energy balance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "fire/panel_point"
UNITS: dict[str, str] = {}
FAULTS = {
    "fire": (Expected("state", "fire", 50.0),),
    "manual_call": (Expected("manual_call", "manual_call", 0.0),),
    "mains_lost": (Expected("main_power", "main_power_failed", 0.0),),
    "battery_dead": (Expected("backup_power", "backup_power_failed", 0.0),),
    "point_fault": (Expected("state", "point_fault", 0.0),),
    "shielded": (Expected("state", "shielded", 0.0),),
    "smoking": (Expected("", "", 0.0, quiet=True),),
}

ALPHA_KW_S2 = 0.0469
HEAT_KJ_KG, SOOT = 20_000.0, 0.05
SIGMA_M2_KG = 8700.0
"""Specific extinction of flaming soot, m2/kg (Mulholland and Croarkin, 2000)."""
THRESHOLD_1_M, QUIET_1_M = 0.03, 0.02
"""0.13 dB/m; below the second it goes back."""
CHAMBER_TAU_S = 8.0
SMOKING_1_M = 0.012
CLEAR_TAU_S = 300.0
BATTERY_S = 24 * 3600.0
NORMAL, FIRE = 0, 1


@dataclass(slots=True)
class Room:
    """State of one room and its point."""

    volume_m3: float
    burnt_s: float = 0.0
    soot_kg: float = 0.0
    chamber_1_m: float = 0.0
    fire: bool = False
    battery: float = 1.0


def soot_kg(alpha_kw_s2: float, seconds: float) -> float:
    """All the soot of a fire that grows as t^2, closed form."""
    return SOOT * alpha_kw_s2 * seconds**3 / 3.0 / HEAT_KJ_KG


class Plant(UnitsBase[Room]):
    """Every device is one point."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Room:
        return Room(self._between(100.0, 300.0))

    def _part(self, k: int, unit: Room, dt_s: float) -> None:
        fire = self._severity("fire", k)
        if fire:
            before = soot_kg(ALPHA_KW_S2 * fire, unit.burnt_s)
            unit.burnt_s += dt_s
            unit.soot_kg += soot_kg(ALPHA_KW_S2 * fire, unit.burnt_s) - before
        else:
            unit.burnt_s = 0.0
            unit.soot_kg = towards(unit.soot_kg, 0.0, dt_s, CLEAR_TAU_S)
        extinction = SIGMA_M2_KG * unit.soot_kg / unit.volume_m3 + SMOKING_1_M * self._severity("smoking", k)
        unit.chamber_1_m = towards(unit.chamber_1_m, extinction, dt_s, CHAMBER_TAU_S)
        if unit.chamber_1_m >= THRESHOLD_1_M:
            unit.fire = True
        elif unit.chamber_1_m < QUIET_1_M:
            unit.fire = False
        mains = not self._on("mains_lost", k)
        unit.battery = min(1.0, max(0.0, unit.battery + dt_s / BATTERY_S * (4.0 if mains else -1.0)))

    def _read(self, k: int, unit: Room) -> Iterable[tuple[str, float]]:
        state = FIRE if unit.fire else NORMAL
        yield "state", self._code(k, state, {"point_fault": 2, "shielded": 3})
        yield "manual_call", self._code(k, 0, {"manual_call": 1})
        yield "main_power", self._code(k, 0, {"mains_lost": 1})
        yield "backup_power", 1 if unit.battery <= 0.0 or self._on("battery_dead", k) else 0
