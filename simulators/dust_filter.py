"""A bag filter behind a duct of wood dust: cake grows, pulses blow it off, the fan gives what is left.

Filter drag: dp = (K1 + K2 W) v, W the dust on a square metre of cloth, dW/dt = c v (all dust stays); a pulse
removes a share of the cake. The fan's curve and the duct meet at v_duct = v0 sqrt(1 - dp / dp_max). A vent
burst is a deflagration: the vent opens for good, the filter shows no pressure, the fan trips, the hopper
heats at once and cools slowly. Each device is one filter; faults are per device.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import PlantBase, towards

PROFILE = "dust/filter_duct"
UNITS = {"filter_dp": "Pa", "duct_velocity": "m/s", "hopper_temperature": "degC"}
FAULTS = {
    "blocked": (
        Expected("filter_dp", "H", 240.0),
        Expected("filter_dp", "HH", 700.0),
        Expected("duct_velocity", "L", 900.0),
    ),
    "bridging": (Expected("filter_dp", "H", 1800.0),),
    "blocked_duct": (Expected("duct_velocity", "L", 5.0),),
    "fan_slip": (Expected("duct_velocity", "L", 5.0),),
    "bag_burst": (Expected("filter_dp", "L", 5.0),),
    "vent_burst": (
        Expected("vent", "burst", 0.0),
        Expected("duct_velocity", "LL", 10.0),
        Expected("hopper_temperature", "HH", 5.0),
    ),
    "smoulder": (Expected("hopper_temperature", "H", 600.0),),
}

K1_PA_S_M = 40_000.0
"""Drag of clean cloth."""
K2_PA_S_M_KG = 75_000.0
"""Drag of one kg/m2 of cake."""
FACE_M_S = 0.02
"""Filtering velocity when the duct runs at its design velocity."""
DUCT_M_S = 26.0
"""What the fan would give without a filter."""
FAN_PA = 3200.0
"""Fan pressure at no flow."""
DUST_KG_M3 = 0.02
BLOCKED_LOAD = 4.0
"""A blocked filter gets no pulses, and moist dust of four times the load."""
PULSE_PA = 1250.0
"""The controller pulses above this."""
PULSE_SHARE = 0.6
BRIDGED_SHARE = 0.004
"""What a pulse still removes when dust bridges over the hopper's outlet."""
PULSE_EVERY_S = 10.0
AMBIENT_C = 28.0
FIRE_C, SMOULDER_C = 160.0, 110.0
HOPPER_TAU_S = 900.0
INTACT, BURST = 0, 1


@dataclass(slots=True)
class Filter:
    """State of one filter."""

    cake_kg_m2: float = 0.2
    duct_m_s: float = 20.0
    dp_pa: float = 900.0
    hopper_c: float = AMBIENT_C
    burst: bool = False
    rested_s: float = PULSE_EVERY_S
    """Seconds since the last pulse."""


class Plant(PlantBase):
    """Every device is one filter with its duct."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _begin(self) -> None:
        self.filters = [Filter(cake_kg_m2=0.1 + 0.15 * float(self._random.random())) for _ in self.devices]
        for unit in self.filters:
            self._settle(unit)

    def _advance(self, dt_s: float) -> None:
        for k, unit in enumerate(self.filters):
            left = dt_s
            while left > 0:
                part = min(left, 5.0)
                self._part(k, unit, part)
                left -= part

    def _part(self, k: int, unit: Filter, dt_s: float) -> None:
        if self._on("vent_burst", k) and not unit.burst:
            unit.burst = True
            unit.hopper_c = FIRE_C
        torn = 1.0 if unit.burst else self._severity("bag_burst", k)
        leaking = torn > 0
        blocked = self._severity("blocked", k)
        bridged = self._severity("bridging", k)
        face = FACE_M_S * unit.duct_m_s / 20.0
        if not leaking:
            unit.cake_kg_m2 += DUST_KG_M3 * (1.0 + (BLOCKED_LOAD - 1.0) * blocked) * face * dt_s
        unit.rested_s += dt_s
        if unit.dp_pa > PULSE_PA and unit.rested_s >= PULSE_EVERY_S and not blocked:
            unit.cake_kg_m2 *= 1.0 - (BRIDGED_SHARE * (1.0 - bridged) if bridged else PULSE_SHARE)
            unit.rested_s = 0.0
        if unit.burst:
            unit.duct_m_s = towards(unit.duct_m_s, 0.0, dt_s, 4.0)
            unit.dp_pa = towards(unit.dp_pa, 0.0, dt_s, 0.5)
        else:
            self._settle(unit, torn=torn, speed=self._speed(k), open_share=self._open(k))
        hot = self._severity("smoulder", k)
        target = AMBIENT_C + ((SMOULDER_C - AMBIENT_C) * (0.6 + 0.4 * hot) if hot else 4.0)
        unit.hopper_c = towards(unit.hopper_c, target, dt_s, HOPPER_TAU_S)

    def _speed(self, k: int) -> float:
        """The fan's share of its speed: a slipping belt."""
        slip = self._severity("fan_slip", k)
        return 1.0 - (0.25 + 0.25 * slip if slip else 0.0)

    def _open(self, k: int) -> float:
        """The share of the duct's section that is open."""
        dust = self._severity("blocked_duct", k)
        return 1.0 - (0.3 + 0.3 * dust if dust else 0.0)

    def _settle(
        self, unit: Filter, *, torn: float = 0.0, speed: float = 1.0, open_share: float = 1.0
    ) -> None:
        """Where the fan's curve and the filter's drag meet: a few rounds of halving are enough."""
        drag = (0.45 - 0.15 * torn) * K1_PA_S_M if torn else K1_PA_S_M + K2_PA_S_M_KG * unit.cake_kg_m2
        low, high = 0.0, DUCT_M_S * speed
        for _ in range(40):
            middle = (low + high) / 2
            dp = drag * FACE_M_S * middle / 20.0
            left = max(0.0, 1.0 - dp / (FAN_PA * speed**2))
            possible = DUCT_M_S * speed * open_share * math.sqrt(left)
            low, high = (middle, high) if possible > middle else (low, middle)
        unit.duct_m_s = low
        unit.dp_pa = drag * FACE_M_S * low / 20.0

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, unit in enumerate(self.filters):
            yield k, "filter_dp", max(0.0, unit.dp_pa + self._noise(8.0))
            yield k, "duct_velocity", max(0.0, unit.duct_m_s + self._noise(0.1))
            yield k, "hopper_temperature", unit.hopper_c + self._noise(0.2)
            yield k, "vent", BURST if unit.burst else INTACT
