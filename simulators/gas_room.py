"""A ventilated room with a gas line: well mixed, one leak, several point detectors that lag behind.

Mass balance: V dC/dt = G / LEL - Q C (C in units of the LEL). Constant G and Q give the exponential that
the tests compare with. Each detector is a first-order lag with its own T90 (tau = T90 / ln 10) and a small
offset of its own; next to the leak it sees the plume as well. Poison (silicones) lets the gain fall:
in clean air such a detector shows what it showed before, so that no reading tells; a test with gas tells, or
the next leak beside a second detector. Nothing is demanded of a poison that took less than SEEN_LEL.
Cooking lets out a little gas; a cleaning agent's vapour shows although no methane is there (cross
sensitivity): both are ordinary and must not alarm. LEL of methane: 5 % by volume.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from simulators import Expected, Label
from simulators._plant import PlantBase, towards

PROFILE = "gas/combustible_point"
UNITS = {"lel": "%LEL", "temperature": "degC"}
FAULTS = {
    "leak": (Expected("lel", "H", 16.0), Expected("lel", "HH", 24.0)),
    "seep": (Expected("lel", "H", 120.0),),
    "poisoned": (Expected("lel", "", 86_400.0),),
    "cooking": (Expected("lel", "", 0.0, quiet=True),),
    "cleaning": (Expected("lel", "", 0.0, quiet=True),),
}

VOLUME_M3 = 20.0
VENTILATION_M3_S = 0.4
LEL = 0.05
"""Volume share of methane at 100 %LEL."""
LEAK_M3_S = {"leak": 0.06, "seep": 0.008}
"""Steady state 300 and 40 %LEL."""
FULL_SCALE = 104.0
"""Over range, a detector shows a little more than 100 %LEL and no more."""
T90_S = 8.0
DAY_S = 86400.0
PLUME = 0.2
"""Share of the steady concentration that the detector next to the leak shows on top."""
COOKING_M3_S = 0.0016
"""Steady state 8 %LEL."""
SOLVENT_LEL, SOLVENT_TAU_S = 9.0, 120.0
SEEN_LEL = 1.0
POISON_TAU_S = 6 * 3600.0
"""At severity 1 the gain falls with this time constant, for good."""


class Plant(PlantBase):
    """One room; every device is a detector in it. A leak is in the room, so every detector shows it."""

    PROFILE = PROFILE
    FAULTS = FAULTS

    def labels(self) -> list[Label]:
        """As every plant's; after a run, no demand for a poison that no gas has shown."""
        hidden = self.taken is not None and self.taken < SEEN_LEL
        return [
            one._replace(condition="", within_s=0.0, must_detect_within_s=None)
            if one.kind == "poisoned" and hidden
            else one
            for one in super().labels()
        ]

    def _begin(self) -> None:
        self.concentration = 0.0
        count = len(self.devices)
        self._tau_s = [T90_S * (1 + 0.1 * k) / math.log(10.0) for k in range(count)]
        self._shown = [0.0] * count
        self.gain = [1.0] * count
        self.taken: float | None = None
        """The most that poison took from a reading so far, %LEL."""
        self.solvent = 0.0
        self._offset = [abs(self._noise(0.3)) for _ in range(count)]
        self.temperature = self._outside()

    def _outside(self) -> float:
        return 18.0 + 6.0 * math.sin(2 * math.pi * (self._now_ns / 1e9 / DAY_S - 0.3))

    def _advance(self, dt_s: float) -> None:
        leaking = self._leak_m3_s()
        gas_m3_s = leaking + COOKING_M3_S * self._severity("cooking")
        steady = 100.0 * gas_m3_s / (LEL * VENTILATION_M3_S)
        # the detector follows what the air was half a step ago: second order in the step
        half = towards(self.concentration, steady, dt_s / 2, VOLUME_M3 / VENTILATION_M3_S)
        self.concentration = towards(half, steady, dt_s / 2, VOLUME_M3 / VENTILATION_M3_S)
        solvent = SOLVENT_LEL * self._severity("cleaning")
        self.solvent = towards(self.solvent, solvent, dt_s, SOLVENT_TAU_S)
        plume = PLUME * 100.0 * leaking / (LEL * VENTILATION_M3_S)
        for k, tau_s in enumerate(self._tau_s):
            near = any(self._on(kind, k) for kind in LEAK_M3_S)
            self.gain[k] *= math.exp(-dt_s * self._severity("poisoned", k) / POISON_TAU_S)
            there = half + self.solvent + (plume if near else 0.0)
            seen = self.gain[k] * there
            if self.gain[k] < 1.0:
                self.taken = max(self.taken or 0.0, there - seen)
            self._shown[k] = towards(self._shown[k], seen, dt_s, tau_s)
        self.temperature = towards(self.temperature, self._outside() + 4.0, dt_s, 1800.0)

    def _leak_m3_s(self) -> float:
        """A leak grows with its severity; a seep less than in proportion, so that it always ends above H."""
        seep = self._severity("seep")
        share = 0.7 + 0.3 * seep if seep else 0.0
        return LEAK_M3_S["leak"] * self._severity("leak") + LEAK_M3_S["seep"] * share

    def _measure(self) -> Iterable[tuple[int, str, float]]:
        for k, shown in enumerate(self._shown):
            lel = shown + self._offset[k] + self._noise(0.1)
            yield k, "lel", min(FULL_SCALE, max(0.0, lel))
            yield k, "temperature", self.temperature + self._noise(0.05)
