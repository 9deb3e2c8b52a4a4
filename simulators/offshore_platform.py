"""Floating platforms with wind and PV: waves that the wind makes, a deck that moves in them, heat of what is
loaded, gas in a closed module.

Significant height of a fully grown sea: 0.21 U^2 / g (Pierson and Moskowitz), which it nears in hours. The
deck tilts by the trim of its ballast and swings with the waves. Inverter (its battery is charged by day and
gives by night, so it is loaded all day) and transformer: C dT/dt = losses - U (T - T_air). The module: V
dC/dt = q - Q C, behind the detector's lag; at 50 %LEL or 14 ppm the shut-down isolates the source. Each
device is one platform.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._leak import Nose
from simulators._motion import approach
from simulators._plant import towards
from simulators._smoke import Room
from simulators._units import UnitsBase

PROFILE = "offshore/platform"
UNITS = {
    "wind": "m/s", "wave_height": "m", "lel": "%LEL", "h2s": "ppm", "helideck_pitch": "deg",
    "helideck_roll": "deg", "helideck_heave": "m/s", "inverter_temperature": "degC", "dc_residual": "mA",
    "transformer_temperature": "degC", "tilt": "deg",
}  # fmt: skip
FAULTS = {
    "storm": (
        Expected("wind", "H", 110.0),
        Expected("wind", "HH", 220.0),
        Expected("wave_height", "H", 620.0),
    ),
    "ballast_lost": (Expected("tilt", "H", 40.0), Expected("helideck_pitch", "H", 260.0)),
    "gas_leak": (
        Expected("lel", "H", 40.0), Expected("lel", "HH", 75.0), Expected("esd", "esd_tripped", 75.0),
    ),
    "h2s_leak": (Expected("h2s", "H", 40.0), Expected("h2s", "HH", 75.0)),
    "fan_off": (
        Expected("inverter_temperature", "H", 95.0),
        Expected("inverter_temperature", "HH", 175.0),
        Expected("inverter", "inverter_fault", 215.0),
    ),
    "oil_pump_off": (
        Expected("transformer_temperature", "H", 660.0),
        Expected("transformer_temperature", "HH", 1070.0),
    ),
    "wet_array": (Expected("dc_residual", "H", 40.0),),
    "fire": (Expected("fire", "fire", 55.0),),
    "detectors_lost": (Expected("fire", "fire_detection_fault", 0.0),),
    "full_load": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip

G, FULLY_GROWN = 9.81, 0.21
WIND_M_S, GUSTS_M_S, GUST_TAU_S, SEA_TAU_S = 6.0, 0.4, 60.0, 10_800.0
STORM_M_S, FRONT_TAU_S = (26.0, 6.0), 120.0
SWING_DEG_M, SWAY = 0.5, 0.15
"""Swing of the deck and share of heave, for a metre of wave."""
TRIM_DEG_S, TRIM_MOST_DEG = 0.02, 6.0
MODULE_TAU_S, EMPTIES_TAU_S = 30.0, 60.0
GAS_LEL, H2S_PPM = (76.0, 64.0), (21.0, 18.0)
TRIP_LEL, TRIP_PPM = 51.0, 14.5
AIR_C = 25.0
INVERTER_K, INVERTER_FULL_K, FANLESS_K, INVERTER_TAU_S, TRIPS_C = 25.0, 12.0, (72.0, 15.0), 150.0, 95.0
OIL_K, OIL_FULL_K, PUMPLESS_K, OIL_TAU_S = 37.0, 12.0, (86.0, 19.0), 1500.0
ARRAY_V, DRY_OHM, WET_MA, WETS_TAU_S = 1000.0, 40_000.0, (360.0, 300.0), 10.0
ROOM_M3 = 250.0


@dataclass(slots=True)
class Platform:
    """State of one platform."""

    phase: float
    gust_m_s: float = 0.0
    wind_m_s: float = WIND_M_S
    wave_m: float = FULLY_GROWN * WIND_M_S**2 / G
    trim_deg: float = 0.0
    lel: Nose = field(default_factory=Nose)
    h2s: Nose = field(default_factory=Nose)
    inventory: float = 1.0
    """Share of the source that is still to come, once the shut-down has isolated it."""
    tripped: bool = False
    inverter_c: float = AIR_C + INVERTER_K
    inverter_tripped: bool = False
    oil_c: float = AIR_C + OIL_K
    leak_ma: float = 1000.0 * ARRAY_V / DRY_OHM
    room: Room = field(default_factory=lambda: Room(ROOM_M3))

    @property
    def swell_s(self) -> float:
        """Period of the waves."""
        return 5.0 * math.sqrt(max(0.3, self.wave_m))


class Plant(UnitsBase[Platform]):
    """Every device is one platform."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Platform:
        return Platform(self._between(0, 6.2))

    def _part(self, k: int, unit: Platform, dt_s: float) -> None:
        self._sea(k, unit, dt_s)
        self._gas(k, unit, dt_s)
        self._heat(k, unit, dt_s)
        unit.room.burn(self._severity("fire", k), dt_s)

    def _sea(self, k: int, unit: Platform, dt_s: float) -> None:
        keeps = math.exp(-dt_s / GUST_TAU_S)
        unit.gust_m_s = unit.gust_m_s * keeps + self._noise(GUSTS_M_S * math.sqrt(1.0 - keeps**2))
        unit.wind_m_s = towards(
            unit.wind_m_s, self._by_severity("storm", k, STORM_M_S, WIND_M_S), dt_s, FRONT_TAU_S
        )
        unit.wave_m = towards(unit.wave_m, FULLY_GROWN * unit.wind_m_s**2 / G, dt_s, SEA_TAU_S)
        unit.phase = (unit.phase + 2 * math.pi * dt_s / unit.swell_s) % (2 * math.pi)
        lost = self._severity("ballast_lost", k)
        unit.trim_deg = approach(
            unit.trim_deg, TRIM_MOST_DEG if lost else 0.0, TRIM_DEG_S * (lost or 1.0) * dt_s
        )

    def _gas(self, k: int, unit: Platform, dt_s: float) -> None:
        leaks = self._on("gas_leak", k) or self._on("h2s_leak", k)
        unit.tripped = leaks and (unit.tripped or unit.lel.shown >= TRIP_LEL or unit.h2s.shown >= TRIP_PPM)
        unit.inventory = towards(unit.inventory, 0.0, dt_s, EMPTIES_TAU_S) if unit.tripped else 1.0
        for nose, kind, size in ((unit.lel, "gas_leak", GAS_LEL), (unit.h2s, "h2s_leak", H2S_PPM)):
            nose.step(unit.inventory * self._by_severity(kind, k, size), dt_s, MODULE_TAU_S)

    def _heat(self, k: int, unit: Platform, dt_s: float) -> None:
        full, fanless = self._severity("full_load", k), self._on("fan_off", k)
        unit.inverter_tripped = fanless and (unit.inverter_tripped or unit.inverter_c >= TRIPS_C)
        rise = self._by_severity("fan_off", k, FANLESS_K, INVERTER_K + INVERTER_FULL_K * full)
        rise = 0.0 if unit.inverter_tripped else rise
        unit.inverter_c = towards(unit.inverter_c, AIR_C + rise, dt_s, INVERTER_TAU_S)
        rise = self._by_severity("oil_pump_off", k, PUMPLESS_K, OIL_K + OIL_FULL_K * full)
        unit.oil_c = towards(unit.oil_c, AIR_C + rise, dt_s, OIL_TAU_S)
        leak = self._by_severity("wet_array", k, WET_MA, 1000.0 * ARRAY_V / DRY_OHM)
        unit.leak_ma = towards(unit.leak_ma, leak, dt_s, WETS_TAU_S)

    def _read(self, k: int, unit: Platform) -> Iterable[tuple[str, float]]:
        swing = SWING_DEG_M * unit.wave_m
        heave = math.pi * unit.wave_m / unit.swell_s * SWAY
        running = 2 if unit.inverter_tripped else 1
        fire = 1 if unit.room.smoke else 0
        yield "wind", max(0.0, unit.wind_m_s + unit.gust_m_s + self._noise(0.1))
        yield "wave_height", max(0.0, unit.wave_m + self._noise(0.02))
        yield "lel", min(100.0, max(0.0, unit.lel.shown + self._noise(0.1)))
        yield "h2s", min(100.0, max(0.0, unit.h2s.shown + self._noise(0.05)))
        yield "helideck_pitch", min(15.0, max(-15.0, unit.trim_deg + swing * math.sin(unit.phase)))
        yield "helideck_roll", min(15.0, max(-15.0, swing * math.cos(unit.phase)))
        yield "helideck_heave", heave
        yield "inverter_temperature", unit.inverter_c + self._noise(0.1)
        yield "dc_residual", max(0.0, unit.leak_ma + self._noise(1.0))
        yield "transformer_temperature", unit.oil_c + self._noise(0.1)
        yield "tilt", unit.trim_deg + abs(self._noise(0.01))
        yield "inverter", running
        yield "esd", int(unit.tripped)
        yield "fire", self._code(k, fire, {"detectors_lost": 2})
