"""Many channels at once against a model of their normal interplay: principal components, T2 and SPE.

What. A trained model holds each channel's mean and scale and the principal axes of the standardised
channels. Three statistics say how strange a sample is: Hotelling's T2 of the leading axes ("unusual": the
known way, but further than ever), the squared prediction error ("unrelated": channels no longer go together)
and T2 of the remaining axes, which counts with the second. Each is smoothed by an exponentially weighted
mean and compared with its threshold of the training. A condition begins after ``raise_samples`` samples
above and ends after ``clear_samples`` below 0.8 of it.

Training is a command on recorded data, ``riskgate train pca``: it writes the ``[[detector]]`` table with the
model in it, for the profile. ``digest`` pins channels and numbers: a damaged model, or one for other
channels, is refused when the profile is read. Nothing is learnt while it runs.

When to use. A process unit with ten or fifty related measurements and a record of weeks of normal running.
When not. Fewer than three channels (``residual`` is plainer); several modes of running that the record does
not all hold.

Which readings count. Good, fresh ones in order, of believed time, within the device's rate. How readings
become a sample: ``detectors/_gather.py``; a channel silent for ``stale_s`` (ten periods) stops the judging.
One value counts for 100 scales at most.

Cost. About 6 us a sample of 52 channels, 120 ns a reading; 36 kB a group: for units, not for every device of
a city.

Reference. J. E. Jackson, G. S. Mudholkar, Technometrics 21 (1979) 341-349 (SPE); L. H. Chiang, E. L.
Russell, R. D. Braatz, "Fault detection and diagnosis in industrial systems", Springer 2001, chapter 4; S.
Wold, Chemometrics 23 (1994) 149-161 (smoothing). Measured on Tennessee Eastman: docs/evaluation.md (the same
method).

>>> import numpy as np
>>> from detectors import Findings, Readings
>>> random = np.random.default_rng(1)
>>> x = random.normal(0, 1, 600)
>>> rows = np.stack([x, 2 * x, -x], 1) + random.normal(0, 0.1, (600, 3)) + 5
>>> model = trained(rows[:500], ("p", "q", "r"))
>>> rows[550:, 2] += 2  # r no longer goes with the others, and is within its range
>>> p, s = np.array([configure(model | {"channels": dict(x1="p", x2="q", x3="r")})]), np.array([initial()])
>>> slot, zero = np.tile(np.arange(3, dtype=np.int32), 600), np.zeros(1800, np.uint8)
>>> time = np.repeat(np.arange(600, dtype=np.int64) * 1_000_000_000, 3)
>>> found = Findings()
>>> step(p, s, Readings(slot, time, time, rows.reshape(-1), zero, zero, zero, slot), found)
>>> [(int(f["row"]) // 3, FINDINGS[f["condition"]], int(f["active"])) for f in found.found()]
[(552, 'unrelated', 1), (578, 'unusual', 1)]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors import FAR, NO_TIME, Findings, Readings, Setting, Settings, compiled
from detectors._gather import STALE_PERIODS, closes, completes, usable
from detectors._rows import feed
from detectors._settings import plain

MOST = 64
INPUTS = tuple(f"x{n + 1}" for n in range(MOST))
REQUIRED = INPUTS[:2]
FINDINGS = ("unusual", "unrelated")
"""``value``: the statistic; ``limit``: its threshold; ``extra``: the number of the
input that says most, from 1."""
ADVICE = {
    "unusual": ("process", "the unit runs further out than ever in its record", "装置偏离程度超过以往记录"),
    "unrelated": ("process", "measurements no longer go together", "测量值之间关系异常"),
}
EXPLAIN = {
    "unusual": (
        "{title}: statistic {value_number}, threshold {limit_number}, most by input {extra}",
        "{title}:统计量 {value_number},阈值 {limit_number},主要来自输入 {extra}",
    ),
    "unrelated": (
        "{title}: statistic {value_number}, threshold {limit_number}, most by input {extra}",
        "{title}:统计量 {value_number},阈值 {limit_number},主要来自输入 {extra}",
    ),
}
ENDED = {
    "unusual": ("within its record again", "恢复到记录范围内"),
    "unrelated": ("measurements go together again", "测量值之间关系恢复"),
}
UNITS = {"unusual": "", "unrelated": ""}
SETTINGS = {
    "version": Setting.count(1, 1, 1000),
    "digest": Setting("text", required=True),
    "mean": Setting("numbers", None, -FAR, required=True),
    "scale": Setting("numbers", None, 1e-300, required=True),
    "axes": Setting("numbers", None, -2.0, 2.0, required=True),  # [channel, axis], row after row
    "variance": Setting("numbers", None, 0.0, required=True),  # of each axis
    "thresholds": Setting("numbers", None, 1e-300, required=True),  # T2, SPE, T2 of the rest
    "components": Setting.count(1, 1, MOST),
    "weight": Setting("ratio", 0.1, 1e-4, 1.0),
    "raise_samples": Setting.count(3, 1, 100_000),
    "clear_samples": Setting.count(10, 1, 100_000),
    "stale_s": Setting("seconds", None, 1.0),
}
EVENT_TIMES: tuple[str, ...] = ()
VARIANCE_MIN = 0.02
"""Axes of less variance are noise of rounding: not in T2 of the rest."""
_CLIP = 100.0
_DIGITS = 9

PARAMETERS = np.dtype(
    [
        ("count", "<i8"),  # channels; 0: not judged
        ("components", "<i8"),
        ("last", "<i8"),  # axes with variance to speak of
        ("raise", "<i8"),
        ("clear", "<i8"),
        ("stale_ns", "<i8"),
        ("weight", "<f8"),
        ("thresholds", "<f8", (3,)),
        ("mean", "<f8", (MOST,)),
        ("scale", "<f8", (MOST,)),
        ("variance", "<f8", (MOST,)),
        ("axes", "<f8", (MOST, MOST)),
        ("used", "<i4", (MOST,)),
    ],
    align=True,
)
"""One group's model."""

