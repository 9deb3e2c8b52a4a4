"""Drift of sensors: what is added, when it counts as found, each detector with its defaults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import detectors
from gateway.evaluate import drift


def record(rows: int = 4000) -> np.ndarray:
    random = np.random.default_rng(1)
    common = 1000 + 100 * np.sin(np.arange(rows) * 2 * np.pi / 24) + random.normal(0, 5, rows)
    return np.stack([common * (1 + 0.1 * k) + random.normal(0, 5, rows) for k in range(5)], axis=1)


def test_missing_values_and_columns(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text(",".join(drift.SENSORS) + "\n1,2,-200,4,5\n", encoding="utf-8")
    value = drift.read(file)
    assert np.isnan(value[0]).tolist() == [False, False, True, False, False]
    file.write_text("Date,PT08.S1(CO)\n2004-03-10,1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"no column PT08\.S2"):
        drift.read(file)


def test_a_drift_grows_by_its_share_of_the_median_a_month() -> None:
    value = np.full((2000, 5), 100.0)
    grown = drift.drifted(value, 2, 0.1, 720)
    assert (grown[:721] == value[:721]).all()
    assert grown[720 + 720, 2] == pytest.approx(110.0)
    assert (grown[:, [0, 1, 3, 4]] == 100.0).all()


def test_what_stood_before_is_not_found() -> None:
    plain, grown = np.zeros(5000, bool), np.zeros(5000, bool)
    plain[1000:1200] = grown[1000:1200] = True
    assert drift.days_until(plain, grown, 960) == float("inf")
    grown[1248] = True
    assert drift.days_until(plain, grown, 960) == 12.0
    assert drift.days_until(plain, grown, 1249) == float("inf")


@pytest.mark.parametrize("kind", [*drift.ALONE, drift.TOGETHER])
def test_each_detector_runs_with_its_defaults(kind: str) -> None:
    shown = drift.standing(detectors.load(kind), record(600), 1)
    assert shown.shape == (600,)
    assert shown.mean() < 0.2


def test_the_residual_sees_a_sensor_that_leaves_the_others() -> None:
    value = record()
    module = detectors.load("residual")
    plain = drift.standing(module, value, 1)
    grown = drift.standing(module, drift.drifted(value, 1, 0.2, 2000), 1)
    assert not plain.any()
    assert 0 < drift.days_until(plain, grown, 2000) < 20
