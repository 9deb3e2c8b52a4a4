"""Every cell of the table is walked; the table is one that ISA-18.2 knows."""

from __future__ import annotations

import itertools

import pytest

from gateway.alarms import lifecycle
from gateway.alarms.events import ACKNOWLEDGED, NORMAL, QUIET, RETURNED, STATES, UNACKNOWLEDGED
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
    # "." is a refusal; e f g are quiet while the condition is over, E F G while it holds. The columns are
    # those of INPUTS in their order
    (A, False): "B....e.f.g.",
    (B, False): ".DC.AE.F.G.",
    (C, False): ".A..AE.F.G.",
    (D, False): "B.A.Ae.f.g.",
    (W, False): "B..AAe.f.g.",
    (A, True): "B....e.f.g.",
    (B, True): ".DC.AE.F.G.",
    (C, True): ".W..AE.F.G.",
    (D, True): "B.W.Ae.f.g.",
    (W, True): "B..AAe.f.g.",
    **{(lifecycle.E, latch): "E...A.A...." for latch in (False, True)},
    **{(lifecycle.E_ACTIVE, latch): ".e..A.B...." for latch in (False, True)},
    **{(lifecycle.F, latch): "F...A...A.." for latch in (False, True)},
    **{(lifecycle.F_ACTIVE, latch): ".f..A...B.." for latch in (False, True)},
    **{(lifecycle.G, latch): "G...A.....A" for latch in (False, True)},
    **{(lifecycle.G_ACTIVE, latch): ".g..A.....B" for latch in (False, True)},
}
"""The whole life cycle a second time, as a person would draw it."""
LETTERS = dict(zip("ABCDWeEfFgG", SITUATIONS, strict=True))


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
        assert step.cause == cause_of(at, what, new=step.new_occurrence)
        assert legal(at, step.cause, step.to, latch=latch)


def cause_of(at: Situation, what: str, *, new: bool) -> str:
    """What the ledger says of a step: the input, but for what is quiet or was open already."""
    if at.state in QUIET and what in (lifecycle.RAISED, lifecycle.CLEARED):
        return "began_quietly" if what == lifecycle.RAISED else "ended_quietly"
    return "re_raised" if new and at != A else what


def test_every_cell_stands_in_exactly_one_table() -> None:
    every = set(itertools.product(SITUATIONS, INPUTS))
    assert set(TABLE) | set(REFUSED) == every
    assert not set(TABLE) & set(REFUSED)
    assert set(LATCHED) <= set(TABLE)


def test_states_are_stored_by_name_and_all_used() -> None:
    assert {situation.state for situation in SITUATIONS} == set(STATES)
    assert STATES[:4] == (NORMAL, UNACKNOWLEDGED, ACKNOWLEDGED, RETURNED)
    assert STATES[4:] == ("shelved", "suppressed_by_design", "out_of_service")


def test_who_leaves_the_quiet_never_comes_back_answered() -> None:
    """Whatever was acknowledged before: after E, F, G what stands is unanswered."""
    for at, latch in itertools.product(lifecycle.QUIETED, (False, True)):
        step = next_state(at, lifecycle.LEAVE[at.state], latch=latch)
        assert isinstance(step, Transition)
        assert step.to == (B if at.process_active else A)


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
