"""A safety alarm is taken away by two verified persons, or not at all; every request ends."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.access import Right
from gateway.access.person import ROLES
from gateway.alarms.commands import ACTIONS
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import OUT_OF_SERVICE, SHELVED, AlarmEvent, CommandEvent
from gateway.alarms.requests import MAX_PENDING, WAIT_NS
from gateway.alarms.roles import MAY
from gateway.alarms.taking import expired
from tests.alarms.made import Command
from tests.alarms.test_shelving import MINUTE, NS, RED, engine, high, pass_time, put

HH = high("HH").id
SHELF = {"alarm": HH, "reason": "cell is being exchanged", "for_s": 600}
ORDER = {"alarm": HH, "reason": "cell is dead", "work_order": "WO-9"}
RIGHTS = {
    **dict.fromkeys(("acknowledge", "reset", "comment"), Right.ACKNOWLEDGE),
    **dict.fromkeys(("shelve", "unshelve", "out_of_service", "return_to_service", "decline"), Right.SHELVE),
    "confirm": Right.CONFIRM,
    "deadletter_resend": Right.DELIVERIES,
    "drill": Right.SYSTEM,
}
ONE_OF = {"rule_step": {Right.PROPOSE, Right.APPROVE}, "access_change": {Right.ACCOUNTS, Right.FLEET}}
"""Whoever takes a step in changing rules, or has changed accounts or the fleet, has one of these."""


def say(
    of: Engine, action: str, args: dict[str, Any], actor: str = "li", **more: Any
) -> tuple[CommandEvent, list[AlarmEvent]]:
    role = more.pop("role", "supervisor" if actor != "li" else "operator")
    return of.command(Command(action, args, actor=actor, role=role, **more), NS + of.now_ns)


def asked(of: Engine, action: str = "shelve", args: dict[str, Any] | None = None, **more: Any) -> str:
    """The request's id."""
    answer, told = say(of, action, args or SHELF, **more)
    assert answer.accepted, answer.reason_en
    assert not told
    assert answer.id in answer.reason_en
    assert "第二人" in answer.reason_zh
    return answer.id


def test_every_action_has_its_roles_and_they_are_those_of_the_rights() -> None:
    assert set(MAY) == set(ACTIONS)
    for action, roles in MAY.items():
        wanted = ONE_OF[action] if action in ONE_OF else {RIGHTS[action]}
        assert roles == {name for name, rights in ROLES.items() if wanted & rights}, action


@pytest.mark.parametrize(
    ("action", "args", "state"), [("shelve", SHELF, SHELVED), ("out_of_service", ORDER, OUT_OF_SERVICE)]
)
@pytest.mark.parametrize("alarm", [HH, RED.id])
def test_two_persons_take_a_safety_alarm_away(
    action: str, args: dict[str, Any], state: str, alarm: str
) -> None:
    made = engine()
    name = asked(made, action, {**args, "alarm": alarm})
    assert made.find(alarm) is None, "nothing happens before the second person"
    [waits] = made.requests.pending()
    assert (waits.id, waits.actor, waits.until_ns) == (name, "li", NS + WAIT_NS)
    answer, [told] = say(made, "confirm", {"request": name}, "wang")
    assert answer.accepted
    assert (told.state, told.actor, told.comment) == (state, "li", args["reason"])
    assert "by li, confirmed by wang" in told.reason_en
    assert "wang 确认" in told.reason_zh
    assert made.requests.pending() == []


def test_the_shelf_begins_when_it_is_confirmed() -> None:
    made = engine()
    name = asked(made)
    pass_time(made, 5 * MINUTE)
    _, [told] = say(made, "confirm", {"request": name}, "wang")
    assert told.until_ns == NS + 15 * MINUTE


@pytest.mark.parametrize(
    ("actor", "more", "words"),
    [
        ("li", {"role": "supervisor"}, "another one than who asked"),
        ("li", {"role": "admin", "source": "API 10.0.0.7"}, "a token counts as its owner"),
        ("root", {"role": "admin", "source": "cli"}, "command line"),
        ("root", {"role": "admin", "source": ""}, "command line"),
        ("wang", {"role": "operator"}, "may not confirm"),
        ("wang", {"organisation": "other"}, "no such request"),
        ("wang", {"deadline_ns": NS - 1}, "after its deadline"),
    ],
)
def test_who_is_not_a_second_person_confirms_nothing(actor: str, more: dict[str, Any], words: str) -> None:
    made = engine()
    name = asked(made)
    before = made.export()
    answer, told = say(made, "confirm", {"request": name}, actor, **more)
    assert (answer.accepted, told) == (False, [])
    assert words in answer.reason_en
    assert made.export() == before


def test_the_command_line_does_not_ask_either() -> None:
    made = engine()
    answer, told = say(made, "shelve", SHELF, "root", role="admin", source="cli")
    assert not answer.accepted
    assert not told
    assert "command line" in answer.reason_en
    assert made.requests.pending() == []


