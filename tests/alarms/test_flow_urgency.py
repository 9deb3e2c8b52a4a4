"""A trend near its limit is one priority more urgent: never two, never red, never a limit's alarm."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.alarms.advice import advice_texts
from gateway.alarms.definition import Definition
from gateway.alarms.flow_urgency import FORETELLS, SOON_MIN, joined, kept, weigh
from tests.alarms.made import high


def trend(condition: str = "heading_to_limit", priority: int = 4) -> Definition:
    """The advice of a detector that foretells."""
    return msgspec.structs.replace(
        high(),
        id=f"acme/plant/GD-1/lel:{condition}",
        condition=condition,
        priority=priority,
        title_en="on its way",
    )


def test_every_condition_that_foretells_exists_and_tells_its_minutes() -> None:
    for condition in FORETELLS:
        assert "{extra}" in advice_texts()[condition].explain[0], condition
        assert "min" in advice_texts()[condition].explain[0], condition


@given(
    priority=st.integers(1, 4),
    minutes=st.none() | st.floats(-1e6, 1e6) | st.just(SOON_MIN),
    condition=st.sampled_from(["H", "HH", "shifted_up", *sorted(FORETELLS)]),
)
def test_it_is_one_more_urgent_at_most(priority: int, minutes: float | None, condition: str) -> None:
    known = trend(condition, priority)
    raised, why = weigh(known, minutes)
    assert priority - raised.priority in (0, 1)
    assert raised.priority >= min(priority, 2), "a trend is never red"
    if raised.priority == priority:
        assert raised == known
        assert why == ("", "")
        return
    assert condition in FORETELLS
    assert minutes is not None
    assert 0 <= minutes <= SOON_MIN
    assert raised.base_priority == priority
    assert f"priority {priority} raised to {priority - 1}" in why.en
    assert f"优先级由 {priority} 升为 {priority - 1}" in why.zh
    assert weigh(raised, minutes).known == raised, "not twice"


@pytest.mark.parametrize("minutes", [SOON_MIN + 1e-9, -1e-9, None])
def test_only_few_minutes_count(minutes: float | None) -> None:
    assert weigh(trend(), minutes).known == trend()


def test_while_it_stands_it_stays_as_urgent_unless_the_profile_says_another_priority() -> None:
    raised = weigh(trend(), 3.0).known
    again = msgspec.structs.replace(trend(), response_en="another text")
    assert kept(again, raised) == msgspec.structs.replace(again, priority=3, base_priority=4)
    assert kept(trend(priority=2), raised) == trend(priority=2)
    assert kept(trend(), trend()) == trend()


def test_notes_are_joined() -> None:
    assert joined("", "b") == "b"
    assert joined("a", "", "b") == "a; b"
