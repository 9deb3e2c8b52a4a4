"""Gas and dust instruments: the sensor itself (lag, gain, zero) and what every such instrument tells beside.

The sensor is a first-order lag, tau = T90 / ln 10, with a gain that poison lets fall exponentially and a zero
that may walk. Beside it: the state of the unit, its supply, and the days until calibration and end of life.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from simulators import Expected
from simulators._plant import towards
from simulators._units import UnitsBase

Unit = TypeVar("Unit")
FAULTS = {
    "unit_fault": (Expected("unit_state", "unit_fault", 0.0),),
    "left_inhibited": (Expected("unit_state", "inhibited", 0.0),),
    "supply_low": (Expected("supply", "L", 60.0),),
}
"""Of every instrument."""
MEASURING, INHIBITED, FAULTY = 0, 2, 3
SUPPLY_V, LOW_V, SUPPLY_TAU_S = 24.0, (18.5, 2.0), 20.0
"""A supply that fails falls to 18.5 V, and by up to 2 V lower."""
DAY_S = 86_400.0


@dataclass(slots=True)
class Cell:
    """One sensor."""

    t90_s: float
    shown: float = 0.0
    gain: float = 1.0
    zero: float = 0.0

    def step(self, seen: float, dt_s: float) -> None:
        """Follow what is there for ``dt_s`` seconds; exact while it does not change."""
        self.shown = towards(self.shown, self.gain * seen + self.zero, dt_s, self.t90_s / math.log(10.0))

    def poison(self, severity: float, dt_s: float, tau_s: float) -> None:
        """The gain falls with tau / severity, for good."""
        self.gain *= math.exp(-dt_s * severity / tau_s)


@dataclass(slots=True)
class Head:
    """What the instrument tells of itself."""

    calibration_days: float
    life_days: float
    supply_v: float = SUPPLY_V


class InstrumentsBase(UnitsBase[Unit]):
    """Every device is one instrument; a subclass yields ``_told(k)`` after its own channels."""

    PART_S = 1.0
    HAS_LIFE: ClassVar[bool] = True

    def _begin(self) -> None:
        self.heads = [Head(self._between(100.0, 180.0), self._between(300.0, 900.0)) for _ in self.devices]
        super()._begin()

    def _advance(self, dt_s: float) -> None:
        for k, head in enumerate(self.heads):
            low = self._severity("supply_low", k)
            target = LOW_V[0] - LOW_V[1] * low if low else SUPPLY_V
            head.supply_v = towards(head.supply_v, target, dt_s, SUPPLY_TAU_S)
            head.calibration_days -= dt_s / DAY_S
            head.life_days -= dt_s / DAY_S
        super()._advance(dt_s)

    def _told(self, k: int) -> Iterable[tuple[str, float]]:
        head = self.heads[k]
        yield "unit_state", self._code(k, MEASURING, {"unit_fault": FAULTY, "left_inhibited": INHIBITED})
        yield "supply", head.supply_v + self._noise(0.02)
        yield "calibration_days", head.calibration_days
        if self.HAS_LIFE:
            yield "life_days", head.life_days
