"""Other people's detectors in the same table: river's, with their own defaults, and a plain z-score.

A scorer takes the values of a series and gives one score a row, the larger the stranger, each from the
rows up to its own. A learner is given normal rows of several values and gives a scorer of such rows. river
is a development dependency: without it its rows are absent, with the reason told.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

import numpy as np

import detectors
from gateway.evaluate.nab_score import F8

Scorer = Callable[[F8], F8]
Learner = Callable[[F8], Scorer]

Z_WEIGHT = 0.01


def z_score(value: F8) -> F8:
    """The distance to the exponentially weighted mean of the rows before, in sigmas (weight 0.01)."""
    shown = np.zeros(len(value))
    _z(value, Z_WEIGHT, shown)
    return shown


@detectors.compiled
def _z(value: Any, weight: float, shown: Any) -> None:
    mean, variance = value[0], 0.0
    for row in range(1, len(value)):
        away = value[row] - mean
        if variance > 0.0:
            shown[row] = abs(away) / math.sqrt(variance)
        share = max(weight, 1.0 / (row + 1))
        variance = (1.0 - share) * (variance + share * away * away)
        mean += share * away


def _river(name: str) -> Any:
    return importlib.import_module(f"river.{name}")


def _gaussian(value: F8) -> F8:
    model = _river("anomaly").GaussianScorer(window_size=1000, grace_period=100)
    return _scored(value, model.score_one, model.learn_one)


def _trees(value: F8) -> F8:
    """Half-space trees over the value, scaled by the range seen so far."""
    model = _river("anomaly").HalfSpaceTrees(seed=1)
    low, high = np.minimum.accumulate(value), np.maximum.accumulate(value)
    scaled = (value - low) / np.maximum(high - low, 1e-12)
    shown = np.zeros(len(value))
    for row, x in enumerate(scaled.tolist()):
        shown[row] = model.score_one({"x": x})
        model.learn_one({"x": x})
    return shown


def _scored(value: F8, score: Callable[[None, float], float], learn: Callable[[None, float], None]) -> F8:
    shown = np.zeros(len(value))
    for row, y in enumerate(value.tolist()):
        shown[row] = score(None, y)
        learn(None, y)
    return shown


def _drift(kind: str) -> Scorer:
    def scored(value: F8) -> F8:
        model = getattr(_river("drift"), kind)()
        shown = np.zeros(len(value))
        for row, x in enumerate(value.tolist()):
            model.update(x)
            shown[row] = float(model.drift_detected)
        return shown

    return scored


def _z_rows(normal: F8) -> Scorer:
    """The largest distance of a row's values to their means, in sigmas of the normal rows."""
    mean, scale = normal.mean(axis=0), np.maximum(normal.std(axis=0), 1e-12)

    def scored(rows: F8) -> F8:
        largest: F8 = np.abs((rows - mean) / scale).max(axis=1)
        return largest

    return scored


def _trees_rows(normal: F8) -> Scorer:
    """Half-space trees that have learnt the normal rows, scaled by their range, and learn no more."""
    model = _river("anomaly").HalfSpaceTrees(seed=1)
    low = normal.min(axis=0)
    span = np.maximum(normal.max(axis=0) - low, 1e-12)

    def named(rows: F8) -> list[dict[int, float]]:
        return [dict(enumerate(row)) for row in np.clip((rows - low) / span, 0.0, 1.0).tolist()]

    for row in named(normal):
        model.learn_one(row)

    def scored(rows: F8) -> F8:
        return np.array([model.score_one(row) for row in named(rows)])

    return scored


def absent() -> str:
    """Why river's rows are missing; "" = they are there."""
    try:
        _river("anomaly")
    except ImportError as error:
        return f"river is not installed ({error}); it comes with the development dependencies"
    return ""


def scorers() -> list[tuple[str, Scorer]]:
    """Name and scorer of every peer that is here."""
    found: list[tuple[str, Scorer]] = [("z-score", z_score)]
    if not absent():
        found += [("river GaussianScorer", _gaussian), ("river HalfSpaceTrees", _trees)]
        found += [(f"river {kind}", _drift(kind)) for kind in ("ADWIN", "PageHinkley")]
    return found


def learners() -> list[tuple[str, Learner]]:
    """Name and learner of every peer of several values that is here."""
    found: list[tuple[str, Learner]] = [("z-score", _z_rows)]
    return found if absent() else [*found, ("river HalfSpaceTrees", _trees_rows)]
