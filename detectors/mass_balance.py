"""A leak of a line: what flows in, less what flows out, less what the line's pressure stores.

What. Whenever both ends have new readings they are averaged over at least ``sample_s`` and give one
imbalance: inflow - outflow - linepack * (change of the mean pressure). Its mean (meters never agree quite),
variance and correlation from sample to sample are estimated all the time, except while a finding stands or
is near. The imbalance is whitened, e = (r - mean) - phi (r' - mean), and a sequential probability ratio
test, restarted at 0, weighs each of four sizes of leak (0.5, 1, 3 and 10 % of the flow) against none. A large
leak that begins shows its whole size once, before whitening leaves (1 - phi) of it, and counts so. "loss"
begins when one test's log-likelihood has stood at its height for ``confirm_s`` and ends when all are below a
fifth of theirs; "gain" is the same for more coming out than goes in, which is the work of a meter. A size is
tested only once the mean is known to a fifth of it. The heights are such that each test alone is wrong about
once in ``between_days`` (2 e^h / drift^2 samples). phi is taken two standard errors too high: noise that
remembers longer than believed is what gives false leaks.

A change of a flow by more than ``change`` of the usual one is an operation (pump, valve, pig): the tests
begin anew after ``hold_s``. It is no operation if it looks like a leak: more in or less out, while the
pressure falls. Below a tenth of the usual flow nothing is judged: a closed line wants another method.

When to use. A line with a flow meter at both ends, of liquids or gas (flows at standard conditions).
Pressures and ``linepack`` (flow unit x hours per pressure unit: m3 of liquid, or standard m3, that 1 MPa
more stores in the whole line) make it sound through transients. When not. Without meters at both ends; a
network with branches; two-phase flow; a rupture, which the pressure's rate tells in seconds.

Warm-up. Silent until ``warmup`` samples gave mean, variance and correlation; small sizes follow later.

Which readings count. Good, fresh ones in order, of believed time, within the device's rate and the point's
range. A pause of more than ten samples breaks the chain, and the next sample begins a new one.

Measured on series like those of the literature (noise 1 % of the flow, correlation 0.9 from sample to sample
of 5 s), median and 90 %: 3 % in 3.2 and 5.2 minutes, 1 % in 34 and 57, 0.5 % in 117 and 224. Of 40 quiet
series of ten days 3 had a finding (5 at correlation 0.97); valve, pig and pump trip of a line give none.

Cost. About 90 ns a reading of the meters, 45 with pressures among them; 540 bytes a line.

Reference. A. Wald, "Sequential Analysis" (1947); E. S. Page, Biometrika 41 (1954) 100-115; on pipelines: X.
Zhang, Pipes & Pipelines International, July-August 1993 (from memory); API RP 1130 (not read).

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p, s = np.array([configure({"warmup": 50})], PARAMETERS), np.array([initial()], STATE)
>>> random = np.random.default_rng(1)
>>> flows = 100 + random.normal(0, 0.5, (400, 2))  # a row each 5 s: inflow, outflow
>>> flows[300:, 1] -= 3  # 3 % leaks
>>> slot, zero = np.tile(np.arange(2, dtype=np.int32), 400), np.zeros(800, np.uint8)
>>> time = np.repeat(np.arange(400, dtype=np.int64) * 5_000_000_000, 2)
>>> rows = Readings(slot, time, time, flows.reshape(-1), zero, zero, zero, np.zeros(800, np.int32))
>>> found = Findings()
>>> step(p, s, rows, found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], round(float(f["value"]), 1)) for f in found.found()]
[(309, 'loss', 2.9)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, GOOD, NO_CLEAR, NO_TIME, THROTTLED, Findings, Readings, Setting, Settings, compiled
from detectors._rows import feed
from detectors._settings import plain

INPUTS = ("inflow", "outflow", "pressure_up", "pressure_down")
"""``pressure_*`` may be absent; one is enough for the linepack."""
REQUIRED = ("inflow", "outflow")
FINDINGS = ("loss", "gain")
"""``value``: the imbalance since the test began to grow, in the inflow's unit; ``limit``: the size of leak
whose test decided; ``extra``: the imbalance in per cent of the usual flow."""
ADVICE = {
    "loss": ("process", "less comes out than goes in: a leak or theft", "流出少于流入:疑似泄漏或盗取"),
    "gain": ("device", "more comes out than goes in: a flow meter is wrong", "流出多于流入:流量计疑似失准"),
}
EXPLAIN = {
    "loss": ("{title}: {value} missing, {extra} % of the flow", "{title}:缺失 {value},为流量的 {extra}%"),
    "gain": ("{title}: {value} too much, {extra} % of the flow", "{title}:多出 {value},为流量的 {extra}%"),
}
ENDED = dict.fromkeys(FINDINGS, ("the balance closes again", "物料平衡恢复"))
SETTINGS = {
    "flow": Setting("value", None, 1e-9),  # the usual flow; else the mean inflow of the warm-up
    "linepack": Setting("ratio", 0.0, 0.0, 1e12),
    "sample_s": Setting("seconds", 5.0, 0.1, 3600.0),
    "between_days": Setting("ratio", 400.0, 1.0, 1e6),
    "warmup": Setting.count(720, 20),
    "memory": Setting.count(17280, 100),
    "hold_s": Setting("seconds", 300.0),
    "confirm_s": Setting("seconds", 30.0, 0.0, 86_400.0),
    "change": Setting("ratio", 0.05, 1e-4, 10.0),
}
EVENT_TIMES = ("inflow_ns", "sampled_ns", "hold_ns")
_PASSED_OVER = NO_CLEAR | THROTTLED
SIZES = (0.005, 0.01, 0.03, 0.1)
"""Leaks tested, as shares of the usual flow."""
_HOUR_NS = 3_600_000_000_000.0
_CLIP = 6.0
"""Innovations count so many sigmas at most: one wild sample is no leak."""
_BEGIN, _STEEP, _BEGINS = 0.5, 4.0, 10.0
"""Of its height, what a leak's first sample gives at most; from so many sigmas of an innovation on; and how
much oftener such a test is wrong, which its height makes up for."""
_SLOW, _FAST = 1.0 / 24.0, 0.5
"""Weights of the courses by which an operation is seen."""

PARAMETERS = np.dtype(
    [
        ("between", "<f8"),  # samples from one false finding of a test to the next; 0: not judged
        ("flow", "<f8"),  # 0: learnt
        ("linepack", "<f8"),
        ("change", "<f8"),
        ("sample_ns", "<i8"),
        ("hold_ns", "<i8"),
        ("confirm", "<i8"),  # samples
        ("warmup", "<i8"),
        ("memory", "<i8"),
        ("low", "<f8", (4,)),
        ("high", "<f8", (4,)),
    ],
    align=True,
)
"""One line's rule."""

