"""Dust in air as a share of the minimum explosible concentration (MEC) of the plant's own dust.

What. share = 100 * concentration / MEC. "mec_high" begins at ``share`` per cent for ``on_delay_s``,
"mec_very_high" at ``share_high``; each ends 10 % below for ``off_delay_s``.

When to use. Instruments that give g/m3. The MEC is a property of the dust as it is, fine and dry: give the
plant's tested value (``mec``, g/m3). When not. Instruments that divide by the MEC themselves: a limit on
their per cent does. Not a measure of dust layers: those lie still until something raises them.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. All others are
passed over.

Cost. About 9 ns a reading, 80 bytes a group.

Reference. 25 and 50 % of MEC are dust explosion practice (as for gases, NFPA 69 speaks of 25 % of the lower
limit); not verified. MEC by size of grain, g/m3: aluminium 45 (fine 30), magnesium 20, titanium 45, iron 100,
zinc 480 (fine 250): not verified; the default of 30 is the lowest of the light metals but magnesium.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"mec": 40.0, "on_delay_ns": 0, "off_delay_ns": 0}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value, time = np.array([3.0, 11.0, 20.0, 1.0]), np.arange(4, dtype=np.int64) * 1_000_000_000
>>> zero, rows = np.zeros(4, np.uint8), np.zeros(4, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"]), float(f["value"])) for f in found.found()]
... # doctest: +NORMALIZE_WHITESPACE
[(1, 'mec_high', 1, 27.5), (2, 'mec_very_high', 1, 50.0), (3, 'mec_high', 0, 2.5),
 (3, 'mec_very_high', 0, 2.5)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell, turned

INPUTS = ("mass",)
FINDINGS = ("mec_high", "mec_very_high")
"""``value``: per cent of the MEC; ``limit``: the one that was passed."""
EVENT_TIMES = ("since_ns",)
ADVICE = {
    "mec_high": ("process", "dust nears its explosible concentration", "粉尘浓度接近爆炸下限"),
    "mec_very_high": ("process", "dust is near its explosible concentration", "粉尘浓度逼近爆炸下限"),
}
_EXPLAIN = (
    "{title}: {value_number} % of the MEC, limit {limit_number} %",
    "{title}:为爆炸下限的 {value_number} %,限值 {limit_number} %",
)
_ENDED = ("dust is back at {value_number} % of the MEC", "粉尘浓度回到爆炸下限的 {value_number} %")
EXPLAIN = {"mec_high": _EXPLAIN, "mec_very_high": _EXPLAIN}
ENDED = {"mec_high": _ENDED, "mec_very_high": _ENDED}
UNITS = dict.fromkeys(FINDINGS, "%")
SETTINGS = {
    "mec": Setting("ratio", 30.0, 1.0, 1e5),
    "share": Setting("ratio", 25.0, 1.0, 100.0),
    "share_high": Setting("ratio", 50.0, 1.0, 100.0),
    "on_delay_s": Setting("seconds", 3.0),
    "off_delay_s": Setting("seconds", 15.0),
}
"""mec: g/m3; share, share_high: per cent of it."""
_BACK = 0.9

PARAMETERS = np.dtype(
    [("factor", "<f8"), ("limit", "<f8", (2,)), ("on_ns", "<i8"), ("off_ns", "<i8")], align=True
)
"""One group's rule; factor (per cent a g/m3) 0: not judged."""

STATE = np.dtype([("run", "<i8", (2,)), ("since_ns", "<i8", (2,)), ("active", "<i8")], align=True)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    if chosen["share_high"] <= chosen["share"]:
        raise ValueError(f"share_high: {chosen['share_high']:g} is not above share; raise it")
    record["factor"] = 100.0 / chosen["mec"]
    record["limit"] = chosen["share"], chosen["share_high"]
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
        share = p["factor"] * value[i]
        for k in range(2):
            limit = p["limit"][k]
            over, back = share >= limit, share < _BACK * limit
            if turned(s, k, over, back, event_ns[i], p["on_ns"], 1, p["off_ns"], 1):
                active = s["active"] >> k & 1
                count = tell(out, count, i, slot[i], k, active, event_ns[i], share, limit)
    return row, count
