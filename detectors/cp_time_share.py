"""How long in the last 24 hours a pipe's potential was more positive than it may be.

What. Time at potentials more positive than each of four ``levels`` is added up by the hour over a ring of 24
hours and the one that runs. A condition begins when its share of the time with data exceeds its ``shares``
per cent, with ``hours`` of data or more, and ends below four fifths of that. A reading stands for the time
since the one before, ``gap_s`` at most: what nobody measured counts neither way.

When to use. IR-free potentials (coupon, off-potential) under stray current, one reading a minute or more.
When not. On-potentials: the ohmic part hides what the steel feels. Slow loggers: at one reading in ten
minutes a single one is 0.7 % of the day, so the smaller shares need ``least`` readings above the level.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Excursions
shorter than the readings' distance are not seen (the standard lets those below 500 ms drop).

Cost. About 10 ns a reading, 120 ns while above a level or standing; 1 kB a group.

Reference. AS 2832.1, structures under stray current: more positive than -850 mV at most 5 %, -800 mV 2 %,
-750 mV 1 %, 0 mV 0.2 % of at least 20 of 24 hours; not verified: the shares.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p, s = np.array([configure({"hours_s": 1})], PARAMETERS), np.array([initial()], STATE)
>>> time = np.arange(24 * 60 * 2, dtype=np.int64) * 60_000_000_000
>>> value = np.where((time >= 80_000_000_000_000) & (time < 85_000_000_000_000), -0.82, -1.0)
>>> zero, rows = np.zeros(len(time), np.uint8), np.zeros(len(time), np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(time[f["row"]]) // 3_600_000_000_000, FINDINGS[f["condition"]], int(f["active"]),
...   round(float(f["value"]), 1)) for f in found.found()]
[(23, 'positive_850', 1, 5.1), (47, 'positive_850', 0, 2.6)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell

INPUTS = ("potential",)
FINDINGS = ("positive_850", "positive_800", "positive_750", "positive_0")
"""Named by the usual levels, mV. ``value``: per cent of the time with data; ``limit``: what is allowed."""
EVENT_TIMES = ("last_ns", "hour_ns")
ADVICE = {
    "positive_850": ("process", "too long more positive than -850 mV", "电位正于 -850 mV 的时间过长"),
    "positive_800": ("process", "too long more positive than -800 mV", "电位正于 -800 mV 的时间过长"),
    "positive_750": ("process", "too long more positive than -750 mV", "电位正于 -750 mV 的时间过长"),
    "positive_0": ("process", "too long more positive than 0 mV", "电位正于 0 mV 的时间过长"),
}
_EXPLAIN = (
    "{title}: {value_number} % of the last 24 h, at most {limit_number} %",
    "{title}:近 24 h 占 {value_number} %,允许 {limit_number} %",
)
_ENDED = ("{value_number} % of the last 24 h", "近 24 h 占 {value_number} %")
EXPLAIN = dict.fromkeys(FINDINGS, _EXPLAIN)
ENDED = dict.fromkeys(FINDINGS, _ENDED)
UNITS = dict.fromkeys(FINDINGS, "%")
SETTINGS = {
    "levels": Setting("numbers", None, -10.0, 10.0),
    "shares": Setting("numbers"),
    "hours_s": Setting("seconds", 72000.0, 1.0, 86400.0),
    "gap_s": Setting("seconds", 1200.0, 1e-3, 3600.0),
    "least": Setting.count(3, 1),
}
"""levels: four potentials, V, rising (-0.85, -0.8, -0.75, 0); shares: per cent, falling (5, 2, 1, 0.2)."""
_LEVELS, _SHARES = (-0.85, -0.8, -0.75, 0.0), (5.0, 2.0, 1.0, 0.2)
_HOUR_NS = 3_600_000_000_000
_RING = 25

PARAMETERS = np.dtype(
    [
        ("hours_ns", "<i8"),  # 0: not judged
        ("gap_ns", "<i8"),
        ("least", "<i8"),
        ("level", "<f8", (4,)),
        ("share", "<f8", (4,)),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("last_ns", "<i8"),
        ("hour_ns", "<i8"),  # begin of the hour that runs
        ("place", "<i8"),  # its place in the ring
        ("readings", "<i4", (_RING, 4)),  # above each level
        ("above", "<f4", (_RING, 4)),  # seconds above each level
        ("known", "<f4", (_RING,)),  # seconds with data
        ("spare", "<f4"),
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    levels, shares = chosen.get("levels", _LEVELS), chosen.get("shares", _SHARES)
    if len(levels) != 4 or list(levels) != sorted(levels):
        raise ValueError(f"levels: give four potentials that rise; got {levels}")
    if len(shares) != 4 or not all(0 < share < 100 for share in shares):
        raise ValueError(f"shares: give four per cents between 0 and 100; got {shares}")
    record["level"], record["share"] = levels, shares
    record["hours_ns"], record["gap_ns"] = chosen["hours_ns"], chosen["gap_ns"]
    record["least"] = chosen["least"]
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["last_ns"] = record["hour_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _turn_to(s: Any, t: int) -> None:
    """Make the hour of ``t`` the one that runs; hours without data count as nothing."""
    if s["hour_ns"] == NO_TIME or t < s["hour_ns"] - _RING * _HOUR_NS:
        s["hour_ns"] = t
    hours = (t - s["hour_ns"]) // _HOUR_NS
    if hours <= 0:
        return
    s["hour_ns"] += hours * _HOUR_NS
    for _ in range(min(hours, _RING)):
        place = (s["place"] + 1) % _RING
        s["place"] = place
        s["known"][place] = 0.0
        for k in range(4):
            s["above"][place, k] = 0.0
            s["readings"][place, k] = 0


@compiled
def _share(s: Any, k: int) -> tuple[float, float, int]:
    """Seconds with data, per cent of them above level k, readings above it."""
    known, above, readings = 0.0, 0.0, 0
    for place in range(_RING):
        known += float(s["known"][place])
        above += float(s["above"][place, k])
        readings += s["readings"][place, k]
    return known, 100.0 * above / known if known > 0.0 else 0.0, readings


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, rule = columns
    while row < len(slot) and count + 4 <= len(out):
        i = row
        row += 1
        p, s, v, t = parameters[rule[i]], state[slot[i]], value[i], event_ns[i]
        if p["hours_ns"] == 0 or not ordinary(time[i], quality[i], v):
            continue
        last = s["last_ns"]
        s["last_ns"] = t
        _turn_to(s, t)
        if last == NO_TIME or t <= last:
            continue
        seconds, place = min(t - last, p["gap_ns"]) / 1e9, s["place"]
        s["known"][place] += seconds
        for k in range(4):
            if v > p["level"][k]:
                s["above"][place, k] += seconds
                s["readings"][place, k] += 1
        # nothing above and nothing standing: a share can only have fallen
        if s["active"] == 0 and not v > p["level"][0]:
            continue
        for k in range(4):
            known, share, readings = _share(s, k)
            stands, allowed = s["active"] >> k & 1, p["share"][k]
            enough = known * 1e9 >= p["hours_ns"] and readings >= p["least"]
            if share < 0.8 * allowed if stands else enough and share > allowed:
                s["active"] = s["active"] ^ (1 << k)
                count = tell(out, count, i, slot[i], k, 1 - stands, t, share, allowed)
    return row, count
