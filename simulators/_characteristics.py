"""Method of characteristics for a liquid line: pressure waves of a burst, exact on the grid dx = a dt.

Along x -/+ a t: H_P = C+ - B Q_P and H_P = C- + B Q_P, with B = a / (g A), C+ = H + B Q - R Q |Q| of the left
neighbour, C- = H - B Q + R Q |Q| of the right one and R = f dx / (2 g D A^2). Upstream a head that is kept,
or a pump whose head falls by so much for every m3/s more, with a check valve; downstream a flow that is kept,
or a valve that passes so much more for every metre: with slopes B and 1/B an end sends no wave back. A burst
is an orifice at a node, Q = k sqrt(H): with the two equations above a quadratic, solved exactly. What flows
in is what flows out, leaks, and is packed into the line.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GRAVITY = 9.81
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Pipe:
    """A line of one diameter."""

    length_m: float = 20_000.0
    wave_m_s: float = 1000.0
    diameter_m: float = 0.3
    friction: float = 0.018
    """Darcy-Weisbach."""
    reaches: int = 200

    @property
    def area_m2(self) -> float:
        """Of the section."""
        return math.pi * self.diameter_m**2 / 4

    @property
    def dt_s(self) -> float:
        """The one time step with which waves move exactly one reach."""
        return self.length_m / self.reaches / self.wave_m_s


class Line:
    """The running line. ``head_m`` and ``flow_m3_s`` at the nodes; flow left and right of a leak differ."""

    def __init__(
        self,
        pipe: Pipe,
        head_m: float,
        flow_m3_s: float,
        *,
        pump_s_m2: float = 0.0,
        valve_m2_s: float = 0.0,
    ) -> None:
        """pump_s_m2: head lost at the pump a m3/s; valve_m2_s: flow gained downstream a metre."""
        self.pipe = pipe
        self._pump, self._valve = pump_s_m2, valve_m2_s
        self.pumping = True
        self.opening = 1.0
        """Of the burst, 0 to 1."""
        dx = pipe.length_m / pipe.reaches
        self._b = pipe.wave_m_s / (GRAVITY * pipe.area_m2)
        self._r = pipe.friction * dx / (2 * GRAVITY * pipe.diameter_m * pipe.area_m2**2)
        self._source_m, self._demand = head_m, flow_m3_s
        drop = self._r * flow_m3_s * abs(flow_m3_s)
        self.head_m: Floats = head_m - drop * np.arange(pipe.reaches + 1, dtype=np.float64)
        self.left: Floats = np.full(pipe.reaches + 1, flow_m3_s)
        """Flow that comes to each node."""
        self.right: Floats = self.left.copy()
        """Flow that goes on from it."""
        self._rest = flow_m3_s, float(self.head_m[-1])
        self._node, self._orifice = 1, 0.0
        self.time_s = 0.0

    def burst(self, at_m: float, share: float) -> None:
        """Open an orifice at the node nearest to ``at_m`` that would take ``share`` of the demand at today's
        head; 0 closes it."""
        last = self.pipe.reaches - 1
        self._node = min(last, max(1, round(at_m / self.pipe.length_m * self.pipe.reaches)))
        self._orifice = share * self._demand / math.sqrt(max(1e-9, float(self.head_m[self._node])))

    def demand(self, flow_m3_s: float) -> None:
        """The flow taken at the downstream end from now on (a valve move)."""
        self._demand = flow_m3_s

    @property
    def leak_m3_s(self) -> float:
        """What leaves through the orifice."""
        return float(self.left[self._node] - self.right[self._node])

    @property
    def packed_m3(self) -> float:
        """Volume held by pressure, above that of head 0: g A / a^2 of head and metre (trapezoid)."""
        dx = self.pipe.length_m / self.pipe.reaches
        store = GRAVITY * self.pipe.area_m2 / self.pipe.wave_m_s**2
        inner = float(self.head_m.sum()) - float(self.head_m[0] + self.head_m[-1]) / 2
        return store * dx * inner

    def step(self) -> None:
        """One ``pipe.dt_s`` further."""
        b, r = self._b, self._r
        plus = self.head_m[:-1] + b * self.right[:-1] - r * self.right[:-1] * np.abs(self.right[:-1])
        minus = self.head_m[1:] - b * self.left[1:] + r * self.left[1:] * np.abs(self.left[1:])
        head = np.empty_like(self.head_m)
        head[1:-1] = (plus[:-1] + minus[1:]) / 2
        head[0] = self._upstream(float(minus[0]))
        slope = b * self._valve
        head[-1] = (plus[-1] - b * self._demand + slope * self._rest[1]) / (1.0 + slope)
        if self._orifice * self.opening > 0:
            # 2 H = C+ + C- - B k sqrt(H): a quadratic in sqrt(H)
            k = b * self._orifice * self.opening
            total = max(0.0, float(plus[self._node - 1] + minus[self._node]))
            root = (-k + math.sqrt(k * k + 8.0 * total)) / 4.0
            head[self._node] = root * root
        self.left[1:] = (plus - head[1:]) / b
        self.right[:-1] = (head[:-1] - minus) / b
        self.left[0], self.right[-1] = self.right[0], self.left[-1]
        self.head_m = head
        self.time_s += self.pipe.dt_s

    def _upstream(self, minus: float) -> float:
        """Head behind the pump, whose check valve lets nothing back."""
        flow = (self._source_m + self._pump * self._rest[0] - minus) / (self._b + self._pump)
        return minus + self._b * max(0.0, flow) if self.pumping else minus


def arrivals_s(pipe: Pipe, at_m: float) -> tuple[float, float]:
    """When the wave of a burst reaches the two ends: distance by wave speed."""
    return at_m / pipe.wave_m_s, (pipe.length_m - at_m) / pipe.wave_m_s


def located_m(pipe: Pipe, upstream_s: float, downstream_s: float) -> float:
    """Where the burst is, from the difference of the two arrival times."""
    return (pipe.length_m + pipe.wave_m_s * (upstream_s - downstream_s)) / 2
