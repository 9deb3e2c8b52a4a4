"""Points of a fire alarm panel, each in its own room: a growing fire, its smoke, the detector's chamber.

The fire and its smoke: _smoke.py. The panel's battery carries it when the mains fail: an energy balance.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulators import Expected
from simulators._smoke import Room
from simulators._units import UnitsBase

PROFILE = "fire/panel_point"
UNITS: dict[str, str] = {}
FAULTS = {
    "fire": (Expected("state", "fire", 50.0),),
    "manual_call": (Expected("manual_call", "manual_call", 0.0),),
    "mains_lost": (Expected("main_power", "main_power_failed", 0.0),),
    "battery_dead": (Expected("backup_power", "backup_power_failed", 0.0),),
    "point_fault": (Expected("state", "point_fault", 0.0),),
    "shielded": (Expected("state", "shielded", 0.0),),
    "smoking": (Expected("", "", 0.0, quiet=True),),
}

SMOKING_1_M = 0.012
BATTERY_S = 24 * 3600.0
NORMAL, FIRE = 0, 1


@dataclass(slots=True)
class Point:
    """State of one point: its room and what carries the panel."""

    room: Room
    battery: float = 1.0


class Plant(UnitsBase[Point]):
    """Every device is one point."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def _new(self, k: int) -> Point:
        return Point(Room(self._between(100.0, 300.0)))

    def _part(self, k: int, unit: Point, dt_s: float) -> None:
        unit.room.burn(self._severity("fire", k), dt_s, SMOKING_1_M * self._severity("smoking", k))
        mains = not self._on("mains_lost", k)
        unit.battery = min(1.0, max(0.0, unit.battery + dt_s / BATTERY_S * (4.0 if mains else -1.0)))

    def _read(self, k: int, unit: Point) -> Iterable[tuple[str, float]]:
        state = FIRE if unit.room.smoke else NORMAL
        yield "state", self._code(k, state, {"point_fault": 2, "shielded": 3})
        yield "manual_call", self._code(k, 0, {"manual_call": 1})
        yield "main_power", self._code(k, 0, {"mains_lost": 1})
        yield "backup_power", 1 if unit.battery <= 0.0 or self._on("battery_dead", k) else 0
