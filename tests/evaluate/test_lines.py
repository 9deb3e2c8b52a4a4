"""Leaks and waves of a line: the series are what they are said to be, and small runs find what they must."""

from __future__ import annotations

import numpy as np
import pytest

import detectors
from gateway.evaluate import lines
from gateway.evaluate.figures import Part


def test_noise_has_the_sigma_and_correlation_it_is_said_to_have() -> None:
    noise = lines.ar1(np.random.default_rng(1), 200_000, 2.0, 0.9)
    assert noise.std() == pytest.approx(2.0, rel=0.05)
    assert np.corrcoef(noise[:-1], noise[1:])[0, 1] == pytest.approx(0.9, abs=0.01)


def test_flows_leak_from_the_row_they_are_told() -> None:
    both = lines.flows(np.random.default_rng(1), 40_000, 0.03, 20_000)
    away = (both[:, 0] - both[:, 1]) / lines.FLOW
    assert away[:20_000].mean() == pytest.approx(0.0, abs=0.002)
    assert away[20_000:].mean() == pytest.approx(0.03, abs=0.002)
    assert away[:20_000].std() == pytest.approx(lines.NOISE, rel=0.1)


def test_a_leak_is_found_after_it_began_and_not_without() -> None:
    module = detectors.load("mass_balance")
    both = lines.flows(np.random.default_rng(2), 25_920, 0.03, 17_280)
    row = lines.found_row(module, both, "loss", 17_280)
    assert 17_280 <= row < 17_280 + 360, "within half an hour"
    assert lines.found_row(module, both[:17_280], "loss") == float("inf")


def test_the_leak_part_has_its_figures() -> None:
    (part,) = [given for given in lines.evaluate_leaks(runs=3) if isinstance(given, Part)]
    figures = {figure.id: figure.value for figure in part.figures}
    assert set(figures) == {"leak3", "leak1", "leak05", "leak.false"}
    assert figures["leak3"] < figures["leak1"] < figures["leak05"] < 12 * 60


def test_a_burst_is_located_where_the_plant_has_it() -> None:
    sent, true_m = lines.burst(1001)
    assert {role for role, _, _ in sent} >= {0, 1}
    told = lines.located(detectors.load("npw"), sent, lines.npw_pair.PIPE.wave_m_s)
    assert told == pytest.approx(true_m, abs=200.0)
    quiet = [row for row in sent if row[0] > 1]
    assert np.isnan(lines.located(detectors.load("npw"), quiet or [(2, 0, 0.0)], 1000.0))


def test_two_seeds_have_no_burst_in_common() -> None:
    drawn = [{lines.burst(lines.drawn(seed, run))[1] for run in range(5)} for seed in (1001, 1002)]
    assert len(drawn[0] | drawn[1]) == 10
