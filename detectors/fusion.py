"""One finding from several: kinds of evidence about one asset that together say more than each alone.

What. This detector reads findings, not readings: a row comes whenever an alarm of the asset that a role
names begins (value 1) or ends (any other value). A role speaks while one of its alarms stands, and for
``window_s`` after the last one ended. "leak_likely" begins when ``need`` roles speak together and ends when
fewer do; its note lists the alarms that stand. Time is the gateway's, and is looked at when evidence
changes.

When to use. A pipeline whose balance, pressure wave, pressures and corrosion protection are all watched: a
leak shows in two of them, a bad sensor in one. When not. As the only alarm: each piece of evidence keeps its
own.

Cost. Nothing while nothing is found; 200 bytes an asset.

Reference. None: a plain count, so that an operator can check it.


>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p, s = np.array([configure({"need": 2})], PARAMETERS), np.array([initial()], STATE)
>>> slot, value = np.array([0, 2, 2], np.int32), np.array([1.0, 1.0, 0.0])
>>> time, zero = np.array([0, 60, 8000], np.int64) * 1_000_000_000, np.zeros(3, np.uint8)
>>> found = Findings()
>>> step(p, s, Readings(slot, time, time, value, zero, zero, zero, slot), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(1, 'leak_likely', 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, NOT_LIVE, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain

EVIDENCE = True
"""Rows are alarms that begin and end; an input is a list of conditions."""
INPUTS = ("balance", "wave", "pressure", "protection")
REQUIRED = ("balance",)
FINDINGS = ("leak_likely",)
"""``value``: kinds of evidence that speak; ``limit``: how many are needed."""
ADVICE = {"leak_likely": ("process", "several kinds of evidence point to a leak", "多种证据指向泄漏")}
EXPLAIN = {
    "leak_likely": (
        "{title}: {value_number} kinds, {limit_number} needed",
        "{title}:{value_number} 种,需 {limit_number} 种",
    )
}
ENDED = {"leak_likely": ("only {value_number} kinds of evidence are left", "仅剩 {value_number} 种证据")}
UNITS = {"leak_likely": ""}
SETTINGS = {
    "need": Setting.count(2, 1, len(INPUTS)),
    "window_s": Setting("seconds", 3600.0),
}
EVENT_TIMES: tuple[str, ...] = ()

PARAMETERS = np.dtype([("need", "<i8"), ("window_ns", "<i8")], align=True)
"""One asset's rule; need 0: not judged."""

STATE = np.dtype(
    [
        ("standing", "<i8", (4,)),  # alarms of each role
        ("ended_ns", "<i8", (4,)),  # reception of the row that ended the last one
        ("active", "<i8"),
    ],
    align=True,
)
"""What one asset remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS; ``{}`` is not judged. ValueError on numbers out of bounds."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if settings:
        chosen = plain(SETTINGS, settings)
        record["need"], record["window_ns"] = chosen["need"], chosen["window_ns"]
    return record


def initial() -> np.void:
    """An asset about which nothing was found."""
    record: np.void = np.zeros(1, STATE)[0]
    record["ended_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; ``readings.slot`` is group * len(INPUTS) + role."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, received_ns, value, _, _, time, _ = columns
    while row < len(slot) and count + 1 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 4, slot[i] % 4
        p, s, now_ns = parameters[group], state[group], received_ns[i]
        if int(time[i]) & NOT_LIVE or p["need"] == 0:
            continue
        if value[i] == 1.0:
            s["standing"][role] += 1
        elif s["standing"][role] > 0:
            s["standing"][role] -= 1
            s["ended_ns"][role] = now_ns
        speak = 0
        for k in range(4):
            lately = s["ended_ns"][k] != NO_TIME and now_ns - s["ended_ns"][k] <= p["window_ns"]
            speak += s["standing"][k] > 0 or lately
        after = 1 if speak >= p["need"] else 0
        if after != s["active"]:
            s["active"] = after
            f = out[count]
            f["row"], f["slot"], f["condition"], f["active"] = i, group, 0, after
            f["event_ns"], f["value"], f["limit"] = event_ns[i], speak, p["need"]
            count += 1
    return row, count
