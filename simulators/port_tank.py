"""A tank of a port terminal that ships fill through a loading arm: volume and heat balance, the ship's pump.

Pressure in the arm is the pump's at its speed w, p = p0 w^2 - c (Q / pumps)^2: most when the shore valve
shuts against it. What comes in mixes: T = T_in - (T_in - T) V0 / V while only it flows. At 50 %LEL, or when
the arm lets go, the emergency shut-down ends the transfer. Each device is one tank with its berth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected
from simulators._leak import ALARMS, LEAK_LEL, Nose
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "hazchem/port_tank"
UNITS = {
    "level": "%", "temperature": "degC", "arm_pressure": "MPa", "flow": "m3/h", "lel": "%LEL", "wind": "m/s",
}  # fmt: skip
FAULTS = {
    "overfill": (Expected("level", "H", 1300.0), Expected("level", "HH", 1480.0)),
    "valve_shut": (Expected("arm_pressure", "H", 20.0), Expected("arm_pressure", "HH", 30.0)),
    "second_pump": (Expected("flow", "H", 30.0),),
    "hot_product": (Expected("temperature", "H", 450.0),),
    "leak": (*ALARMS, Expected("esd", "esd_tripped", 55.0)),
    "arm_released": (Expected("arm_coupler", "released", 0.0), Expected("esd", "esd_tripped", 0.0)),
    "storm": (Expected("wind", "H", 45.0), Expected("wind", "HH", 68.0)),
    "squall": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip

VOLUME_M3, LOW, FULL, BEGUN = 2000.0, 0.50, 0.75, 0.55
SHIP_M3_H, DRAW_M3_H, SPEED_TAU_S, FLOW_TAU_S = 2000.0, 600.0, 6.0, 2.0
SHUT_OFF_MPA, CURVE_MPA = 1.45, 1.0
"""Of the ship's pump: at no flow, and what is less at its own flow."""
SHUT_SHARE, BOTH_M3_H = (0.30, -0.30), (2700.0, 200.0)
PRODUCT_C, HOT_C, AMBIENT_C, LOSS_TAU_S = 40.0, (80.0, 20.0), 20.0, 4e6
TRIP_LEL = 51.0
WIND_M_S, SQUALL_M_S, STORM_M_S, WIND_TAU_S = 5.0, 5.0, (20.0, 8.0), 60.0
CONNECTED, RELEASED, STOWED = 0, 1, 2
WAIT_S = 900.0
OF_A_SHIP = ("overfill", "valve_shut", "second_pump", "hot_product")


@dataclass(slots=True)
class Berth:
    """State of one tank and its berth."""

    volume_m3: float
    unloading: bool
    temperature_c: float = PRODUCT_C
    speed: float = 0.0
    """Of the ship's pump, share of its own."""
    flow_m3_h: float = 0.0
    pumps: float = 1.0
    taken_m3: float = 0.0
    came_m3: float = 0.0
    waited_s: float = 0.0
    nose: Nose = field(default_factory=Nose)
    tripped: bool = False
    wind_m_s: float = WIND_M_S

    @property
    def arm_mpa(self) -> float:
        """Pressure in the arm."""
        return SHUT_OFF_MPA * self.speed**2 - CURVE_MPA * (self.flow_m3_h / self.pumps / SHIP_M3_H) ** 2


class Plant(UnitsBase[Berth]):
    """Every device is one tank."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    PART_S = 2.0

    def _new(self, k: int) -> Berth:
        busy = float(self._between(0, 1) < 0.5)
        return Berth(
            VOLUME_M3 * self._between(LOW, FULL), unloading=busy > 0, speed=busy, flow_m3_h=busy * SHIP_M3_H
        )

    def _part(self, k: int, unit: Berth, dt_s: float) -> None:
        asked = any(self._on(kind, k) for kind in OF_A_SHIP)
        if asked and not unit.unloading:  # it happens to the ship that is at the berth
            unit.unloading, unit.volume_m3 = True, min(unit.volume_m3, BEGUN * VOLUME_M3)
        unit.tripped = self._on("arm_released", k) or (
            self._on("leak", k) and (unit.tripped or unit.nose.shown >= TRIP_LEL)
        )
        if unit.tripped or (unit.volume_m3 >= FULL * VOLUME_M3 and not asked):
            unit.unloading = False
        elif unit.volume_m3 <= LOW * VOLUME_M3:
            unit.waited_s += dt_s
            if unit.waited_s >= WAIT_S:
                unit.unloading, unit.waited_s = True, 0.0
        self._transfer(k, unit, dt_s)
        unit.nose.step(self._by_severity("leak", k, LEAK_LEL), dt_s)
        calm = WIND_M_S + SQUALL_M_S * self._severity("squall", k)
        unit.wind_m_s = towards(
            unit.wind_m_s, self._by_severity("storm", k, STORM_M_S, calm), dt_s, WIND_TAU_S
        )

    def _transfer(self, k: int, unit: Berth, dt_s: float) -> None:
        flow = SHIP_M3_H * self._by_severity("valve_shut", k, SHUT_SHARE, 1.0)
        flow = self._by_severity("second_pump", k, BOTH_M3_H, flow)
        unit.pumps = 2.0 if self._on("second_pump", k) else 1.0
        unit.speed = towards(unit.speed, float(unit.unloading), dt_s, SPEED_TAU_S)
        unit.flow_m3_h = towards(unit.flow_m3_h, flow * unit.speed, dt_s, FLOW_TAU_S)
        came = min(unit.flow_m3_h / 3600 * dt_s, VOLUME_M3 - unit.volume_m3)
        drawing = not unit.unloading and unit.volume_m3 > LOW * VOLUME_M3
        drawn = DRAW_M3_H / 3600 * dt_s if drawing else 0.0
        hot = self._by_severity("hot_product", k, HOT_C, PRODUCT_C)
        unit.temperature_c = (unit.temperature_c * unit.volume_m3 + hot * came) / (unit.volume_m3 + came)
        unit.temperature_c = towards(unit.temperature_c, AMBIENT_C, dt_s, LOSS_TAU_S)
        unit.volume_m3 += came - drawn
        unit.taken_m3 += came - drawn
        unit.came_m3 += came

    def _read(self, k: int, unit: Berth) -> Iterable[tuple[str, float]]:
        coupler = CONNECTED if unit.unloading else STOWED
        yield "level", min(100.0, 100.0 * unit.volume_m3 / VOLUME_M3 + self._noise(0.03))
        yield "temperature", unit.temperature_c + self._noise(0.05)
        yield "arm_pressure", max(0.0, unit.arm_mpa + self._noise(0.003))
        yield "flow", min(3000.0, max(0.0, unit.flow_m3_h + self._noise(5.0)))
        yield "lel", min(100.0, max(0.0, unit.nose.shown + self._noise(0.1)))
        yield "wind", max(0.0, unit.wind_m_s + self._noise(0.25))
        yield "arm_coupler", self._code(k, coupler, {"arm_released": RELEASED})
        yield "esd", int(unit.tripped)
