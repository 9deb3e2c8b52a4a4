"""A ventilated room with toxic gas: well mixed, and a cell in it that is slow, drifts, is poisoned, sees
other gases too and ends at its full scale.

V dC/dt = G - Q C; G is given as the concentration that it would end at, so C(t) = S (1 - e^(-t Q / V)).
A poisoned cell in ordinary air shows what clean air shows: all that poison can take from it is the
background, about half a percent of the span, which differs by as much from room to room. No reading tells; a
test with gas does. So nothing is demanded of a poison that took less than SEEN of the span from every
reading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from simulators import Expected, Label
from simulators._instruments import Cell, InstrumentsBase
from simulators._plant import towards

HOUR_S = 3600.0
POISON_TAU_S, DRIFT_S = 6 * HOUR_S, 8 * HOUR_S
AIR_TAU_S = 100.0
"""V / Q of the room."""
T90_S = 30.0
"""Of an electrochemical cell."""
SEEN = 0.01
"""Share of the span."""


def own(channel: str) -> dict[str, tuple[Expected, ...]]:
    """The faults of a cell that measures this channel, and of its room."""
    return {
        "leak": (Expected(channel, "H", 45.0), Expected(channel, "HH", 60.0)),
        "seep": (Expected(channel, "H", 180.0),),
        "poisoned": (Expected(channel, "", 24 * HOUR_S),),
        "zero_drift": (Expected(channel, "", DRIFT_S),),
        "cross_gas": (Expected("", "", 0.0, quiet=True),),
        "traffic": (Expected("", "", 0.0, quiet=True),),
    }


@dataclass(slots=True)
class Room:
    """State of one room."""

    gas: float = 0.0
    other: float = 0.0
    """Of a gas that the cell sees although it is not meant to."""
    cell: Cell = field(default_factory=lambda: Cell(T90_S))
    temperature_c: float = 20.0
    taken: float = -1.0
    """The most that poison took from a reading; below 0: there was none."""


class ToxicBase(InstrumentsBase[Room]):
    """Every device is one cell in its own room. Figures in the unit of the channel."""

    BACKGROUND: ClassVar[float] = 0.5
    LEAK: ClassVar[tuple[float, float]]
    SEEP: ClassVar[tuple[float, float]]
    """Where a leak and a seep end: at no severity, and so much more at 1."""
    CROSS: ClassVar[float]
    """What the other gas adds to the reading, at severity 1."""
    TRAFFIC: ClassVar[float]
    """What ordinary life leaves in the air."""
    DRIFT: ClassVar[float]
    """Of the zero, an hour, at severity 1."""

    SPAN: ClassVar[float]

    def labels(self) -> list[Label]:
        """As every plant's; after a run, no demand for a poison that no gas has shown."""
        taken = {key: unit.taken for key, unit in zip(self.devices, self.units, strict=True)}
        return [
            one._replace(condition="", within_s=0.0, must_detect_within_s=None)
            if one.kind == "poisoned" and 0.0 <= taken[one.device] < SEEN * self.SPAN
            else one
            for one in super().labels()
        ]

    def _new(self, k: int) -> Room:
        start = self.BACKGROUND * self._between(0.7, 1.3)
        return Room(start, 0.0, Cell(T90_S * (1 + 0.1 * (k % 5)), start), 20.0 + self._between(-2.0, 2.0))

    def _part(self, k: int, unit: Room, dt_s: float) -> None:
        leak, seep = self._severity("leak", k), self._severity("seep", k)
        steady = self.BACKGROUND + self.TRAFFIC * self._severity("traffic", k)
        steady += self.LEAK[0] + self.LEAK[1] * leak if leak else 0.0
        steady += self.SEEP[0] + self.SEEP[1] * seep if seep else 0.0
        unit.other = towards(unit.other, self.CROSS * self._severity("cross_gas", k), dt_s, AIR_TAU_S)
        # the cell follows what the air was half a step ago: second order in the step
        half = towards(unit.gas, steady, dt_s / 2, AIR_TAU_S)
        unit.gas = towards(half, steady, dt_s / 2, AIR_TAU_S)
        unit.cell.poison(self._severity("poisoned", k), dt_s, POISON_TAU_S)
        drift = self.DRIFT * self._severity("zero_drift", k) / HOUR_S
        unit.cell.zero += drift * dt_s if unit.cell.zero < self.DRIFT * 8 else 0.0
        if unit.cell.gain < 1.0:
            unit.taken = max(unit.taken, (1.0 - unit.cell.gain) * (half + unit.other))
        unit.cell.step(half + unit.other, dt_s)
