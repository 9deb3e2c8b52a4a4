"""A pumped liquid line between two RTUs, upstream (device 0) and downstream (1), with its mass balance.

Two nodes with linepack, c dp/dt = inflow - outflow; friction between them q = k sqrt(dp); a pump with a
falling curve that starts and stops by a ramp; a delivery valve; a hole anywhere on the line, an orifice
whose flow is drawn from both nodes by its distance to them. The steps are linearly implicit, so that slow
data cost a step a second and no more, and what goes in is what comes out plus what leaks plus what the
linepack gains, to rounding. Both flow meters have AR(1) noise, of the size and memory of the reference
run for leak detection: 1 % of the flow in the balance, 0.9 from one 5 s sample to the next. Pressure
leaves as 4-20 mA, so that a broken loop can be shown (NAMUR NE 43).
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
    "pump_stop": (Expected("", "", 0.0, quiet=True),),
    "pigging": (Expected("", "", 0.0, quiet=True),),
    "rupture": (Expected("pressure", "LL", 12.0, DOWNSTREAM), Expected("pressure", "L", 12.0, DOWNSTREAM)),
    "pump_trip": (Expected("pump", "tripped", 0.0, UPSTREAM),),
}
"""Leaks and theft stay within every limit: they are the truth for balance methods."""

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
"""A leak takes between these shares of the normal flow, by equal factors from severity 0 to 1."""
GROW_S = 3600.0
"""A growing leak has its size after so long."""
RUPTURE = (2.5, 2.0)
THEFT_SHARE, THEFT_ON_S, THEFT_EVERY_S = (0.015, 0.015), 600.0, 1800.0
BIAS = 0.03
VALVE_SHARE, PIG_SHARE, DAY_SHARE = 0.15, 0.05, 0.02
"""How much less the delivery valve and a line with a pig in it let through; the daily swing of the demand."""
PUMP_S, SHUT_S, MOVE_S = 30.0, 15.0, 30.0
"""Ramps: of the pump, of the delivery valve of a line that is stopped, of other moves."""
METER_NOISE, AR_TAU_S = 0.007, 5.0 / -math.log(0.9)
PART_S, QUICK_S, QUICK_MPA_S = 1.0, 0.1, 0.005
"""A step of physics; and where pressures move faster than that."""
DAY_S = 86_400.0
STOPPED, RUNNING, TRIPPED = 0, 1, 2
"""There is no pump downstream: its contact says stopped, always."""


def signed_root(value: float) -> float:
    """Square root that keeps the sign: flow follows the pressure difference either way."""
    return math.copysign(math.sqrt(abs(value)), value)


def leak_share(severity: float) -> float:
    """Share of the normal flow that a leak of this severity takes at normal pressure."""
    return float(LEAK_LOW * (LEAK_HIGH / LEAK_LOW) ** severity)


def severity_of_leak(share: float) -> float:
    """The severity at which a leak takes this share: 0.03 -> 0.55, 0.01 -> 0.29, 0.005 -> 0.12."""
    return math.log(share / LEAK_LOW) / math.log(LEAK_HIGH / LEAK_LOW)


def _ramp(value: float, target: float, dt_s: float, full_s: float) -> float:
    """Straight towards the target, 0 to 1 in ``full_s``."""
    return min(target, value + dt_s / full_s) if value < target else max(target, value - dt_s / full_s)


class Plant(PlantBase):
    """One line; devices 0 and 1 are its ends."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    DEVICES_MIN = 2

    def _begin(self) -> None:
        self.up_mpa, self.down_mpa = UP_MPA, DOWN_MPA
        self.inflow = self.outflow = NORMAL_M3_S
        self._flow_noise = [self._noise(METER_NOISE), self._noise(METER_NOISE)]
        self.volume_in = self.volume_out = self.volume_leaked = 0.0
        self.at = self._random.uniform(0.2, 0.8)
        """Where the line is leaking, if it is: share of its length from upstream."""
        self._speed = self._shut_open = 1.0
        self._valve = self._smooth = 1.0
        self._rate_mpa_s = 0.0

    @property
    def linepack_m3(self) -> float:
        """Volume packed into the line by pressure."""
        return LINEPACK_M3_MPA * (self.up_mpa + self.down_mpa)

    def _advance(self, dt_s: float) -> None:
        keep = math.exp(-dt_s / AR_TAU_S)
        fresh = METER_NOISE * math.sqrt(1.0 - keep * keep)
        self._flow_noise = [keep * old + self._noise(fresh) for old in self._flow_noise]
        orifice = self._orifice()
        stop = self._on("pump_stop")
        targets = (0.0 if stop else 1.0, self._valve_target(), 1.0 - PIG_SHARE * self._severity("pigging"))
        tripped, abrupt = self._on("pump_trip"), self._on("rupture")
        left = dt_s
        while left > 1e-9:
            quick = abrupt or self._rate_mpa_s > QUICK_MPA_S or self._speed != targets[0]
            part = min(left, QUICK_S if quick else PART_S)
            self._speed = 0.0 if tripped else _ramp(self._speed, targets[0], part, PUMP_S)
            self._shut_open = _ramp(self._shut_open, targets[0], part, SHUT_S if stop else PUMP_S)
            self._valve = _ramp(self._valve, targets[1], part, MOVE_S / VALVE_SHARE)
            self._smooth = _ramp(self._smooth, targets[2], part, MOVE_S / PIG_SHARE)
            self._part(part, orifice)
            left -= part

    def _valve_target(self) -> float:
        day = DAY_SHARE * math.sin(2 * math.pi * self._now_s * self._scale / DAY_S)
        return 1.0 - VALVE_SHARE * self._severity("valve_move") + day

    def _orifice(self) -> float:
        """m3/s at 1 MPa of everything that is open where it should not be."""
        leak, rupture, theft = (self._severity(kind) for kind in ("leak", "rupture", "theft"))
        share = leak_share(leak) if leak else 0.0
        share += RUPTURE[0] + RUPTURE[1] * rupture if rupture else 0.0
        growing = self._severity("growing_leak")
        if growing:
            grown = min(1.0, self._elapsed_s("growing_leak") / GROW_S)
            share += leak_share(growing * grown) * min(1.0, 10 * grown)
        if theft and self._elapsed_s("theft") % THEFT_EVERY_S < THEFT_ON_S:
            share += THEFT_SHARE[0] + THEFT_SHARE[1] * theft
        normal = UP_MPA + (DOWN_MPA - UP_MPA) * self.at
        return share * NORMAL_M3_S / math.sqrt(normal)

    def _part(self, dt_s: float, orifice: float) -> None:
        """One step: flows and their slopes by the pressures, then both pressures from two equations."""
        up, down, at = self.up_mpa, self.down_mpa, self.at
        # a check valve behind the pump: no flow back
        head = min(RUN_OUT, max(0.0, SHUT_OFF_MPA * self._speed**2 - up) / (SHUT_OFF_MPA - UP_MPA))
        came = NORMAL_M3_S * math.sqrt(head)
        came_up = -came / (2 * head) / (SHUT_OFF_MPA - UP_MPA) if 0.0 < head < RUN_OUT else 0.0
        between = (up - down) / (UP_MPA - DOWN_MPA)
        through = NORMAL_M3_S * self._smooth * signed_root(between)
        slope = NORMAL_M3_S * self._smooth / (2 * math.sqrt(max(abs(between), 1e-3))) / (UP_MPA - DOWN_MPA)
        back = max(0.0, down - DELIVERY_MPA) / (DOWN_MPA - DELIVERY_MPA)
        left = NORMAL_M3_S * self._valve * self._shut_open * math.sqrt(back)
        left_down = left / (2 * max(back, 1e-3)) / (DOWN_MPA - DELIVERY_MPA)
        inside = max(0.0, up + (down - up) * at)
        leak = orifice * math.sqrt(inside)
        leak_in = leak / (2 * max(inside, 1e-2))
        # (1 - dt J / c) change = dt f / c, solved for the two changes
        k = dt_s / LINEPACK_M3_MPA
        a = 1.0 - k * (came_up - slope - leak_in * (1 - at) ** 2)
        b = -k * (slope - leak_in * (1 - at) * at)
        d = 1.0 - k * (-slope - left_down - leak_in * at**2)
        f_up, f_down = k * (came - through - leak * (1 - at)), k * (through - left - leak * at)
        det = a * d - b * b
        change_up, change_down = (d * f_up - b * f_down) / det, (a * f_down - b * f_up) / det
        self.up_mpa, self.down_mpa = up + change_up, down + change_down
        self._rate_mpa_s = max(abs(change_up), abs(change_down)) / dt_s
        # the flows that made just these changes
        self.inflow, self.outflow = came + came_up * change_up, left + left_down * change_down
        self.volume_in += dt_s * self.inflow
        self.volume_out += dt_s * self.outflow
        self.volume_leaked += dt_s * (leak + leak_in * ((1 - at) * change_up + at * change_down))

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        pump = RUNNING if self._speed > 0.0 else STOPPED
        pump = TRIPPED if self._on("pump_trip") else pump
        ends = (
            (UPSTREAM, self.up_mpa, self.inflow, pump),
            (DOWNSTREAM, self.down_mpa, self.outflow, STOPPED),
        )
        for device, pressure, flow, contact in ends:
            shown = min(SPAN_MPA, max(0.0, pressure + self._noise(0.01)))
            bias = BIAS * self._severity("meter_bias", device)
            yield device, "pressure", 4.0 + 16.0 * shown / SPAN_MPA
            yield device, "flow", max(0.0, flow * 3600.0 * (1 + self._flow_noise[device] + bias))
            yield device, "pump", contact
