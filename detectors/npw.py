"""Where a leak is, from the arrival times of its negative pressure wave at the two ends of a section.

What. Each head uploads a burst of its dynamic pressure around a trigger. A front is where the mean of the
last ``mean_readings`` samples lies below the mean of as many ``gap_readings`` before, by ``threshold`` and by
``sigmas`` of what noise does to their difference. ``settle_readings`` later its arrival is taken as the time
at which the pressure, smoothed evenly to both sides, crosses half way between its levels before and after.
With both arrivals, dt = t_up - t_down, a the wave speed, v the flow, L the length: x = [L (a - v) + (a^2 -
v^2) dt] / (2 a) from upstream, and its error 1.96 sqrt((a^2 - v^2)^2 (s_up^2 + s_down^2) / (4 a^2) + (dt s_a
/ 2)^2): s of each arrival from noise over slope, the sampling step and the head's clock (0.1 ms where it
tells none), s_a of the wave speed (``wave_error`` of it). "leak_located" begins with the later of the two and
ends with the first reading ``hold_s`` after; a leak found meanwhile begins it anew. Waves that come from the
ends themselves (within ``end`` metres: pumps, valves) or from beyond them (|dt| at or above L / a) are no
leaks of this section.

When to use. Two heads with satellite clocks, 100 samples a second or more, at the ends of one line without
branches. When not. Gas lines longer than some ten kilometres (the wave dies out), slow seepage (no front:
mass balance finds it), heads whose clocks are off: 10 ms are 5.5 m. Length and wave speed are the line's own:
measure the wave speed with a valve at one end.

Which readings count. Good, fresh ones in order, of believed time and within the device's rate. A gap of
``gap_s`` begins a new burst.

Cost. About 35 ns a sample, 13 kB a group; a front some 10 us.

Reference. Negative pressure wave location with flow: API RP 1130 (2007) B.2 names the method; the formula
follows from t_up = x / (a - v), t_down = (L - x) / (a + v). Half height is the same point of the front at
both ends, however much the way has flattened it.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p = np.array([configure({"length": 20_000.0, "wave_speed": 1000.0})], PARAMETERS)
>>> s, found = np.array([initial()], STATE), Findings()
>>> step_ns, k = 5_000_000, np.arange(600, dtype=np.int64)
>>> for role, front in ((1, 300), (0, 100)):  # fronts at 6.5 s downstream, at 0.5 s upstream
...     time = k * step_ns + (5_000_000_000 if role else 0)
...     value = np.where(k >= front, -30.0, np.where(k % 2, 0.4, -0.4))
...     zero, rows = np.zeros(600, np.uint8), np.full(600, role, np.int32)
...     step(p, s, Readings(rows, time, time, value, zero, zero, zero, rows), found)
>>> [(FINDINGS[f["condition"]], int(f["active"]), round(float(f["value"]))) for f in found.found()]
[('leak_located', 1, 7000)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain
from detectors._turn import ordinary, tell_more, tenth

REQUIRED = ("upstream", "downstream")
INPUTS = (*REQUIRED, "upstream_clock", "downstream_clock")
FINDINGS = ("leak_located",)
"""``value``: metres from the upstream end; ``extra``: its error, 95 %, metres either way."""
EVENT_TIMES = ("found_ns",)
# a clock that is found changed in between spoils what a burst told: its times are not moved along
ADVICE = {"leak_located": ("process", "a negative pressure wave tells of a leak", "负压波定位到泄漏")}
EXPLAIN = {
    "leak_located": (
        "{title}: {value_number} m from upstream, give or take {extra} m",
        "{title}:距上游端 {value_number} m,误差 ±{extra} m",
    )
}
ENDED = {
    "leak_located": ("no further wave; place told {value_number} m", "无后续压力波;定位 {value_number} m")
}
RING = 384
UNITS = {"leak_located": "m"}
SETTINGS = {
    "length": Setting("ratio", None, 10.0, 1e6, required=True),
    "wave_speed": Setting("ratio", 1000.0, 100.0, 5000.0),
    "wave_error": Setting("ratio", 0.005, 0.0, 0.5),
    "flow_speed": Setting("ratio", 0.0, -50.0, 50.0),
    "end": Setting("ratio", 200.0, 0.0, 1e5),
    "threshold": Setting("ratio", 0.8, 1e-6, 1e5),
    "sigmas": Setting("ratio", 6.0, 1.0, 1000.0),
    "mean_readings": Setting.count(16, 2, 32),
    "gap_readings": Setting.count(64, 2, 128),
    "settle_readings": Setting.count(160, 6, 160),
    "gap_s": Setting("seconds", 1.0, 1e-6),
    "hold_s": Setting("seconds", 1800.0, 1e-3),
}
"""length, end: m; wave_speed, flow_speed (downstream is positive): m/s; threshold: of the wave's unit."""
_HALF_WIDTH = 8
"""Samples to each side that smooth a front."""
_CLOCK_S = 1e-4
_WAITING, _FRONT, _DONE = 0, 1, 2

