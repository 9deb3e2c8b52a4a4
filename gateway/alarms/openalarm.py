"""An alarm that is not normal, and the event that tells all of a change of it."""

from __future__ import annotations

import msgspec

from gateway.alarms.definition import Definition
from gateway.alarms.events import DRILL, DRILL_ENTERPRISE, AlarmEvent
from gateway.alarms.lifecycle import Situation
from gateway.alarms.reasons import Reason


class OpenAlarm(msgspec.Struct, array_like=True):
    """An alarm that is not normal."""

    definition: Definition
    state: str
    process_active: bool
    occurrence: int
    raised_ns: int
    """Gateway wall time at which this occurrence began."""
    changed_ns: int
    event_ns: int = 0
    """Device time of the last change of the condition."""
    value: float | None = None
    limit: float | None = None
    flags: tuple[str, ...] = ()
    extra: float | None = None
    until_ns: int = 0
    """End of the shelf by the wall clock of when it was shelved; due_ns: by gateway time."""
    due_ns: int = 0
    group: str = ""
    first_out: bool = False

    @property
    def at(self) -> Situation:
        """Where it stands in the table of lifecycle.py."""
        return Situation(self.state, self.process_active)


def event_of(
    alarm: OpenAlarm,
    before: str,
    cause: str,
    reason: Reason,
    *,
    name: str,
    at_ns: int,
    actor: str,
    comment: str,
) -> AlarmEvent:
    """The event of a change that was made to ``alarm``; ``name``: the event's id."""
    definition = alarm.definition
    return AlarmEvent(
        id=name,
        alarm=definition.id,
        occurrence=alarm.occurrence,
        category=definition.category,
        condition=definition.condition,
        priority=definition.priority,
        state=alarm.state,
        before=before,
        cause=cause,
        reason_en=reason.en,
        reason_zh=reason.zh,
        at_ns=at_ns,
        event_ns=alarm.event_ns,
        process_active=alarm.process_active,
        latched=definition.latch,
        enterprise=definition.enterprise,
        site=definition.site,
        asset=definition.asset,
        device=definition.device,
        channel=definition.channel,
        family=definition.family,
        county=definition.county,
        sector=definition.sector,
        latitude=definition.latitude,
        longitude=definition.longitude,
        value=alarm.value,
        limit=alarm.limit,
        extra=alarm.extra,
        unit=definition.unit,
        response_en=definition.response_en,
        response_zh=definition.response_zh,
        clause=definition.clause,
        source_verified=definition.source_verified,
        actor=actor,
        comment=comment,
        flags=(*alarm.flags, DRILL) if definition.enterprise == DRILL_ENTERPRISE else alarm.flags,
        until_ns=alarm.until_ns,
        group=alarm.group,
        first_out=alarm.first_out,
        base_priority=definition.base_priority,
    )