STATE = np.dtype(
    [
        ("inflow_ns", "<i8"),  # newest reading
        ("sampled_ns", "<i8"),
        ("hold_ns", "<i8"),  # since when the tests stand still
        ("total", "<f8", (4,)),  # of the readings since the last sample
        ("count", "<i8", (4,)),
        ("slow", "<f8", (3,)),  # courses of inflow, outflow, pressure
        ("fast", "<f8", (3,)),
        ("packed", "<f8"),  # mean pressure at the last sample
        ("mean", "<f8"),
        ("variance", "<f8"),
        ("together", "<f8"),  # covariance of neighbours
        ("inflow", "<f8"),  # mean of the warm-up
        ("before", "<f8"),  # last imbalance
        ("tests", "<f8", (2, 4)),  # log-likelihood, as a share of the height that decides
        ("sum", "<f8", (2, 4)),  # of the imbalance since a test left 0
        ("length", "<i8", (2, 4)),
        ("over", "<i8", (2,)),  # samples for which a test has stood at its height
        ("learnt", "<i8"),
        ("chained", "<i4"),  # 0: the next sample begins a chain; 1: has a pressure; 2: has an imbalance
        ("active", "<i4"),  # bit 0 loss, bit 1 gain
    ],
    align=True,
)
"""What one line remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS and ``ranges`` (role -> (low, high)); ``{}`` is not judged.
    ValueError on numbers out of bounds."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    for name in ("linepack", "change", "sample_ns", "hold_ns", "warmup", "memory"):
        record[name] = chosen[name]
    record["confirm"] = 1 + chosen["confirm_ns"] // chosen["sample_ns"]
    record["between"] = max(chosen["between_days"] * 86_400e9 / chosen["sample_ns"], 100.0)
    record["flow"] = chosen.get("flow", 0.0)
    record["low"], record["high"] = -FAR, FAR
    for role, (low, high) in settings.get("ranges", {}).items():
        record["low"][INPUTS.index(role)], record["high"][INPUTS.index(role)] = low, high
    return record


def initial() -> np.void:
    """A line that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    for name in EVENT_TIMES:
        record[name] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; ``readings.slot`` is group * len(INPUTS) + role."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _operation(p: Any, s: Any, means: Any, pressed: bool, flow: float) -> int:
    """Follow the courses: 1 if this sample shows an operation, -1 if a change like a leak's, else 0."""
    fresh = s["learnt"] == 0 and s["slow"][0] == 0.0
    for k in range(3):
        if k == 2 and not pressed:
            break
        if fresh or (k == 2 and s["slow"][2] == 0.0):
            s["slow"][k] = s["fast"][k] = means[k]
        s["fast"][k] += _FAST * (means[k] - s["fast"][k])
        s["slow"][k] += _SLOW * (means[k] - s["slow"][k])
    into, out = s["fast"][0] - s["slow"][0], s["fast"][1] - s["slow"][1]
    step_ = p["change"] * flow
    if abs(into) <= step_ and abs(out) <= step_:
        return 0
    falls = pressed and s["fast"][2] < s["slow"][2]
    return -1 if falls and into > -0.5 * step_ and out < 0.5 * step_ else 1


