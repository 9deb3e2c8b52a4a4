"""A valve chamber under a street: gas from the line gathers, water comes in, a lid is lifted, a battery
ends.

Air: V dC/dt = G - Q C for methane, and what gas displaces lacks as oxygen. Water: what comes in over the
floor's area, less what the sump soaks away. The line's pressure follows its regulator. Each device is one
chamber.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "pipeline/valve_chamber"
UNITS = {
    "methane": "%LEL", "oxygen": "%VOL", "water": "m", "line_pressure": "MPa", "valve_opening": "%",
    "battery": "V", "radio": "dB",
}  # fmt: skip
FAULTS = {
    "leak": (Expected("methane", "H", 200.0), Expected("methane", "HH", 400.0)),
    "foul_air": (Expected("oxygen", "L", 700.0),),
    "flooding": (Expected("water", "H", 400.0), Expected("water", "HH", 900.0)),
    "regulator_open": (Expected("line_pressure", "H", 30.0),),
    "line_broken": (Expected("line_pressure", "L", 30.0),),
    "valve_shut": (Expected("valve", "valve_closed", 70.0),),
    "valve_moved": (Expected("valve", "between", 5.0),),
    "valve_fault": (Expected("valve", "valve_fault", 0.0),),
    "cover_opened": (Expected("cover", "opened", 0.0),),
    "battery_low": (Expected("battery", "L", 500.0), Expected("battery", "LL", 900.0)),
    "radio_weak": (Expected("radio", "L", 0.0),),
    "rain": (Expected("", "", 0.0, quiet=True),),
    "marsh_gas": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
VOLUME_M3, AIR_M3_S, LEL, AIR = 8.0, 0.02, 0.05, 20.9
LEAK_M3_S, MARSH_M3_S = (0.0008, 0.0012), 0.00008
FOUL_M3_S, FLOOR_M2 = (0.0025, 0.003), 4.0
"""Carbon dioxide that displaces the air; the floor."""
INGRESS_M_S, RAIN_M, SOAK_TAU_S, WATER_M = 1.5 / 900.0, 0.2, 7200.0, 0.05
PRESSURE_MPA, HIGH_MPA, LOW_MPA = 0.32, (0.46, 0.1), (0.15, 0.14)
MOVE_S = 60.0
BATTERY_V, DRAIN_V_S, RADIO_DB, WEAK_DB = 3.6, 0.6 / 900.0, -95.0, (-123.0, -8.0)


@dataclass(slots=True)
class Chamber:
    """State of one chamber."""

    methane: float = 0.0
    """Share of the volume."""
    foul: float = 0.0
    water_m: float = WATER_M
    line_mpa: float = PRESSURE_MPA
    opening: float = 1.0
    battery_v: float = BATTERY_V


class Plant(UnitsBase[Chamber]):
    """Every device is one chamber."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Chamber:
        return Chamber(battery_v=BATTERY_V - self._between(0.0, 0.05))

    def _part(self, k: int, unit: Chamber, dt_s: float) -> None:
        leak, foul = self._severity("leak", k), self._severity("foul_air", k)
        gas = MARSH_M3_S * self._severity("marsh_gas", k) + (
            LEAK_M3_S[0] + LEAK_M3_S[1] * leak if leak else 0.0
        )
        acid = FOUL_M3_S[0] + FOUL_M3_S[1] * foul if foul else 0.0
        total = AIR_M3_S + gas + acid
        unit.methane = towards(unit.methane, gas / total, dt_s, VOLUME_M3 / total)
        unit.foul = towards(unit.foul, acid / total, dt_s, VOLUME_M3 / total)
        flood, rain = self._severity("flooding", k), self._severity("rain", k)
        if flood:
            unit.water_m = min(2.8, unit.water_m + INGRESS_M_S * flood * dt_s)
        else:
            unit.water_m = towards(unit.water_m, WATER_M + RAIN_M * rain, dt_s, SOAK_TAU_S)
        high, low = self._severity("regulator_open", k), self._severity("line_broken", k)
        target = HIGH_MPA[0] + HIGH_MPA[1] * high if high else PRESSURE_MPA
        target = LOW_MPA[0] - LOW_MPA[1] * low if low else target
        unit.line_mpa = towards(unit.line_mpa, target, dt_s, 10.0)
        shut, moved = self._severity("valve_shut", k), self._severity("valve_moved", k)
        aim = 0.0 if shut else 1.0 - (0.2 + 0.5 * moved) if moved else 1.0
        step = dt_s / MOVE_S * (shut or 1.0)
        unit.opening += max(-step, min(step, aim - unit.opening))
        drain = DRAIN_V_S * self._severity("battery_low", k)
        unit.battery_v = max(2.8, unit.battery_v - drain * dt_s) if drain else unit.battery_v

    def _read(self, k: int, unit: Chamber) -> Iterable[tuple[str, float]]:
        yield "methane", min(104.0, max(0.0, 100.0 * unit.methane / LEL + self._noise(0.1)))
        yield "oxygen", max(0.0, AIR * (1.0 - unit.methane - unit.foul) + self._noise(0.02))
        yield "water", max(0.0, unit.water_m + self._noise(0.003))
        yield "line_pressure", max(0.0, unit.line_mpa + self._noise(0.001))
        yield "valve_opening", 100.0 * unit.opening
        normal = 1 if unit.opening >= 0.97 else 0 if unit.opening <= 0.0 else 2
        yield "valve", self._code(k, normal, {"valve_fault": 3})
        yield "cover", self._code(k, 0, {"cover_opened": 1})
        yield "battery", unit.battery_v + self._noise(0.003)
        weak = self._severity("radio_weak", k)
        yield "radio", (WEAK_DB[0] + WEAK_DB[1] * weak if weak else RADIO_DB) + self._noise(0.8)
