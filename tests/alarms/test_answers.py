"""What a command is answered, to the word: whose alarm, why not, who did it; nothing that was not said."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.alarms.commands import MAX_TEXT
from gateway.alarms.engine import Engine
from gateway.alarms.events import AlarmEvent, CommandEvent
from gateway.alarms.requests import Request, Requests
from gateway.alarms.shelves import MAX_SHELVES
from gateway.alarms.taking import MAX_ALARMS
from tests.alarms.made import Command
from tests.alarms.made import high as made_high
from tests.alarms.test_shelving import MINUTE, NS, RED, engine, high, pass_time, put

H, HH = high("H").id, high("HH").id
SHELF = {"alarm": HH, "reason": "exchange", "for_s": 600}
ORDER = {"device": "acme/plant/GD-1", "reason": "exchange", "work_order": "WO-1"}


def say(
    of: Engine, action: str, args: dict[str, Any], actor: str = "li", role: str = "supervisor", **more: Any
) -> tuple[CommandEvent, list[AlarmEvent]]:
    return of.command(Command(action, args, actor=actor, role=role, **more), NS + of.now_ns)


def refused(of: Engine, action: str, args: dict[str, Any], **more: Any) -> str:
    answer, told = say(of, action, args, **more)
    assert (answer.accepted, told) == (False, [])
    return answer.reason_en


def device() -> Engine:
    """One device with two alarms, one of them a safety alarm."""
    made = engine()
    made.alarms_of = lambda key: [H, HH] if key == "acme/plant/GD-1" else []
    return made


@pytest.mark.parametrize("said", [{}, {"comment": "valve closed"}])
def test_a_reset_says_who_gave_it_and_what_was_said(said: dict[str, str]) -> None:
    made, known = engine(), made_high(latch=True)
    made.apply(known, active=True, at_ns=NS, value=12.0, limit=10.0)
    aim = {"alarm": known.id, "occurrence": 1}
    assert refused(made, "reset", aim).startswith(f"{known.id}: the condition still holds")
    say(made, "acknowledge", aim)
    made.apply(known, active=False, at_ns=NS, value=1.0, limit=10.0)
    answer, (event,) = say(made, "reset", {**aim, **said}, actor="wang")
    assert (answer.reason_en, event.reason_en) == ("alarm reset", "reset by wang")
    assert (event.actor, event.comment, event.at_ns) == ("wang", said.get("comment", ""), NS)


def test_several_refusals_stand_side_by_side_each_with_its_alarm() -> None:
    listed = [{"alarm": name, "occurrence": 1} for name in (H, HH)]
    said = refused(engine(), "acknowledge", {"alarms": listed})
    gone = "there is no occurrence 1 (newest: 0)"
    assert said == f"0 of 2 acknowledged; refused: {H}: {gone}; {HH}: {gone}"


WITNESS = {"number": 1, "digest": "ab", "change": "password", "account": "zhao", "detail": "by mail"}


def test_a_change_of_an_account_names_its_account() -> None:
    answer, _ = say(engine(), "access_change", WITNESS, actor="boss", role="admin")
    assert answer.reason_en == "account change 1 by boss: password zhao"
    assert answer.reason_zh == "boss 的账号变更 1:password zhao"


@pytest.mark.parametrize("number", [True, 0, -1, 1.5, "1", None])
def test_a_change_without_a_whole_number_is_no_witness(number: object) -> None:
    assert '"number"' in refused(engine(), "access_change", {**WITNESS, "number": number}, role="admin")


@pytest.mark.parametrize("part", ["digest", "change", "account", "detail"])
def test_a_change_is_witnessed_with_all_its_texts_and_none_too_long(part: str) -> None:
    for wrong in ("x" * (MAX_TEXT + 1), [], None, 5):
        assert '"number"' in refused(engine(), "access_change", {**WITNESS, part: wrong}, role="admin")
    assert say(engine(), "access_change", {**WITNESS, part: "x" * MAX_TEXT}, role="admin")[0].accepted


@pytest.mark.parametrize(
    ("action", "more", "words"),
    [
        ("out_of_service", {"device": 5}, 'a whole "device"'),
        ("shelve", {"for_s": 600}, 'a whole "device"'),
        ("out_of_service", {"work_order": ""}, '"work_order" is needed'),
        ("out_of_service", {"reason": ""}, '"reason" is needed'),
        (
            "out_of_service",
            {"device": "acme/plant/GD-9"},
            "the configuration in force has no device acme/plant/GD-9",
        ),
        ("return_to_service", {}, "acme/plant/GD-1: none is out of service"),
    ],
)
def test_a_whole_device_that_cannot_go_stays(action: str, more: dict[str, Any], words: str) -> None:
    assert refused(device(), action, {**ORDER, **more}).startswith(words)


def test_a_strangers_device_is_none_and_ones_own_goes() -> None:
    assert "has no device" in refused(device(), "out_of_service", ORDER, organisation="other")
    made = device()
    answer, _ = say(made, "out_of_service", ORDER, organisation="acme")
    assert answer.accepted
    assert "2 safety alarms" in answer.reason_en, "all of a device wait together"
    _, told = say(made, "confirm", {"request": answer.id}, actor="wang")
    assert [event.alarm for event in told] == [H, HH]
    said = refused(made, "out_of_service", ORDER)
    assert said == "acme/plant/GD-1: every alarm is out of service already"


def test_a_shelf_until_a_time_of_day_waits_for_the_second_person_too() -> None:
    made = engine()
    until = {"alarm": HH, "reason": "exchange", "until_ms": NS // 1_000_000 + 600_000}
    answer, _ = say(made, "shelve", until)
    assert answer.accepted
    confirmed, (event,) = say(made, "confirm", {"request": answer.id}, actor="wang")
    assert event.until_ns == NS + 10 * MINUTE
    assert (confirmed.reason_en, confirmed.reason_zh) == (event.reason_en, event.reason_zh)


def test_what_cannot_be_confirmed_any_more_is_named() -> None:
    made = engine()
    asked, _ = say(made, "shelve", {"alarms": [HH, RED.id], "reason": "x", "for_s": 600})
    put(made, "HH", active=True)
    answer, told = say(made, "confirm", {"request": asked.id}, actor="wang")
    assert [event.alarm for event in told] == [RED.id]
    assert f"1 of 2 done; refused: {HH}: it has occurred anew" in answer.reason_en


def test_who_declines_or_withdraws_need_not_say_why() -> None:
    for actor, en, zh in (
        ("wang", "request of li declined by wang", "wang 已拒绝 li 的申请"),
        ("li", "request withdrawn by li", "li 已撤回申请"),
    ):
        made = engine()
        asked, _ = say(made, "shelve", SHELF)
        answer, _ = say(made, "decline", {"request": asked.id}, actor=actor)
        assert (answer.reason_en, answer.reason_zh) == (en, zh)


def test_a_request_is_read_as_plain_values_and_ends_to_the_moment_and_once() -> None:
    one = Request("1-1-0", "shelve", {}, {HH: 0}, "li", "operator", "", "console", NS, NS + 5, 5)
    waiting = Requests([one])
    (plain,) = waiting.export()
    assert (plain["id"], plain["alarms"], plain["until_ns"]) == ("1-1-0", {HH: 0}, NS + 5)
    assert waiting.about("shelve", HH, 4) == one
    assert waiting.about("shelve", HH, 5) is None
    waiting.end(one)
    waiting.end(one)
    assert len(waiting) == 0


def test_an_acknowledgement_counts_what_it_did() -> None:
    for names in ([H], [H, HH]):
        made = engine()
        for known in ("H", "HH"):
            put(made, known, active=True)
        listed = [{"alarm": name, "occurrence": 1} for name in names]
        answer, told = say(made, "acknowledge", {"alarms": listed})
        many = len(names)
        assert answer.reason_en == f"{many} alarm{'s' if many > 1 else ''} acknowledged"
        assert answer.reason_zh == f"已确认 {many} 个报警"
        assert [(event.alarm, event.comment) for event in told] == [(name, "") for name in names]


@pytest.mark.parametrize("item", ["x", 5, None, {}, {"alarm": ""}, {"alarm": 5}, {"alarm": ["x"]}])
def test_what_names_no_alarm_acknowledges_none(item: Any) -> None:
    aim = {**item, "occurrence": 0} if isinstance(item, dict) else item
    assert 'needs "alarm"' in refused(engine(), "acknowledge", {"alarms": [aim]})
    if isinstance(item, dict):
        assert 'needs "alarm"' in refused(engine(), "reset", item)
        assert 'needs "alarm"' in refused(engine(), "comment", {**item, "comment": "x"})


def test_a_comment_may_have_its_whole_length() -> None:
    made = engine()
    put(made, "H", active=True)
    for action in ("comment", "acknowledge", "reset"):
        args = {"alarm": H, "occurrence": 1, "comment": "x" * (MAX_TEXT + 1)}
        assert f"at most {MAX_TEXT}" in refused(made, action, args)
    answer, _ = say(made, "comment", {**args, "comment": "x" * MAX_TEXT})
    assert (answer.accepted, answer.reason_en) == (True, "comment recorded")


def test_as_many_alarms_as_one_command_may_have() -> None:
    made = engine()
    put(made, "H", active=True)
    listed = [{"alarm": H, "occurrence": 1}] + [{"alarm": "x"}] * (MAX_ALARMS - 1)
    assert say(made, "acknowledge", {"alarms": listed})[0].accepted
    names = [H, *(f"acme/{n}:H" for n in range(MAX_ALARMS - 1))]
    shelf = {"reason": "x", "for_s": 600}
    assert say(made, "shelve", {**shelf, "alarms": names})[0].accepted
    for wrong in ([*names, "acme/more:H"], [], "x", None, [""], [5], [{}], [{"alarm": ""}], [H, 5]):
        words = f'"alarm" (its id) or "alarms" (1 to {MAX_ALARMS} ids) is needed'
        assert refused(made, "shelve", {**shelf, "alarms": wrong}) == words
    assert "is needed" in refused(made, "unshelve", {})


@pytest.mark.parametrize("action", ["shelve", "unshelve", "out_of_service", "return_to_service"])
def test_a_stranger_takes_nothing_away_and_brings_nothing_back(action: str) -> None:
    made = engine()
    put(made, "H", active=True)
    args = {"alarm": H, "reason": "x", "for_s": 600, "work_order": "WO-1"}
    assert refused(made, action, args, organisation="other") == f"{H}: {H} is not an alarm of other"


@pytest.mark.parametrize(
    ("for_s", "words"),
    [
        (43_200, ""),
        (60, ""),
        (59.9, "1 minute to 12 hours"),
        (1e15, "needs its end"),
        (-1e15, "needs its end"),
    ],
)
def test_a_shelf_has_its_whole_length(for_s: float, words: str) -> None:
    made = engine()
    put(made, "H", active=True)
    args = {"alarm": H, "reason": "x", "for_s": for_s}
    if words:
        assert words in refused(made, "shelve", args)
    else:
        (event,) = say(made, "shelve", args)[1]
        assert event.reason_en == f"shelved by li for {for_s // 60} min: x"


def test_an_open_safety_alarm_is_one_though_its_device_is_no_longer_listed() -> None:
    made = engine()
    put(made, "HH", active=True)
    made.define = lambda _: None
    answer, told = say(made, "shelve", SHELF)
    assert (answer.accepted, told) == (True, [])
    assert made.requests.find(answer.id, made.now_ns) is not None


def test_a_safety_alarm_shelved_too_often_cannot_even_be_asked_for_but_goes_out_of_service() -> None:
    made = engine()
    for _ in range(MAX_SHELVES):
        asked, _ = say(made, "shelve", {**SHELF, "for_s": 60})
        assert say(made, "confirm", {"request": asked.id}, actor="wang")[1]
        assert len(pass_time(made, MINUTE)) == 1
    assert refused(made, "shelve", SHELF).startswith(f"{HH}: shelved 3 times in a row")
    assert say(made, "shelve", {"alarm": RED.id, "reason": "x", "for_s": 600})[0].accepted
    order = {"alarm": HH, "reason": "exchange", "work_order": "WO-1"}
    assert say(made, "out_of_service", order)[0].accepted


def test_what_was_done_what_waits_and_what_was_refused_are_each_told() -> None:
    shelf = {"reason": "x", "for_s": 600}
    wait = "must wait for a second person: a supervisor confirms request 1-1-0 within 15 min"
    one = f"1 safety alarm (HH, LL or priority 1) {wait}"
    nothing = "acme/x:H: the configuration in force has no such alarm: look at its id"
    for names, words in (
        ([H], "shelved by li for 10 min: x"),
        ([HH], one),
        ([HH, RED.id], f"2 safety alarms (HH, LL or priority 1) {wait}"),
        ([H, HH], f"1 done; {one}"),
        ([HH, "acme/x:H"], f"0 of 1 done; refused: {nothing}; {one}"),
        ([H, "acme/x:H"], f"1 of 2 done; refused: {nothing}"),
        (["acme/x:H"], nothing),
        (["acme/x:H", "acme/x:H", "acme/y:H"],
         f"0 of 2 done; refused: {nothing}; {nothing.replace('x:H', 'y:H')}"),
    ):  # fmt: skip
        made = engine()
        put(made, "H", active=True)
        answer, _ = say(made, "shelve", {**shelf, "alarms": names})
        assert answer.reason_en == words.replace("1-1-0", answer.id)
        assert answer.reason_zh
