"""The score of the Numenta Anomaly Benchmark, written anew from its rules and exact to the published
figures.

The rules (A. Lavin, S. Ahmad, "Evaluating real-time anomaly detection algorithms - the Numenta Anomaly
Benchmark", ICMLA 2015, section III, and the weights in config/profiles.json): the first 15 % of a series
(of its first 5,000 rows) are for learning and never counted. The earliest detection in a window of
labelled anomaly earns up to 1, by a sigmoid that falls towards the window's right edge; a window that is
missed costs the weight fn; every detection outside costs up to the weight fp, less shortly after a window.
One threshold for all series is chosen, the best one. A detector that never speaks scores 0, a perfect one
100.

Everything is an array operation: a score for every threshold at once.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]

PROBATION = 0.15
PROBATION_ROWS = 5000
WELL_PAST = 3.0
"""Window widths behind a window, from where on a detection costs its full weight."""


@dataclass(frozen=True, slots=True)
class Weights:
    """What is won and lost: one application profile of NAB."""

    name: str
    tp: float
    fp: float
    fn: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series: ``name`` "<folder>/<file>.csv", its rows in order, its windows as (first row, last row)."""

    name: str
    time_s: I8
    """Seconds since 1970, as if its times were UTC."""
    value: F8
    windows: tuple[tuple[int, int], ...]

    @property
    def probation(self) -> int:
        """How many rows at the beginning are not counted."""
        return int(PROBATION * min(len(self.value), PROBATION_ROWS))


@dataclass(frozen=True, slots=True)
class Scored:
    """The best score and the threshold it has; a row counts as detected when its score is at least that."""

    score: float
    threshold: float


def read(folder: Path) -> list[Series]:
    """Every labelled series under ``folder`` (its data/ and labels/), in the order of the labels."""
    labels = json.loads((folder / "labels" / "combined_windows.json").read_text(encoding="utf-8"))
    found = []
    for name, windows in labels.items():
        rows = np.genfromtxt(
            folder / "data" / name, delimiter=",", skip_header=1, dtype=["datetime64[s]", "f8"]
        )  # fmt: skip
        time = rows["f0"].astype(np.int64)
        edges = [[_first(time, edge) for edge in pair] for pair in windows]
        found.append(Series(name, time, rows["f1"], tuple((low, high) for low, high in edges)))
    return found


def weights(folder: Path) -> list[Weights]:
    """The application profiles of config/profiles.json."""
    body = json.loads((folder / "config" / "profiles.json").read_text(encoding="utf-8"))
    return [
        Weights(name, cost["tpWeight"], cost["fpWeight"], cost["fnWeight"])
        for name, cost in ((name, profile["CostMatrix"]) for name, profile in body.items())
    ]


def _first(time: I8, text: str) -> int:
    """The first row that has this time; ValueError when none has."""
    rows = np.flatnonzero(time == np.datetime64(text, "s").astype(np.int64))
    if not len(rows):
        raise ValueError(f"no row has the time {text} of a window's edge")
    return int(rows[0])


def sigmoid(position: F8) -> F8:
    """2 / (1 + exp(5 x)) - 1 of the place in window widths from its right edge; -1 far behind it."""
    shown = 2.0 / (1.0 + np.exp(5.0 * np.minimum(position, WELL_PAST))) - 1.0
    return np.where(position > WELL_PAST, -1.0, shown)


def row_values(series: Series, cost: Weights) -> tuple[F8, I8]:
    """What a detection at each row is worth, and the number of the window it is in (-1: in none)."""
    count = len(series.value)
    row = np.arange(count)
    worth = np.full(count, -cost.fp)
    inside = np.full(count, -1, np.int64)
    for low, high in series.windows:
        after = row > high
        worth[after] = cost.fp * sigmoid((row[after] - high) / max(high - low, 1))
    for number, (low, high) in enumerate(series.windows):
        within = slice(low, high + 1)
        place = -(high - row[within] + 1) / (high - low + 1)
        worth[within] = cost.tp * sigmoid(place) / sigmoid(np.array([-1.0]))
        inside[within] = number
    return worth, inside


def sweep(scores: list[F8], series: list[Series], cost: Weights) -> tuple[F8, F8]:
    """(thresholds, the standardised score at each), thresholds falling. ``scores``: one array a series."""
    score, change, windows = [], [], 0
    for own, one in zip(scores, series, strict=True):
        worth, inside = row_values(one, cost)
        counted = slice(one.probation, None)
        worth, inside, own_score = worth[counted], inside[counted], own[counted]
        order = np.argsort(-own_score, kind="stable")
        worth, inside, own_score = worth[order], inside[order], own_score[order]
        gain = np.where(inside < 0, worth, 0.0)
        for number in np.unique(inside[inside >= 0]):
            rows = np.flatnonzero(inside == number)
            best = np.maximum.accumulate(np.maximum(worth[rows], -cost.fn))
            gain[rows] = np.diff(best, prepend=-cost.fn)
            windows += 1
        score.append(own_score)
        change.append(gain)
    if not windows:
        raise ValueError("no series has a labelled window: there is nothing to score")
    every, gains = np.concatenate(score), np.concatenate(change)
    order = np.argsort(-every, kind="stable")
    every, total = every[order], np.cumsum(gains[order])
    last = np.append(every[1:] != every[:-1], True)
    return every[last], 100.0 * total[last] / (windows * (cost.tp + cost.fn))


def best(scores: list[F8], series: list[Series], cost: Weights) -> Scored:
    """The best threshold for all series together; 0 is what a detector that never speaks has."""
    thresholds, totals = sweep(scores, series, cost)
    place = int(np.argmax(totals))
    if totals[place] < 0.0:
        return Scored(0.0, np.inf)
    return Scored(float(totals[place]), float(thresholds[place]))


def at(scores: list[F8], series: list[Series], cost: Weights, threshold: float) -> float:
    """The score at a threshold that was chosen elsewhere."""
    thresholds, totals = sweep(scores, series, cost)
    reached = np.flatnonzero(thresholds >= threshold)
    return float(totals[reached[-1]]) if len(reached) else 0.0
