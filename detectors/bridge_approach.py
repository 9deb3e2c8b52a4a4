"""A vessel that nears a bridge's pier and will not pass it: too tall, or off its span; and a wrong range.

What. The distance of the nearest vessel gives its closing speed, and with it the time to the pier.
"bridge_danger" begins when that time is below ``ahead_s`` while the mast's clearance is below ``clear``
metres or the lane is in state ``off_span``, at ``raise_readings`` readings in a row, and ends when as many
say otherwise. With neither clearance nor lane the time alone decides. A distance that jumps by ``jump``
metres is another vessel: the closing speed begins anew.

"range_disagrees" begins when a vessel on her span, farther than twice ``half_span`` from the pier, comes
nearer or goes away by ``differs`` (a share) less or more than her speed takes her in ``leg`` metres, for any
course within ``half_lane`` of the middle: then the range is wrong, or the speed. It ends with a leg that
agrees. ``legs`` such legs in a row are needed.

When to use. Radar or AIS gates at a bridge: it tells minutes before the distance limits. When not. Gates that
see only one line across the river. The hard-wired siren does not wait for this.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. Clearance,
lane and speed older than ``gap_s`` are unknown. Without speed and lane the range is not judged.

Cost. About 10 ns a reading, 230 bytes a group.

Reference. JT/T 1441 and the bridge's navigation study set warning times; not verified; 180 s and 2 m are
ours. The range: Pythagoras, with the vessel's way by her log; 2.5 % are ours. Closing speed by the difference
of two exponentially weighted means, which for a ramp lag behind by their time constants.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> rule = {"inputs": ("distance",), "raise_readings": 2}
>>> p, s = np.array([configure(rule)], PARAMETERS), np.array([initial()], STATE)
>>> value = np.concatenate([2000.0 - 12.0 * np.arange(100), np.full(20, 3000.0)])
>>> time = np.arange(120, dtype=np.int64) * 2_000_000_000
>>> zero, rows = np.zeros(120, np.uint8), np.zeros(120, np.int32)
>>> found = Findings()
>>> step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(int(f["row"]), FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"])))
...  for f in found.found()]
[(79, 'bridge_danger', 1, 177), (101, 'bridge_danger', 0, 0)]
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

INPUTS = ("distance", "clearance", "lane", "speed")
FINDINGS = ("bridge_danger", "range_disagrees")
"""``value``: seconds until the pier, 0 when it does not near, and the time ahead; of the range: what the
distance says that she moved along the fairway, in m, and ``limit`` what her speed says."""
EVENT_TIMES = ("times_ns", "since_ns")
ADVICE = {
    "bridge_danger": ("process", "a vessel will not pass the bridge", "船舶可能碰撞桥梁"),
    "range_disagrees": ("device", "distance and speed of vessels disagree", "船舶距离与航速不一致"),
}
EXPLAIN = {
    "bridge_danger": (
        "{title}: {value_number} s to the pier at its speed",
        "{title}:按当前航速 {value_number} 秒后到达桥墩",
    ),
    "range_disagrees": (
        "{title}: moved {value_number} m by distance, {limit_number} m by speed",
        "{title}:按距离移动 {value_number} 米,按航速应为 {limit_number} 米",
    ),
}
ENDED = {
    "bridge_danger": ("the vessel is clear of the bridge", "船舶已避让或驶离"),
    "range_disagrees": ("distance and speed agree again", "距离与航速恢复一致"),
}
UNITS = {"bridge_danger": "s", "range_disagrees": "m"}
SETTINGS = {
    "ahead_s": Setting("seconds", 180.0, 1.0),
    "clear": Setting("ratio", 2.0, -100.0, 1000.0),
    "off_span": Setting.count(2, 0, 63),
    "jump": Setting("ratio", 100.0, 1.0, 1e5),
    "least_speed": Setting("ratio", 0.3, 1e-3, 100.0),
    "window_s": Setting("seconds", 30.0, 1e-3),
    "gap_s": Setting("seconds", 30.0, 1e-3),
    "raise_readings": Setting.count(3, 1),
    "on_span": Setting.count(1, 0, 63),
    "half_span": Setting("ratio", 800.0, 1.0, 1e5),
    "half_lane": Setting("ratio", 200.0, 0.0, 1e5),
    "leg": Setting("ratio", 1000.0, 1.0, 1e6),
    "differs": Setting("ratio", 0.025, 1e-4, 10.0),
    "legs": Setting.count(1, 1, 100),
}
"""clear, jump, half_span, half_lane, leg: m; least_speed: m/s of closing, slower drifts; off_span, on_span:
states of the lane. Speed in km/h."""

PARAMETERS = np.dtype(
    [
        ("ahead_ns", "<i8"),  # 0: not judged
        ("window_ns", "<i8"),
        ("gap_ns", "<i8"),
        ("readings", "<i8"),
        ("off_span", "<f8"),
        ("clear", "<f8"),
        ("jump", "<f8"),
        ("least_speed", "<f8"),
        ("has", "<i8"),  # bit 1 clearance, bit 2 lane, bit 3 speed
        ("on_span", "<f8"),
        ("half_span", "<f8"),
        ("half_lane", "<f8"),
        ("leg", "<f8"),
        ("differs", "<f8"),
        ("legs", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("since_ns", "<i8", (1,)),
        ("run", "<i8", (1,)),
        ("times_ns", "<i8", (4,)),
        ("values", "<f8", (4,)),
        ("from_m", "<f8"),  # where the leg began; NaN: there is none
        ("way_m", "<f8"),  # by the log since then
        ("wrong", "<i8"),  # legs in a row that speak against bit 1
        ("fast", "<f8"),
        ("slow", "<f8"),
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``inputs``; ``{}`` is not judged. ValueError on numbers that make
    no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("ahead_ns", "window_ns", "gap_ns", "off_span", "clear", "jump", "least_speed"):
        record[name] = chosen[name]
    for name in ("on_span", "half_span", "half_lane", "leg", "differs", "legs"):
        record[name] = chosen[name]
    record["readings"] = chosen["raise_readings"]
    present = settings.get("inputs", INPUTS)
    record["has"] = ("clearance" in present) << 1 | ("lane" in present) << 2 | ("speed" in present) << 3
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["since_ns"] = record["times_ns"] = NO_TIME
    record["from_m"] = np.nan
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _closing(p: Any, s: Any, t: int, v: float) -> float:
    """m/s towards the pier."""
    last = s["times_ns"][0]
    s["times_ns"][0] = t
    if last == NO_TIME or not last < t <= last + p["gap_ns"] or abs(v - s["fast"]) > p["jump"]:
        s["fast"] = s["slow"] = v
        s["from_m"] = np.nan
        return 0.0
    dt, slow_ns = t - last, p["window_ns"]
    fast_ns = slow_ns // 4
    s["fast"] += (v - s["fast"]) * (dt / (fast_ns + dt))
    s["slow"] += (v - s["slow"]) * (dt / (slow_ns + dt))
    return float((s["slow"] - s["fast"]) * 1e9 / (slow_ns - fast_ns))


@compiled
def _wrong(p: Any, s: Any, t: int) -> bool:
    """Whether something says that the vessel cannot pass."""
    if p["has"] & 6 == 0:
        return True
    for role in range(1, 3):
        seen = s["times_ns"][role]
        if p["has"] >> role & 1 == 0 or seen == NO_TIME or abs(t - seen) > p["gap_ns"]:
            continue
        v = s["values"][role]
        if v < p["clear"] if role == 1 else v == p["off_span"]:
            return True
    return False


@compiled
def _along(p: Any, s: Any, v: float) -> tuple[float, float]:
    """What the distance says that she moved along the fairway: at least, at most."""
    far, near = max(s["from_m"], v), min(s["from_m"], v)
    middle, side = p["half_span"] ** 2, max(0.0, p["half_span"] - p["half_lane"]) ** 2
    one = math.sqrt(max(0.0, far * far - middle)) - math.sqrt(max(0.0, near * near - middle))
    other = math.sqrt(max(0.0, far * far - side)) - math.sqrt(max(0.0, near * near - side))
    return min(one, other), max(one, other)


@compiled
def _strays(p: Any, s: Any, t: int, v: float, dt_s: float) -> bool:
    """Whether "range_disagrees" changes: a leg is over that speaks against what stands."""
    for role in range(2, 4):
        seen = s["times_ns"][role]
        if seen == NO_TIME or abs(t - seen) > p["gap_ns"]:
            s["from_m"] = np.nan
            return False
    if s["values"][2] != p["on_span"] or v < 2.0 * p["half_span"]:
        s["from_m"] = np.nan
        return False
    if not s["from_m"] < np.inf:
        s["from_m"], s["way_m"] = v, 0.0
        return False
    s["way_m"] += max(0.0, s["values"][3]) / 3.6 * dt_s
    if s["way_m"] < p["leg"]:
        return False
    least, most = _along(p, s, v)
    over = not least * (1.0 - p["differs"]) <= s["way_m"] <= most * (1.0 + p["differs"])
    stands = s["active"] >> 1 & 1 == 1
    if over == stands:
        s["wrong"] = 0
    else:
        s["wrong"] += 1
    if s["wrong"] < (1 if stands else p["legs"]):
        s["from_m"] = np.nan
        return False
    s["wrong"] = 0
    s["active"] = s["active"] ^ 2
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 4, slot[i] % 4
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["ahead_ns"] == 0 or not ordinary(time[i], quality[i], v):
            continue
        if role > 0:
            s["values"][role], s["times_ns"][role] = v, t
            continue
        dt_s = (t - s["times_ns"][0]) / 1e9 if s["times_ns"][0] != NO_TIME else 0.0
        closing = _closing(p, s, t, v)
        if p["has"] & 12 == 12 and _strays(p, s, t, v, dt_s):
            moved, _ = _along(p, s, v)
            count = tell(out, count, i, group, 1, s["active"] >> 1 & 1, t, moved, s["way_m"])
            s["from_m"] = np.nan  # the next leg begins
        seconds = max(0.0, v) / closing if closing >= p["least_speed"] else 0.0
        nears = closing >= p["least_speed"] and seconds * 1e9 <= p["ahead_ns"]
        over = nears and _wrong(p, s, t)
        if turned(s, 0, over, not over, t, 0, p["readings"], 0, p["readings"]):
            count = tell(out, count, i, group, 0, s["active"] & 1, t, seconds, p["ahead_ns"] / 1e9)
    return row, count
