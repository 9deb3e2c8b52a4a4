"""Tower cranes at work: picks, hoists, slews, travels and sets down; moment = load x radius.

One lift after the other with the speeds of a crane of 100 t m; each load is chosen within the chart.
Foundations give way slowly. Gusts follow a first-order process around the mean wind. The limiter, not the
gateway, acts. Each device is one crane.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._motion import approach
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "site/tower_crane"
UNITS = {
    "moment": "%",
    "load": "t",
    "radius": "m",
    "height": "m",
    "slew": "deg",
    "wind": "m/s",
    "tilt": "deg",
}
FAULTS = {
    "overload": (
        Expected("moment", "H", 5.0),
        Expected("moment", "HH", 5.0),
        Expected("limiter", "limiter_acted", 5.0),
    ),
    "storm": (Expected("wind", "H", 50.0), Expected("wind", "HH", 90.0)),
    "settling": (Expected("tilt", "H", 90.0), Expected("tilt", "HH", 190.0)),
    "bypassed": (Expected("limiter", "limiter_off", 0.0),),
    "neighbour": (Expected("collision", "collision_near", 0.0),),
    "stranger": (Expected("operator", "operator_refused", 0.0),),
    "breeze": (Expected("wind", "", 0.0, quiet=True),),
}

CHART_T_M = 100.0
HOOK_T = 0.3
MOST = 0.75
"""Share of the chart that a planned lift takes at most."""
HOIST_M_S, TROLLEY_M_S, SLEW_DEG_S, HANDLE_S = 1.0, 0.5, 3.0, 20.0
LOW_M, TRAVEL_M = 2.0, 45.0
WIND_M_S, BREEZE_M_S, STORM_M_S = 4.0, 3.5, (15.0, 6.0)
WIND_TAU_S = 30.0
TILT_DEG, SETTLE_DEG_S = 0.1, 0.005
OVER = (1.08, 0.1)
HOOKING, LIFTING, CARRYING, LOWERING = 0, 1, 2, 3


@dataclass(slots=True)
class Crane:
    """State of one crane."""

    radius_m: float
    slew_deg: float
    to_radius_m: float
    to_slew_deg: float
    load_t: float
    height_m: float = LOW_M
    stage: int = HOOKING
    handled_s: float = 0.0
    wind_m_s: float = WIND_M_S
    tilt_deg: float = TILT_DEG


class Plant(UnitsBase[Crane]):
    """Every device is one crane."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 2.0

    def _new(self, k: int) -> Crane:
        unit = Crane(self._between(10, 40), self._between(-120, 120), 20.0, 0.0, 1.0)
        self._plan(unit)
        unit.height_m = self._between(LOW_M, TRAVEL_M)
        unit.stage = LIFTING
        return unit

    def _plan(self, unit: Crane) -> None:
        """The next lift: where to, and a load within the chart at both ends."""
        unit.to_radius_m, unit.to_slew_deg = self._between(8, 45), self._between(-170, 170)
        farthest = max(unit.radius_m, unit.to_radius_m)
        unit.load_t = max(HOOK_T, self._between(0.3, MOST) * CHART_T_M / farthest - HOOK_T)

    def _part(self, k: int, unit: Crane, dt_s: float) -> None:
        if unit.stage == HOOKING:
            unit.handled_s += dt_s
            if unit.handled_s >= HANDLE_S:
                unit.handled_s, unit.stage = 0.0, LIFTING
        elif unit.stage == LIFTING:
            unit.height_m = approach(unit.height_m, TRAVEL_M, HOIST_M_S * dt_s)
            unit.stage = CARRYING if unit.height_m >= TRAVEL_M else LIFTING
        elif unit.stage == CARRYING:
            unit.radius_m = approach(unit.radius_m, unit.to_radius_m, TROLLEY_M_S * dt_s)
            unit.slew_deg = approach(unit.slew_deg, unit.to_slew_deg, SLEW_DEG_S * dt_s)
            there = unit.radius_m == unit.to_radius_m and unit.slew_deg == unit.to_slew_deg
            unit.stage = LOWERING if there else CARRYING
        else:
            unit.height_m = approach(unit.height_m, LOW_M, HOIST_M_S * dt_s)
            if unit.height_m <= LOW_M:
                unit.stage = HOOKING
                self._plan(unit)
        usual = WIND_M_S + BREEZE_M_S * self._severity("breeze", k)
        mean = self._by_severity("storm", k, STORM_M_S, usual)
        unit.wind_m_s = towards(unit.wind_m_s, mean, dt_s, WIND_TAU_S)
        unit.tilt_deg = min(5.0, unit.tilt_deg + SETTLE_DEG_S * self._severity("settling", k) * dt_s)

    def _read(self, k: int, unit: Crane) -> Iterable[tuple[str, float]]:
        over = self._by_severity("overload", k, OVER)
        load = HOOK_T + (unit.load_t if unit.stage != HOOKING else 0.0)
        if over:
            load = over * CHART_T_M / unit.radius_m
        moment = 100.0 * load * unit.radius_m / CHART_T_M
        yield "moment", max(0.0, moment + self._noise(0.4))
        yield "load", min(50.0, max(0.0, load + self._noise(0.01)))
        yield "radius", unit.radius_m
        yield "height", unit.height_m
        yield "slew", unit.slew_deg
        yield "wind", max(0.0, unit.wind_m_s + self._noise(0.25))
        yield "tilt", max(0.0, unit.tilt_deg + self._noise(0.005))
        acted = 1 if over else 0
        yield "limiter", self._code(k, acted, {"bypassed": 2})
        yield "collision", self._code(k, 0, {"neighbour": 1})
        yield "operator", self._code(k, 1, {"stranger": 2})
