"""NAB: the scoring gives the published figures; the detector sees no future and reaches its bound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gateway.evaluate import nab, nab_score, peers
from gateway.evaluate.nab_score import Series, Weights
from tests.support.data_sets import data_set

COST = Weights("standard", 1.0, 0.11, 1.0)


@pytest.fixture(scope="module")
def folder() -> Path:
    return data_set("nab")


@pytest.fixture(scope="module")
def series(folder: Path) -> list[Series]:
    return nab_score.read(folder)


@pytest.mark.parametrize("kind", nab.PUBLISHED)
def test_published_scores_are_reproduced(folder: Path, series: list[Series], kind: str) -> None:
    scores = nab.published(folder, kind, series)
    thresholds = json.loads((folder / "config" / "thresholds.json").read_text(encoding="utf-8"))[kind]
    told = json.loads((folder / "results" / "final_results.json").read_text(encoding="utf-8"))[kind]
    for cost in nab_score.weights(folder):
        threshold = thresholds[cost.name]["threshold"]
        assert nab_score.at(scores, series, cost, threshold) == pytest.approx(told[cost.name], abs=0.1)
        # the published thresholds come from a search by steps; the best one is not below them
        assert nab_score.best(scores, series, cost).score >= told[cost.name] - 0.1


def test_fifty_eight_series_with_their_windows(series: list[Series]) -> None:
    assert len(series) == 58
    assert sum(len(one.windows) for one in series) == 116
    assert all(low >= one.probation for one in series for low, _ in one.windows)


def line(count: int, *windows: tuple[int, int]) -> Series:
    return Series("made/up.csv", np.arange(count) * 300, np.zeros(count), windows)


def test_perfect_silent_and_late() -> None:
    one = line(1000, (500, 599))
    perfect, silent, late = (np.zeros(1000) for _ in range(3))
    perfect[500], late[599] = 1.0, 1.0
    assert nab_score.at([perfect], [one], COST, 1.0) == pytest.approx(100.0)
    assert nab_score.at([silent], [one], COST, 1.0) == 0.0
    with pytest.raises(ValueError, match="no series has a labelled window"):
        nab_score.best([perfect], [line(1000)], COST)
    assert 50.0 < nab_score.at([late], [one], COST, 1.0) < 55.0, "a window found at its last row"


def test_a_false_detection_costs_less_shortly_after_a_window() -> None:
    one = line(2000, (500, 599))
    near, far, both = (np.zeros(2000) for _ in range(3))
    near[605] = far[1900] = both[605] = both[1900] = 1.0
    cost_near, cost_far = (nab_score.at([s], [one], COST, 1.0) for s in (near, far))
    assert cost_far == pytest.approx(-0.11 / 2 * 100)
    assert cost_far < cost_near < 0.0
    assert nab_score.at([both], [one], COST, 1.0) == pytest.approx(cost_near + cost_far)


def test_the_first_rows_are_never_counted() -> None:
    one = line(1000, (500, 599))
    early = np.zeros(1000)
    early[: one.probation] = 1.0
    assert one.probation == 150
    assert nab_score.at([early], [one], COST, 1.0) == 0.0
    assert line(22_000).probation == 750


def test_every_threshold_at_once_equals_one_by_one(series: list[Series]) -> None:
    few = series[5:9]
    random = np.random.default_rng(3)
    scores = [np.round(random.random(len(one.value)), 2) for one in few]
    thresholds, totals = nab_score.sweep(scores, few, COST)
    for place in (0, 10, 50, 90):
        expected = slow_total(scores, few, float(thresholds[place]))
        assert totals[place] == pytest.approx(expected, abs=1e-9)


def slow_total(scores: list[np.ndarray], series: list[Series], threshold: float) -> float:
    """The rules once more, row by row."""
    total, windows = 0.0, 0
    for own, one in zip(scores, series, strict=True):
        worth, inside = nab_score.row_values(one, COST)
        best = dict.fromkeys(range(len(one.windows)), -COST.fn)
        windows += len(best)
        for row in range(one.probation, len(own)):
            if own[row] >= threshold and inside[row] >= 0:
                best[int(inside[row])] = max(best[int(inside[row])], float(worth[row]))
            elif own[row] >= threshold:
                total += float(worth[row])
        total += sum(best.values())
    return 100.0 * (total + windows) / (2 * windows)


def test_no_score_sees_the_future() -> None:
    random = np.random.default_rng(1)
    value = np.cumsum(random.normal(size=3000))
    value[2000:] += 40.0
    whole = nab.scores(value)
    for cut in (60, 700, 2001, 2999):
        assert (nab.scores(value[:cut]) == whole[:cut]).all()
        other = np.concatenate([value[:cut], random.normal(size=3000 - cut) * 1e6])
        assert (nab.scores(other)[:cut] == whole[:cut]).all()
    assert (peers.z_score(value[:700]) == peers.z_score(value)[:700]).all()


def test_no_score_of_a_real_series_sees_the_future(series: list[Series]) -> None:
    for one in series[::7]:
        cut = len(one.value) // 2
        assert (nab.scores(one.value[:cut]) == nab.scores(one.value)[:cut]).all(), one.name


@pytest.mark.parametrize(
    "value", [np.full(500, 3.0), np.array([1.0]), np.array([]), np.array([1e99, -1e99] * 300), np.zeros(500)]
)  # fmt: skip
def test_odd_series_have_finite_scores(value: np.ndarray) -> None:
    shown = nab.scores(value)
    assert len(shown) == len(value)
    assert np.isfinite(shown).all()
    assert (shown >= 0.0).all()


def test_the_standard_score_reaches_good(folder: Path) -> None:
    (part,) = [given for given in nab.evaluate(folder, with_peers=False) if isinstance(given, nab.Part)]
    figures = {figure.id: figure.value for figure in part.figures}
    assert figures["nab"] >= 60.0
    assert figures["nab.untouched"] >= 60.0, "the half that nothing was chosen on"
    assert part.detail["table"]["windowedGaussian (published)"]["standard"] == 39.65