@pytest.mark.parametrize("args", [{}, {"request": None}, {"request": ["1"]}, {"request": "1-1-77"}])
@pytest.mark.parametrize("action", ["confirm", "decline"])
def test_a_request_that_does_not_wait_cannot_be_answered(action: str, args: dict[str, Any]) -> None:
    answer, _ = say(engine(), action, args, "wang")
    assert not answer.accepted
    assert "no such request" in answer.reason_en


def test_what_was_answered_is_answered_once() -> None:
    made = engine()
    name = asked(made)
    assert say(made, "confirm", {"request": name}, "wang")[0].accepted
    for action in ("confirm", "decline"):
        answer, told = say(made, action, {"request": name}, "zhao")
        assert (answer.accepted, told) == (False, [])


def test_declined_or_withdrawn_is_over_and_can_be_asked_again() -> None:
    made = engine()
    answer, told = say(made, "decline", {"request": asked(made), "reason": "not during loading"}, "wang")
    assert (answer.accepted, told) == (True, [])
    assert "declined by wang: not during loading" in answer.reason_en
    answer, _ = say(made, "decline", {"request": asked(made)}, "li")
    assert "withdrawn by li" in answer.reason_en
    assert asked(made)


def test_a_request_ends_after_fifteen_minutes_and_that_is_recorded_once() -> None:
    made = engine()
    name = asked(made)
    pass_time(made, WAIT_NS - 1)
    assert expired(made, NS + made.now_ns) == []
    pass_time(made, 1)
    assert not say(made, "confirm", {"request": name}, "wang")[0].accepted, "before it was swept away"
    [note] = expired(made, NS + made.now_ns)
    assert (note.kind, note.detail["request"], note.detail["alarms"]) == ("request_expired", name, [HH])
    assert expired(made, NS + made.now_ns) == []


def test_an_alarm_that_came_again_since_is_another_situation() -> None:
    made = engine()
    name = asked(made)
    put(made, "HH", active=True)
    answer, told = say(made, "confirm", {"request": name}, "wang")
    assert (answer.accepted, told) == (False, [])
    assert "occurred anew" in answer.reason_en
    assert made.requests.pending() == []


def test_hopeless_or_doubled_requests_are_refused_when_they_are_made() -> None:
    made = engine()
    for args, words in (
        ({**SHELF, "reason": ""}, "reason"),
        ({**SHELF, "for_s": 1}, "1 minute to 12 hours"),
    ):
        assert words in say(made, "shelve", args)[0].reason_en
    name = asked(made)
    assert f"li has asked for this already: request {name}" in say(made, "shelve", SHELF, "wang")[0].reason_en
    say(made, "confirm", {"request": name}, "wang")
    assert "bring it back first" in say(made, "shelve", SHELF)[0].reason_en
    assert made.requests.pending() == []


def test_of_several_only_the_safety_alarms_wait() -> None:
    made = engine()
    both = {"alarms": [high("H").id, HH, RED.id, HH, "acme/plant/no/x:H"], "reason": "overhaul", "for_s": 600}
    answer, [told] = say(made, "shelve", both)
    assert told.alarm == high("H").id
    assert answer.accepted
    for words in ("1 of 2 done", "no such alarm", "2 safety alarms"):
        assert words in answer.reason_en
    _, confirmed = say(made, "confirm", {"request": answer.id}, "wang")
    assert {event.alarm for event in confirmed} == {HH, RED.id}


def test_requests_survive_a_restart_and_an_older_snapshot_has_none() -> None:
    made = engine()
    name = asked(made)
    twin = Engine.load(made.export(), EventIds(1, 2))
    twin.define = made.define
    assert twin.export() == made.export()
    assert say(twin, "confirm", {"request": name}, "wang")[0].accepted
    parts = msgspec.msgpack.decode(made.export())
    assert Engine.load(msgspec.msgpack.encode(parts[:3])).requests.pending() == []


def test_there_is_room_for_so_many_and_no_more() -> None:
    made = engine()
    known = {f"acme/plant/GD-1/c{n}:HH": high("HH") for n in range(MAX_PENDING + 1)}
    made.define = known.get
    told = [say(made, "shelve", {**SHELF, "alarm": name})[0] for name in known]
    assert [answer.accepted for answer in told] == [True] * MAX_PENDING + [False]
    assert "answer them first" in told[-1].reason_en


def test_an_engineer_witnesses_a_fleet_list_and_no_account() -> None:
    made = engine()
    change = {"number": 3, "digest": "ab", "change": "fleet", "account": "eng", "detail": "1 added"}
    answer, told = say(made, "access_change", change, "eng", role="engineer")
    assert (answer.accepted, told) == (True, [])
    assert "fleet list by upload by eng (change 3): 1 added" in answer.reason_en
    assert "设备清单" in answer.reason_zh
    answer, _ = say(made, "access_change", {**change, "change": "password"}, "eng", role="engineer")
    assert not answer.accepted
    assert "an admin's" in answer.reason_en
    answer, _ = say(made, "access_change", {**change, "change": "password"}, "boss", role="admin")
    assert answer.accepted
