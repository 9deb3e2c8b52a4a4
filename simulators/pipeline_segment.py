"""A pumped liquid line between two RTUs, upstream (device 0) and downstream (1), with its mass balance.

Two nodes with linepack, c dp/dt = inflow - outflow; friction between them q = k sqrt(dp); a pump with a
falling curve; a delivery valve; a leak as an orifice at the middle, half of it drawn from each node. What
goes in is what comes out plus what leaks plus what the linepack gains, to rounding: the tests check it.
Pressure leaves as 4-20 mA, so that a broken loop can be shown (NAMUR NE 43).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulators import Expected
from simulators._plant import PlantBase

PROFILE = "pipeline/rtu"
UNITS = {"pressure": "mA", "flow": "m3/h"}
UPSTREAM, DOWNSTREAM = 0, 1
FAULTS = {
    "leak": (Expected("flow", "", 600.0, DOWNSTREAM),),
    "growing_leak": (Expected("flow", "", 3600.0, DOWNSTREAM),),
    "theft": (Expected("flow", "", 3600.0, DOWNSTREAM),),
    "meter_bias": (Expected("flow", "", 7200.0, DOWNSTREAM),),
    "valve_move": (Expected("", "", 0.0, quiet=True),),
    "pigging": (Expected("", "", 0.0, quiet=True),),
    "rupture": (Expected("pressure", "LL", 12.0, DOWNSTREAM), Expected("pressure", "L", 12.0, DOWNSTREAM)),
    "pump_trip": (Expected("pump", "tripped", 0.0, UPSTREAM),),
}
"""A leak of 3 % stays within every limit: it is the truth for balance methods."""

LINEPACK_M3_MPA = 0.4
"""Of each node."""
NORMAL_M3_S = 420.0 / 3600.0
UP_MPA, DOWN_MPA, DELIVERY_MPA = 6.0, 4.0, 3.0
SHUT_OFF_MPA = 7.0
"""Pump pressure at no flow."""
RUN_OUT = 1.7
"""A pump gives at most sqrt(1.7) = 1.3 times its normal flow, however low the pressure."""
SPAN_MPA = 10.0
LEAK_LOW, LEAK_HIGH = 0.003, 0.2
"""A growing leak ends between these shares of the normal flow, by its severity, after GROW_S."""
GROW_S = 3600.0
THEFT_SHARE, THEFT_ON_S, THEFT_EVERY_S = 0.02, 600.0, 1800.0
BIAS = 0.03
VALVE_SHARE, PIG_SHARE = 0.15, 0.05
"""How much less the delivery valve and a line with a pig in it let through."""
AR_TAU_S = 10.0
"""Of the flow meters' noise: AR(1), with this memory."""
PART_S = 0.05
STOPPED, RUNNING, TRIPPED = 0, 1, 2
"""There is no pump downstream: its contact says stopped, always."""


def signed_root(value: float) -> float:
    """Square root that keeps the sign: flow follows the pressure difference either way."""
    return math.copysign(math.sqrt(abs(value)), value)


class Plant(PlantBase):
    """One line; devices 0 and 1 are its ends."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    DEVICES_MIN = 2

    def _begin(self) -> None:
        self.up_mpa, self.down_mpa = UP_MPA, DOWN_MPA
        self.inflow = self.outflow = NORMAL_M3_S
        self._flow_noise = [0.0, 0.0]
        self.volume_in = self.volume_out = self.volume_leaked = 0.0

    @property
    def linepack_m3(self) -> float:
        """Volume packed into the line by pressure."""
        return LINEPACK_M3_MPA * (self.up_mpa + self.down_mpa)

    def _advance(self, dt_s: float) -> None:
        orifice = self._orifice()
        keep = math.exp(-dt_s / AR_TAU_S)
        self._flow_noise = [
            keep * old + self._noise(0.005 * math.sqrt(1.0 - keep * keep)) for old in self._flow_noise
        ]
        running = not self._on("pump_trip")
        parts = max(1, math.ceil(dt_s / PART_S))
        for _ in range(parts if dt_s > 0 else 0):
            self._part(dt_s / parts, orifice, running=running)

    def _orifice(self) -> float:
        """m3/s at 1 MPa of everything that is open where it should not be."""
        share = 0.03 * self._severity("leak")
        rupture = self._severity("rupture")
        share += 4.0 * (0.5 + 0.5 * rupture) if rupture else 0.0
        growing = self._severity("growing_leak")
        if growing:
            grown = min(1.0, self._elapsed_s("growing_leak") / GROW_S)
            share += LEAK_LOW * (LEAK_HIGH / LEAK_LOW) ** (growing * grown) * min(1.0, 10 * grown)
        if self._elapsed_s("theft") % THEFT_EVERY_S < THEFT_ON_S:
            share += THEFT_SHARE * self._severity("theft")
        return share * NORMAL_M3_S / math.sqrt(5.0)

    def _part(self, dt_s: float, orifice: float, *, running: bool) -> None:
        middle = max(0.0, (self.up_mpa + self.down_mpa) / 2)
        leak = orifice * math.sqrt(middle)
        # a check valve behind the pump: no flow back
        head = min(RUN_OUT, max(0.0, SHUT_OFF_MPA - self.up_mpa) / (SHUT_OFF_MPA - UP_MPA))
        self.inflow = NORMAL_M3_S * math.sqrt(head) if running else 0.0
        smooth = 1.0 - PIG_SHARE * self._severity("pigging")
        valve = 1.0 - VALVE_SHARE * self._severity("valve_move")
        through = NORMAL_M3_S * smooth * signed_root((self.up_mpa - self.down_mpa) / (UP_MPA - DOWN_MPA))
        back_pressure = max(0.0, self.down_mpa - DELIVERY_MPA) / (DOWN_MPA - DELIVERY_MPA)
        self.outflow = NORMAL_M3_S * valve * math.sqrt(back_pressure)
        self.up_mpa += dt_s * (self.inflow - through - leak / 2) / LINEPACK_M3_MPA
        self.down_mpa += dt_s * (through - self.outflow - leak / 2) / LINEPACK_M3_MPA
        self.volume_in += dt_s * self.inflow
        self.volume_out += dt_s * self.outflow
        self.volume_leaked += dt_s * leak

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        pump = TRIPPED if self._on("pump_trip") else RUNNING
        ends = ((UPSTREAM, self.up_mpa, self.inflow), (DOWNSTREAM, self.down_mpa, self.outflow))
        for device, pressure, flow in ends:
            shown = min(SPAN_MPA, max(0.0, pressure + self._noise(0.01)))
            bias = BIAS * self._severity("meter_bias", device)
            yield device, "pressure", 4.0 + 16.0 * shown / SPAN_MPA
            yield device, "flow", max(0.0, flow * 3600.0 * (1 + self._flow_noise[device] + bias))
        yield UPSTREAM, "pump", pump
        yield DOWNSTREAM, "pump", STOPPED
