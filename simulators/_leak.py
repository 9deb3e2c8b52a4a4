"""Gas beside a leak: the air there is swept, a detector sees it with its own lag.

V dC/dt = q - Q C, so C nears its rest with V / Q; the leak is given as that rest.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulators import Expected
from simulators._plant import towards

LEAK_LEL = (64.0, 56.0)
"""Where a leak ends: at no severity, and so much more at 1; %LEL."""
SWEPT_TAU_S, SENSOR_TAU_S = 20.0, 10.0
ALARMS = (Expected("lel", "H", 35.0), Expected("lel", "HH", 55.0))
"""What a leak of ``LEAK_LEL`` must raise at 25 and 50 %LEL."""


@dataclass(slots=True)
class Nose:
    """One place and its detector."""

    gas: float = 0.0
    shown: float = 0.0

    def step(self, rest: float, dt_s: float, swept_tau_s: float = SWEPT_TAU_S) -> None:
        """``dt_s`` seconds further; exact for the place while the leak does not change."""
        self.gas = towards(self.gas, rest, dt_s, swept_tau_s)
        self.shown = towards(self.shown, self.gas, dt_s, SENSOR_TAU_S)
