"""Tennessee Eastman: the detection rate at one false alarm in a hundred, from rows up to now only."""

from __future__ import annotations

import numpy as np
import pytest

from gateway.evaluate import peers, tep
from gateway.evaluate.figures import Part
from tests.support.data_sets import data_set


def test_the_detection_rate_reaches_best_at_one_false_alarm_in_a_hundred() -> None:
    (part,) = [given for given in tep.evaluate(data_set("tep"), with_peers=False) if isinstance(given, Part)]
    figures = {figure.id: figure.value for figure in part.figures}
    assert figures["tep"] >= 0.85
    assert figures["tep.false_alarms"] <= 0.01
    assert set(part.detail["rate"]) == {str(fault) for fault in range(1, 22)}
    assert all(part.detail["rate"][str(hard)] < 0.3 for hard in tep.HARD), "told apart, never counted in"


def normal(seed: int, rows: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    mixed = random.normal(size=(rows, 6)) @ np.random.default_rng(0).normal(size=(6, tep.VARIABLES))
    return mixed + 0.3 * random.normal(size=(rows, tep.VARIABLES))


def test_a_score_sees_no_later_row_and_keeps_its_share_of_false_alarms() -> None:
    model = tep.train(normal(1, 500), normal(2, 960), components=6)
    rows = normal(3, 4000)
    whole = model.score(rows)
    assert model.score(rows[:700]) == pytest.approx(whole[:700], abs=1e-12)
    assert (whole > 1.0).mean() < 0.05
    rows[2000:] += 3.0
    assert (model.score(rows)[2050:] > 1.0).mean() > 0.9


def test_a_file_is_read_whichever_way_it_lies(tmp_path: object) -> None:
    file = tmp_path / "d.dat"  # type: ignore[operator]
    body = normal(1, 60)
    np.savetxt(file, body.T)
    assert tep.read(file).shape == (60, 52)
    np.savetxt(file, body)
    assert tep.read(file) == pytest.approx(body)
    np.savetxt(file, body[:, :9])
    with pytest.raises(ValueError, match="52 variables"):
        tep.read(file)


def test_peers_learn_the_same_rows_and_see_what_they_can() -> None:
    calm, strange = normal(3, 300), normal(4, 300)
    strange[:, 7] += 40.0
    for name, learner in peers.learners():
        scorer = learner(normal(1, 600))
        limit = np.quantile(scorer(calm), 0.99)
        assert (scorer(normal(5, 300)) > limit).mean() < 0.05, name
        if name == "z-score":
            assert (scorer(strange) > limit).all(), "one value far out is enough"
    assert [name for name, _ in peers.learners()][:1] == ["z-score"]
