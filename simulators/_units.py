"""Plants whose devices stand each for itself: a state a device, stepped in small parts, read channel
by channel.

A subclass says what a unit is when all is well (``_new``), its physics (``_part``) and what its sensors
show (``_read``). A fault is its own device's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Generic, TypeVar

from simulators._plant import PlantBase

Unit = TypeVar("Unit")


class UnitsBase(PlantBase, Generic[Unit]):
    """See the module's docstring."""

    PART_S: ClassVar[float] = 5.0
    """The longest step of physics, seconds."""

    def _begin(self) -> None:
        self.units = [self._new(k) for k in range(len(self.devices))]

    def _advance(self, dt_s: float) -> None:
        for k, unit in enumerate(self.units):
            left = dt_s
            while left > 1e-9:
                part = min(left, self.PART_S)
                self._part(k, unit, part)
                left -= part

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, unit in enumerate(self.units):
            for channel, value in self._read(k, unit):
                yield k, channel, value

    def _code(self, k: int, normal: int, codes: Mapping[str, int]) -> int:
        """The state of a contact: of the first of these faults that is on at device k, or the normal one."""
        return next((code for kind, code in codes.items() if self._on(kind, k)), normal)

    def _by_severity(self, kind: str, k: int, size: tuple[float, float], otherwise: float = 0.0) -> float:
        """``size[0] + size[1] * severity`` while this fault is on at device k, else ``otherwise``."""
        severity = self._severity(kind, k)
        return size[0] + size[1] * severity if severity else otherwise

    def _between(self, low: float, high: float) -> float:
        """Evenly drawn: no two units are alike."""
        return low + (high - low) * float(self._random.random())

    def _new(self, k: int) -> Unit:
        """Unit k in its normal state."""
        raise TypeError(f"{type(self).__name__} does not say what a unit is")

    def _part(self, k: int, unit: Unit, dt_s: float) -> None:
        """Physics of unit k, ``dt_s`` seconds further."""
        raise TypeError(f"{type(self).__name__} has no physics")

    def _read(self, k: int, unit: Unit) -> Iterable[tuple[str, float]]:
        """(channel, value in the unit on the wire) of every sensor of unit k."""
        raise TypeError(f"{type(self).__name__} measures nothing")
