"""A pressure that collapses: it loses a part of itself within seconds and stays lost.

What. The highest value of the last one to two windows is what the pressure was. "rupture" begins when
``raise_readings`` readings in a row lie more than ``drop`` below it; it ends when the value is back within
half of ``drop`` for ``clear_readings`` readings, or when it has stood for ``adopt_s``: the low and low-low
limits say what then matters.

When to use. The pressure of a line, a header or a hose, beside its limits: a rupture is found by its speed
while the pressure is still above the low limit. When not. Lines whose pumps or valves make the same fall
many times a day: vote it with the other end or the pump's state. A slow leak is below it: balance finds that.

Which readings count. Good, live ones in order, of believed time, within the device's rate and within
``low``..``high``. After a gap longer than a window what was is forgotten. Warm-up: none, a fall needs a value
before it.

Defaults. ``drop`` a twentieth of the span, ``window_s`` 60, at least five periods.

Cost. About 5 ns a reading in cache, 50 ns when 200,000 channels come in random order (limits there: 45);
104 bytes a channel.

Reference. API RP 1130:2012, pressure and flow monitoring (rate of change of pressure), as a class of
methods; the numbers are our own defaults. not verified: the clause.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"window_ns": 10_000_000_000, "drop": 1.0, "raise_readings": 2, "clear_readings": 1}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.array([5.0] * 9 + [3.5] * 9 + [4.8])
>>> n = len(value)
>>> time = np.arange(n, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(n, np.uint8), np.zeros(n, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(10, 'rupture', 1), (18, 'rupture', 0)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import clear_readings, judged_range, plain
from detectors._turn import ordinary, tell, turned

FINDINGS = ("rupture",)
"""``limit``: what the value was before it fell."""
EVENT_TIMES = ("last_ns", "turn_ns", "since_ns")

ADVICE = {"rupture": ("process", "pressure collapses", "压力骤降")}
EXPLAIN = {"rupture": ("{title}: {value}, was {limit} just before", "{title}:{value},此前为 {limit}")}
ENDED = {"rupture": ("the collapse is over: {value}", "骤降结束:{value}")}
SETTINGS = {
    "drop": Setting("value", None, 1e-12),
    "window_s": Setting("seconds", 60.0, 1e-3),
    "raise_readings": Setting.count(3, 1),
    "adopt_s": Setting("seconds", 3600.0, 1e-3),
}

PARAMETERS = np.dtype(
    [
        ("window_ns", "<i8"),  # 0: not judged
        ("adopt_ns", "<i8"),
        ("drop", "<f8"),
        ("low", "<f8"),
        ("high", "<f8"),
        ("raise_readings", "<i4"),
        ("clear_readings", "<i4"),
    ],
    align=True,
)
"""One channel's rule."""

STATE = np.dtype(
    [
        ("last_ns", "<i8"),
        ("turn_ns", "<i8"),  # the present window began
        ("highest", "<f8"),  # of the present window
        ("before", "<f8"),  # of the window before; while a finding stands, what the value was
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i4", (2,)),  # the second: unused
    ],
    align=True,
)
"""What one channel remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``low``, ``high``, ``span``, ``period_ns``, ``clear_readings``;
    ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["low"], record["high"] = judged_range(settings)
    record["window_ns"] = max(chosen["window_ns"], 5 * int(settings.get("period_ns", 0)))
    record["adopt_ns"] = chosen["adopt_ns"]
    record["drop"] = chosen.get("drop", 0.05 * float(settings.get("span", 0.0)))
    if record["drop"] <= 0.0:
        raise ValueError("drop: is missing; say how far the value must fall within the window")
    record["raise_readings"], record["clear_readings"] = chosen["raise_readings"], clear_readings(settings)
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
def _remember(s: Any, v: float, t: int, window_ns: int) -> float:
    """The highest value of the last one to two windows before this reading, which is then counted in."""
    if s["last_ns"] == NO_TIME or t < s["last_ns"] or t - s["last_ns"] > window_ns:
        s["turn_ns"] = t
        s["highest"] = s["before"] = v
    elif t - s["turn_ns"] >= window_ns:
        s["turn_ns"] = t
        s["before"] = s["highest"]
        s["highest"] = v
    was = max(s["before"], s["highest"])
    s["highest"] = max(s["highest"], v)
    return float(was)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count < len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        if p["window_ns"] == 0 or not ordinary(time[i], quality[i], v) or not (p["low"] <= v <= p["high"]):
            continue
        drop = p["drop"]
        if s["active"]:
            was = s["before"]
            s["last_ns"] = t
            s["turn_ns"] = min(s["turn_ns"], t)
            back = v > was - 0.5 * drop
            over = not back
            if t - s["turn_ns"] >= p["adopt_ns"]:
                s["active"] = 0
                s["last_ns"], s["since_ns"][0], s["run"][0] = NO_TIME, NO_TIME, 0
                count = tell(out, count, i, slot[i], 0, 0, t, v, was)
                continue
        elif (
            s["run"][0] > 0 and s["last_ns"] != NO_TIME and s["last_ns"] <= t <= s["last_ns"] + p["window_ns"]
        ):
            was = s["before"]  # it falls: what was is held until it has fallen or is back
            s["last_ns"] = t
            over = was - v > drop
            back = False
        else:
            was = _remember(s, v, t, p["window_ns"])
            s["last_ns"] = t
            over, back = was - v > drop, False
            if over:
                s["before"] = was
        if turned(s, 0, over, back, t, 0, p["raise_readings"], 0, p["clear_readings"]):
            s["turn_ns"] = t
            if s["active"] == 0:
                s["last_ns"] = NO_TIME
            count = tell(out, count, i, slot[i], 0, int(s["active"]), t, v, was)
    return row, count
