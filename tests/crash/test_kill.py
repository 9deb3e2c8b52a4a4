"""A small ``make crash`` with its negative control: a few kills lose nothing, a core that acknowledges first
does."""

from __future__ import annotations

import pytest

from tests.crash import kill

pytestmark = [pytest.mark.system, pytest.mark.crash]


def test_kills_at_every_stage_lose_nothing() -> None:
    points = ["before-append", "after-append", "after-acknowledge", "before-ledger", "sink-after-send"]
    result = kill.batch(points, seed=3)
    assert result.kills == len(points)
    assert result.unreached == []
    assert result.acknowledged > 500
    assert (result.missing, result.failed, result.undelivered, result.disordered) == (0, [], 0, 0)


def test_a_core_that_acknowledges_first_is_caught() -> None:
    assert kill.control().missing > 0


def test_every_named_point_has_its_turn() -> None:
    batches = list(kill.schedule(60, seed=1))
    points = {point for batch in batches for point in batch}
    assert points >= {*kill.CORE_POINTS, *kill.DELIVERY_POINTS}
    assert sum(len(batch) for batch in batches) == 60
