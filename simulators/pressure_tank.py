"""A bullet of liquefied gas, 100 m3: volume, heat, vapour pressure and relief valve of _pressure_vessel.py.

Each device is one tank.
"""

from __future__ import annotations

from simulators import Expected
from simulators._pressure_vessel import COMMON, PressureVessel

PROFILE = "hazchem/pressure_tank"
UNITS = {"pressure": "MPa", "level": "%", "temperature": "degC", "lel": "%LEL"}
FAULTS = {
    **COMMON,
    "fire_near": (
        Expected("temperature", "H", 200.0),
        Expected("temperature", "HH", 300.0),
        Expected("pressure", "H", 290.0),
        Expected("pressure", "HH", 360.0),
        Expected("relief", "relief_open", 390.0),
    ),
}


class Plant(PressureVessel):
    """Every device is one tank."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    VOLUME_M3 = 100.0
    RELIEF_MPA = 1.35
