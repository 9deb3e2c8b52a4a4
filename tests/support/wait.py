"""Wait for something to become true, with a deadline and a sentence for when it does not."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
STEP_S = 0.01


def until(predicate: Callable[[], T], deadline_s: float, what: str) -> T:
    """The first true value of ``predicate``. AssertionError naming ``what`` when the deadline passes."""
    end = time.monotonic() + deadline_s
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {deadline_s} s: {what}")
        time.sleep(STEP_S)
