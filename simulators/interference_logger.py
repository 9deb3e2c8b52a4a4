"""Loggers of AC and DC interference on a pipe beside a metro: a sample every ten seconds, one upload a
day.

Trains run every 3 to 8 minutes but for the quiet of 00:30 to 04:30 (simulators/cp_post.py); each moves
the potential by its stray current. With the day's samples the logger works out what AS 2832.1 asks: in
which share of the time the IR-free potential was more positive than four limits, over how many hours; and
its mean in the quiet. A day is 24 hours from the start on. AC density at the coupon follows from the
voltage: J = 8 U / (rho pi d).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from simulators import Expected, Sample
from simulators._plant import DECIMALS, towards
from simulators._units import UnitsBase
from simulators.cp_post import (
    DAY_S,
    QUIET_FROM_S,
    QUIET_TO_S,
    TIDE_S,
    ZONE_S,
    coupon_a_m2,
    metro_v,
)

PROFILE = "cathodic_protection/interference_logger"
UNITS = {
    "e_on": "V(CSE)", "e_ir_free": "V(CSE)", "ac_voltage": "V", "coupon_dc": "A/m2", "coupon_ac": "A/m2",
    "e_quiet": "V(CSE)", "share_850": "%", "share_800": "%", "share_750": "%", "share_0": "%",
    "hours": "h", "battery": "V",
}  # fmt: skip
FAULTS = {
    "stray_current": (
        Expected("share_850", "H", DAY_S), Expected("share_800", "H", DAY_S),
        Expected("share_750", "H", DAY_S),
    ),
    "protection_lost": (Expected("e_quiet", "H", DAY_S), Expected("share_850", "H", DAY_S)),
    "over_protection": (Expected("e_quiet", "L", DAY_S),),
    "ac_interference": (
        Expected("ac_voltage", "H", 30.0), Expected("ac_voltage", "HH", 30.0),
        Expected("coupon_ac", "H", 30.0), Expected("coupon_ac", "HH", 30.0),
    ),
    "dry_electrode": (Expected("reference", "reference_fault", 0.0),),
    "coupon_cut": (Expected("coupon", "disconnected", 0.0),),
    "memory_short": (Expected("hours", "L", DAY_S),),
    "battery_low": (Expected("battery", "L", 6 * 3600.0),),
    "telluric": (Expected("", "", 0.0, quiet=True),),
    "late_trains": (Expected("", "", 0.0, quiet=True),),
}  # fmt: skip
LIMITS = {"share_850": -0.85, "share_800": -0.80, "share_750": -0.75, "share_0": 0.0}
PROTECTED_V, OHMIC_V, OWN_METRO_V = -1.02, -0.25, 0.05
STRAY_V, LOST_V, OVER_V = (0.30, 0.25), (0.22, 0.2), (0.22, 0.2)
SLOW_S = 600.0
"""Of a pipe that loses or gains protection."""
AC_V, AC_FAULT_V, AC_NIGHT = 1.2, (16.5, 6.0), 0.3
TELLURIC_V, LATE_V = 0.03, 0.03
COUPON_A_M2, STRAY_A_M2_V, DRY_V = -0.1, 4.0, 0.25
"""The coupon's own current; how it follows the stray potential; what a dry electrode adds."""
KEPT_SHARE = (0.8, 0.5)
"""Of the day, that a logger with a memory too short keeps: at no severity, less by severity."""
BATTERY_V, EMPTY_V, DRAIN_S = 3.6, 3.0, 6 * 3600.0


@dataclass(slots=True)
class Day:
    """One logger and what it has since its last upload."""

    shift_v: float = 0.0
    ac_v: float = AC_V
    battery_v: float = BATTERY_V
    kept: list[Sample] = field(default_factory=list)
    ir_free: list[float] = field(default_factory=list)
    quiet: list[float] = field(default_factory=list)
    hours: float = 0.0


def shares(ir_free: list[float]) -> dict[str, float]:
    """Percent of the samples more positive than each limit."""
    count = max(1, len(ir_free))
    return {name: 100.0 * sum(v > limit for v in ir_free) / count for name, limit in LIMITS.items()}


