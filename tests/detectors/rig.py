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


def rows_of(values: np.ndarray, period_s: float, first_ns: int = FIRST_NS) -> Readings:
    """Good readings of slot 0, one a period."""
    count = len(values)
    at = first_ns + np.rint(np.arange(count) * period_s * SECOND).astype(np.int64)
    zero, small = np.zeros(count, np.int32), np.zeros(count, np.uint8)
    return Readings(zero, at, at, np.asarray(values, np.float64), small, small, small, zero)


def records_in(
    module: ModuleType, settings: dict[str, Any], values: np.ndarray, period_s: float
) -> np.ndarray:
    """What a fresh detector finds in a series."""
    found = Findings()
    parameters = np.array([module.configure(settings)], module.PARAMETERS)
    module.step(parameters, np.array([module.initial()], module.STATE), rows_of(values, period_s), found)
    return found.found()


def found_in(
    module: ModuleType, settings: dict[str, Any], values: np.ndarray, period_s: float
) -> list[tuple[int, str]]:
    """The same as (row, "+condition" or "-condition")."""
    return [
        (int(f["row"]), ("+" if f["active"] else "-") + module.FINDINGS[f["condition"]])
        for f in records_in(module, settings, values, period_s)
    ]