@compiled
def _learn(p: Any, s: Any, r: float, inflow: float, chained: bool) -> None:
    """One more imbalance into mean, variance and neighbours' covariance; alike until memory is full."""
    s["learnt"] += 1
    weight = 1.0 / min(s["learnt"], p["memory"])
    if s["learnt"] <= p["warmup"]:
        s["inflow"] += (inflow - s["inflow"]) / s["learnt"]
    away = r - s["mean"]
    s["mean"] += weight * away
    s["variance"] += weight * (away * (r - s["mean"]) - s["variance"])
    if chained:
        s["together"] += weight * ((s["before"] - s["mean"]) * (r - s["mean"]) - s["together"])


@compiled
def _weigh(p: Any, s: Any, r: float, flow: float) -> None:
    """Add this sample to the eight tests."""
    n = float(min(s["learnt"], p["memory"]))
    variance = max(s["variance"], (1e-5 * flow) ** 2)
    phi = min(max(s["together"] / variance, 0.0), 0.999)
    phi = min(phi + 2.0 * math.sqrt((1.0 - phi * phi) / n), 0.995)
    sigma = math.sqrt(variance * (1.0 - phi * phi))
    known = math.sqrt(variance * (1.0 + phi) / ((1.0 - phi) * n))
    e = (r - s["mean"]) - phi * (s["before"] - s["mean"])
    e = min(max(e, -_CLIP * sigma), _CLIP * sigma)
    for k in range(len(SIZES)):
        size = SIZES[k] * flow
        seen = size * (1.0 - phi)
        rate, steep = 0.5 * (seen / sigma) ** 2, size >= _STEEP * sigma
        height = math.log(max(p["between"] * (max(_BEGINS * rate, 1.0) if steep else rate), 50.0))
        for side in range(2):
            if 5.0 * known > size:
                s["tests"][side, k] = 0.0
            toward = e if side == 0 else -e
            test = s["tests"][side, k] + seen / (sigma * sigma) * (toward - 0.5 * seen) / height
            begun = min(_BEGIN, size / (sigma * sigma) * (toward - 0.5 * size) / height) if steep else 0.0
            if begun > test:  # a leak that begins now shows its whole size once
                test, s["sum"][side, k], s["length"][side, k] = begun, 0.0, 0
            if test <= 0.0:
                s["tests"][side, k] = s["sum"][side, k] = 0.0
                s["length"][side, k] = 0
            elif 5.0 * known <= size:
                s["tests"][side, k] = min(test, 1.0)
                s["sum"][side, k] += r - s["mean"]
                s["length"][side, k] += 1


