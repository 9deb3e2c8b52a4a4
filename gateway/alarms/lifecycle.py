"""The one table of legal alarm transitions, after the states A-G of ISA-18.2-2016; everything else is refused
with a reason.

A situation is a state and whether the abnormal condition itself holds now (``process_active``). Latching is
an attribute, not a state: a latched alarm whose condition has ended waits, acknowledged, for a reset.

While an alarm is shelved (E), suppressed by design (F) or out of service (G) its condition is followed
without annunciation. Whoever leaves these goes to A or B as the condition is then, never to C or D, latched
or not: what was answered before does not count as an answer to what stands now.
"""

from __future__ import annotations

from typing import NamedTuple

from gateway.alarms.events import (
    ACKNOWLEDGED,
    NORMAL,
    OUT_OF_SERVICE,
    RETURNED,
    SHELVED,
    SUPPRESSED,
    UNACKNOWLEDGED,
)

RAISED, CLEARED, ACKNOWLEDGE, RESET, RETIRED = "raised", "cleared", "acknowledged", "reset", "retired"
SHELVE, UNSHELVE = "shelved", "unshelved"
SUPPRESS, UNSUPPRESS = "suppressed", "unsuppressed"
REMOVE, RETURN = "out_of_service", "returned_to_service"
INPUTS = (
    *(RAISED, CLEARED, ACKNOWLEDGE, RESET, RETIRED),
    *(SHELVE, UNSHELVE, SUPPRESS, UNSUPPRESS, REMOVE, RETURN),
)
"""What may happen to an alarm; "retired": the configuration no longer defines it."""
BEGAN_QUIETLY, ENDED_QUIETLY = "began_quietly", "ended_quietly"
"""Causes of a change of the condition of an alarm that is not annunciated."""
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
LIVE = (A, B, C, D, W)
"""Where a change of the condition is annunciated."""
E, E_ACTIVE = Situation(SHELVED, False), Situation(SHELVED, True)
F, F_ACTIVE = Situation(SUPPRESSED, False), Situation(SUPPRESSED, True)
G, G_ACTIVE = Situation(OUT_OF_SERVICE, False), Situation(OUT_OF_SERVICE, True)
QUIETED = (E, E_ACTIVE, F, F_ACTIVE, G, G_ACTIVE)
SITUATIONS = (*LIVE, *QUIETED)
ENTER = {SHELVE: SHELVED, SUPPRESS: SUPPRESSED, REMOVE: OUT_OF_SERVICE}
"""Which state an input leads to from any live situation."""
LEAVE = {SHELVED: UNSHELVE, SUPPRESSED: UNSUPPRESS, OUT_OF_SERVICE: RETURN}
"""Which input alone leads out of a state."""

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
"""Every legal step; those of the states that are not annunciated are added below."""

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
"""Every other step, and what to tell whoever asked for it; more are added below."""

_QUIET_NAMES = {
    SHELVED: ("shelved", "已搁置"),
    SUPPRESSED: ("suppressed by design", "已按设计抑制"),
    OUT_OF_SERVICE: ("out of service", "已停用"),
}


def _add_live(at: Situation) -> None:
    for what, state in ENTER.items():
        TABLE[at, what] = Transition(Situation(state, at.process_active), what)
    for state, what in LEAVE.items():
        en, zh = _QUIET_NAMES[state]
        REFUSED[at, what] = Refusal(f"this alarm is not {en}", f"该报警并非{zh}状态")


def _add_quiet(at: Situation) -> None:
    state, active = at
    en, zh = _QUIET_NAMES[state]
    if active:
        REFUSED[at, RAISED] = _STANDS
        TABLE[at, CLEARED] = Transition(Situation(state, False), ENDED_QUIETLY)
    else:
        TABLE[at, RAISED] = Transition(Situation(state, True), BEGAN_QUIETLY)
        REFUSED[at, CLEARED] = _ENDED
    TABLE[at, RETIRED] = Transition(A, RETIRED)
    # what stands when the quiet ends is annunciated, so it is an occurrence to be answered anew
    leave = LEAVE[state]
    TABLE[at, leave] = Transition(B, RE_RAISED, new_occurrence=True) if active else Transition(A, leave)
    for what in (ACKNOWLEDGE, RESET, *ENTER, *(LEAVE[s] for s in LEAVE if s != state)):
        REFUSED[at, what] = Refusal(f"this alarm is {en}: bring it back first", f"该报警{zh}:请先恢复")


for _at in LIVE:
    _add_live(_at)
for _at in QUIETED:
    _add_quiet(_at)


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
