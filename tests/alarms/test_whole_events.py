"""An event explains itself: whatever its definition knows stands in it, and who gave a command."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import DRILL, DRILL_ENTERPRISE, AlarmEvent
from gateway.alarms.shelving import MAX_REASON
from tests.alarms.made import Command, high

NS = 1_700_000_000_000_000_000
PLACED = msgspec.structs.replace(
    high(),
    priority=2,
    county="Jiashan",
    sector="city gas",
    latitude=30.84,
    longitude=120.92,
    source_verified=False,
)
ORDER = {"alarm": PLACED.id, "reason": "exchange", "work_order": "WO-1"}


def standing(definition: Definition = PLACED) -> tuple[Engine, AlarmEvent]:
    made = Engine(EventIds(1, 1))
    made.define = {definition.id: definition}.get
    event = made.apply(definition, active=True, at_ns=NS, value=12.0, limit=10.0)
    assert event is not None
    return made, event


def test_an_event_carries_all_that_its_definition_knows() -> None:
    _, event = standing()
    names = set(AlarmEvent.__struct_fields__) & set(Definition.__struct_fields__) - {"id"}
    assert {name: getattr(event, name) for name in names} == {name: getattr(PLACED, name) for name in names}
    assert names >= {"site", "channel", "longitude", "response_en", "source_verified"}
    assert (event.latched, event.occurrence, event.flags) == (False, 1, ())


def test_a_drills_alarm_says_so() -> None:
    _, event = standing(high(enterprise=DRILL_ENTERPRISE))
    assert event.flags == (DRILL,)


@pytest.mark.parametrize(
    "given",
    [
        [("acknowledge", {"alarm": PLACED.id, "occurrence": 1})],
        [
            ("shelve", {"alarm": PLACED.id, "reason": "dust", "for_s": 600}),
            ("unshelve", {"alarm": PLACED.id}),
        ],
        [("out_of_service", ORDER), ("return_to_service", {"alarm": PLACED.id})],
    ],
    ids=lambda given: given[-1][0],
)
def test_answer_and_event_name_who_gave_the_command(given: list[tuple[str, dict[str, Any]]]) -> None:
    made, _ = standing()
    for number, (action, args) in enumerate(given):
        command = Command(action, args, f"c-{number}", "wang", "supervisor", "acme")
        answer, (event,) = made.command(command, NS)
        assert answer.accepted, answer.reason_en
        assert (answer.actor, answer.role, answer.organisation) == ("wang", "supervisor", "acme")
        assert event.actor == "wang"


def test_a_stranger_does_not_comment() -> None:
    made, _ = standing()
    for organisation, accepted in (("acme", True), ("other", False)):
        command = Command("comment", {"alarm": PLACED.id, "comment": "hm"}, organisation=organisation)
        assert made.command(command, NS)[0].accepted is accepted


def test_a_reason_may_have_its_whole_length() -> None:
    for length, accepted in ((MAX_REASON, True), (MAX_REASON + 1, False)):
        made, _ = standing()
        command = Command("shelve", {"alarm": PLACED.id, "reason": "x" * length, "for_s": 600})
        assert made.command(command, NS)[0].accepted is accepted
