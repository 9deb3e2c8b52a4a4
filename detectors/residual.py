"""A channel that no longer follows the others: its reading against a linear combination of theirs.

What. The target is predicted from up to seven other channels, target = offset + sum of weight * channel.
Offset and weights are given, or fitted to the first ``warmup`` samples by least squares (with a touch of
ridge, so that channels that move together do no harm) and then kept: nothing is learnt through a fault. The
residual, over its sigma of the warm-up's second half, goes into a two-sided cumulated sum with slack ``k``,
a sample counting for 4 sigma at most. "disagrees" begins when a sum reaches ``h`` and ends when both are
back below a fifth of it.

When to use. Measurements that physics ties together: current and flow of a pump, temperature of two bearings,
level and the sum of flows, two sensors of the same thing. When not. Channels without such a tie; a tie that
changes with the product or the season: train ``pca`` on all of it, or give the weights.

Warm-up. ``warmup`` samples, silent. If the process was already ill then, it is taken for healthy.

Which readings count. Good, fresh ones in order, of believed time, within the device's rate. How readings
become a sample: ``detectors/_gather.py``; a channel silent for ``stale_s`` (ten periods) stops the judging.

Cost. About 13 ns a reading with two channels beside the target; 1 kB a group.

Reference. The parity relation of J. Gertler, "Fault Detection and Diagnosis in Engineering Systems" (1998),
from memory; the sums: E. S. Page, Biometrika 41 (1954) 100-115.

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> p, s = np.array([configure({"warmup": 40})], PARAMETERS), np.array([initial()], STATE)
>>> x = 10 + np.sin(np.arange(100.0))
>>> y = 3 * x + np.random.default_rng(1).normal(0, 0.1, 100)
>>> y[80:] += 1.0  # the target's zero moved
>>> slot, zero = np.tile(np.arange(2, dtype=np.int32), 100), np.zeros(200, np.uint8)
>>> time = np.repeat(np.arange(100, dtype=np.int64) * 1_000_000_000, 2)
>>> found = Findings()
>>> step(p, s, Readings(slot, time, time, np.stack([y, x], 1).reshape(-1), zero, zero, zero, slot), found)
>>> [(int(f["row"]) // 2, FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(83, 'disagrees', 1)]
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._gather import STALE_PERIODS, closes, completes, usable
from detectors._rows import feed
from detectors._settings import plain, sigma_floor

INPUTS = ("target", "a", "b", "c", "d", "e", "f", "g")
REQUIRED = ("target", "a")
FINDINGS = ("disagrees",)
"""``value``: the reading; ``limit``: what the others let expect; ``extra``: the difference in sigmas."""
ADVICE = {"disagrees": ("process", "does not follow the other channels", "与其他通道不一致")}
EXPLAIN = {
    "disagrees": (
        "{title}: {value}, expected {limit}, {extra} sigma apart",
        "{title}:{value},预期 {limit},相差 {extra} 倍标准差",
    )
}
ENDED = {"disagrees": ("follows the other channels again: {value}", "恢复与其他通道一致:{value}")}
SETTINGS = {
    "weights": Setting("numbers", None, -FAR),  # of a, b, ... in their order
    "offset": Setting("ratio", 0.0, -FAR),
    "sigma": Setting("value", None, 1e-12),  # with weights: else learnt in the warm-up
    "sigma_min": Setting("value", None, 1e-12),
    "k": Setting("ratio", 1.0, 1e-6, 100.0),
    "h": Setting("ratio", 12.0, 1e-6, 1e6),
    "warmup": Setting.count(500, 20),
    "stale_s": Setting("seconds", None, 1.0),
}
EVENT_TIMES: tuple[str, ...] = ()
_CLIP = 4.0
_RIDGE = 1e-4

PARAMETERS = np.dtype(
    [
        ("h", "<f8"),  # 0: not judged
        ("k", "<f8"),
        ("offset", "<f8"),
        ("sigma", "<f8"),  # 0: learnt
        ("sigma_min", "<f8"),
        ("stale_ns", "<i8"),
        ("warmup", "<i8"),
        ("weights", "<f8", (7,)),
        ("given", "<i4"),  # 1: weights and offset are
        ("used", "<i4", (8,)),
        ("none", "<i4"),
    ],
    align=True,
)
"""One group's rule."""

STATE = np.dtype(
    [
        ("value", "<f8", (8,)),
        ("heard_ns", "<i8", (8,)),
        ("mean", "<f8", (8,)),
        ("product", "<f8", (8, 8)),  # sums of products about the means
        ("weights", "<f8", (7,)),
        ("offset", "<f8"),
        ("square", "<f8"),  # sum of squared residuals, then the sigma
        ("up", "<f8"),
        ("down", "<f8"),
        ("learnt", "<i8"),
        ("fresh", "<i4", (8,)),
        ("active", "<i8"),
    ],
    align=True,
)
"""What one group remembers."""


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of SETTINGS, ``channels`` and ``period_ns``; ``{}`` is not judged. ValueError
    on numbers that make no sense."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, settings)
    named = tuple(settings.get("channels", settings.get("inputs", ("target", "a"))))
    for name in named:
        record["used"][INPUTS.index(name)] = 1
    record["sigma_min"] = sigma_floor(settings)
    for name in ("h", "k", "offset", "warmup"):
        record[name] = chosen[name]
    record["sigma"] = chosen.get("sigma", 0.0)
    record["stale_ns"] = chosen.get(
        "stale_ns", STALE_PERIODS * int(settings.get("period_ns", 60_000_000_000))
    )
    if "weights" in chosen:
        others = [INPUTS.index(name) - 1 for name in named if name != "target"]
        if len(chosen["weights"]) != len(others):
            raise ValueError(
                f"weights: has {len(chosen['weights'])} numbers; give one for each of {len(others)} inputs"
            )
        record["weights"][others] = chosen["weights"]
        record["given"] = 1
    return record


