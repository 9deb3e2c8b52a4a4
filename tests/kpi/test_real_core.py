"""What a real core wrote of real readings is looked back on: no event here was made by hand."""

from __future__ import annotations

import pytest

from gateway.ingest import LinkChange
from gateway.kpi import coverage, kpis, suggestions
from gateway.paths import DataFolder
from tests.support.make_data import SECOND, Maker

MINUTE = 60


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataFolder, dict[str, int]]:
    """GD-1 measures, rises, and is cut off after ten minutes; GD-2 never speaks; the pipeline's unit sends a
    broken loop; the link is down for a minute; then the core stops and another one runs."""
    folder = tmp_path_factory.mktemp("story") / "data"
    maker = Maker(folder)
    at: dict[str, int] = {"begin": maker.clock.wall_ns()}
    maker.core.start()
    maker.turn(LinkChange(1, True, False, False, "", maker.clock.mono_ns()))
    for second in range(10 * MINUTE):
        items = []
        if second % 5 == 0:
            level = 60.0 if 100 <= second < 200 else 5.0 + second % 3
            items = [maker.reading(level), maker.reading(20.0, channel="temperature")]
        if second % 5 == 0:
            items.append(maker.reading(21.5, "acme/line/RTU-1", "pressure"))
        if second == 300:
            at["down"] = maker.clock.wall_ns()
            maker.turn(LinkChange(2, False, False, False, "cable", maker.clock.mono_ns()))
        if second == 360:
            at["up"] = maker.clock.wall_ns()
            maker.turn(LinkChange(3, True, True, True, "", maker.clock.mono_ns()))
        if not 300 <= second < 360:
            maker.turn(*items)
        else:
            maker.turn()
    at["cut"] = maker.clock.wall_ns()
    for _ in range(4 * MINUTE):
        maker.turn()
    at["stop"] = maker.clock.wall_ns()
    maker.core.stop()
    maker.stores.journal.close()
    maker.stores.ledger.close()
    return DataFolder(folder), at


def test_channels_are_live_until_they_are_cut_off(story: tuple[DataFolder, dict[str, int]]) -> None:
    data, at = story
    early = coverage(data.ledger, at["begin"], at["down"])
    late = coverage(data.ledger, at["begin"], at["stop"])
    named = {one.channel: one.state for one in late.not_live}
    assert named["acme/plant/GD-1/lel"] == "silent"
    assert named["acme/plant/GD-2/lel"] == "never_seen"
    assert {one.channel: one.state for one in early.not_live}["acme/line/RTU-1/pressure"] == "bad"
    assert "acme/plant/GD-1/lel" not in {one.channel for one in early.not_live}
    for told in (early, late):
        assert sum(told.total.channels.values()) == told.total.expected
        assert sum(told.total.hours.values()) == pytest.approx(told.total.expected_hours, rel=1e-6)


def test_without_a_link_every_channel_is_blind(story: tuple[DataFolder, dict[str, int]]) -> None:
    data, at = story
    inside = coverage(data.ledger, at["down"] + 10 * SECOND, at["up"] - 5 * SECOND)
    assert inside.total.channels["blind"] == inside.total.expected > 0
    assert inside.total.period_coverage_percent == 0
    assert inside.total.hours["blind"] == pytest.approx(inside.total.expected_hours)


def test_the_figures_count_what_the_core_raised(story: tuple[DataFolder, dict[str, int]]) -> None:
    data, at = story
    told = kpis(data.ledger, at["begin"], at["stop"])
    assert {"acme/plant/GD-1/lel:HH", "acme/plant/GD-1/lel:H"} <= {one.alarm for one in told.top}
    (high,) = [one for one in told.top if one.alarm == "acme/plant/GD-1/lel:HH"]
    assert 100 <= high.longest_s <= 120, "over from 100 to 200 s, then three good readings"
    assert told.by_priority["red"] >= 2, "the limit and the lost link"


def test_a_core_without_a_history_gives_a_reason_instead_of_a_guess(
    story: tuple[DataFolder, dict[str, int]],
) -> None:
    data, at = story
    assert suggestions(data.ledger, at["begin"], at["stop"]) == [], "no limit alarm came twice"
