"""Ports of an e-bike charging shed: a charge at constant power, then falling; heat in the contact; a
cell that runs away.

The battery takes constant power to 85 % and then in proportion to what is missing: charge is the integral
of power. The contact: C dT/dt = I^2 R - U (T - T_air). A runaway heats the battery ever faster until it
smokes; the socket beside it warms. Each device is one port; a fault of a charge begins one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

PROFILE = "charging/port"
UNITS = {"current": "A", "temperature": "degC", "residual_current": "mA", "power": "W"}
FAULTS = {
    "bad_contact": (Expected("temperature", "H", 45.0), Expected("temperature", "HH", 75.0)),
    "runaway": (
        Expected("temperature", "H", 160.0),
        Expected("temperature", "HH", 200.0),
        Expected("smoke", "smoke", 150.0),
    ),
    "heater_plugged": (Expected("current", "H", 2.0), Expected("power", "H", 2.0)),
    "wet": (Expected("residual_current", "H", 5.0),),
    "welded": (Expected("relay", "relay_welded", 0.0),),
    "detector_fault": (Expected("smoke", "smoke_detector_fault", 0.0),),
    "fast_charger": (Expected("", "", 0.0, quiet=True),),
}

VOLTS = 220.0
CHARGER_W, FAST_W = 300.0, 900.0
STORE_J = 1.7e6
"""A battery of 48 V, 10 Ah."""
KNEE, ENOUGH = 0.85, 0.98
CONTACT_OHM, BAD_OHM = 0.05, (12.0, 10.0)
SOCKET_J_K, LOSS_W_K = 30.0, 0.4
AIR_C = 24.0
HEATER_A = (9.0, 4.0)
WET_MA = (35.0, 60.0)
RUNAWAY_K_S, SMOKES_C, HOTTEST_C, BESIDE = 0.8, 130.0, 300.0, 0.7
BESIDE_TAU_S = 15.0
WAIT_S = 1800.0


@dataclass(slots=True)
class Port:
    """State of one port."""

    charge: float
    charging: bool
    socket_c: float = AIR_C
    battery_c: float = AIR_C
    watts: float = 0.0
    waited_s: float = 0.0
    given_j: float = 0.0


class Plant(UnitsBase[Port]):
    """Every device is one port."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Port:
        return Port(self._between(0.1, 0.9), charging=self._between(0, 1) < 0.6)

    def _part(self, k: int, unit: Port, dt_s: float) -> None:
        begun = any(self._on(kind, k) for kind in ("bad_contact", "runaway", "fast_charger"))
        if begun and (not unit.charging or unit.charge >= KNEE):
            unit.charging, unit.charge = True, 0.2
        watts = FAST_W if self._on("fast_charger", k) else CHARGER_W
        if not unit.charging:
            watts, unit.waited_s = 2.0, unit.waited_s + dt_s
            if unit.waited_s >= WAIT_S:
                unit.charging, unit.charge, unit.waited_s = True, self._between(0.1, 0.5), 0.0
        elif unit.charge > KNEE:
            watts *= max(0.02, (1.0 - unit.charge) / (1.0 - KNEE))
        if unit.charging:
            unit.charge += watts * dt_s / STORE_J
            unit.given_j += watts * dt_s
            if unit.charge >= ENOUGH:
                unit.charging = False
        heater = self._by_severity("heater_plugged", k, HEATER_A)
        unit.watts = VOLTS * heater if heater else watts
        self._heat(k, unit, dt_s)

    def _heat(self, k: int, unit: Port, dt_s: float) -> None:
        runaway = self._severity("runaway", k)
        ohm = self._by_severity("bad_contact", k, BAD_OHM, CONTACT_OHM)
        rest = AIR_C + (unit.watts / VOLTS) ** 2 * ohm / LOSS_W_K
        tau_s = SOCKET_J_K / LOSS_W_K
        if runaway:
            unit.battery_c = min(HOTTEST_C, unit.battery_c + RUNAWAY_K_S * runaway * dt_s)
            rest, tau_s = max(rest, BESIDE * unit.battery_c), BESIDE_TAU_S
        else:
            unit.battery_c = towards(unit.battery_c, AIR_C, dt_s, 900.0)
        unit.socket_c = towards(unit.socket_c, rest, dt_s, tau_s)

    def _read(self, k: int, unit: Port) -> Iterable[tuple[str, float]]:
        leak = self._by_severity("wet", k, WET_MA, 3.0)
        smoke = 1 if unit.battery_c >= SMOKES_C else 0
        yield "current", max(0.0, unit.watts / VOLTS + self._noise(0.01))
        yield "temperature", min(150.0, unit.socket_c + self._noise(0.1))
        yield "residual_current", max(0.0, leak + self._noise(0.3))
        yield "power", max(0.0, unit.watts + self._noise(1.0))
        yield "smoke", self._code(k, smoke, {"detector_fault": 2})
        yield "relay", self._code(k, 1, {"welded": 2})