@compiled
def _means(s: Any, means: Any) -> bool:
    """Inflow, outflow and pressure since the last sample; whether there is a pressure. Sums begin anew."""
    ends = 0
    for role in range(4):
        if s["count"][role] > 0:
            means[min(role, 2)] += s["total"][role] / s["count"][role]
            ends += role > 1
        s["total"][role] = 0.0
        s["count"][role] = 0
    if ends > 1:
        means[2] /= ends
    return ends > 0


@compiled
def _sample(p: Any, s: Any, event_ns: int) -> bool:
    """Both ends have new readings: one imbalance. Whether the tests moved."""
    means = np.zeros(3)
    pressed = _means(s, means)
    passed = event_ns - s["sampled_ns"] if s["sampled_ns"] != NO_TIME else 0
    s["sampled_ns"] = event_ns
    if passed <= 0 or passed > 10 * p["sample_ns"]:
        s["chained"] = 0
    flow = p["flow"] if p["flow"] > 0.0 else s["inflow"]
    operated = _operation(p, s, means, pressed, flow if s["learnt"] >= p["warmup"] else means[0])
    r = means[0] - means[1]
    whole = True
    if p["linepack"] > 0.0 and pressed:
        whole = s["chained"] > 0
        if whole:
            r -= p["linepack"] * (means[2] - s["packed"]) * _HOUR_NS / passed
        s["packed"] = means[2]
    chained = s["chained"] == 2
    s["chained"] = 2 if whole else 1
    if operated > 0:
        s["hold_ns"] = event_ns
        s["tests"][:] = np.where(s["tests"] < 1.0, 0.0, s["tests"])
        s["over"][:] = 0
    elif operated < 0 and s["hold_ns"] != NO_TIME and event_ns - s["hold_ns"] <= 3 * p["sample_ns"]:
        s["hold_ns"] = NO_TIME  # the pressures of that moment came after the flows
    held = s["hold_ns"] != NO_TIME and 0 <= event_ns - s["hold_ns"] < p["hold_ns"]
    if not held:
        s["hold_ns"] = NO_TIME
    judged = whole and not held and means[0] >= 0.1 * flow
    moved = judged and chained and s["learnt"] >= p["warmup"]
    if moved:
        _weigh(p, s, r, flow)
    if judged and s["tests"].max() <= 0.5:  # nothing is learnt while a finding stands or is near
        _learn(p, s, r, means[0], chained)
    s["before"] = r
    return bool(moved)


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, _, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 4, slot[i] % 4
        p, s, v, t = parameters[group], state[group], value[i], event_ns[i]
        if int(time[i]) & _PASSED_OVER or quality[i] != GOOD or p["between"] == 0.0:
            continue
        if not (p["low"][role] <= v <= p["high"][role]):
            continue
        s["total"][role] += v
        s["count"][role] += 1
        if role == 0:
            s["inflow_ns"] = t
        if s["count"][0] == 0 or s["count"][1] == 0 or role > 1:
            continue
        since = s["inflow_ns"] - s["sampled_ns"] if s["sampled_ns"] != NO_TIME else p["sample_ns"]
        if 0 <= since < p["sample_ns"] - p["sample_ns"] // 10:
            continue
        if _sample(p, s, s["inflow_ns"]):
            count = _turn(p, s, (i, group, t), out, count)
    return row, count


@compiled
def _turn(p: Any, s: Any, at: tuple[int, int, int], out: Any, count: int) -> int:
    """Tell which findings begin or end; the count of records after it. at: row, group, event time."""
    before = s["active"]
    flow = p["flow"] if p["flow"] > 0.0 else s["inflow"]
    for side in range(2):
        best = int(np.argmax(s["tests"][side]))
        most = s["tests"][side, best]
        stands = most >= (1.0 if s["over"][side] == 0 else 0.7)
        s["over"][side] = s["over"][side] + 1 if stands else 0
        if s["over"][side] >= p["confirm"]:
            s["active"] |= 1 << side
        elif most < 0.2:
            s["active"] &= ~(1 << side)
        if (before ^ s["active"]) >> side & 1:
            f = out[count]
            size = abs(s["sum"][side, best]) / max(s["length"][side, best], 1)
            f["row"], f["slot"], f["condition"], f["event_ns"] = at[0], at[1], side, at[2]
            f["active"] = s["active"] >> side & 1
            f["value"], f["limit"], f["extra"] = size, SIZES[best] * flow, 100.0 * size / flow
            count += 1
    return count
