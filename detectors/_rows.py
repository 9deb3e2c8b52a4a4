"""Guarantees that a compiled loop never runs out of room: it is called again where it stopped."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detectors import Findings, Readings

ROOM = 64
"""Records of room at least, before a loop is (re-)entered; more than one row can ever need."""


def feed(
    loop: Callable[..., tuple[int, int]],
    parameters: npt.NDArray[np.void],
    state: npt.NDArray[np.void],
    readings: Readings,
    findings: Findings,
) -> None:
    """Run ``loop(parameters, state, columns, row, out, count) -> (row, count)`` over all rows; it returns
    early when ``out`` is nearly full. columns: slot, event_ns, received_ns, value, quality, reason, time,
    rule."""
    row, rows, columns = 0, len(readings), readings.columns()
    while row < rows:
        out = findings.reserve(ROOM)
        row, findings.count = loop(parameters, state, columns, row, out, findings.count)