def initial() -> np.void:
    """A group that has seen nothing."""
    record: np.void = np.zeros(1, STATE)[0]
    record["heard_ns"] = NO_TIME
    return record


def step(
    parameters: npt.NDArray[np.void], state: npt.NDArray[np.void], readings: Readings, findings: Findings
) -> None:
    """Judge a batch in row order; ``readings.slot`` is group * len(INPUTS) + role."""
    feed(_judge, parameters, state, readings, findings)


@compiled
def _add(p: Any, s: Any, n: int) -> None:
    """One more sample of the fit: means and sums of products about them (Welford)."""
    away = np.zeros(8)
    for k in range(8):
        if p["used"][k]:
            away[k] = s["value"][k] - s["mean"][k]
            s["mean"][k] += away[k] / n
    for k in range(8):
        for j in range(8):
            s["product"][k, j] += away[k] * (s["value"][j] - s["mean"][j] if p["used"][j] else 0.0)


@compiled
def _fit(p: Any, s: Any) -> None:
    """Least squares by elimination, with a ridge in the channels' own scale; what never moved gets 0."""
    a = np.zeros((7, 8))
    for k in range(7):
        spread = s["product"][k + 1, k + 1]
        for j in range(7):
            a[k, j] = s["product"][k + 1, j + 1]
        a[k, k] = spread * (1.0 + _RIDGE) if spread > 0.0 else 1.0
        a[k, 7] = s["product"][k + 1, 0] if spread > 0.0 else 0.0
    for k in range(7):
        for row in range(k + 1, 7):
            factor = a[row, k] / a[k, k]
            for j in range(k, 8):
                a[row, j] -= factor * a[k, j]
    s["offset"] = s["mean"][0]
    for k in range(6, -1, -1):
        total = a[k, 7]
        for j in range(k + 1, 7):
            total -= a[k, j] * s["weights"][j]
        s["weights"][k] = total / a[k, k]
        s["offset"] -= s["weights"][k] * s["mean"][k + 1]


@compiled
def _expected(p: Any, s: Any) -> float:
    given = p["given"] != 0
    total = p["offset"] if given else s["offset"]
    for k in range(7):
        if p["used"][k + 1]:
            total += (p["weights"][k] if given else s["weights"][k]) * s["value"][k + 1]
    return float(total)


@compiled
def _weigh(p: Any, s: Any) -> float:
    """Judge the sample or learn from it; the residual in sigmas, NaN while learning."""
    half = p["warmup"] // 2
    if s["learnt"] < p["warmup"] and not (p["given"] and p["sigma"] > 0.0):
        s["learnt"] += 1
        if s["learnt"] <= half:
            if not p["given"]:
                _add(p, s, s["learnt"])
                if s["learnt"] == half:
                    _fit(p, s)
            return math.nan
        s["square"] += (s["value"][0] - _expected(p, s)) ** 2
        if s["learnt"] == p["warmup"]:
            s["square"] = max(math.sqrt(s["square"] / (p["warmup"] - half)), p["sigma_min"])
        return math.nan
    sigma = p["sigma"] if p["sigma"] > 0.0 else s["square"]
    away = (s["value"][0] - _expected(p, s)) / sigma
    z = min(max(away, -_CLIP), _CLIP)
    s["up"] = min(max(s["up"] + z - p["k"], 0.0), p["h"])
    s["down"] = min(max(s["down"] - z - p["k"], 0.0), p["h"])
    return float(away)


@compiled
def _turn(p: Any, s: Any, at: tuple[int, int, int], out: Any, count: int) -> int:
    """Judge one sample; the count of records after it. at: row, group, event time."""
    away = _weigh(p, s)
    most = max(s["up"], s["down"])
    after = s["active"]
    if most >= p["h"]:
        after = 1
    elif most < 0.2 * p["h"]:
        after = 0
    if after != s["active"]:
        s["active"] = after
        f = out[count]
        f["row"], f["slot"], f["condition"], f["active"], f["event_ns"] = at[0], at[1], 0, after, at[2]
        f["value"], f["limit"], f["extra"] = s["value"][0], _expected(p, s), away
        count += 1
    return count


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, received_ns, value, quality, _, time, _ = columns
    while row < len(slot) and count + 2 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 8, slot[i] % 8
        p, s = parameters[group], state[group]
        if p["h"] == 0.0 or p["used"][role] == 0 or not usable(time[i], quality[i], value[i]):
            continue
        at = (i, group, event_ns[i])
        if closes(s, p["used"], role, received_ns[i], p["stale_ns"]):
            count = _turn(p, s, at, out, count)
        if completes(s, p["used"], role, value[i], received_ns[i]):
            count = _turn(p, s, at, out, count)
    return row, count
