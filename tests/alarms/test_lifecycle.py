"""Every cell of the table is walked; the table is one that ISA-18.2 knows."""

from __future__ import annotations

import itertools

import pytest

from gateway.alarms import lifecycle
from gateway.alarms.events import ACKNOWLEDGED, NORMAL, RETURNED, STATES, UNACKNOWLEDGED
from gateway.alarms.lifecycle import (
    INPUTS,
    LATCHED,
    REFUSED,
    SITUATIONS,
    TABLE,
    A,
    B,
    C,
    D,
    Refusal,
    Situation,
    Transition,
    W,
    legal,
    next_state,
)

CELLS = list(itertools.product(SITUATIONS, INPUTS, (False, True)))

EXPECTED = {
    # not latched; "." is a refusal. Columns: raised, cleared, acknowledged, reset, retired
    (A, False): "B....",
    (B, False): ".DC.A",
    (C, False): ".A..A",
    (D, False): "B.A.A",
    (W, False): "B..AA",
    (A, True): "B....",
    (B, True): ".DC.A",
    (C, True): ".W..A",
    (D, True): "B.W.A",
    (W, True): "B..AA",
}
"""The whole life cycle a second time, as a person would draw it."""
LETTERS = {"A": A, "B": B, "C": C, "D": D, "W": W}


@pytest.mark.parametrize(("at", "what", "latch"), CELLS)
def test_every_cell_is_as_drawn(at: Situation, what: str, latch: bool) -> None:
    step = next_state(at, what, latch=latch)
    letter = EXPECTED[(at, latch)][INPUTS.index(what)]
    if letter == ".":
        assert isinstance(step, Refusal)
        assert len(step.reason_en) > 10
        assert any("\u4e00" <= character <= "\u9fff" for character in step.reason_zh)
    else:
        assert isinstance(step, Transition)
        assert step.to == LETTERS[letter]
        assert step.new_occurrence == (letter == "B")
        assert legal(at, step.cause, step.to, latch=latch)


def test_every_cell_stands_in_exactly_one_table() -> None:
    every = set(itertools.product(SITUATIONS, INPUTS))
    assert set(TABLE) | set(REFUSED) == every
    assert not set(TABLE) & set(REFUSED)
    assert set(LATCHED) <= set(TABLE)


def test_states_are_stored_by_name_and_all_used() -> None:
    assert {situation.state for situation in SITUATIONS} == set(STATES)
    assert STATES == (NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED)


def test_an_unacknowledged_latched_alarm_never_becomes_normal_by_itself() -> None:
    """No path of raises and clears alone leads a raised alarm back to normal."""
    reached = {B}
    for _ in range(len(SITUATIONS)):
        for at, what in itertools.product(tuple(reached), (lifecycle.RAISED, lifecycle.CLEARED)):
            step = next_state(at, what, latch=True)
            if isinstance(step, Transition):
                reached.add(step.to)
    assert A not in reached


@pytest.mark.parametrize(
    ("before", "cause", "after", "latch"),
    [
        (A, "acknowledged", C, False),
        (B, "cleared", A, False),
        (C, "cleared", A, True),
        (C, "cleared", W, False),
        (D, "raised", B, False),
        (C, "raised", B, False),
    ],
)
def test_steps_that_are_not_in_the_table_are_not_legal(
    before: Situation, cause: str, after: Situation, latch: bool
) -> None:
    assert not legal(before, cause, after, latch=latch)
