"""The smoke of a growing fire in a room, and a detector's chamber that sees it: for panels, homes, platforms.

Heat release alpha t^2 ("fast": 1 MW after 150 s, NFPA 72 annex); soot in proportion to what burns, all of
it stays in the room; extinction k = sigma m / V; the chamber follows with a lag and says smoke above its
threshold until it is below a lower one.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators._plant import towards

ALPHA_KW_S2 = 0.0469
HEAT_KJ_KG, SOOT = 20_000.0, 0.05
SIGMA_M2_KG = 8700.0
"""Specific extinction of flaming soot, m2/kg (Mulholland and Croarkin, 2000)."""
THRESHOLD_1_M, QUIET_1_M = 0.03, 0.02
"""0.13 dB/m; below the second it goes back."""
CHAMBER_TAU_S = 8.0
CLEAR_TAU_S = 300.0


def soot_kg(alpha_kw_s2: float, seconds: float) -> float:
    """All the soot of a fire that grows as t^2, closed form."""
    return SOOT * alpha_kw_s2 * seconds**3 / 3.0 / HEAT_KJ_KG


@dataclass(slots=True)
class Room:
    """State of one room and its detector."""

    volume_m3: float
    burnt_s: float = 0.0
    soot_kg: float = 0.0
    chamber_1_m: float = 0.0
    smoke: bool = False

    def burn(self, fire: float, dt_s: float, haze_1_m: float = 0.0) -> None:
        """``dt_s`` seconds further. fire: severity of what burns, 0 = nothing; haze_1_m: extinction of what
        is no fire."""
        if fire:
            before = soot_kg(ALPHA_KW_S2 * fire, self.burnt_s)
            self.burnt_s += dt_s
            self.soot_kg += soot_kg(ALPHA_KW_S2 * fire, self.burnt_s) - before
        else:
            self.burnt_s = 0.0
            self.soot_kg = towards(self.soot_kg, 0.0, dt_s, CLEAR_TAU_S)
        extinction = SIGMA_M2_KG * self.soot_kg / self.volume_m3 + haze_1_m
        self.chamber_1_m = towards(self.chamber_1_m, extinction, dt_s, CHAMBER_TAU_S)
        if self.chamber_1_m >= THRESHOLD_1_M:
            self.smoke = True
        elif self.chamber_1_m < QUIET_1_M:
            self.smoke = False
