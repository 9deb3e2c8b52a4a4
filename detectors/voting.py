"""k of n sensors agree that a limit is passed: one bad sensor neither trips nor hides anything.

What. Every channel votes while its value is at or above ``limit`` (with ``below = true``: at or below) and
withdraws its vote when it is back by ``deadband``. "voted" begins when ``need`` votes stand together, for
``after_s`` if that is given, and ends when fewer stand. A channel whose reading is bad, or older than
``stale_s``, has no vote; when fewer than ``need`` channels can vote, "voting_degraded" says that the logic
is blind.

When to use. Redundant sensors on one danger: three gas heads over one pump, two level switches. With anomaly
detectors it is the only one that may be given priority 1: a vote of limits is a limit. When not. Sensors at
different places, where one alone can be right.

Time is the gateway's time of reception, the only clock that several devices share. It is looked at when a
reading of the group comes; a group of which nothing comes is what "silent" is for.

Which readings count. All live ones. One of doubtful time may give a vote and never withdraws one.

Cost. About 10 ns a reading; 170 bytes a group.

Reference. IEC 61508-6 annex B (architectures MooN; from memory, the clause was not read).

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p, s = np.array([configure({"limit": 20.0, "need": 2})], PARAMETERS), np.array([initial()], STATE)
>>> slot, value = np.array([0, 1, 2, 0, 1, 1], np.int32), np.array([5.0, 25.0, 6.0, 21.0, 26.0, 5.0])
>>> time, zero = np.arange(6, dtype=np.int64) * 1_000_000_000, np.zeros(6, np.uint8)
>>> found = Findings()
>>> step(p, s, Readings(slot, time, time, value, zero, zero, zero, slot), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"]), int(f["value"])) for f in found.found()]
[(3, 'voted', 1, 2), (5, 'voted', 0, 1)]
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import BAD, FAR, NO_CLEAR, NO_TIME, NOT_LIVE, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain

INPUTS = ("a", "b", "c", "d", "e", "f", "g", "h")
REQUIRED = ("a", "b")
FINDINGS = ("voted", "voting_degraded")
"""``value``: votes, or channels that can vote; ``limit``: how many are needed;
``extra``: the limit voted on."""
ADVICE = {
    "voted": ("process", "several sensors agree", "多个传感器一致确认"),
    "voting_degraded": ("device", "too few sensors can vote", "可参与表决的传感器不足"),
}
EXPLAIN = {
    "voted": (
        "{title}: {value_number} passed {extra}, {limit_number} needed",
        "{title}:{value_number} 个越过 {extra},需 {limit_number} 个",
    ),
    "voting_degraded": (
        "{title}: {value_number}, {limit_number} needed",
        "{title}:{value_number} 个,需 {limit_number} 个",
    ),
}
ENDED = {
    "voted": (
        "only {value_number} beyond {extra}, {limit_number} needed",
        "仅 {value_number} 个越过 {extra},需 {limit_number} 个",
    ),
    "voting_degraded": ("{value_number} sensors can vote again", "{value_number} 个传感器恢复表决"),
}
UNITS = {"voted": "", "voting_degraded": ""}
SETTINGS = {
    "limit": Setting("level", None, -FAR, required=True),
    "below": Setting("switch", 0.0),
    "deadband": Setting("value", 0.0),
    "need": Setting.count(2, 1, len(INPUTS)),
    "after_s": Setting("seconds", 0.0),
    "stale_s": Setting("seconds", None, 1.0),  # else five periods
}
EVENT_TIMES: tuple[str, ...] = ()

PARAMETERS = np.dtype(
    [
        ("need", "<i8"),  # 0: not judged
        ("limit", "<f8"),
        ("sign", "<f8"),  # 1: above; -1: below
        ("deadband", "<f8"),
        ("after_ns", "<i8"),
        ("stale_ns", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("heard_ns", "<i8", (8,)),  # reception of the newest good reading; a bad one: NO_TIME
        ("first_ns", "<i8"),
        ("since_ns", "<i8"),
        ("vote", "<i4", (8,)),
        ("active", "<i8"),  # bit 0 voted, bit 1 degraded
    ],
    align=True,
)
"""What one group remembers; times are receptions."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``period_ns``; ``{}`` is not judged. ValueError without
    ``limit``."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    record["sign"] = -1.0 if chosen["below"] else 1.0
    for name in ("limit", "need", "deadband", "after_ns"):
        record[name] = chosen[name]
    record["stale_ns"] = chosen.get("stale_ns", 5 * int(settings.get("period_ns", 60_000_000_000)))
    return record


def initial() -> np.void:
    """A group of which nothing came."""
    record: np.void = np.zeros(1, STATE)[0]
    record["heard_ns"] = record["first_ns"] = record["since_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; ``readings.slot`` is group * len(INPUTS) + role."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _hear(p: Any, s: Any, role: int, v: float, bad: bool, may_clear: bool, now_ns: int) -> None:
    """The newest reading of one channel."""
    if bad:
        if may_clear:
            s["heard_ns"][role] = NO_TIME
        return
    beyond = p["sign"] * (v - p["limit"])
    if beyond >= 0.0:
        s["vote"][role] = 1
    elif may_clear and beyond < -p["deadband"]:
        s["vote"][role] = 0
    elif s["vote"][role] == 0 and not may_clear:
        return
    s["heard_ns"][role] = now_ns


@compiled
def _stand(p: Any, s: Any, now_ns: int) -> tuple[int, int, int]:
    """(findings that stand, votes, channels that can vote)."""
    votes = able = 0
    for role in range(8):
        if s["heard_ns"][role] != NO_TIME and now_ns - s["heard_ns"][role] <= p["stale_ns"]:
            able += 1
            votes += s["vote"][role]
    if votes < p["need"]:
        s["since_ns"] = NO_TIME
    elif s["since_ns"] == NO_TIME:
        s["since_ns"] = now_ns
    active = 0
    if votes >= p["need"] and (s["active"] & 1 or now_ns - s["since_ns"] >= p["after_ns"]):
        active = 1
    if able < p["need"] and now_ns - s["first_ns"] > p["stale_ns"]:
        active |= 2
    return active, votes, able


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, received_ns, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 8, slot[i] % 8
        p, s, v = parameters[group], state[group], value[i]
        if int(time[i]) & NOT_LIVE or p["need"] == 0:
            continue
        now_ns = received_ns[i]
        if s["first_ns"] == NO_TIME:
            s["first_ns"] = now_ns
        bad = quality[i] == BAD or not abs(v) <= FAR
        _hear(p, s, role, v, bad, int(time[i]) & NO_CLEAR == 0, now_ns)
        before = s["active"]
        after, votes, able = _stand(p, s, now_ns)
        s["active"] = after
        for k in range(2):
            if (before ^ after) >> k & 1:
                f = out[count]
                f["row"], f["slot"], f["condition"], f["active"] = i, group, k, after >> k & 1
                f["event_ns"], f["value"] = event_ns[i], votes if k == 0 else able
                f["limit"], f["extra"] = p["need"], p["limit"]
                count += 1
    return row, count
