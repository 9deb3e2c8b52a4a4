"""Whatever a person asks for is answered with a reason; nothing an account may not touch is touched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alarms.commands import ACTIONS, MAX_ALARMS, MAX_TEXT
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import ACKNOWLEDGED, UNACKNOWLEDGED
from tests.alarms.made import Command, high

NS = 1_700_000_000_000_000_000
OURS, THEIRS = high("H"), high("H", enterprise="other")


def plant() -> Engine:
    engine = Engine(EventIds(1, 9))
    for known in (OURS, THEIRS):
        engine.apply(known, active=True, at_ns=NS, value=12.0, limit=10.0)
    return engine


def refused(engine: Engine, command: Command, now_ns: int = NS) -> str:
    before = engine.export()
    answer, told = engine.command(command, now_ns)
    assert answer.accepted is False
    assert told == []
    assert engine.export() == before
    assert answer.reason_zh
    return answer.reason_en


def test_acknowledgement_names_its_occurrence_and_is_recorded_with_its_answer_first() -> None:
    engine = plant()
    args = {"alarm": OURS.id, "occurrence": 1, "comment": "crew sent"}
    answer, [event] = engine.command(Command("acknowledge", args), NS + 5)
    assert answer.accepted
    assert (answer.command, answer.actor, answer.args, answer.at_ns) == ("c-1", "li", args, NS + 5)
    assert (event.state, event.comment, event.actor) == (ACKNOWLEDGED, "crew sent", "li")
    assert int(answer.id.rsplit("-", 1)[1]) < int(event.id.rsplit("-", 1)[1])


def test_second_acknowledgement_is_refused_in_words() -> None:
    engine = plant()
    command = Command("acknowledge", {"alarm": OURS.id, "occurrence": 1})
    engine.command(command, NS)
    assert "acknowledged already" in refused(engine, command)


def test_old_and_unknown_occurrences_are_refused() -> None:
    engine = plant()
    engine.apply(OURS, active=False, at_ns=NS)
    engine.apply(OURS, active=True, at_ns=NS, value=12.0, limit=10.0)
    assert "occurrence 1 is over" in refused(
        engine, Command("acknowledge", {"alarm": OURS.id, "occurrence": 1})
    )
    assert "no occurrence 3" in refused(engine, Command("acknowledge", {"alarm": OURS.id, "occurrence": 3}))
    assert "no occurrence 1" in refused(
        engine, Command("acknowledge", {"alarm": "acme/x:H", "occurrence": 1})
    )


SAYS = {"reason": "dust", "work_order": "WO-1", "for_s": 600, "comment": "x"}
ABOUT_ONE = ["acknowledge", "reset", "comment", "shelve", "unshelve", "out_of_service", "return_to_service"]


@pytest.mark.parametrize("action", ABOUT_ONE)
@pytest.mark.parametrize("many", [False, True])
def test_every_command_for_another_occurrence_is_refused(action: str, *, many: bool) -> None:
    """Behind the dialog the alarm cleared and came again: that is not what the person decided on."""
    engine = plant()
    engine.apply(OURS, active=False, at_ns=NS)
    engine.apply(OURS, active=True, at_ns=NS, value=12.0, limit=10.0)

    def told(seen: object) -> str:
        aim = {"alarm": OURS.id, "occurrence": seen}
        args = {"alarms": [aim]} if many and action not in ("reset", "comment") else aim
        return refused(engine, Command(action, {**SAYS, **args}))

    assert told(1) == f"{OURS.id}: occurrence 1 is over, the alarm is at occurrence 2: look again"
    assert "since you looked (occurrence 2): look again" in told(0)
    assert "no occurrence 3 (newest: 2)" in told(3)
    for wrong in ("2", True, None, 2.0):
        assert "whole number" in told(wrong)


@pytest.mark.parametrize("action", ["comment", "shelve", "out_of_service"])
def test_a_command_for_the_newest_occurrence_or_for_none_is_done(action: str) -> None:
    for more in ({}, {"occurrence": 1}):
        assert plant().command(Command(action, {**SAYS, **more, "alarm": OURS.id}), NS)[0].accepted


@pytest.mark.parametrize("action", ["shelve", "out_of_service"])
def test_of_many_only_those_of_another_occurrence_are_refused(action: str) -> None:
    engine = plant()
    both = {"alarms": [OURS.id, {"alarm": THEIRS.id, "occurrence": 2}]}
    answer, _ = engine.command(Command(action, {**SAYS, **both}), NS)
    assert f"refused: {THEIRS.id}: there is no occurrence 2 (newest: 1)" in answer.reason_en
    assert [request.alarms for request in engine.requests.pending()] == [{OURS.id: 1}]


def test_many_at_once_acknowledges_what_it_can_and_names_the_rest() -> None:
    engine = plant()
    listed = [{"alarm": OURS.id, "occurrence": 1}, {"alarm": THEIRS.id, "occurrence": 4}, {"alarm": OURS.id}]
    answer, told = engine.command(Command("acknowledge", {"alarms": listed}), NS)
    assert answer.accepted
    assert [event.alarm for event in told] == [OURS.id]
    assert answer.reason_en.startswith("1 of 3 acknowledged; refused: ")
    assert THEIRS.id in answer.reason_en


@pytest.mark.parametrize("role", ["viewer", "", "Operator", "root"])
def test_only_operators_supervisors_and_admins_act(role: str) -> None:
    assert "may not" in refused(
        plant(), Command("acknowledge", {"alarm": OURS.id, "occurrence": 1}, role=role)
    )


def test_an_organisation_touches_only_its_own_and_learns_nothing_of_others() -> None:
    engine = plant()
    foreign = Command("acknowledge", {"alarm": THEIRS.id, "occurrence": 1}, organisation="acme")
    made_up = Command(
        "acknowledge", {"alarm": "other/plant/nothing/x:H", "occurrence": 1}, organisation="acme"
    )
    assert refused(engine, foreign).replace(THEIRS.id, "") == refused(engine, made_up).replace(
        "other/plant/nothing/x:H", ""
    )
    system = Command("acknowledge", {"alarm": "gateway:link_down", "occurrence": 1}, organisation="acme")
    assert "not an alarm of acme" in refused(engine, system)
    assert "not an alarm of ac" in refused(engine, foreign._replace(organisation="ac"))
    own = Command("acknowledge", {"alarm": OURS.id, "occurrence": 1}, organisation="acme")
    assert engine.command(own, NS)[0].accepted


@pytest.mark.parametrize("action", ["acknowledge", "reset", "comment"])
def test_no_action_reaches_a_strangers_alarm(action: str) -> None:
    args = {"alarm": THEIRS.id, "occurrence": 1, "comment": "x"}
    assert "not an alarm of acme" in refused(plant(), Command(action, args, organisation="acme"))


def test_a_command_after_its_deadline_fires_never() -> None:
    engine = plant()
    command = Command("acknowledge", {"alarm": OURS.id, "occurrence": 1}, deadline_ns=NS)
    assert "deadline" in refused(engine, command, NS + 1)
    assert engine.command(command, NS)[0].accepted


def test_an_unknown_action_names_the_known_ones() -> None:
    reason = refused(plant(), Command("silence_everything", {}))
    assert all(action in reason for action in ACTIONS)


def test_comments_are_recorded_and_change_no_alarm() -> None:
    engine = plant()
    before = engine.export()
    answer, told = engine.command(Command("comment", {"alarm": OURS.id, "comment": "valve stuck"}), NS)
    assert answer.accepted
    assert told == []
    assert answer.args["comment"] == "valve stuck"
    assert engine.export() == before
    for comment in ("", 5, None, "x" * (MAX_TEXT + 1)):
        assert "comment" in refused(engine, Command("comment", {"alarm": OURS.id, "comment": comment}))
    assert "never occurred" in refused(engine, Command("comment", {"alarm": "acme/x:H", "comment": "x"}))


def test_dead_letters_are_sent_again_only_for_the_whole_gateway() -> None:
    engine = plant()
    for args in ({"sink": "hook", "ids": ["1-2-3"]}, {"sink": "hook", "all": True}):
        assert engine.command(Command("deadletter_resend", args, role="supervisor"), NS)[0].accepted
    for args in (
        {},
        {"sink": "hook"},
        {"sink": "", "all": True},
        {"sink": "hook", "ids": []},
        {"sink": "hook", "ids": [None]},
    ):
        refused(engine, Command("deadletter_resend", args, role="supervisor"))
    everything = {"sink": "hook", "all": True}
    restricted = Command("deadletter_resend", everything, role="supervisor", organisation="acme")
    assert "unrestricted" in refused(engine, restricted)


def test_an_empty_list_is_no_acknowledgement() -> None:
    assert "1 to" in refused(plant(), Command("acknowledge", {"alarms": []}))


RULE_STEP = {
    "proposal": 3, "version": "v2", "digest": "9f", "step": "approved", "person": "ma", "via": "token",
    "at_ns": NS, "comment": "",
}  # fmt: skip


def test_a_step_of_a_change_of_rules_is_recorded_with_who_took_it_and_changes_no_alarm() -> None:
    engine = plant()
    before = engine.export()
    answer, told = engine.command(Command("rule_step", RULE_STEP, role="engineer"), NS)
    assert (answer.accepted, told, answer.args) == (True, [], RULE_STEP)
    assert answer.reason_en == "rules: proposal 3 (v2) approved by ma (token)"
    assert "ma 批准" in answer.reason_zh
    assert engine.export() == before


@pytest.mark.parametrize("key", sorted(RULE_STEP))
def test_a_step_without_one_of_its_parts_or_with_a_wrong_one_is_refused(key: str) -> None:
    most = 0 if key in ("proposal", "at_ns") else "x" * (MAX_TEXT + 1)
    for wrong in (None, most, True):
        args = {**RULE_STEP, key: wrong}
        assert '"proposal"' in refused(plant(), Command("rule_step", args, role="engineer"))
    longest = 1 if most == 0 else "x" * MAX_TEXT
    assert plant().command(Command("rule_step", {**RULE_STEP, key: longest}, role="engineer"), NS)[0].accepted


def test_too_many_alarms_in_one_command_are_refused() -> None:
    listed = [{"alarm": OURS.id, "occurrence": 1}] * (MAX_ALARMS + 1)
    assert str(MAX_ALARMS) in refused(plant(), Command("acknowledge", {"alarms": listed}))


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from([OURS.id, THEIRS.id]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["alarm", "alarms", "occurrence", "comment", "sink", "ids", "all"])


@settings(max_examples=300, deadline=None)
@given(action=st.sampled_from([*ACTIONS, "x"]), args=st.dictionaries(KEYS, PLAIN, max_size=5))
def test_no_arguments_whatever_raise(action: str, args: dict[str, Any]) -> None:
    engine = plant()
    answer, told = engine.command(Command(action, args), NS)
    assert answer.reason_en
    assert answer.reason_zh
    assert all(event.before == UNACKNOWLEDGED for event in told)
