"""Hydrogen sulphide in pump rooms of sewers and refineries, by a 4-20 mA loop with a horn of its own.

The room and its cell: simulators/_toxic.py. Mercaptans and sulphur dioxide move the cell a little. Beyond
50 ppm the loop saturates at 20.8 mA (NAMUR NE 43): the true value is unknown, and surely too high.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulators import Expected, _instruments
from simulators._toxic import Room, ToxicBase, own

PROFILE = "gas/toxic_h2s"
UNITS = {"h2s": "mA", "supply": "V", "calibration_days": "d", "life_days": "d"}
FAULTS = {
    **own("h2s"),
    "horn_fault": (Expected("horn", "horn_fault", 0.0),),
    **_instruments.FAULTS,
}
SPAN_PPM, SATURATED_MA = 50.0, 20.8
HORN_PPM = 7.0
QUIET, SOUNDING, HORN_FAULT = 0, 1, 2


def loop_ma(ppm: float) -> float:
    """What the loop carries."""
    return min(SATURATED_MA, 4.0 + 16.0 * max(0.0, ppm) / SPAN_PPM)


class Plant(ToxicBase):
    """Every device is one detector in its own room."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    SPAN = SPAN_PPM
    BACKGROUND, LEAK, SEEP, CROSS, TRAFFIC, DRIFT = 0.3, (25.0, 75.0), (8.5, 3.0), 3.0, 2.0, 0.4

    def _read(self, k: int, unit: Room) -> Iterable[tuple[str, float]]:
        yield "h2s", loop_ma(unit.cell.shown + self._noise(0.06))
        sounding = SOUNDING if unit.cell.shown >= HORN_PPM else QUIET
        yield "horn", self._code(k, sounding, {"horn_fault": HORN_FAULT})
        yield from self._told(k)
