"""An event as a row. Every column but seq, position, idx and digest follows from the body, so that a check
can find a changed column although only the body is hashed."""

from __future__ import annotations

from typing import Any

from gateway.alarms.events import AlarmEvent, CommandEvent, Event, encode


def columns(event: Event) -> dict[str, Any]:
    """The columns of ``event`` that follow from the event itself."""
    row: dict[str, Any] = {
        "id": event.id,
        "type": event.__struct_config__.tag,
        "alarm": None,
        "occurrence": None,
        "priority": None,
        "category": None,
        "action": None,
        "at_ns": event.at_ns,
        "body": encode(event),
    }
    if isinstance(event, AlarmEvent):
        row["alarm"] = event.alarm
        row["occurrence"] = event.occurrence
        row["priority"] = event.priority
        row["category"] = event.category
    elif isinstance(event, CommandEvent):
        row["action"] = event.action
    return row


def state_columns(event: AlarmEvent, seq: int, body: bytes) -> dict[str, Any]:
    """The row of ``alarm_state`` after this event."""
    return {
        "alarm": event.alarm,
        "seq": seq,
        "state": event.state,
        "priority": event.priority,
        "category": event.category,
        "enterprise": event.enterprise,
        "site": event.site,
        "device": event.device,
        "body": body,
    }
