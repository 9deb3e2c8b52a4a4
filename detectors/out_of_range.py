"""A sensor that cannot be believed: bad readings, or readings outside what the instrument can measure.

What. "sensor_fault" begins with the first BAD reading; "out_of_range" with the first UNCERTAIN one whose
reason is "out of range" or "saturated". Both end after ``clear_readings`` consecutive fresh, good readings
of strictly increasing device time.

When to use. Every channel: it is the device alarm that stands in when a bad reading may not raise a process
alarm. When not. To find a sensor that is plausible and wrong (drifting, stuck): other detectors.

Which readings count. Late and retained ones are passed over. Readings of suspect or disordered time may
begin, never end. A reading that a device itself calls uncertain without one of those reasons begins
nothing, but interrupts a run towards the end.

Cost. About 3 ns a reading.

Reference. NAMUR NE 43:2003 (measurement information 3.8-20.5 mA, failure <= 3.6 or >= 21 mA); the judgement
of the current itself is made where the value is scaled.

>>> import numpy as np
>>> from detectors import BAD, GOOD, Findings, Readings
>>> p, s = np.array([configure({"clear_readings": 2})], PARAMETERS), np.array([initial()], STATE)
>>> quality = np.array([GOOD, BAD, GOOD, GOOD], np.uint8)
>>> time = np.arange(4, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(4, np.uint8), np.zeros(4, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, np.full(4, 20.0), quality, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(1, 'sensor_fault', 1), (3, 'sensor_fault', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, GOOD, NO_CLEAR, NO_TIME, NOT_LIVE, REASONS, Findings, Readings, Settings, compiled
from detectors._rows import feed

FINDINGS = ("sensor_fault", "out_of_range")
EVENT_TIMES = ("last_event_ns",)
_OUT_OF_RANGE = REASONS.index("out of range")
_SATURATED = REASONS.index("saturated")

PARAMETERS = np.dtype([("clear_readings", "<i4")], align=True)
"""One channel's rule; 0 readings to clear means: not judged."""

STATE = np.dtype(
    [
        ("last_event_ns", "<i8"),  # newest device time of a good reading in order
        ("active", "<i4"),  # bit k: condition k holds
        ("clear_count", "<i4"),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of ``{"clear_readings": n}``; n at least 1. Without it nothing is judged."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if "clear_readings" in settings:
        record["clear_readings"] = max(1, int(settings["clear_readings"]))
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last_event_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, reason, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        flags = int(time[i])
        needed = parameters[rule[i]]["clear_readings"]
        if flags & NOT_LIVE or needed == 0:
            continue
        s = state[slot[i]]
        before = int(s["active"])
        after = before
        if quality[i] == GOOD:
            if flags & NO_CLEAR:
                s["clear_count"] = 0
                continue
            if before:
                # the first of a run, or a device whose clock was set back: counting starts at this reading
                s["clear_count"] = s["clear_count"] + 1 if event_ns[i] > s["last_event_ns"] else 1
                if s["clear_count"] >= needed:
                    after = 0
                    s["clear_count"] = 0
            s["last_event_ns"] = event_ns[i]
        else:
            s["clear_count"] = 0
            if quality[i] == BAD:
                after |= 1
            elif reason[i] == _OUT_OF_RANGE or reason[i] == _SATURATED:
                after |= 2
        if after == before:
            continue
        s["active"] = after
        for k in range(2):
            bit = 1 << k
            if (before ^ after) & bit:
                f = out[count]
                f["row"], f["slot"], f["condition"] = i, slot[i], k
                f["active"] = 1 if after & bit else 0
                f["event_ns"], f["value"], f["limit"] = event_ns[i], value[i], np.nan
                count += 1
    return row, count
