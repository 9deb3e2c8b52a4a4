"""One negative-pressure-wave head: a ring of samples, a trigger, an upload around it, and its own state.

The dynamic pressure is what a piezo sensor shows: what rests is forgotten with HIGH_PASS_S. The trigger looks
before that filter (whose tail would look like a wave): it compares the mean of the last MEAN_S with that of
GAP_S before; a steep front makes the difference, a slow change does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from simulators._characteristics import GRAVITY
from simulators._plant import towards

Floats = npt.NDArray[np.float64]
Track = list[tuple[float, float]]
"""(seconds of physics, value) of one channel."""
KPA_M = GRAVITY
"""1000 kg/m3."""
PRE_S, POST_S, HOLD_S = 2.0, 8.0, 12.0
MEAN_S, GAP_S, THRESHOLD_KPA = 0.1, 0.25, 1.2
HIGH_PASS_S = 10.0
NOISE_KPA, FULL_KPA = 0.4, 500.0
LOCKED_S, DRIFT = 0.0002, 20e-6
"""Error of a clock on satellites, and what one without them loses, at severity 1."""
SUPPLY_V, SOLAR_V_S = 13.1, 1.7 / 600.0
QUIET, NEGATIVE, POSITIVE = 0, 1, 2
LOCKED, LOST = 0, 2


class Head:
    """See the module's docstring. Times in seconds of physics."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.clock_s = float(random.normal(0.0, LOCKED_S / 2))
        """How far its clock is ahead."""
        self._estimate_s, self._way = LOCKED_S, 1.0 if random.random() < 0.5 else -1.0
        self._slow_m: float | None = None
        self._ring: Floats = np.empty((2, 0))
        """Dynamic pressure; and pressure, for the trigger."""
        self._ring_s = 0.0
        """Time of the ring's first sample."""
        self._fired_s = -1e18
        self.pending = False
        """An upload waits for its last seconds."""
        self._state = self._told_state = QUIET
        self._supply_v, self._noise_kpa = SUPPLY_V, NOISE_KPA
        self._contacts = self._told_contacts = (LOCKED, 0)

    def live(self, dt_s: float, *, lost: float, dark: float, loud_kpa: float, opened: bool) -> None:
        """``dt_s`` seconds of clock, supply, noise and door."""
        if lost:
            self.clock_s += self._way * DRIFT * lost * dt_s
            self._estimate_s += DRIFT * lost * dt_s
        else:
            self._estimate_s = towards(self._estimate_s, LOCKED_S, dt_s, 30.0)
            self.clock_s = towards(self.clock_s, self._way * LOCKED_S / 2, dt_s, 30.0)
        charged = towards(self._supply_v, SUPPLY_V, dt_s, 600.0)
        self._supply_v = max(10.5, self._supply_v - SOLAR_V_S * dark * dt_s) if dark else charged
        self._noise_kpa = NOISE_KPA + loud_kpa
        self._contacts = (LOST if lost else LOCKED, 1 if opened else 0)

    def rest(self, head_m: float) -> None:
        """The line stood still: the ring holds noise alone, which its threshold never passes."""
        self._slow_m = head_m
        self._ring = np.empty((2, 0))

    def hear(self, first_s: float, dt_s: float, heads_m: Floats) -> Iterator[tuple[str, Track]]:
        """Samples of the line's head from ``first_s`` on: a trigger at once, its upload when it is whole."""
        slow_m = float(heads_m[0]) if self._slow_m is None else self._slow_m
        if not self._ring.shape[1]:
            before = round((PRE_S + GAP_S + MEAN_S) / dt_s)
            noise = self._random.normal(0.0, self._noise_kpa, before)
            self._ring = np.stack([noise, noise + slow_m * KPA_M])
            self._ring_s = first_s - before * dt_s
        keep = float(np.exp(-dt_s / HIGH_PASS_S))
        fast = np.empty(len(heads_m))
        for n, head_m in enumerate(heads_m.tolist()):
            slow_m = head_m + (slow_m - head_m) * keep
            fast[n] = head_m - slow_m
        self._slow_m = slow_m
        noise = self._random.normal(0.0, self._noise_kpa, len(fast))
        dynamic = np.clip(fast * KPA_M + noise, -FULL_KPA, FULL_KPA)
        self._ring = np.concatenate([self._ring, np.stack([dynamic, heads_m * KPA_M + noise])], axis=1)
        yield from self._judge(dt_s, len(fast))

    def _judge(self, dt_s: float, fresh: int) -> Iterator[tuple[str, Track]]:
        mean, gap = round(MEAN_S / dt_s), round(GAP_S / dt_s)
        total = np.concatenate([[0.0], np.cumsum(self._ring[1])])
        means = (total[mean:] - total[:-mean]) / mean
        first = max(gap, len(means) - fresh)
        steps = means[first:] - means[first - gap : len(means) - gap]
        limit = max(THRESHOLD_KPA, 12.0 * self._noise_kpa / mean**0.5)
        last_s = self._ring_s + (self._ring.shape[1] - 1) * dt_s
        place = 0
        while True:
            if self.pending:
                if last_s < self._fired_s + POST_S:
                    break
                yield "wave", self._cut(dt_s)
                self.pending = False
            over = np.flatnonzero(np.abs(steps[place:]) > limit)
            at_s = self._ring_s + (first + place + mean - 1 + over) * dt_s
            free = np.flatnonzero(at_s >= self._fired_s + HOLD_S)
            if not len(free):
                break
            place += int(over[free[0]])
            self._fired_s, self.pending = float(at_s[free[0]]), True
            self._state = self._told_state = NEGATIVE if steps[place] < 0 else POSITIVE
            yield "trigger", [(self._fired_s, float(self._state))]
        surplus = self._ring.shape[1] - round((PRE_S + POST_S + HOLD_S) / dt_s)
        if surplus > 0:
            self._ring = self._ring[:, surplus:]
            self._ring_s += surplus * dt_s

    def _cut(self, dt_s: float) -> Track:
        """The seconds around the trigger."""
        first = max(0, round((self._fired_s - PRE_S - self._ring_s) / dt_s))
        last = first + round((PRE_S + POST_S) / dt_s)
        values = self._ring[0, first:last].tolist()
        return [(self._ring_s + (first + n) * dt_s, value) for n, value in enumerate(values)]

    def told(self, now_s: float, head_m: float, *, everything: bool) -> Iterator[tuple[str, float]]:
        """The minute's record; between two of them only contacts that changed."""
        if now_s >= self._fired_s + HOLD_S:
            self._state = QUIET
        clock, door = self._contacts
        if everything:
            yield "pressure", head_m * KPA_M / 1000.0
            yield "noise", abs(self._noise_kpa * (1.0 + float(self._random.normal(0.0, 0.05))))
            yield "clock_error", self._estimate_s
            yield "supply", self._supply_v + float(self._random.normal(0.0, 0.01))
        if everything or self._state != self._told_state:
            yield "trigger", self._state
        if everything or self._contacts != self._told_contacts:
            yield "clock", clock
            yield "door", door
        self._told_state, self._told_contacts = self._state, self._contacts
