"""A trend that is minutes from its limit is one priority more urgent than its profile says; never two, never
red, and never less urgent.

Only what a detector foretells counts: an alarm of a limit is as urgent as its profile has it. The raise is
recorded with the event: the priority before it (``base_priority``) and, in the reason, the minutes.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from gateway.alarms.advice import is_advice
from gateway.alarms.definition import Definition
from gateway.alarms.reasons import Reason, number

FORETELLS = frozenset({"heading_to_limit", "close_approach", "bearing_climbs", "pulse_overdue"})
"""Conditions whose ``extra`` is the minutes until it happens: each detector's FINDINGS says so."""
SOON_MIN = 10.0
"""Minutes that are too few for an answer in the ordinary course. ISA-18.2 and EEMUA 191 let the time to
respond decide a priority and leave the figure to the plant: this one is ours."""
MOST_URGENT = 2
"""A trend never becomes red: priority 1 is for limits and voted logic."""


class Weighed(NamedTuple):
    """The alarm as it is told now."""

    known: Definition
    why: Reason


def weigh(known: Definition, minutes: float | None) -> Weighed:
    """One priority up if ``minutes`` are few; ``why`` is empty if it stays as it is."""
    if not _foretold(known) or minutes is None or not 0 <= minutes <= SOON_MIN or known.base_priority:
        return Weighed(known, Reason("", ""))
    if known.priority <= MOST_URGENT:
        return Weighed(known, Reason("", ""))
    raised = msgspec.structs.replace(known, priority=known.priority - 1, base_priority=known.priority)
    shown, soon = number(minutes), number(SOON_MIN)
    return Weighed(
        raised,
        Reason(
            f"priority {known.priority} raised to {raised.priority}: {shown} min are left, {soon} or fewer",
            f"优先级由 {known.priority} 升为 {raised.priority}:剩余 {shown} 分钟,不多于 {soon} 分钟",
        ),
    )


def kept(known: Definition, standing: Definition) -> Definition:
    """The alarm as the configuration has it now, as urgent as it was told while it stands."""
    if not standing.base_priority or known.base_priority or known.priority != standing.base_priority:
        return known
    return msgspec.structs.replace(known, priority=standing.priority, base_priority=standing.base_priority)


def joined(*notes: str) -> str:
    """Several notes as one; empty ones are left out."""
    return "; ".join(filter(None, notes))


def _foretold(known: Definition) -> bool:
    return known.condition in FORETELLS and is_advice(known)
