"""One alarm: what to do, its trend around the event, who did what from where, what became of its messages."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, Response

from device_profiles import Profile
from gateway.access import Person, Scope
from gateway.alarms.events import AlarmEvent, CommandEvent
from gateway.console.answers import readable, tagged
from gateway.console.identity import DeniedError, Looking
from gateway.console.pages.desk import Desk
from gateway.console.pages.duty import shown
from gateway.console.plots import style_ids
from gateway.console.rows import RAISED, row
from gateway.console.trend import MS, limits, line, recorded
from gateway.console.words.alarms import WORDS as LIST_WORDS
from gateway.console.words.duty import CALLS
from gateway.console.words.trend import WORDS
from gateway.delivery.receipts import calls_about, told
from gateway.ledger import LedgerReader
from gateway.monitor.channels import Device

HISTORY = 200
COMMENTS = 1000
"""Comments looked through for those about this alarm."""
FOUND = 500
"""Alarm events drawn into one trend."""
LONGEST_MS = 32 * 86_400_000
QUIET_GAP_NS = 3_600_000_000_000
"""A line is drawn over so long a pause of a channel whose device is not in the fleet any more."""

Id = Annotated[str, Query(min_length=1, max_length=600)]
Ms = Annotated[int, Query(ge=0, le=1 << 53)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/alarm")
    def page(request: Request, person: Looking, id: Id) -> HTMLResponse:  # noqa: A002 - the address's own word
        _history(desk, id, person)
        return desk.show.page(
            request, person, "alarm.html", {**LIST_WORDS, **WORDS, **CALLS}, alarm=id, style_ids=style_ids()
        )

    @app.get("/alarm/told")
    def told_of(request: Request, person: Looking, id: Id) -> Response:  # noqa: A002
        """All that is known of it but its readings."""
        history = _history(desk, id, person)
        with readable():
            return tagged(request, _told(desk, history, person))

    @app.get("/alarm/trend")
    def trend(request: Request, person: Looking, id: Id, from_ms: Ms, to_ms: Ms) -> Response:  # noqa: A002
        """The readings of its channel in a stretch, the limits in force, and what was found there."""
        newest = _history(desk, id, person)[-1][1]
        if not newest.channel:
            return tagged(request, None)
        key = f"{newest.enterprise}/{newest.site}/{newest.device}"
        return tagged(request, trend_of(desk, key, newest.channel, from_ms, to_ms))


def trend_of(desk: Desk, device: str, channel: str, from_ms: int, to_ms: int) -> dict[str, Any]:
    """A channel's plot: "line", "about" (None if the fleet does not have it any more), "found": the alarm
    events of the channel in the stretch."""
    if not 0 < to_ms - from_ms <= LONGEST_MS:
        raise DeniedError(400, "choose a stretch of at most 32 days", "时段最长 32 天")
    begin, end = from_ms * MS, to_ms * MS
    with readable():
        known = desk.city.device(device)
        found = recorded(desk.data, f"{device}/{channel}", begin, end)
        events = LedgerReader(desk.data.ledger).history_under(f"{device}/{channel}:", FOUND)
    gap = known[1].silent_after_ns if known else QUIET_GAP_NS
    return {
        "line": line(found, begin, end, gap),
        "about": limits(known[1], known[0], channel) if known else None,
        "found": [
            {
                "at_ms": (event.event_ns or event.at_ns) // MS,
                "alarm": event.alarm,
                "condition": event.condition,
                "cause": event.cause,
                "priority": event.priority,
                "value": event.value,
                "reason_en": event.reason_en,
                "reason_zh": event.reason_zh,
            }
            for _, event in events
            if begin <= (event.event_ns or event.at_ns) < end
        ],
    }


def _history(desk: Desk, alarm: str, person: Person) -> list[tuple[int, AlarmEvent]]:
    """Its newest events, oldest first; DeniedError for one that never occurred, as for another's."""
    desk.must_see([alarm], person)
    with readable():
        found = LedgerReader(desk.data.ledger).history_of(alarm, HISTORY)
    if not found:
        raise DeniedError(404, "there is no such alarm", "没有该报警")
    return found


