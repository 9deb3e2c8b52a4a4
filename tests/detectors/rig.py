"""One channel, readings written as plain tuples, findings read as plain names."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from detectors import GOOD, Findings, Readings

SECOND = 1_000_000_000
FIRST_NS = 1_700_000_000 * SECOND


class Rig:
    """A detector on one channel; ``see`` returns what changed at that reading, e.g. ["+H"] or ["-HH"]."""

    def __init__(self, module: ModuleType, settings: dict[str, Any]) -> None:
        self.module = module
        self.parameters = np.array([module.configure(settings)], module.PARAMETERS)
        self.state = np.array([module.initial()], module.STATE)

    def see(
        self,
        t_s: float,
        value: float,
        quality: int = GOOD,
        time: int = 0,
        received_s: float | None = None,
        reason: int = 0,
    ) -> list[str]:
        at = np.array([FIRST_NS + round(t_s * SECOND)], np.int64)
        arrived = np.array([FIRST_NS + round((t_s if received_s is None else received_s) * SECOND)], np.int64)
        zero = np.zeros(1, np.int32)
        small = [np.array([number], np.uint8) for number in (quality, reason, time)]
        found = Findings()
        row = Readings(zero, at, arrived, np.array([value], np.float64), *small, zero)
        self.module.step(self.parameters, self.state, row, found)
        names = self.module.FINDINGS
        return [("+" if f["active"] else "-") + names[f["condition"]] for f in found.found()]
