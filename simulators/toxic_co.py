"""Carbon monoxide in boiler rooms and garages: a bad flue, cars, a cell that hydrogen moves too.

The room and its cell: simulators/_toxic.py. A cell for CO shows about a fifth of the hydrogen of a battery
that is charged; at full scale it shows a little more than 200 ppm and no more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulators import _instruments
from simulators._toxic import Room, ToxicBase, own

PROFILE = "gas/toxic_co"
UNITS = {
    "co": "ppm", "temperature": "degC", "supply": "V", "calibration_days": "d", "life_days": "d",
}  # fmt: skip
FAULTS = {**own("co"), **_instruments.FAULTS}
FULL_SCALE = 208.0


class Plant(ToxicBase):
    """Every device is one detector in its own room."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    SPAN = 200.0
    BACKGROUND, LEAK, SEEP, CROSS, TRAFFIC, DRIFT = 1.0, (60.0, 240.0), (21.0, 8.0), 8.0, 9.0, 1.0

    def _read(self, k: int, unit: Room) -> Iterable[tuple[str, float]]:
        warm = 3.0 * math.sin(2 * math.pi * (self._now_s * self._scale / 86_400.0))
        yield "co", min(FULL_SCALE, max(0.0, unit.cell.shown + self._noise(0.2)))
        yield "temperature", unit.temperature_c + warm + self._noise(0.05)
        yield from self._told(k)