def _told(desk: Desk, history: list[tuple[int, AlarmEvent]], person: Person) -> dict[str, Any]:
    reader = LedgerReader(desk.data.ledger)
    seq, newest = history[-1]
    mine = [(number, event) for number, event in history if event.occurrence == newest.occurrence]
    raised = next((event.at_ns for _, event in mine if event.cause in RAISED), mine[0][1].at_ns)
    key = f"{newest.enterprise}/{newest.site}/{newest.device}"
    known = desk.city.device(key) if newest.device else None
    return {
        "row": row(seq, newest, raised),
        "device": key if newest.device else None,
        "in_fleet": known is not None,
        **_why(known, newest),
        "history": _steps(reader, history),
        "deliveries": _deliveries(desk, mine, person.scope),
        "calls": _calls(desk, newest, person.scope),
    }


def _why(known: tuple[Device, Profile] | None, event: AlarmEvent) -> dict[str, str]:
    """What may follow if nobody acts, as the profile says it; "" where it says nothing."""
    for alarm in known[1].alarms if known else ():
        if (alarm.channel, alarm.condition) == (event.channel, event.condition):
            return {"consequence_en": alarm.consequence_en, "consequence_zh": alarm.consequence_zh}
    return {"consequence_en": "", "consequence_zh": ""}


def _steps(reader: LedgerReader, history: list[tuple[int, AlarmEvent]]) -> list[dict[str, Any]]:
    """Transitions and comments, newest first; of what a person did, from where."""
    positions = {seq: int(event.id.split("-")[1]) for seq, event in history}
    by_people = [positions[seq] for seq, event in history if event.actor]
    commands = reader.commands_at(by_people)
    steps = [_step(seq, event, commands.get(positions[seq])) for seq, event in history]
    alarm, first = history[0][1].alarm, history[0][0]
    for seq, command in reader.commands("comment", COMMENTS):
        if seq >= first and command.accepted and command.args.get("alarm") == alarm:
            steps.append(
                {
                    "seq": seq, "at_ms": command.at_ns // MS, "cause": "comment", "state": "",
                    "occurrence": 0, "reason_en": "", "reason_zh": "", "value": None, "unit": "",
                    "actor": command.actor, "role": command.role, "source": command.source,
                    "comment": str(command.args.get("comment", "")),
                }
            )  # fmt: skip
    return sorted(steps, key=lambda step: -step["seq"])


def _step(seq: int, event: AlarmEvent, command: CommandEvent | None) -> dict[str, Any]:
    return {
        "seq": seq,
        "at_ms": event.at_ns // MS,
        "cause": event.cause,
        "state": event.state,
        "occurrence": event.occurrence,
        "reason_en": event.reason_en,
        "reason_zh": event.reason_zh,
        "value": event.value,
        "unit": event.unit,
        "actor": event.actor,
        "role": command.role if command else "",
        "source": command.source if command else "",
        "comment": event.comment,
    }


def _calls(desk: Desk, newest: AlarmEvent, scope: Scope) -> list[dict[str, Any]] | None:
    """Who was called about this occurrence; None for an organisation: whoever is on duty is the city's."""
    if not scope.whole_city:
        return None
    return [shown(call) for call in calls_about(desk.data.delivery, newest.alarm, newest.occurrence)]


def _deliveries(desk: Desk, mine: list[tuple[int, AlarmEvent]], scope: Scope) -> list[dict[str, Any]] | None:
    """What became of the messages of this occurrence; None for an organisation: receivers are the city's."""
    if not scope.whole_city:
        return None
    lines = told(desk.data.delivery, [seq for seq, _ in mine], mine[0][1].at_ns)
    causes = {seq: event.cause for seq, event in mine}
    return [{**msgspec.to_builtins(one), "cause": causes[one.seq]} for one in lines]
