"""The one table of legal alarm transitions, after the states A-D of ISA-18.2-2016; everything else is refused
with a reason.

A situation is a state and whether the abnormal condition itself holds now (``process_active``). Latching is
an attribute, not a state: a latched alarm whose condition has ended waits, acknowledged, for a reset.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.alarms.events import ACKNOWLEDGED, NORMAL, RETURNED, UNACKNOWLEDGED

RAISED, CLEARED, ACKNOWLEDGE, RESET, RETIRED = "raised", "cleared", "acknowledged", "reset", "retired"
INPUTS = (RAISED, CLEARED, ACKNOWLEDGE, RESET, RETIRED)
"""What may happen to an alarm; "retired": the configuration no longer defines it."""
RE_RAISED = "re_raised"
"""Cause of a raise that came before the alarm was normal again: a new occurrence of an open alarm."""


class Situation(NamedTuple):
    """Where an alarm stands."""

    state: str
    process_active: bool


class Transition(NamedTuple):
    """A legal step."""

    to: Situation
    cause: str
    new_occurrence: bool = False


class Refusal(NamedTuple):
    """Nothing happens, and why."""

    reason_en: str
    reason_zh: str


A = Situation(NORMAL, False)
B = Situation(UNACKNOWLEDGED, True)
C = Situation(ACKNOWLEDGED, True)
D = Situation(RETURNED, False)
W = Situation(ACKNOWLEDGED, False)
"""Acknowledged, back to normal, waiting for a reset: only latched alarms come here."""
SITUATIONS = (A, B, C, D, W)

TABLE: dict[tuple[Situation, str], Transition] = {
    (A, RAISED): Transition(B, RAISED, new_occurrence=True),
    (B, ACKNOWLEDGE): Transition(C, ACKNOWLEDGE),
    (B, CLEARED): Transition(D, CLEARED),
    (C, CLEARED): Transition(A, CLEARED),
    (D, ACKNOWLEDGE): Transition(A, ACKNOWLEDGE),
    (D, RAISED): Transition(B, RE_RAISED, new_occurrence=True),
    (W, RAISED): Transition(B, RE_RAISED, new_occurrence=True),
    (W, RESET): Transition(A, RESET),
    (B, RETIRED): Transition(A, RETIRED),
    (C, RETIRED): Transition(A, RETIRED),
    (D, RETIRED): Transition(A, RETIRED),
    (W, RETIRED): Transition(A, RETIRED),
}
"""Every legal step."""

LATCHED: dict[tuple[Situation, str], Transition] = {
    (C, CLEARED): Transition(W, CLEARED),
    (D, ACKNOWLEDGE): Transition(W, ACKNOWLEDGE),
}
"""Where a latched alarm steps differently."""

_STANDS = Refusal("the condition already holds", "该状态已存在")
_ENDED = Refusal("the condition does not hold", "该状态并不存在")
_ACKNOWLEDGED = Refusal("this alarm is acknowledged already", "该报警已确认")

REFUSED: dict[tuple[Situation, str], Refusal] = {
    (A, CLEARED): _ENDED,
    (A, ACKNOWLEDGE): Refusal(
        "this alarm is normal: there is nothing to acknowledge", "该报警处于正常状态,无需确认"
    ),
    (A, RESET): Refusal("this alarm is normal: there is nothing to reset", "该报警处于正常状态,无需复位"),
    (A, RETIRED): Refusal("this alarm is normal already", "该报警已处于正常状态"),
    (B, RAISED): _STANDS,
    (B, RESET): Refusal(
        "the condition still holds and nobody has acknowledged it: acknowledge first, reset after it is over",
        "状态仍存在且尚未确认:请先确认,待状态结束后再复位",
    ),
    (C, RAISED): _STANDS,
    (C, ACKNOWLEDGE): _ACKNOWLEDGED,
    (C, RESET): Refusal(
        "the condition still holds: reset is possible after it has returned to normal",
        "状态仍存在:恢复正常后才能复位",
    ),
    (D, CLEARED): _ENDED,
    (D, RESET): Refusal(
        "nobody has acknowledged this alarm: acknowledge it first", "该报警尚未确认:请先确认"
    ),
    (W, CLEARED): _ENDED,
    (W, ACKNOWLEDGE): Refusal(
        "this alarm is acknowledged already and its condition is over: reset it",
        "该报警已确认且状态已结束:请复位",
    ),
}
"""Every other step, and what to tell whoever asked for it."""


def next_state(at: Situation, what: str, *, latch: bool) -> Transition | Refusal:
    """The step that ``what`` (one of INPUTS) takes from a situation; KeyError for anything else."""
    key = (at, what)
    if latch and key in LATCHED:
        return LATCHED[key]
    return TABLE[key] if key in TABLE else REFUSED[key]


def legal(before: Situation, cause: str, after: Situation, *, latch: bool) -> bool:
    """Whether a recorded step is one of the table's: for those who check the ledger."""
    steps = TABLE | LATCHED if latch else TABLE
    return any(
        key[0] == before and step == (after, cause, step.new_occurrence) for key, step in steps.items()
    )
