"""A semi-batch reactor that is fed peroxide: heat of reaction against its jacket, and what decomposes.

A = fed less reacted: dA/dt = F - k(T) A, k after Arrhenius, a tenth of it when nothing stirs; C dT/dt = H k A
- U (T - T_coolant), U by the coolant's flow to the power 0.8. Decomposition gives heat and oxygen; the
headspace is swept, its pressure is what the vent lets stand. At 55 degC the interlock stops the feed, at 65
it quenches; it acts by itself, the gateway observes. Each device is one reactor.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._leak import ALARMS, LEAK_LEL, Nose
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "hazchem/peroxide_unit"
UNITS = {
    "temperature": "degC", "pressure": "kPa", "cooling_flow": "m3/h", "feed_flow": "L/min", "oxygen": "%VOL",
    "lel": "%LEL",
}  # fmt: skip
FAULTS = {
    "cooling_lost": (
        Expected("cooling_flow", "L", 5.0),
        Expected("cooling_flow", "LL", 8.0),
        Expected("temperature", "H", 160.0),
        Expected("temperature", "HH", 280.0),
        Expected("trip", "interlock_acted", 280.0),
    ),
    "stirrer_out": (Expected("stirrer", "stirrer_stopped", 0.0),),
    "overfeed": (Expected("feed_flow", "H", 3.0),),
    "decomposition": (
        Expected("oxygen", "H", 40.0), Expected("pressure", "H", 25.0), Expected("pressure", "HH", 50.0),
    ),
    "leak": ALARMS,
    "bypassed": (Expected("trip", "interlock_bypassed", 0.0),),
    "faster_feed": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip

FEED_L_MIN, FASTER_L_MIN, OVERFEED_L_MIN = 30.0, 8.0, (64.0, 20.0)
REACTION_J_L, STORE_J_K = 2.6e6, 1.3e7
RATE_1_S, RATE_C, ACTIVATION_K, UNSTIRRED = 1.0 / 60.0, 30.0, 6000.0, 0.1
COOLANT_C, COOLING_M3_H, LOST_M3_H, PUMP_TAU_S = 10.0, 60.0, (26.0, -26.0), 2.0
U_W_K = REACTION_J_L * FEED_L_MIN / 60.0 / (RATE_C - COOLANT_C)
"""What holds 30 degC at the usual feed."""
STOP_C, QUENCH_C, SAFE_C, QUENCHED_C, QUENCH_TAU_S = 55.0, 65.0, 35.0, 15.0, 60.0
DECOMPOSES_W = 3e5
VENT_KPA, GAS_KPA, VENT_TAU_S = 20.0, (350.0, 150.0), 40.0
OXYGEN_VOL, SWEPT_TAU_S = (8.0, 8.0), 30.0
NORMAL, STOPPED, QUENCHED = 0, 1, 2


def rate_1_s(celsius: float) -> float:
    """Of the reaction, stirred."""
    return RATE_1_S * math.exp(ACTIVATION_K * (1.0 / (RATE_C + 273.15) - 1.0 / (celsius + 273.15)))


def u_w_k(flow_m3_h: float) -> float:
    """Heat that the jacket takes for each kelvin."""
    return U_W_K * math.pow(max(0.0, flow_m3_h) / COOLING_M3_H, 0.8)


@dataclass(slots=True)
class Reactor:
    """State of one reactor."""

    waiting_l: float
    """Peroxide that has not reacted."""
    temperature_c: float = RATE_C
    cooling_m3_h: float = COOLING_M3_H
    feed_l_min: float = FEED_L_MIN
    pressure_kpa: float = VENT_KPA
    oxygen_vol: float = 0.3
    trip: int = NORMAL
    nose: Nose = field(default_factory=Nose)
    fed_l: float = 0.0
    reacted_l: float = 0.0
    heat_j: float = 0.0
    """Given by all that reacted, less what jacket and quench took: C dT."""


class Plant(UnitsBase[Reactor]):
    """Every device is one reactor."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 1.0

    def _new(self, k: int) -> Reactor:
        return Reactor(FEED_L_MIN / 60.0 / RATE_1_S)

    def _part(self, k: int, unit: Reactor, dt_s: float) -> None:
        self._interlock(k, unit)
        feed = self._by_severity(
            "overfeed", k, OVERFEED_L_MIN, FEED_L_MIN + FASTER_L_MIN * self._severity("faster_feed", k)
        )
        unit.feed_l_min = feed if unit.trip == NORMAL else 0.0
        cooling = self._by_severity("cooling_lost", k, LOST_M3_H, COOLING_M3_H)
        unit.cooling_m3_h = towards(unit.cooling_m3_h, cooling, dt_s, PUMP_TAU_S)
        self._react(k, unit, dt_s)
        gas = self._by_severity("decomposition", k, GAS_KPA, VENT_KPA)
        unit.pressure_kpa = towards(unit.pressure_kpa, gas, dt_s, VENT_TAU_S)
        oxygen = self._by_severity("decomposition", k, OXYGEN_VOL, 0.3)
        unit.oxygen_vol = towards(unit.oxygen_vol, oxygen, dt_s, SWEPT_TAU_S)
        unit.nose.step(self._by_severity("leak", k, LEAK_LEL), dt_s)

    def _interlock(self, k: int, unit: Reactor) -> None:
        """Of the plant itself; it stays where it went until the reactor is cool and the fault over."""
        if self._on("bypassed", k):
            unit.trip = NORMAL
        elif unit.temperature_c >= QUENCH_C:
            unit.trip = QUENCHED
        elif unit.temperature_c >= STOP_C:
            unit.trip = max(unit.trip, STOPPED)
        elif unit.temperature_c <= SAFE_C and not self._on("cooling_lost", k):
            unit.trip = NORMAL

    def _react(self, k: int, unit: Reactor, dt_s: float) -> None:
        fed = unit.feed_l_min / 60.0 * dt_s
        rate = rate_1_s(unit.temperature_c) * (UNSTIRRED if self._on("stirrer_out", k) else 1.0)
        left = towards(unit.waiting_l, unit.feed_l_min / 60.0 / rate, dt_s, 1.0 / rate)
        reacted = unit.waiting_l + fed - left
        unit.waiting_l = left
        unit.fed_l += fed
        unit.reacted_l += reacted
        heat = REACTION_J_L * reacted + DECOMPOSES_W * self._severity("decomposition", k) * dt_s
        u = u_w_k(unit.cooling_m3_h)
        before = unit.temperature_c
        warm = before + heat / STORE_J_K
        unit.temperature_c = towards(warm, COOLANT_C, dt_s, STORE_J_K / u) if u else warm
        if unit.trip == QUENCHED:
            unit.temperature_c = towards(unit.temperature_c, QUENCHED_C, dt_s, QUENCH_TAU_S)
        unit.heat_j += STORE_J_K * (unit.temperature_c - before)

    def _read(self, k: int, unit: Reactor) -> Iterable[tuple[str, float]]:
        yield "temperature", unit.temperature_c + self._noise(0.05)
        yield "pressure", max(0.0, unit.pressure_kpa + self._noise(0.3))
        yield "cooling_flow", max(0.0, unit.cooling_m3_h + self._noise(0.2))
        yield "feed_flow", max(0.0, unit.feed_l_min + self._noise(0.1)) if unit.feed_l_min else 0.0
        yield "oxygen", max(0.0, unit.oxygen_vol + self._noise(0.02))
        yield "lel", min(100.0, max(0.0, unit.nose.shown + self._noise(0.1)))
        yield "stirrer", self._code(k, 1, {"stirrer_out": 2})
        yield "trip", self._code(k, unit.trip, {"bypassed": 3})
