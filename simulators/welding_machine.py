"""Welding machines that start for a coded welder only: arc and pause, the case's heat, gas at the work place.

While it welds the voltage is the conventional load line 20 V + 0.04 V/A (IEC 60974-1); in a pause it is the
idle voltage. The case: C dT/dt = losses - U (T - T_air). Gas at the work place follows the balance of an air
volume that is swept, and the detector its own lag. Without a valid card the lock keeps the arc out. Each
device is one machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._leak import ALARMS, LEAK_LEL, Nose
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "moving/welding_machine"
UNITS = {
    "current": "A", "voltage": "V", "lel": "%LEL", "case_temperature": "degC", "latitude": "deg",
    "longitude": "deg",
}  # fmt: skip
FAULTS = {
    "strange_card": (Expected("welder", "welder_invalid", 0.0),),
    "expired_card": (Expected("welder", "welder_invalid", 0.0),),
    "permit_over": (Expected("permit", "permit_expired", 0.0),),
    "bypassed": (Expected("lock", "lock_bypassed", 0.0),),
    "overload": (Expected("current", "H", 2.0),),
    "reducer_lost": (Expected("voltage", "H", 2.0),),
    "gas": ALARMS,
    "fan_off": (Expected("case_temperature", "H", 320.0),),
    "long_seam": (Expected("", "", 0.0, quiet=True),),
}

AMPERES = (90.0, 180.0)
OVERLOAD_A = (430.0, 60.0)
IDLE_V, LOST_V = 75.0, (114.5, 4.0)
ARC_S, PAUSE_S = (40.0, 120.0), (40.0, 180.0)
EFFICIENCY, IDLE_W = 0.85, 60.0
CASE_J_K, FAN_W_K, STILL_W_K = 12_000.0, 40.0, 4.0
AIR_C = 25.0
PLACE_DEG = 2e-5
"""Scatter of the satellite receiver, about 2 m."""


@dataclass(slots=True)
class Machine:
    """State of one machine."""

    latitude: float
    longitude: float
    amperes: float
    left_s: float
    """Of this seam, or of this pause."""
    welding: bool = False
    case_c: float = AIR_C + 10.0
    nose: Nose = field(default_factory=Nose)
    lost_j: float = 0.0
    given_off_j: float = 0.0


def arc_v(amperes: float) -> float:
    """The conventional load voltage."""
    return min(44.0, 20.0 + 0.04 * amperes)


class Plant(UnitsBase[Machine]):
    """Every device is one machine."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 2.0

    def _new(self, k: int) -> Machine:
        return Machine(
            self._between(29.9, 30.1), self._between(122.0, 122.3), self._between(*AMPERES),
            self._between(0, PAUSE_S[1]), welding=self._between(0, 1) < 0.5,
        )  # fmt: skip

    def _part(self, k: int, unit: Machine, dt_s: float) -> None:
        unit.left_s -= dt_s
        if unit.left_s <= 0:
            unit.welding = not unit.welding
            seam = ARC_S if not self._on("long_seam", k) else (3 * ARC_S[0], 3 * ARC_S[1])
            unit.left_s = self._between(*(seam if unit.welding else PAUSE_S))
            unit.amperes = self._between(*AMPERES) if unit.welding else unit.amperes
        amperes = self._amperes(k, unit)
        losses = IDLE_W + amperes * arc_v(amperes) * (1.0 / EFFICIENCY - 1.0)
        loss_w_k = STILL_W_K if self._on("fan_off", k) else FAN_W_K
        before = unit.case_c
        unit.case_c = towards(before, AIR_C + losses / loss_w_k, dt_s, CASE_J_K / loss_w_k)
        unit.lost_j += losses * dt_s
        unit.given_off_j += losses * dt_s - CASE_J_K * (unit.case_c - before)
        unit.nose.step(self._by_severity("gas", k, LEAK_LEL), dt_s)

    def _amperes(self, k: int, unit: Machine) -> float:
        """What flows: nothing while it is locked or in a pause."""
        if self._on("overload", k):
            return self._by_severity("overload", k, OVERLOAD_A)
        if any(self._on(kind, k) for kind in ("strange_card", "expired_card", "permit_over", "reducer_lost")):
            return 0.0
        if self._on("fan_off", k):
            return AMPERES[1] * (1.0 + self._severity("fan_off", k))
        return unit.amperes if unit.welding else 0.0

    def _read(self, k: int, unit: Machine) -> Iterable[tuple[str, float]]:
        amperes = self._amperes(k, unit)
        volts = arc_v(amperes) if amperes else self._by_severity("reducer_lost", k, LOST_V, IDLE_V)
        yield "current", max(0.0, amperes + self._noise(1.5)) if amperes else 0.0
        yield "voltage", min(120.0, volts + self._noise(0.3))
        yield "lel", min(100.0, max(0.0, unit.nose.shown + self._noise(0.1)))
        yield "case_temperature", min(120.0, unit.case_c + self._noise(0.1))
        yield "latitude", unit.latitude + self._noise(PLACE_DEG)
        yield "longitude", unit.longitude + self._noise(PLACE_DEG)
        yield "welder", self._code(k, 1, {"expired_card": 2, "strange_card": 3})
        yield "permit", self._code(k, 1, {"permit_over": 2})
        yield (
            "lock",
            self._code(k, 1, {"bypassed": 2, "strange_card": 0, "expired_card": 0, "permit_over": 0}),
        )
