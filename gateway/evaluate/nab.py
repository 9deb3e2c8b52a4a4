"""Riskgate's detector of unfamiliar courses on the Numenta Anomaly Benchmark, and others in the same
table.

The named parts. Tuned on every second series of labels/combined_windows.json, beginning with the first;
the other half decided no number, and its score is told apart. One set of numbers
for all series, the defaults of detectors/novelty.py, whatever their unit, their period or their length.

A score is the detector's surprise; it is shown when it is above what was lately shown, so that one event
is told once (``HOLD`` rows). Each is computed from the rows up to its own; a test cuts the future off.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

import detectors
from detectors import novelty
from gateway.evaluate import nab_score, peers
from gateway.evaluate.figures import Doing, Figure, Part
from gateway.evaluate.nab_score import F8, Series

HOLD = 50.0
"""Rows after which a shown score counts for 1/e."""
PUBLISHED = ("htmjava", "windowedGaussian", "random")
"""Detectors whose scores a row lie beside the data."""


def scores(value: F8, settings: dict[str, Any] | None = None, hold: float = HOLD) -> F8:
    """One score a row, 0 or above."""
    parameters = np.array([novelty.configure(settings or {"limit": novelty.LIMIT})], novelty.PARAMETERS)
    state = np.array([novelty.initial()], novelty.STATE)
    shown = np.zeros(len(value))
    _run(parameters, state, value, hold, shown)
    return shown


@detectors.compiled
def _run(parameters: Any, state: Any, value: Any, hold: float, shown: Any) -> None:
    held, kept = 0.0, 1.0 - 1.0 / hold
    for row in range(len(value)):
        surprise = novelty.surprise(parameters[0], state[0], value[row])
        held *= kept
        if surprise > held:
            shown[row] = held = surprise


def published(folder: Path, kind: str, series: list[Series]) -> list[F8]:
    """Scores of ``results/<kind>.csv.gz``, one array a series; ValueError when rows are missing."""
    with gzip.open(folder / "results" / f"{kind}.csv.gz", "rt", encoding="utf-8") as file:
        next(file)
        rows: dict[str, list[float]] = {}
        for line in file:
            name, _, score = line.rstrip("\n").split(",")
            rows.setdefault(name, []).append(float(score))
    found = [np.array(rows.get(one.name, [])) for one in series]
    for one, own in zip(series, found, strict=True):
        if len(own) != len(one.value):
            raise ValueError(f"{kind}.csv.gz: {one.name} has {len(own)} of {len(one.value)} rows")
    return found


def tuning(series: list[Series]) -> list[int]:
    """Places of the series that numbers were chosen on."""
    return list(range(0, len(series), 2))


def evaluate(folder: Path, *, with_peers: bool = True) -> Iterator[Doing | Part]:
    """Measure; yields what is being done, at last the part."""
    yield Doing("reading the series", 0.0)
    series = nab_score.read(folder)
    profiles = nab_score.weights(folder)
    table: dict[str, dict[str, float]] = {}
    ways: list[tuple[str, Callable[[F8], F8]]] = [("riskgate", scores)]
    part = Part("nab")
    if with_peers:
        ways += peers.scorers()
        part.detail["absent"] = peers.absent()
    for number, (name, way) in enumerate(ways):
        own: list[F8] = []
        for place, one in enumerate(series):
            yield Doing(f"{name}: {one.name}", (number + place / len(series)) / len(ways))
            own.append(way(one.value))
        table[name] = {cost.name: nab_score.best(own, series, cost).score for cost in profiles}
        if name == "riskgate":
            part.figures += _own(own, series, profiles[0])
            part.detail["series"] = _by_series(own, series, profiles[0])
        else:
            standard = table[name][profiles[0].name]
            part.figures.append(
                Figure(f"nab.{name}", standard, "its own defaults", f"NAB standard score, {name}")
            )
    told = json.loads((folder / "results" / "final_results.json").read_text(encoding="utf-8"))
    for kind in PUBLISHED:
        table[f"{kind} (published)"] = {cost.name: told[kind][cost.name] for cost in profiles}
    part.detail["table"] = {
        name: {key: round(value, 2) for key, value in row.items()} for name, row in table.items()
    }
    yield part


def _own(own: list[F8], series: list[Series], cost: nab_score.Weights) -> list[Figure]:
    whole = nab_score.best(own, series, cost)
    seen = tuning(series)
    rest = [place for place in range(len(series)) if place not in seen]
    parts = [([own[i] for i in places], [series[i] for i in places]) for places in (seen, rest)]
    (score_seen, threshold), untouched = _pair(nab_score.best(*parts[0], cost)), parts[1]
    return [
        Figure("nab", whole.score, f"NAB's rule: the best threshold for all, {whole.threshold:.3g}"),
        Figure(
            "nab.untouched", nab_score.at(*untouched, cost, threshold),
            "series that nothing was chosen on, at the threshold of the tuning half",
            what="NAB standard score, untouched half",
        ),
        Figure("nab.tuning", score_seen, what="NAB standard score, tuning half"),
    ]  # fmt: skip


def _pair(scored: nab_score.Scored) -> tuple[float, float]:
    return scored.score, scored.threshold


def _by_series(own: list[F8], series: list[Series], cost: nab_score.Weights) -> dict[str, dict[str, int]]:
    """Windows, found windows and false detections of each series, at the threshold for all."""
    threshold = nab_score.best(own, series, cost).threshold
    found = {}
    for shown, one in zip(own, series, strict=True):
        rows = np.flatnonzero(shown >= threshold)
        rows = rows[rows >= one.probation]
        hit = sum(bool(((rows >= low) & (rows <= high)).any()) for low, high in one.windows)
        outside = sum(not any(low <= row <= high for low, high in one.windows) for row in rows)
        found[one.name] = {"windows": len(one.windows), "found": hit, "false": outside}
    return found
