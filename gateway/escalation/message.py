"""What a call says, in both languages: who is called, why, and about which occurrence of which alarms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.escalation.calls import Due, Stretch
from gateway.escalation.roster import Shift

LISTED_MAX = 40
"""Alarms told one by one, for a message stays below CloudEvents' 64 KiB; ``alarms_total`` counts all."""
NS = 1_000_000_000


def body_of(due: Due, persons: Sequence[Shift], at_ns: int) -> dict[str, Any]:
    """The message's ``data``. ``persons``: who is on duty; for a role none is named."""
    step = due.step
    nobody = step.who.startswith("roster:") and not persons
    first = due.stretches[0]
    minutes = max(0, at_ns - first.since_ns) // NS // 60
    names = ", ".join(dict.fromkeys(p.person for p in persons))
    more = len(due.stretches) - 1
    whom_en = "NOBODY ON DUTY" if nobody else names or step.who.partition(":")[2]
    whom_zh = "无人值班" if nobody else names or step.who.partition(":")[2]
    return {
        "type": "escalation",
        "id": due.id,
        "step": step.name,
        "level": due.level,
        "who": step.who,
        "nobody_on_duty": nobody,
        "on_duty": [{"person": p.person, "contact": p.contact} for p in persons],
        "called_ns": at_ns,
        "reason_en": f"Call {due.level} ({whom_en}): unanswered for {minutes} min: {first.event.alarm}: "
        f"{first.event.reason_en}" + (f" (and {more} more)" if more else ""),
        "reason_zh": f"第{due.level}级呼叫（{whom_zh}）：{minutes} 分钟未应答：{first.event.alarm}："
        f"{first.event.reason_zh}" + (f"（另有 {more} 个）" if more else ""),
        "alarms_total": len(due.stretches),
        "alarms": [_alarm(stretch, at_ns) for stretch in due.stretches[:LISTED_MAX]],
    }


def _alarm(stretch: Stretch, at_ns: int) -> dict[str, Any]:
    event = stretch.event
    return {
        "alarm": event.alarm,
        "occurrence": event.occurrence,
        "event": event.id,
        "priority": event.priority,
        "since_ns": stretch.since_ns,
        "unanswered_s": round(max(0, at_ns - stretch.since_ns) / NS, 3),
        "reason_en": event.reason_en,
        "reason_zh": event.reason_zh,
        "response_en": event.response_en,
        "response_zh": event.response_zh,
        "asset": event.asset,
        "county": event.county,
        "flags": list(event.flags),
    }
