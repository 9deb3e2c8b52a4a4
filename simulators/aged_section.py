"""An old pipe under a street: gas that creeps through the soil, noise of the leak, thin walls,
settling, excavators.

Soil gas spreads by diffusion from a leak that keeps its concentration: C(r, t) = S erfc(r / (2 sqrt(D
t))). A blow or an excavator shakes the ground by v = K (sqrt(W) / r)^1.5, W its energy. Water takes the
ground away under the pipe: it settles with time towards the size of the cavity. Each device is one post.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "pipeline/aged_section"
UNITS = {
    "soil_gas": "%LEL", "leak_noise": "dB", "pressure": "MPa", "wall": "mm", "settlement": "mm",
    "digging_level": "mm/s", "battery": "V",
}  # fmt: skip
FAULTS = {
    "leak": (
        Expected("soil_gas", "H", 400.0), Expected("soil_gas", "HH", 800.0),
        Expected("leak_noise", "H", 0.0),
    ),
    "washed_out": (Expected("settlement", "H", 400.0), Expected("settlement", "HH", 900.0)),
    "corrosion": (Expected("wall", "", 30 * 86_400.0),),
    "machine_near": (Expected("digging", "machine_near", 0.0),),
    "digging": (Expected("digging", "digging", 0.0),),
    "blow": (Expected("digging", "blow", 0.0),),
    "regulator_open": (Expected("pressure", "H", 30.0),),
    "line_broken": (Expected("pressure", "L", 30.0),),
    "battery_low": (Expected("battery", "L", 600.0),),
    "case_opened": (Expected("case", "opened", 0.0),),
    "traffic": (Expected("", "", 0.0, quiet=True),),
    "frost": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
SOURCE_LEL, AWAY_M, SPREAD_M2_S = (75.0, 25.0), 0.5, 4e-4
"""Of a leak at its place, and how far the sensor stands; coarse backfill."""
NOISE_DB, LEAK_DB, TRAFFIC_DB = 28.0, (22.0, 14.0), 9.0
PRESSURE_MPA, HIGH_MPA, LOW_MPA = 0.32, (0.46, 0.1), (0.15, 0.14)
WALL_MM, ROT_MM_S = 6.2, 1.0 / (30 * 86_400.0)
CAVITY_MM, SETTLE_TAU_S, FROST_MM = (60.0, 60.0), 600.0, -6.0
SHAKE, NEAR, DIG, BLOW = 6.0, (2.0, 8.0), (6.0, 4.0), (400.0, 2.0)
"""K; energy in kJ and distance in m of a machine nearby, of digging, of a blow on the pipe."""
BATTERY_V, DRAIN_V_S = 3.6, 0.35 / 600.0


def soil_lel(source_lel: float, time_s: float) -> float:
    """Gas at the sensor so long after a leak began."""
    return source_lel * math.erfc(AWAY_M / (2 * math.sqrt(SPREAD_M2_S * time_s))) if time_s > 0 else 0.0


def shakes_mm_s(energy_kj: float, distance_m: float) -> float:
    """Peak velocity of the ground."""
    return SHAKE * float((math.sqrt(energy_kj) / distance_m) ** 1.5)


@dataclass(slots=True)
class Post:
    """State of one post."""

    leak_s: float = 0.0
    gas: float = 0.0
    settled_mm: float = 0.0
    wall_mm: float = WALL_MM
    pressure_mpa: float = PRESSURE_MPA
    battery_v: float = BATTERY_V


class Plant(UnitsBase[Post]):
    """Every device is one post."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Post:
        return Post(wall_mm=WALL_MM + self._between(-0.3, 0.3))

    def _part(self, k: int, unit: Post, dt_s: float) -> None:
        leak = self._severity("leak", k)
        if leak:
            unit.leak_s += dt_s
            unit.gas = soil_lel(SOURCE_LEL[0] + SOURCE_LEL[1] * leak, unit.leak_s)
        else:
            unit.gas, unit.leak_s = towards(unit.gas, 0.0, dt_s, 3600.0), 0.0
        washed, frost = self._severity("washed_out", k), self._severity("frost", k)
        target = CAVITY_MM[0] + CAVITY_MM[1] * washed if washed else FROST_MM * frost
        unit.settled_mm = towards(unit.settled_mm, target, dt_s, SETTLE_TAU_S if washed else 6 * 3600.0)
        unit.wall_mm = max(0.5, unit.wall_mm - ROT_MM_S * self._severity("corrosion", k) * dt_s)
        high, low = self._severity("regulator_open", k), self._severity("line_broken", k)
        aim = HIGH_MPA[0] + HIGH_MPA[1] * high if high else PRESSURE_MPA
        aim = LOW_MPA[0] - LOW_MPA[1] * low if low else aim
        unit.pressure_mpa = towards(unit.pressure_mpa, aim, dt_s, 10.0)
        drain = DRAIN_V_S * self._severity("battery_low", k)
        unit.battery_v = max(2.8, unit.battery_v - drain * dt_s) if drain else unit.battery_v

    def _shaken_mm_s(self, k: int) -> float:
        found = 0.1 + 0.4 * self._severity("traffic", k)
        for kind, (energy, away) in (("machine_near", NEAR), ("digging", DIG), ("blow", BLOW)):
            severity = self._severity(kind, k)
            found += shakes_mm_s(energy * severity, away) if severity else 0.0
        return found

    def _read(self, k: int, unit: Post) -> Iterable[tuple[str, float]]:
        leak = self._severity("leak", k)
        noise = NOISE_DB + (
            LEAK_DB[0] + LEAK_DB[1] * leak if leak else TRAFFIC_DB * self._severity("traffic", k)
        )
        yield "soil_gas", min(104.0, max(0.0, unit.gas + 0.3 + self._noise(0.1)))
        yield "leak_noise", noise + self._noise(1.0)
        yield "pressure", max(0.0, unit.pressure_mpa + self._noise(0.001))
        yield "wall", unit.wall_mm + self._noise(0.02)
        yield "settlement", unit.settled_mm + self._noise(0.3)
        yield "digging_level", min(100.0, self._shaken_mm_s(k) * math.exp(self._noise(0.1)))
        yield "digging", self._code(k, 0, {"blow": 3, "digging": 2, "machine_near": 1})
        yield "battery", unit.battery_v + self._noise(0.003)
        yield "case", self._code(k, 0, {"case_opened": 1})
