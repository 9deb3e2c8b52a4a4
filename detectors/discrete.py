"""Up to four named conditions on one discrete channel, each a set of abnormal states.

What. A condition begins when the state is one of its abnormal states for the whole on-delay; it ends when
the state has been another one for the off-delay and for ``clear_readings`` consecutive fresh, good readings
of strictly increasing device time. States are whole numbers from 0 to 63.

When to use. Contacts and enumerations: a detector's own alarm relay, valve closed, vent burst, fan stopped.
When not. Counters and bit fields: decode them into channels of their own first.

Which readings count: exactly as in the limits detector (tests hold the two to the same findings), with
"abnormal state" for "over the limit". A value that is not a state number counts as every condition: fail
high.

Cost. About 15 ns a reading.

Reference. ANSI/ISA-18.2-2016, basic alarm design (discrete alarms, delays); IEC 62682:2022.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"conditions": [{"states": [2]}, {"states": [3, 4]}], "clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([0.0, 2.0, 4.0, 0.0])
>>> time = np.arange(4, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(4, np.uint8), np.zeros(4, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(1, 'S0', 1), (2, 'S0', 0), (2, 'S1', 1), (3, 'S1', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, DISORDER, GOOD, NO_TIME, NOT_LIVE, SUSPECT, Findings, Readings, Settings, compiled
from detectors._rows import feed

FINDINGS = ("S0", "S1", "S2", "S3")
"""Numbers of the conditions; the roster gives them the profile's names."""
EVENT_TIMES = ("last_event_ns", "since_event_ns", "clear_since_ns")
MAX_STATE = 63

PARAMETERS = np.dtype(
    [
        ("used", "<i4"),  # bit k: condition k exists
        ("clear_readings", "<i4"),
        ("states", "<i8", (4,)),  # bit n: state n is abnormal (bit 63 is the sign)
        ("on_ns", "<i8", (4,)),
        ("off_ns", "<i8", (4,)),
    ],
    align=True,
)
"""One channel's conditions, indexed as FINDINGS."""

STATE = np.dtype(
    [
        ("last_event_ns", "<i8"),  # newest device time in order
        ("active", "<i8"),  # bit k: condition k holds
        ("pending", "<i8"),  # bit k: abnormal, on-delay running
        ("by_reception", "<i8"),  # bit k: that delay is measured in time of reception
        ("clear_count", "<i4", (4,)),
        ("since_event_ns", "<i8", (4,)),
        ("since_received_ns", "<i8", (4,)),
        ("clear_since_ns", "<i8", (4,)),
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of ``{"conditions": [{"states": [..], "on_delay_ns", "off_delay_ns"}, ..],
    "clear_readings": n}``; ValueError on more than four conditions, a state outside 0..63, or a delay < 0."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    record["clear_readings"] = max(1, int(settings.get("clear_readings", 1)))
    conditions = settings.get("conditions", ())
    if len(conditions) > len(FINDINGS):
        raise ValueError(f"{len(conditions)} conditions on one discrete channel; at most {len(FINDINGS)}")
    for k, condition in enumerate(conditions):
        states = [int(n) for n in condition["states"]]
        delays = int(condition.get("on_delay_ns", 0)), int(condition.get("off_delay_ns", 0))
        if any(not 0 <= n <= MAX_STATE for n in states) or min(delays) < 0:
            raise ValueError(
                f"condition {k}: states must be 0..{MAX_STATE}, delays >= 0; got {states}, {delays}"
            )
        mask = sum(1 << n for n in set(states))
        record["used"] |= 1 << k
        record["states"][k] = mask - (1 << 64) if mask >> MAX_STATE else mask
        record["on_ns"][k], record["off_ns"][k] = delays
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    for name in EVENT_TIMES:
        record[name] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _held(p: Any, s: Any, k: int, t: int, received: int, suspect: bool, disorder: bool, newest: int) -> bool:
    """Whether condition k, abnormal at this reading, has been so for its on-delay."""
    bit = 1 << k
    if s["pending"] & bit == 0:
        s["pending"] = s["pending"] | bit
        s["by_reception"] = s["by_reception"] | bit if suspect else s["by_reception"] & ~bit
        s["since_event_ns"][k] = newest if disorder and newest > t else t
        s["since_received_ns"][k] = received
    if suspect or s["by_reception"] & bit != 0:
        held = received - s["since_received_ns"][k]
    else:
        held = t - s["since_event_ns"][k]
    delay = p["on_ns"][k]
    if delay > 0 and (disorder or held < delay):
        return False
    s["pending"] = s["pending"] & ~bit
    s["clear_count"][k] = 0
    return True


@compiled
def _over(p: Any, s: Any, k: int, t: int, set_back: bool) -> bool:
    """Whether condition k has ended, with this fresh and good reading that is back to normal."""
    if set_back or s["clear_count"][k] == 0:
        s["clear_count"][k] = 0
        s["clear_since_ns"][k] = t
    s["clear_count"][k] += 1
    return bool(s["clear_count"][k] >= p["clear_readings"] and t - s["clear_since_ns"][k] >= p["off_ns"][k])


@compiled
def _judge(  # noqa: PLR0912 - one plain loop, read from top to bottom
    parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int
) -> tuple[int, int]:
    slot, event_ns, received_ns, value, quality, _, time, rule = columns
    while row < len(slot) and count + 4 <= len(out):
        i = row
        row += 1
        p, s, flags = parameters[rule[i]], state[slot[i]], int(time[i])
        if flags & NOT_LIVE or p["used"] == 0:
            continue
        if quality[i] == BAD:
            for k in range(4):
                s["clear_count"][k] = 0
            continue
        v, t, newest = value[i], event_ns[i], s["last_event_ns"]
        suspect = (flags & SUSPECT) != 0
        disorder = (flags & DISORDER) != 0 and not suspect
        in_order = not (suspect or disorder)
        set_back = in_order and t <= newest
        if in_order:
            s["last_event_ns"] = t
        # a value that names no state counts as every condition: fail high
        number = int(v) if 0.0 <= v <= MAX_STATE else -1
        known = number >= 0 and number == v
        if set_back:
            s["by_reception"] = s["by_reception"] | s["pending"]
        for k in range(4):
            bit = 1 << k
            if p["used"] & bit == 0:
                continue
            abnormal = not known or ((p["states"][k] >> number) & 1) != 0
            if s["active"] & bit != 0:
                if not (not abnormal and in_order and quality[i] == GOOD):
                    s["clear_count"][k] = 0
                    continue
                if not _over(p, s, k, t, set_back):
                    continue
            elif abnormal:
                if not _held(p, s, k, t, received_ns[i], suspect, disorder, newest):
                    continue
            else:
                if in_order or (suspect and s["by_reception"] & bit != 0):
                    s["pending"] = s["pending"] & ~bit
                continue
            s["active"] = s["active"] ^ bit
            f = out[count]
            f["row"], f["slot"], f["condition"] = i, slot[i], k
            f["active"] = 1 if s["active"] & bit != 0 else 0
            f["event_ns"], f["value"], f["limit"] = t, v, np.nan
            count += 1
    return row, count