STATE = np.dtype(
    [
        ("value", "<f8", (MOST,)),
        ("heard_ns", "<i8", (MOST,)),
        ("level", "<f8", (3,)),  # smoothed statistics
        ("above", "<i8", (2,)),  # samples in a row
        ("below", "<i8", (2,)),
        ("active", "<i8"),
        ("fresh", "<i4", (MOST,)),
    ],
    align=True,
)
"""What one group remembers."""


def digest(channels: Sequence[str], model: Mapping[str, Any]) -> str:
    """What pins a model: SHA-256 over its channels, as the profile names them, and its numbers."""
    total = hashlib.sha256(repr((1, *channels, int(model["components"]))).encode())
    for name in ("mean", "scale", "axes", "variance", "thresholds"):
        total.update(np.asarray(model[name], "<f8").tobytes())
    total.update(np.float64(model["weight"]).tobytes())
    return total.hexdigest()


def trained(
    normal: npt.NDArray[np.float64],
    channels: Sequence[str],
    *,
    components: int = 0,
    weight: float = 0.1,
    margin: float = 1.3,
) -> dict[str, Any]:
    """The settings of a model of normal rows [rows, channels], in time order: axes from the first two thirds,
    thresholds from the last third, its highest by ``margin``. components 0: as many as hold 90 % of variance.
    ValueError when the rows are too few, not finite, or a channel never moves."""
    rows, count = normal.shape
    if not 2 <= count <= MOST or len(channels) != count:
        raise ValueError(f"{count} channels; a model takes 2 to {MOST}, each with its name")
    if rows < 30 * count // 2 or rows < 60:
        raise ValueError(
            f"{rows} rows are too few for {count} channels; record {max(60, 15 * count)} or more"
        )
    if not np.isfinite(normal).all():
        raise ValueError("a value is not finite; leave such rows out")
    first = normal[: 2 * rows // 3]
    mean, scale = first.mean(axis=0), first.std(axis=0)
    still = [name for name, width in zip(channels, scale, strict=True) if width <= 1e-12]
    if still:
        raise ValueError(f"{', '.join(still)} never moves in the record; leave it out")
    _, singular, axes = np.linalg.svd((first - mean) / scale, full_matrices=False)
    variance = singular**2 / (len(first) - 1)
    if not components:
        components = int(np.searchsorted(np.cumsum(variance) / variance.sum(), 0.9)) + 1
    model: dict[str, Any] = {
        "version": 1,
        "components": min(components, count),
        "weight": weight,
        "mean": _rounded(mean),
        "scale": _rounded(scale),
        "axes": _rounded(axes.T.reshape(-1)),
        "variance": _rounded(variance),
        "thresholds": [1.0, 1.0, 1.0],
    }
    highest = np.maximum(_levels(model, normal[2 * rows // 3 :]).max(axis=0), 1e-6)
    model["thresholds"] = _rounded(margin * highest)
    model["digest"] = digest(channels, model)
    return model


def _rounded(numbers: npt.NDArray[np.float64]) -> list[float]:
    """Nine digits: what a profile writes is what is used."""
    return [float(f"{v:.{_DIGITS}g}") for v in numbers]


def _levels(model: Mapping[str, Any], rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """[rows, 3]: the smoothed statistics, as ``step`` would have them."""
    record = configure({**model, "channels": None})
    state = initial()
    shown = np.empty((len(rows), 3))
    for n, row in enumerate(rows):
        state["value"][: len(row)] = row
        _sample(record, state)
        shown[n] = state["level"]
    return shown


def configure(settings: Settings) -> np.void:
    """One PARAMETERS record of a model; ``{}`` is not judged. ValueError on a model that is damaged, of other
    channels or of another version."""
    record: np.void = np.zeros(1, PARAMETERS)[0]
    if not settings:
        return record
    chosen = plain(SETTINGS, {"digest": "", **settings})
    if chosen["version"] != 1:
        raise ValueError(f"version: is {chosen['version']}, this gateway reads 1; train the model again")
    count = len(chosen["mean"])
    channels = settings.get("channels", {})
    sizes = {"mean": count, "scale": count, "variance": count, "axes": count * count, "thresholds": 3}
    wrong = [name for name, size in sizes.items() if len(chosen[name]) != size]
    if wrong or not 2 <= count <= MOST or chosen["components"] > count:
        raise ValueError(f"{(wrong or ['mean'])[0]}: the model is damaged (sizes do not fit); train it again")
    if channels is not None:
        if tuple(channels) != INPUTS[: len(channels)] or len(channels) != count:
            raise ValueError(f"inputs: name just the model's {count} channels, as a list in its order")
        if digest(tuple(channels.values()), chosen) != chosen["digest"]:
            raise ValueError("digest: the model is damaged or was trained for other channels; train it again")
    record["count"], record["components"] = count, chosen["components"]
    variance = np.array(chosen["variance"])
    record["last"] = max(int((variance > VARIANCE_MIN).sum()), chosen["components"])
    record["raise"], record["clear"] = chosen["raise_samples"], chosen["clear_samples"]
    record["stale_ns"] = chosen.get(
        "stale_ns", STALE_PERIODS * int(settings.get("period_ns", 60_000_000_000))
    )
    record["weight"], record["thresholds"] = chosen["weight"], chosen["thresholds"]
    record["mean"][:count], record["scale"][:count] = chosen["mean"], chosen["scale"]
    record["variance"][:count] = np.maximum(variance, 1e-12)
    record["axes"][:count, :count] = np.array(chosen["axes"]).reshape(count, count)
    record["used"][:count] = 1
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
def _sample(p: Any, s: Any) -> tuple[int, int]:
    """Bring the three statistics up to date; which input says most in T2, and in SPE."""
    n, led = p["count"], p["components"]
    z = np.zeros(n)
    for k in range(n):
        z[k] = min(max((s["value"][k] - p["mean"][k]) / p["scale"][k], -_CLIP), _CLIP)
    rest = z.copy()
    weighed = np.zeros(n)
    near = other = 0.0
    for a in range(p["last"]):
        along = 0.0
        for k in range(n):
            along += z[k] * p["axes"][k, a]
        if a >= led:
            other += along * along / p["variance"][a]
            continue
        near += along * along / p["variance"][a]
        for k in range(n):
            rest[k] -= along * p["axes"][k, a]
            weighed[k] += along * p["axes"][k, a] / p["variance"][a] * z[k]
    squared = 0.0
    for k in range(n):
        squared += rest[k] * rest[k]
    w = p["weight"]
    s["level"][0] += w * (near - s["level"][0])
    s["level"][1] += w * (squared - s["level"][1])
    s["level"][2] += w * (other - s["level"][2])
    return int(np.argmax(weighed)), int(np.argmax(np.abs(rest)))


@compiled
def _turn(p: Any, s: Any, at: tuple[int, int, int], out: Any, count: int) -> int:
    """Judge one sample; the count of records after it. at: row, group, event time."""
    blamed = _sample(p, s)
    for side in range(2):
        which = 0
        if side == 1:
            which = 1 if s["level"][1] * p["thresholds"][2] >= s["level"][2] * p["thresholds"][1] else 2
        share = s["level"][which] / p["thresholds"][which]
        s["above"][side] = s["above"][side] + 1 if share >= 1.0 else 0
        s["below"][side] = s["below"][side] + 1 if share < 0.8 else 0
        stands = s["active"] >> side & 1
        if (stands and s["below"][side] >= p["clear"]) or (not stands and s["above"][side] >= p["raise"]):
            s["active"] ^= 1 << side
            f = out[count]
            f["row"], f["slot"], f["condition"], f["active"] = at[0], at[1], side, 1 - stands
            f["event_ns"], f["value"] = at[2], s["level"][which]
            f["limit"], f["extra"] = p["thresholds"][which], blamed[side] + 1
            count += 1
    return count


@compiled
def _judge(parameters: Any, state: Any, columns: Any, row: int, out: Any, count: int) -> tuple[int, int]:
    slot, event_ns, received_ns, value, quality, _, time, _ = columns
    while row < len(slot) and count + 4 <= len(out):
        i = row
        row += 1
        group, role = slot[i] // 64, slot[i] % 64
        p, s = parameters[group], state[group]
        if p["count"] == 0 or p["used"][role] == 0 or not usable(time[i], quality[i], value[i]):
            continue
        at = (i, group, event_ns[i])
        if closes(s, p["used"], role, received_ns[i], p["stale_ns"]):
            count = _turn(p, s, at, out, count)
        if completes(s, p["used"], role, value[i], received_ns[i]):
            count = _turn(p, s, at, out, count)
    return row, count