PARAMETERS = np.dtype(
    [
        ("length", "<f8"),  # 0: not judged
        ("wave_speed", "<f8"),
        ("wave_sigma", "<f8"),
        ("flow_speed", "<f8"),
        ("end", "<f8"),
        ("threshold", "<f8"),
        ("sigmas", "<f8"),
        ("mean", "<i8"),
        ("gap", "<i8"),
        ("settle", "<i8"),
        ("gap_ns", "<i8"),
        ("hold_ns", "<i8"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("active", "<i8"),
        ("found_ns", "<i8"),
        ("place", "<f8"),
        ("error", "<f8"),
        ("clock_s", "<f8", (2,)),  # of each head, as the next all
        ("arrival_ns", "<i8", (2,)),  # not yet used
        ("sigma_s", "<f8", (2,)),
        ("phase", "<i8", (2,)),
        ("count", "<i8", (2,)),  # samples of this burst
        ("wait", "<i8", (2,)),  # samples until the front is settled
        ("last_ns", "<i8", (2,)),
        ("variance", "<f8", (2,)),  # of the noise, from one sample to the next
        ("times_ns", "<i8", (2, RING)),
        ("values", "<f8", (2, RING)),
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
    for name in ("length", "wave_speed", "flow_speed", "end", "threshold", "sigmas", "gap_ns", "hold_ns"):
        record[name] = chosen[name]
    record["wave_sigma"] = chosen["wave_error"] * chosen["wave_speed"]
    for name in ("mean", "gap", "settle"):
        record[name] = chosen[f"{name}_readings"]
    if 2 * chosen["end"] >= chosen["length"]:
        raise ValueError(f"end: {chosen['end']:g} leaves nothing of the length; lessen it")
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["found_ns"] = record["arrival_ns"] = record["last_ns"] = NO_TIME
    record["clock_s"] = _CLOCK_S
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; changes are appended to ``findings``."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _mean(s: Any, head: int, newest: int, back: int, count: int) -> float:
    """Of so many samples, the last of them ``back`` before the newest."""
    total = 0.0
    for k in range(back, back + count):
        total += s["values"][head, (newest - k) % RING]
    return total / count


@compiled
def _crossing(s: Any, head: int, newest: int, oldest: int, half: float) -> tuple[float, float, float]:
    """(samples before the newest, slope a sample, ns a sample) where the smoothed pressure falls through
    ``half``: the middle between the first and the last time; slope 0 where it never does."""
    first, last, width = -1.0, -1.0, 2 * _HALF_WIDTH + 1
    later = _mean(s, head, newest, 0, width)
    for back in range(1, oldest - width + 2):
        now = _mean(s, head, newest, back, width)
        if now >= half > later:
            place = back + _HALF_WIDTH - (now - half) / (now - later)
            first = place
            last = place if last < 0.0 else last
        later = now
    if first < 0.0:
        return 0.0, 0.0, 0.0
    middle = (first + last) / 2.0
    back = max(0, int(middle) - 2 * _HALF_WIDTH)
    ahead = min(oldest - width + 1, int(middle))
    steps = max(1, ahead - back)
    fall = _mean(s, head, newest, ahead, width) - _mean(s, head, newest, back, width)
    newer, older = s["times_ns"][head, (newest - back) % RING], s["times_ns"][head, (newest - ahead) % RING]
    return middle, fall / steps, (newer - older) / steps


@compiled
def _front(p: Any, s: Any, head: int) -> bool:
    """Take the arrival of the front in the ring: half way between the levels; False when it was none."""
    newest, oldest = (s["count"][head] - 1) % RING, min(RING, s["count"][head]) - 1
    width = max(2, p["settle"] // 3)
    if oldest < 2 * width + 2 * _HALF_WIDTH + 2:
        return False
    after = _mean(s, head, newest, 0, width)
    before = _mean(s, head, newest, oldest - width + 1, width)
    if before - after < p["threshold"]:
        return False
    middle, slope, step_ns = _crossing(s, head, newest, oldest, (before + after) / 2.0)
    if not slope > 0.0:
        return False
    near = int(middle)
    t = s["times_ns"][head, (newest - near) % RING]
    s["arrival_ns"][head] = t - int((middle - near) * step_ns)
    noise = math.sqrt(s["variance"][head] / (2 * _HALF_WIDTH + 1)) / slope * step_ns / 1e9
    step_s, clock = step_ns / 1e9, s["clock_s"][head]
    s["sigma_s"][head] = math.sqrt(noise * noise + step_s * step_s / 12.0 + clock * clock)
    return True


@compiled
def _sample(p: Any, s: Any, head: int, t: int, v: float) -> bool:
    """Take a sample of a head's burst; whether an arrival is there."""
    last = s["last_ns"][head]
    s["last_ns"][head] = t
    if last == NO_TIME or not last < t <= last + p["gap_ns"]:
        s["phase"][head] = _WAITING
        s["count"][head] = 0
        s["variance"][head] = 0.0
    count = s["count"][head]
    place = count % RING
    if count > 0 and s["phase"][head] == _WAITING:
        away = v - s["values"][head, (place - 1) % RING]
        s["variance"][head] += (away * away / 2.0 - s["variance"][head]) / min(count, RING)
    s["times_ns"][head, place], s["values"][head, place] = t, v
    s["count"][head] = count + 1
    if s["phase"][head] == _DONE or count + 1 < 2 * p["mean"] + p["gap"]:
        return False
    if s["phase"][head] == _FRONT:
        s["wait"][head] -= 1
        if s["wait"][head] > 0:
            return False
        found = _front(p, s, head)
        s["phase"][head] = _DONE if found else _WAITING
        return found
    fall = _mean(s, head, place, p["mean"] + p["gap"], p["mean"]) - _mean(s, head, place, 0, p["mean"])
    if fall > max(p["threshold"], p["sigmas"] * math.sqrt(2.0 * s["variance"][head] / p["mean"])):
        s["phase"][head], s["wait"][head] = _FRONT, p["settle"]
    return False


@compiled
def _located(p: Any, s: Any) -> bool:
    """Use two arrivals that belong together; whether they tell of a leak inside."""
    up, down = s["arrival_ns"][0], s["arrival_ns"][1]
    if min(up, down) == NO_TIME:
        return False
    a, v, length = p["wave_speed"], p["flow_speed"], p["length"]
    dt = (up - down) / 1e9
    if abs(dt) > 1.1 * length / (a - abs(v)) + 1.0:
        # not of one wave: the older one had no partner
        s["arrival_ns"][0 if up < down else 1] = NO_TIME
        return False
    s["arrival_ns"][0] = s["arrival_ns"][1] = NO_TIME
    square = (a * a - v * v) / (2.0 * a)
    place = length * (a - v) / (2.0 * a) + square * dt
    if not p["end"] <= place <= length - p["end"]:
        return False
    of_time = square * math.sqrt(s["sigma_s"][0] * s["sigma_s"][0] + s["sigma_s"][1] * s["sigma_s"][1])
    of_wave = dt * p["wave_sigma"] / 2.0
    s["place"], s["error"] = tenth(place), tenth(1.96 * math.sqrt(of_time * of_time + of_wave * of_wave))
    return True


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 4, slot[i] % 4
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if p["length"] == 0.0 or not ordinary(time[i], quality[i], v):
            continue
        located = False
        if role >= 2:
            s["clock_s"][role - 2] = max(_CLOCK_S, abs(v))
        elif _sample(p, s, int(role), t, v):
            located = _located(p, s)
        if s["active"] and (located or t - s["found_ns"] >= p["hold_ns"]):
            s["active"] = 0
            count = tell_more(out, count, i, group, 0, 0, t, s["place"], np.nan, s["error"])
        if located:
            s["active"], s["found_ns"] = 1, t
            count = tell_more(out, count, i, group, 0, 1, t, s["place"], np.nan, s["error"])
    return row, count