class Plant(UnitsBase[Day]):
    """Every device is one logger at its own post."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    UPLOAD_S = DAY_S
    SPORADIC = True
    PART_S = 600.0

    def _begin(self) -> None:
        self._next_s = DAY_S
        self._dt_s = 0.0
        self._place = {device: k for k, device in enumerate(self.devices)}
        super()._begin()

    def _advance(self, dt_s: float) -> None:
        self._dt_s = dt_s
        super()._advance(dt_s)

    def _new(self, k: int) -> Day:
        return Day()

    @property
    def _physics_s(self) -> float:
        return self._now_s * self._scale

    def _stray_v(self, k: int) -> float:
        """What trains and the earth do to the potential now."""
        time_s = self._start_ns / 1e9 + self._physics_s
        stray = self._severity("stray_current", k)
        size = OWN_METRO_V + (STRAY_V[0] + STRAY_V[1] * stray if stray else 0.0)
        late = LATE_V * self._severity("late_trains", k) * math.sin(2 * math.pi * time_s / 420.0)
        tide = TELLURIC_V * self._severity("telluric", k) * math.sin(2 * math.pi * time_s / TIDE_S)
        return size * metro_v(time_s) + late + tide

    def _part(self, k: int, unit: Day, dt_s: float) -> None:
        lost, over = self._severity("protection_lost", k), self._severity("over_protection", k)
        shift = LOST_V[0] + LOST_V[1] * lost if lost else 0.0
        shift -= OVER_V[0] + OVER_V[1] * over if over else 0.0
        unit.shift_v = towards(unit.shift_v, shift, dt_s, SLOW_S)
        line = self._severity("ac_interference", k)
        day = 1.0 + AC_NIGHT * math.sin(2 * math.pi * self._physics_s / DAY_S)
        target = AC_FAULT_V[0] + AC_FAULT_V[1] * line if line else AC_V * day
        unit.ac_v = towards(unit.ac_v, target, dt_s, 1.0)
        low = self._severity("battery_low", k)
        drained = max(EMPTY_V, unit.battery_v - (BATTERY_V - EMPTY_V) * low * dt_s / DRAIN_S)
        unit.battery_v = drained if low else BATTERY_V

    def _keeps(self, k: int) -> bool:
        """Whether the memory still has room for today."""
        short = self._severity("memory_short", k)
        share = KEPT_SHARE[0] - KEPT_SHARE[1] * short if short else 1.0
        return (self._physics_s - self._next_s + DAY_S) / DAY_S <= share

    def _read(self, k: int, unit: Day) -> Iterable[tuple[str, float]]:
        stray, cut = self._stray_v(k), self._on("coupon_cut", k)
        dry = DRY_V * self._severity("dry_electrode", k)
        free = PROTECTED_V + unit.shift_v + stray + dry + self._noise(0.002)
        yield "e_on", free + OHMIC_V + stray * 2 + self._noise(0.002)
        yield "e_ir_free", free
        yield "ac_voltage", max(0.0, unit.ac_v + self._noise(0.02))
        yield "coupon_dc", 0.0 if cut else COUPON_A_M2 + STRAY_A_M2_V * stray + self._noise(0.001)
        yield "coupon_ac", 0.0 if cut else max(0.0, coupon_a_m2(unit.ac_v) + self._noise(0.05))
        yield "reference", self._code(k, 0, {"dry_electrode": 1})
        yield "coupon", 1 if cut else 0
        yield "battery", unit.battery_v + self._noise(0.005)

    def _samples(self, time_ns: int) -> list[Sample]:
        local_s = (self._start_ns / 1e9 + self._physics_s + ZONE_S) % DAY_S
        fresh = self._spoiler.apply(self._now(time_ns), self._now_s)
        for sample in fresh:
            k = self._place[sample.device]
            unit = self.units[k]
            if not self._keeps(k):
                continue
            unit.kept.append(sample)
            if sample.channel == "e_ir_free" and sample.value is not None:
                unit.ir_free.append(sample.value)
                unit.hours += self._dt_s / 3600.0
                if QUIET_FROM_S <= local_s < QUIET_TO_S:
                    unit.quiet.append(sample.value)
        if self._physics_s < self._next_s - 1e-6:
            return []
        self._next_s += DAY_S * max(1, math.ceil((self._physics_s - self._next_s + 1e-6) / DAY_S))
        found: list[Sample] = []
        for k in range(len(self.devices)):
            found += self._upload(k, time_ns)
        return found

    def _upload(self, k: int, time_ns: int) -> list[Sample]:
        """A day of one logger and what it worked out."""
        unit, self.units[k] = self.units[k], Day()
        self.units[k].shift_v, self.units[k].ac_v = unit.shift_v, unit.ac_v
        self.units[k].battery_v = unit.battery_v
        if not unit.kept:
            return []
        told = shares(unit.ir_free) | {"hours": min(24.0, unit.hours)}
        if unit.quiet:
            told["e_quiet"] = sum(unit.quiet) / len(unit.quiet)
        worked_out = [
            Sample(self.devices[k], channel, time_ns, round(value, DECIMALS))
            for channel, value in told.items()
        ]
        return [*unit.kept, *worked_out]
