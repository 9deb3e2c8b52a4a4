"""Smoke alarms in homes, on a battery: the smoke of a panel's point (_smoke.py), a cell that empties, dust
that settles.

The cell gives its capacity to the circuit and, when it fails, to itself. Dust settles in proportion to
time. Each device is one home.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._smoke import Room
from simulators._units import UnitsBase

PROFILE = "fire/household_smoke"
UNITS = {"battery": "%", "contamination": "%"}
FAULTS = {
    "fire": (Expected("state", "smoke", 40.0),),
    "failing_cell": (Expected("battery", "L", 390.0), Expected("battery", "LL", 450.0)),
    "building_dust": (Expected("contamination", "H", 320.0),),
    "removed": (Expected("tamper", "removed", 0.0),),
    "unit_fault": (Expected("state", "unit_fault", 0.0),),
    "muted": (Expected("state", "muted", 0.0),),
    "self_test": (Expected("", "", 0.0, quiet=True),),
}

LIFE_S = 10 * 365 * 86_400.0
FAILING_1_S = 0.2
"""Percent a second that a failing cell loses by itself, at severity 1."""
DUST_1_S = 0.2
VOLUME_M3 = (40.0, 120.0)


@dataclass(slots=True)
class Home:
    """State of one home."""

    room: Room
    battery: float
    dust: float


class Plant(UnitsBase[Home]):
    """Every device is one home."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Home:
        return Home(Room(self._between(*VOLUME_M3)), self._between(50.0, 95.0), self._between(5.0, 30.0))

    def _part(self, k: int, unit: Home, dt_s: float) -> None:
        unit.room.burn(self._severity("fire", k), dt_s)
        loss = 100.0 / LIFE_S + FAILING_1_S * self._severity("failing_cell", k)
        unit.battery = max(0.0, unit.battery - loss * dt_s)
        dust = 50.0 / LIFE_S + DUST_1_S * self._severity("building_dust", k)
        unit.dust = min(100.0, unit.dust + dust * dt_s)

    def _read(self, k: int, unit: Home) -> Iterable[tuple[str, float]]:
        state = self._code(k, 0, {"unit_fault": 3, "muted": 4, "self_test": 2})
        yield "state", 1 if unit.room.smoke else state
        yield "tamper", self._code(k, 0, {"removed": 1})
        yield "battery", unit.battery
        yield "contamination", unit.dust
