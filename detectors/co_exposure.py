"""Carbon monoxide by time and concentration: the exposure curve of household detectors.

What. Every minute at a concentration adds to a dose, 1 / (time to alarm at that concentration), straight
between the points 30 ppm never, 50 ppm 75 min, 100 ppm 25 min, 300 ppm 2 min, and no faster than 1 min. At 30
ppm and below the dose falls, from 1 to 0 in ``recover_s``. "co_exposure" begins when the dose reaches 1 and
ends when ``clear_readings`` readings in a row are at 30 ppm or below.

When to use. Rooms where people live or work, beside the device's own alarm: it adds, it never silences one.
When not. As the only protection; for a fixed industrial detector the limits of its OEL come first.

Which readings count. All that are not bad, live, in order and of believed time: an uncertain one (over the
range) counts, for a dose is safety. A reading stands for the time since the one before it, ``gap_s`` at most,
for nobody knows what was in a longer gap. Warm-up: none.

Settings. ``ppm``: how many ppm one unit of the channel is (1; 0.859 for mg/m3 of CO at 20 C).

Cost. About 5 ns a reading in cache, 48 ns when 200,000 channels come in random order (limits there: 45);
72 bytes a channel.

Reference. EN 50291-1:2018, 5.3.6 alarm conditions: 30 ppm no alarm before 120 min, 50 ppm 60 to 90 min, 100
ppm 10 to 40 min, 300 ppm within 3 min. not verified: read in summaries of the standard only.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([300.0] * 130 + [0.0])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(121, 'co_exposure', 1), (130, 'co_exposure', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, GOOD, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, plain
from detectors._turn import ordinary, tell, turned

FINDINGS = ("co_exposure",)
"""``value``: the reading; ``limit``: 30 ppm in the channel's unit, from where it counts."""
EVENT_TIMES = ("last_ns", "since_ns")

ADVICE = {"co_exposure": ("process", "carbon monoxide for too long", "一氧化碳暴露超时")}
EXPLAIN = {
    "co_exposure": (
        "{title}: now {value}; counted from {limit} on (EN 50291 curve)",
        "{title}:当前 {value};自 {limit} 起累计(EN 50291 曲线)",
    )
}
ENDED = {"co_exposure": ("carbon monoxide is low again: {value}", "一氧化碳已降低:{value}")}
SETTINGS = {
    "ppm": Setting("ratio", 1.0, 0.001, 1000.0),
    "recover_s": Setting("seconds", 3600.0, 1.0),
    "gap_s": Setting("seconds", 300.0, 1.0),
}
_PPM = (30.0, 50.0, 100.0, 300.0)
_PER_S = (0.0, 1.0 / 4500.0, 1.0 / 1500.0, 1.0 / 120.0)
_MOST = 1.0 / 60.0

PARAMETERS = np.dtype(
    [
        ("ppm", "<f8"),  # 0: not judged
        ("recover_s", "<f8"),
        ("gap_s", "<f8"),
        ("clear_readings", "<i8"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("last_ns", "<i8"),
        ("dose", "<f8"),
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i4", (2,)),  # the second: unused
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``clear_readings``; ``{}`` is not judged. ValueError on numbers
    that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["ppm"] = chosen["ppm"]
    record["recover_s"], record["gap_s"] = chosen["recover_ns"] / 1e9, chosen["gap_ns"] / 1e9
    record["clear_readings"] = clear_readings(settings)
    return record


def initial() -> np.void:
    """A channel that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last_ns"], record["since_ns"] = NO_TIME, NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _dose(ppm: float, recover_s: float) -> float:
    """What one second at a concentration adds to the dose."""
    if ppm <= _PPM[0]:
        return -1.0 / recover_s
    for k in range(1, 4):
        if ppm <= _PPM[k]:
            share = (ppm - _PPM[k - 1]) / (_PPM[k] - _PPM[k - 1])
            return _PER_S[k - 1] + share * (_PER_S[k] - _PER_S[k - 1])
    return min(_MOST, _PER_S[3] * ppm / _PPM[3])


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        factor = p["ppm"]
        if factor == 0.0 or quality[i] == BAD or not ordinary(time[i], GOOD, v):
            continue
        last = s["last_ns"]
        s["last_ns"] = t
        gap = min(float(t - last) * 1e-9, p["gap_s"]) if last != NO_TIME and t > last else 0.0
        ppm = v * factor
        s["dose"] = min(max(s["dose"] + gap * _dose(ppm, p["recover_s"]), 0.0), 1.0)
        over, back = s["dose"] >= 1.0, ppm <= _PPM[0]
        if s["active"] == 0 and not over:
            continue
        if turned(s, 0, over, back, t, 0, 1, 0, p["clear_readings"]):
            if s["active"] == 0:
                s["dose"] = min(s["dose"], 0.5)
            count = tell(out, count, i, slot[i], 0, int(s["active"]), t, v, _PPM[0] / factor)
    return row, count
