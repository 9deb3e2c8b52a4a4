"""Four limits on one analog channel: LL, L, H, HH, with deadband, delays and N readings to clear.

What. H and HH begin when the value is not below the setpoint for the whole on-delay; L and LL when it is
not above. They end when it has been beyond the deadband for the off-delay and for ``clear_readings``
consecutive fresh, good readings of strictly increasing device time. Delays are counted in the device's own
time, at readings only.

When to use. Every channel whose danger is a level: concentration, pressure, temperature, potential. When
not. Slow drift below the limit, changes of shape, a sensor that sticks: other detectors. A delay longer
than the time to the consequence hides the alarm; safety channels take 0-3 s.

Which readings count. Late and retained ones are passed over. BAD ones neither begin nor end a condition and
interrupt a run towards its end. UNCERTAIN ones may begin it, never end it. A reading of suspect time may
begin it, measured in time of reception; one older than the channel's newest begins it at once only without
an on-delay, else starts the delay at the newest time known. Neither ends a condition nor breaks off a delay
that an ordinary reading began (a run that a suspect reading began is broken off by the next suspect one
that is back: else a frozen clock would add up unrelated excursions). If the device's clock is set back and
accepted (re-based), running delays go on in time of reception, so that setting a clock never blinds a
device. A value that is not a number counts as over every limit: fail high.

Cost. About 5 ns a reading while nothing is near a limit, about 15 ns otherwise.

Reference. ANSI/ISA-18.2-2016, basic alarm design (setpoint, deadband, delays); IEC 62682:2022;
EEMUA 191, 3rd edition, for default deadbands and delays.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"limits": {"H": {"setpoint": 10.0, "deadband": 1.0}}, "clear_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([9.0, 10.0, 9.5, 8.9, 8.8])
>>> time = np.arange(5, dtype=np.int64) * 1_000_000_000
>>> zero = np.zeros(5, np.uint8)
>>> rows = np.zeros(5, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(1, 'H', 1), (4, 'H', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, DISORDER, GOOD, NO_TIME, NOT_LIVE, SUSPECT, Findings, Readings, Settings, compiled
from detectors._rows import feed

FINDINGS = ("LL", "L", "H", "HH")
_ORDER = (1, 0, 2, 3)
"""Lower severity first: L, LL, H, HH."""
EVENT_TIMES = ("last_event_ns", "since_event_ns", "clear_since_ns")

PARAMETERS = np.dtype(
    [
        ("low", "<f8"),  # above this and below `high` no limit is touched
        ("high", "<f8"),
        ("used", "<i4"),  # bit k: limit k exists
        ("clear_readings", "<i4"),
        ("setpoint", "<f8", (4,)),  # NaN = none
        ("deadband", "<f8", (4,)),
        ("on_ns", "<i8", (4,)),
        ("off_ns", "<i8", (4,)),
    ],
    align=True,
)
"""One channel's limits, indexed as FINDINGS; values in the channel's unit."""

STATE = np.dtype(
    [
        ("last_event_ns", "<i8"),  # newest device time in order
        ("active", "<i8"),  # bit k: condition k holds
        ("pending", "<i8"),  # bit k: over the limit, on-delay running
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
    """One PARAMETERS record of ``{"limits": {"H": {"setpoint", "deadband", "on_delay_ns", "off_delay_ns"},
    ...}, "clear_readings": n}``; ValueError on an unknown limit or a number that makes no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    record["setpoint"] = np.nan
    record["low"], record["high"] = -np.inf, np.inf
    limits = settings.get("limits", {})
    # Without limits it is the rule of none, whatever else the profile says: such a channel needs no record.
    record["clear_readings"] = max(1, int(settings.get("clear_readings", 1))) if limits else 1
    for name, limit in limits.items():
        if name not in FINDINGS:
            raise ValueError(f"no limit {name!r}; known: {', '.join(FINDINGS)}")
        k = FINDINGS.index(name)
        setpoint, deadband = float(limit["setpoint"]), float(limit.get("deadband", 0.0))
        delays = int(limit.get("on_delay_ns", 0)), int(limit.get("off_delay_ns", 0))
        if not (np.isfinite(setpoint) and np.isfinite(deadband) and deadband >= 0 and min(delays) >= 0):
            raise ValueError(f"limit {name}: setpoint must be finite, deadband and delays finite and >= 0")
        record["used"] |= 1 << k
        record["setpoint"][k], record["deadband"][k] = setpoint, deadband
        record["on_ns"][k], record["off_ns"][k] = delays
        side = "low" if k < 2 else "high"
        record[side] = max(record[side], setpoint) if k < 2 else min(record[side], setpoint)
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
        if (s["active"] | s["pending"]) == 0 and p["low"] < v < p["high"]:
            continue
        if set_back:
            s["by_reception"] = s["by_reception"] | s["pending"]
        for k in _ORDER:
            bit = 1 << k
            if p["used"] & bit == 0:
                continue
            limit, band = p["setpoint"][k], p["deadband"][k]
            abnormal = not (v > limit) if k < 2 else not (v < limit)
            normal = v > limit + band if k < 2 else v < limit - band
            if s["active"] & bit != 0:
                if not (normal and in_order and quality[i] == GOOD):
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
            f["event_ns"], f["value"], f["limit"] = t, v, limit
            count += 1
    return row, count
