"""An LPG sphere, 400 m3, with its spray water and flame detectors: balances of _pressure_vessel.py.

The ring main of the spray stands under the pressure of its jockey pump; without it the pressure leaks away,
first order. Each device is one sphere.
"""

from __future__ import annotations

from collections.abc import Iterable

from simulators import Expected
from simulators._plant import towards
from simulators._pressure_vessel import COMMON, PressureVessel, Vessel

PROFILE = "hazchem/lpg_sphere"
UNITS = {"pressure": "MPa", "level": "%", "temperature": "degC", "lel": "%LEL", "spray_pressure": "MPa"}
FAULTS = {
    **COMMON,
    "fire_near": (
        Expected("flame", "flame", 0.0),
        Expected("temperature", "H", 200.0),
        Expected("temperature", "HH", 300.0),
        Expected("pressure", "H", 335.0),
        Expected("pressure", "HH", 405.0),
        Expected("relief", "relief_open", 440.0),
    ),
    "spray_lost": (Expected("spray_pressure", "L", 16.0),),
    "flame_detector_fault": (Expected("flame", "flame_detector_fault", 0.0),),
}

SPRAY_MPA, LOST_MPA, RING_TAU_S = 0.6, (0.25, -0.20), 20.0


class Plant(PressureVessel):
    """Every device is one sphere."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    VOLUME_M3 = 400.0
    RELIEF_MPA = 1.5

    def _begin(self) -> None:
        super()._begin()
        self.spray_mpa = [SPRAY_MPA for _ in self.devices]

    def _part(self, k: int, unit: Vessel, dt_s: float) -> None:
        super()._part(k, unit, dt_s)
        rest = self._by_severity("spray_lost", k, LOST_MPA, SPRAY_MPA)
        self.spray_mpa[k] = towards(self.spray_mpa[k], rest, dt_s, RING_TAU_S)

    def _read(self, k: int, unit: Vessel) -> Iterable[tuple[str, float]]:
        yield from super()._read(k, unit)
        yield "spray_pressure", self.spray_mpa[k] + self._noise(0.003)
        yield "flame", self._code(k, 0, {"fire_near": 1, "flame_detector_fault": 2})
