"""Two negative-pressure-wave heads, upstream (device 0) and downstream (1), on a line of 20 km.

The line is simulators/_characteristics.py on a grid of 5 m and 5 ms: a burst sends a wave both ways, and a
distance by the wave speed later it passes the heads, dampened by friction. It is computed for a minute after
every change; the ends send next to no wave back, so that the line rests by then. A head watches the
difference of two short means; beyond its threshold it says so at once, and some seconds after the trigger it
uploads 10 s at 200 Hz. Once a minute it tells how it is. Where the fault is on the line follows from the
seed: ``Plant.at_m``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from simulators import Expected, Fault, Sample
from simulators._characteristics import GRAVITY, Line, Pipe
from simulators._npw_head import POST_S, Head, Track
from simulators._plant import DECIMALS, PlantBase

PROFILE = "pipeline/npw_head"
UNITS = {"wave": "kPa", "pressure": "MPa", "noise": "kPa", "clock_error": "s", "supply": "V"}
PIPE = Pipe(reaches=4000)
VELOCITY_M_S, HEAD_M = 1.0, 612.0
FLOW_M3_S = VELOCITY_M_S * PIPE.area_m2
RECORD_S, ACTIVE_S = 60.0, 60.0
LEAK_LOW, LEAK_HIGH = 0.003, 0.2
"""Shares of the flow that a burst takes at no severity and at 1; in between by equal factors."""
RUPTURE, TAPPING, VALVE_SHARE = (0.7, 0.5), (0.01, 0.02), 0.15
BURST_S, TAP_S, VALVE_S = 0.05, 0.5, 90.0
"""How long it takes to open."""
THEFT_ON_S, THEFT_EVERY_S = 300.0, 1200.0
WAVE_S = PIPE.length_m / PIPE.wave_m_s
_BOTH = (0, 1)


def _both(channel: str, condition: str, crossing_s: float) -> tuple[Expected, ...]:
    return tuple(Expected(channel, condition, crossing_s, device) for device in _BOTH)


FAULTS = {
    "burst": _both("trigger", "negative_wave", WAVE_S + 1.0),
    "rupture": (*_both("trigger", "negative_wave", WAVE_S + 1.0), *_both("wave", "LL", WAVE_S + 10.0)),
    "theft": _both("trigger", "negative_wave", WAVE_S + 2.0),
    "pump_trip": _both("trigger", "negative_wave", WAVE_S + 1.0),
    "valve_move": (Expected("", "", 0.0, quiet=True),),
    "pigging": (Expected("", "", 0.0, quiet=True),),
    "clock_lost": (Expected("clock", "lost", RECORD_S), Expected("clock_error", "H", 500.0 + RECORD_S)),
    "loud": (Expected("noise", "H", RECORD_S),),
    "door_opened": (Expected("door", "opened", 0.0),),
    "panel_dark": (Expected("supply", "L", 600.0 + RECORD_S),),
}


def leak_share(severity: float) -> float:
    """Share of the flow that a burst of this severity takes."""
    return float(LEAK_LOW * (LEAK_HIGH / LEAK_LOW) ** severity)


class Change(NamedTuple):
    """A fault that moves the line; seconds of physics."""

    kind: str
    start_s: float
    end_s: float
    size: float
    at_m: float
    ramp_s: float

    def edges(self) -> Iterator[tuple[float, float]]:
        """(when, where it goes to) in order."""
        if self.kind != "theft":
            yield from ((self.start_s, 1.0), (self.end_s, 0.0))
            return
        at = self.start_s
        while at < self.end_s:
            yield at, 1.0
            yield min(at + THEFT_ON_S, self.end_s), 0.0
            at += THEFT_EVERY_S


def _size(fault: Fault) -> tuple[float, float]:
    """(size, seconds to open) of a fault that moves the line."""
    s = fault.severity
    return {
        "burst": (leak_share(s), BURST_S),
        "rupture": (RUPTURE[0] + RUPTURE[1] * s, BURST_S),
        "theft": (TAPPING[0] + TAPPING[1] * s, TAP_S),
        "pump_trip": (1.0, 0.0),
        "valve_move": (VALVE_SHARE * s, VALVE_S),
    }[fault.kind]


class Mover:
    """One change under way: its next edge, and how far it is open."""

    def __init__(self, change: Change) -> None:
        self.change = change
        self._edges = change.edges()
        self.next_s, self._next_to = next(self._edges)
        self._since_s, self._from, self._to = 0.0, 0.0, 0.0

    def open(self, t_s: float) -> float:
        """Between 0 and 1; times must increase."""
        while t_s >= self.next_s:
            self._since_s, self._from, self._to = self.next_s, self._to, self._next_to
            self.next_s, self._next_to = next(self._edges, (float("inf"), 0.0))
        ramp_s = self.change.ramp_s
        share = 1.0 if ramp_s <= 0 else min(1.0, (t_s - self._since_s) / ramp_s)
        return self._from + (self._to - self._from) * share


class Plant(PlantBase):
    """One line; devices 0 and 1 are its ends."""

    PROFILE = PROFILE
    FAULTS = FAULTS
    DEVICES_MIN = 2
    STEP_S = 1.0
    UPLOAD_S = RECORD_S
    SPORADIC = True

    def _begin(self) -> None:
        slope = PIPE.wave_m_s / (GRAVITY * PIPE.area_m2)
        self.line = Line(PIPE, HEAD_M, FLOW_M3_S, pump_s_m2=slope, valve_m2_s=1 / slope)
        self.at_m = tuple(float(self._random.uniform(0.05, 0.95)) * PIPE.length_m for _ in self._faults)
        """Of each fault, where on the line it is, if it is on the line."""
        self._movers = []
        for fault, at_m in zip(self._faults, self.at_m, strict=True):
            if fault.kind in {"burst", "rupture", "theft", "pump_trip", "valve_move"}:
                end_s = (fault.at_s + fault.for_s) * self._scale
                change = Change(fault.kind, fault.at_s * self._scale, end_s, fault.severity, at_m, 0.0)
                size, ramp_s = _size(fault)
                self._movers.append(Mover(change._replace(size=size, ramp_s=ramp_s)))
        self.heads = [Head(self._random.spawn(1)[0]) for _ in _BOTH]
        self._steps = 0
        """Steps of the grid that are over."""
        self._active_until_s = 0.0
        self._record_s = 0.0
        self._leaking: Mover | None = None
        self._ready: list[Sample] = []

    def _advance(self, dt_s: float) -> None:
        end_s = self._now_s * self._scale
        self._tend(dt_s)
        dt = PIPE.dt_s
        while (t_s := self._steps * dt) + dt <= end_s + 1e-9:
            edge_s = min((mover.next_s for mover in self._movers), default=float("inf"))
            if edge_s <= t_s + dt:
                ramp_s = max(m.change.ramp_s for m in self._movers if m.next_s <= t_s + dt)
                self._active_until_s = max(self._active_until_s, t_s + ramp_s + ACTIVE_S)
            if t_s >= self._active_until_s:
                self._steps = max(self._steps + 1, int((min(end_s, edge_s) + 1e-9) / dt))
                self._rest()
                continue
            stop_s = min(end_s, self._active_until_s, max(edge_s, t_s + dt))
            self._wave(max(1, int((stop_s - t_s + 1e-9) / dt)))

    def _rest(self) -> None:
        for head, head_m in zip(self.heads, (self.line.head_m[0], self.line.head_m[-1]), strict=True):
            head.rest(float(head_m))

    def _wave(self, count: int) -> None:
        """So many steps of the grid, heard by both heads."""
        heard = np.empty((2, count))
        for n in range(count):
            self._move((self._steps + n + 1) * PIPE.dt_s)
            self.line.step()
            heard[:, n] = self.line.head_m[0], self.line.head_m[-1]
        first_s = (self._steps + 1) * PIPE.dt_s
        self._steps += count
        for k, head in enumerate(self.heads):
            for channel, track in head.hear(first_s, PIPE.dt_s, heard[k]):
                self._ready += self._stamped(k, channel, track)
            if head.pending:
                self._active_until_s = max(self._active_until_s, self._steps * PIPE.dt_s + POST_S)

    def _move(self, t_s: float) -> None:
        """Valves, pump and holes as they are at ``t_s``."""
        demand = 1.0
        for mover in self._movers:
            share, kind = mover.open(t_s), mover.change.kind
            if kind == "valve_move":
                demand -= mover.change.size * share
            elif kind == "pump_trip":
                self.line.pumping = share == 0.0
            elif mover is self._leaking or (share > 0 and self._leaking is None):
                if self._leaking is None:
                    self._leaking = mover
                    self.line.burst(mover.change.at_m, mover.change.size)
                self.line.opening = share
                if share == 0.0:
                    self._leaking = None
        self.line.demand(FLOW_M3_S * demand)

    def _stamped(self, k: int, channel: str, track: Track) -> Iterator[Sample]:
        """Samples with the time that the head's clock shows."""
        for t_s, value in track:
            time_ns = self._start_ns + round((t_s / self._scale + self.heads[k].clock_s) * 1e9)
            yield Sample(self.devices[k], channel, time_ns, round(value, DECIMALS))

    def _tend(self, dt_s: float) -> None:
        """What happens to the heads themselves."""
        for k, head in enumerate(self.heads):
            loud, pig = self._severity("loud", k), self._severity("pigging")
            head.live(
                dt_s,
                lost=self._severity("clock_lost", k),
                dark=self._severity("panel_dark", k),
                loud_kpa=8.0 + 6.0 * loud if loud else 0.3 * pig,
                opened=self._on("door_opened", k),
            )

    def _samples(self, time_ns: int) -> list[Sample]:
        now_s = self._now_s * self._scale
        found, self._ready = self._ready, []
        due = now_s >= self._record_s
        if due:
            self._record_s = now_s + RECORD_S - 1e-9
        for k, head in enumerate(self.heads):
            head_m = float(self.line.head_m[-1 if k else 0])
            told = head.told(now_s, head_m + self._noise(0.2), everything=due)
            found += [Sample(self.devices[k], c, time_ns, round(v, DECIMALS)) for c, v in told]
        found.sort(key=lambda s: (s.device, s.channel != "trigger"))
        return self._spoiler.apply(found, self._now_s)
