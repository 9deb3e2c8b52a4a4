"""Alternating current density at a coating holiday, from the AC voltage of the pipe.

What. J = 8 U / (rho pi d): U the AC voltage to remote earth, rho the soil's resistivity, d the diameter of a
round holiday of 1 cm2. "ac_corrosion" begins when J is at or above ``moderate`` for ``on_delay_s``,
"ac_corrosion_strong" at or above ``strong``; each ends 10 % below for ``off_delay_s``.

When to use. Posts and loggers that measure AC voltage and have no coupon, or whose coupon may be cut off.
When not. Where a coupon gives the current density itself: a limit on that channel is nearer to the truth. The
soil's resistivity decides the result: give the site's own (``resistivity``), in wet season.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. All others are
passed over.

Cost. About 12 ns a reading, 80 bytes a group.

Reference. CEN/TS 15280:2006 (30 and 100 A/m2); GB/T 50698-2011 (above 4 V judge by J; its 60 A/m2 not
verified); ISO 18086:2019 (J below 30 A/m2). The formula stands in GB/T 50698-2011, 3.2.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"resistivity": 25.0, "on_delay_ns": 0, "off_delay_ns": 0}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value, time = np.array([3.0, 4.0, 12.0, 2.5]), np.arange(4, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(4, np.uint8), np.zeros(4, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"]), 1))
...  for f in found.found()]  # doctest: +NORMALIZE_WHITESPACE
[(1, 'ac_corrosion', 1, 36.1), (2, 'ac_corrosion_strong', 1, 108.2), (3, 'ac_corrosion', 0, 22.5),
 (3, 'ac_corrosion_strong', 0, 22.5)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("voltage",)
FINDINGS = ("ac_corrosion", "ac_corrosion_strong")
"""``value``: current density, A/m2; ``limit``: the one that was passed."""
EVENT_TIMES = ("since_ns",)
ADVICE = {
    "ac_corrosion": ("process", "AC corrosion is possible", "可能发生交流腐蚀"),
    "ac_corrosion_strong": ("process", "AC corrosion is likely", "交流腐蚀风险高"),
}
_EXPLAIN = (
    "{title}: {value} at a holiday of 1 cm2, limit {limit}",
    "{title}:1 cm2 破损点交流电流密度 {value},限值 {limit}",
)
_ENDED = ("AC current density is back at {value}", "交流电流密度回到 {value}")
EXPLAIN = {"ac_corrosion": _EXPLAIN, "ac_corrosion_strong": _EXPLAIN}
ENDED = {"ac_corrosion": _ENDED, "ac_corrosion_strong": _ENDED}
UNITS = dict.fromkeys(FINDINGS, "A/m2")
SETTINGS = {
    "resistivity": Setting("ratio", 50.0, 0.1, 1e5),
    "diameter": Setting("ratio", 0.0113, 1e-4, 1.0),
    "moderate": Setting("ratio", 30.0, 1e-3, 1e5),
    "strong": Setting("ratio", 100.0, 1e-3, 1e5),
    "on_delay_s": Setting("seconds", 60.0),
    "off_delay_s": Setting("seconds", 60.0),
}
"""resistivity: ohm.m; diameter: m; moderate, strong: A/m2."""
_BACK = 0.9

PARAMETERS = np.dtype(
    [("factor", "<f8"), ("limit", "<f8", (2,)), ("on_ns", "<i8"), ("off_ns", "<i8")], align=True
)
"""One group's rule; factor (A/m2 a volt) 0: not judged."""

STATE = np.dtype([("run", "<i8", (2,)), ("since_ns", "<i8", (2,)), ("active", "<i8")], align=True)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    if chosen["strong"] <= chosen["moderate"]:
        raise ValueError(f"strong: {chosen['strong']:g} is not above moderate; raise it")
    record["factor"] = 8.0 / (chosen["resistivity"] * math.pi * chosen["diameter"])
    record["limit"] = chosen["moderate"], chosen["strong"]
    record["on_ns"], record["off_ns"] = chosen["on_delay_ns"], chosen["off_delay_ns"]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        p, s = parameters[rule[i]], state[slot[i]]
        if p["factor"] == 0.0 or not ordinary(time[i], quality[i], value[i]):
            continue
        density = p["factor"] * abs(value[i])
        if s["active"] == 0 and density < p["limit"][0]:
            s["run"][:] = 0
            s["since_ns"][:] = NO_TIME
            continue
        for k in range(2):
            limit = p["limit"][k]
            over, back = density >= limit, density < _BACK * limit
            if turned(s, k, over, back, event_ns[i], p["on_ns"], 1, p["off_ns"], 1):
                active = s["active"] >> k & 1
                count = tell(out, count, i, slot[i], k, active, event_ns[i], density, limit)
    return row, count
