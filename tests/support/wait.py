"""Wait for something to become true, with a deadline and a sentence for when it does not."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_S = 0.01
PATIENCE = float(os.environ.get("RISKGATE_PATIENCE", "4"))
"""A machine that does other work at the same time gets so many times as long."""
LEAST_S = 120.0
"""No wait ends sooner: on two busy cores a process that does nothing wrong may stand still for seconds. A
long deadline costs nothing where what is waited for comes; how fast it must come is for benches."""


def patiently(seconds: float) -> float:
    """A deadline that a busy machine keeps, for what takes ``seconds`` on one that is at rest."""
    return max(LEAST_S, seconds * PATIENCE)


def until(predicate: Callable[[], T], deadline_s: float, what: str) -> T:
    """The first true value of ``predicate``. AssertionError naming ``what`` when the deadline, patiently,
    passes. What is waited for must stay true: what is true for a moment may pass between two looks."""
    allowed_s = patiently(deadline_s)
    end = time.monotonic() + allowed_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {allowed_s:g} s: {what}")
        time.sleep(STEP_S)
