"""Units a profile may use, as the device would write them."""

from __future__ import annotations

UNITS = frozenset(
    {
        # amount of gas, dust and air pollutants
        "%LEL", "LEL.m", "%VOL", "%MEC", "ppm", "ppb", "mg/m3", "ug/m3", "g/m3",
        # process
        "Pa", "kPa", "MPa", "bar", "mbar", "degC", "K", "degC/min", "%RH", "%",
        "m3/h", "L/min", "kg/h", "t/h", "m/s", "m", "mm", "kg", "t", "lx", "dB",
        # position and movement: angles and coordinates in degrees, signed (south and west negative)
        "deg", "km/h",
        # electrical
        "V", "mV", "V(CSE)", "mV(CSE)", "A", "mA", "uA", "A/m2", "kW", "W", "Hz", "ohm.m", "ohm",
        # time and counts
        "s", "min", "h", "d", "1/s", "1/min", "count", "signal", "mm/s", "m/s2",
        # a plain number, and a state
        "1", "",
    }
)  # fmt: skip
