"""A bridge over a fairway: one vessel after the other passes, each with her height; the water has its tide.

A vessel comes from 4 km away along the middle of the span and leaves on the other side; the nearest pier is
hypot(along, half the span - across) away. Clearance is the deck above the water less her height. Adrift, she
heads straight for a pier and hits it. The height gate is a beam across the fairway at the deck's own height
less a margin: it breaks while a vessel too high passes it. Each device is one bridge.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._motion import approach
from simulators._units import UnitsBase

PROFILE = "bridge/approach"
UNITS = {"distance": "m", "clearance": "m", "height": "m", "speed": "km/h", "water_level": "m"}
FAULTS = {
    "adrift": (
        Expected("lane", "off_span", 115.0),
        Expected("distance", "L", 310.0),
        Expected("distance", "LL", 395.0),
        Expected("impact", "impact", 430.0),
    ),
    "too_high": (
        Expected("clearance", "L", 2.0),
        Expected("clearance", "LL", 2.0),
        Expected("gate", "too_high", 80.0),
    ),
    "speeding": (Expected("speed", "H", 60.0),),
    "flood": (Expected("water_level", "H", 800.0),),  # from low water: 11.5 m, and the tide may fall on
    "gate_fault": (Expected("gate", "gate_fault", 0.0),),
    "convoy": (Expected("", "", 0.0, quiet=True),),
}

HALF_SPAN_M, HALF_LANE_M, RANGE_M, FAR_M = 800.0, 200.0, 4000.0, 5000.0
DECK_M, LEVEL_M, TIDE_M, TIDE_S = 62.0, 2.0, 1.5, 44_700.0
HEIGHT_M, SPEED_M_S, FAST_KM_H, CHANGE_M_S2 = (15.0, 40.0), (3.0, 4.5), (23.0, 4.0), 0.05
WAIT_S, CLOSE_S = (300.0, 1800.0), (20.0, 120.0)
ADRIFT_FROM_M, ADRIFT_M_S = 1500.0, 4.0
GATE_M, GATE_DEEP_M, GATE_MARGIN_M, TOO_HIGH_FROM_M, HIGH_M_S = 1500.0, 30.0, 1.0, 1800.0, 4.0
OVER_M = (0.5, 3.0)
RISE_M_S, CREST_M = 0.015, 13.0


@dataclass(slots=True)
class Passage:
    """State of one bridge: its water, and the vessel that is near, if one is."""

    tide: float
    wait_s: float
    risen_m: float = 0.0
    here: bool = False
    along_m: float = 0.0
    across_m: float = 0.0
    height_m: float = 0.0
    speed_m_s: float = 0.0
    hit: bool = False
    """A vessel adrift has reached the pier, and lies there."""

    @property
    def level_m(self) -> float:
        """Of the water above the datum."""
        return LEVEL_M + TIDE_M * math.sin(self.tide) + self.risen_m

    @property
    def distance_m(self) -> float:
        """From the vessel to the nearest pier."""
        return math.hypot(self.along_m, HALF_SPAN_M - abs(self.across_m)) if self.here else FAR_M


class Plant(UnitsBase[Passage]):
    """Every device is one bridge."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 2.0

    def _new(self, k: int) -> Passage:
        return Passage(self._between(0, 6.2), self._between(0, WAIT_S[0]))

    def _part(self, k: int, unit: Passage, dt_s: float) -> None:
        unit.tide = (unit.tide + 2 * math.pi * dt_s / TIDE_S) % (2 * math.pi)
        flood = self._severity("flood", k)
        unit.risen_m = approach(unit.risen_m, CREST_M if flood else 0.0, RISE_M_S * (flood or 1.0) * dt_s)
        if self._on("adrift", k):
            self._drift(k, unit, dt_s)
        else:
            if unit.hit:  # tugs have taken her away
                unit.here = unit.hit = False
            self._pass(k, unit, dt_s)

    def _drift(self, k: int, unit: Passage, dt_s: float) -> None:
        """Straight for the pier."""
        if self._elapsed_s("adrift", k) <= dt_s or not unit.here:
            self._enter(unit, -ADRIFT_FROM_M)
        unit.speed_m_s = 0.0 if unit.hit else ADRIFT_M_S * self._severity("adrift", k)
        left = unit.distance_m
        share = min(1.0, unit.speed_m_s * dt_s / left) if left else 1.0
        unit.along_m -= share * unit.along_m
        unit.across_m += share * (HALF_SPAN_M - unit.across_m)
        unit.hit = unit.hit or share == 1.0

    def _pass(self, k: int, unit: Passage, dt_s: float) -> None:
        """Along the fairway, or the wait for the next one."""
        high, fast_m_s = self._on("too_high", k), self._by_severity("speeding", k, FAST_KM_H) / 3.6
        if not unit.here:
            unit.wait_s -= dt_s
            if unit.wait_s <= 0 or fast_m_s:
                self._enter(unit, -RANGE_M)
        if high and self._elapsed_s("too_high", k) <= dt_s:
            self._enter(unit, -TOO_HIGH_FROM_M)
        if not unit.here:
            return
        if high:
            unit.speed_m_s = HIGH_M_S
            unit.height_m = DECK_M - unit.level_m + self._by_severity("too_high", k, OVER_M)
        elif fast_m_s:
            unit.speed_m_s = approach(unit.speed_m_s, fast_m_s, CHANGE_M_S2 * dt_s)
        unit.along_m += unit.speed_m_s * dt_s
        if high and unit.along_m >= -GATE_M + GATE_DEEP_M / 2:
            unit.along_m, unit.speed_m_s = -GATE_M + GATE_DEEP_M / 2, 0.0  # she has stopped before the bridge
        if unit.along_m >= RANGE_M:
            unit.here = False
            unit.wait_s = self._between(*(CLOSE_S if self._on("convoy", k) else WAIT_S))

    def _enter(self, unit: Passage, along_m: float) -> None:
        unit.here, unit.hit, unit.along_m = True, False, along_m
        unit.across_m = self._between(-0.6, 0.6) * HALF_LANE_M if along_m == -RANGE_M else 0.0
        unit.height_m, unit.speed_m_s = self._between(*HEIGHT_M), self._between(*SPEED_M_S)

    def _read(self, k: int, unit: Passage) -> Iterable[tuple[str, float]]:
        height = unit.height_m if unit.here else 0.0
        clearance = DECK_M - unit.level_m - height
        lane = (1 if abs(unit.across_m) <= HALF_LANE_M else 2) if unit.here else 0
        in_gate = unit.here and abs(unit.along_m + GATE_M) <= GATE_DEEP_M
        yield "distance", min(FAR_M, max(0.0, unit.distance_m + self._noise(2.0)))
        yield "clearance", clearance + self._noise(0.05)
        yield "height", height
        yield "speed", max(0.0, unit.speed_m_s * 3.6 + self._noise(0.1)) if unit.here else 0.0
        yield "water_level", unit.level_m + self._noise(0.01)
        yield "lane", lane
        yield "gate", self._code(k, int(in_gate and clearance < GATE_MARGIN_M), {"gate_fault": 2})
        yield "impact", int(unit.hit)
