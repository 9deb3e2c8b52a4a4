"""What the core makes of findings, facts and commands: whose alarm, with which figures, in which words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from gateway.alarms.definition import Definition
from gateway.alarms.events import AlarmEvent, CommandEvent, NoteEvent
from gateway.alarms.reasons import Reason
from gateway.monitor.channels import Device
from gateway.monitor.entries import OperatorCommand, SystemFact
from gateway.monitor.judgement import MAX_NOTE
from tests.alarms.made import high
from tests.alarms.test_flow_urgency import trend
from tests.monitor.test_fusion import WITH as WITH_FUSION
from tests.monitor.test_groups import WITH as WITH_VOTE
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas

LEL = "acme/plant/GD-1/lel"
TREND = msgspec.structs.replace(high("X"), priority=3)
"""An alarm whose end may be held back."""


def newest(world: World, condition: str) -> AlarmEvent:
    return world.alarms(condition)[-1]


def condition(world: World, subject: str, *, active: bool, **detail: Any) -> AlarmEvent:
    world.step(SystemFact(world.stamp(), "condition", subject, active, detail))
    return world.alarms()[-1]


def test_a_condition_of_the_gateway_is_told_with_its_figures_in_order() -> None:
    world = World()
    event = condition(world, "disk_high", active=True, used=0.93, free_gb=2)
    assert (event.alarm, event.category) == ("gateway:disk_high", "system")
    assert event.reason_en.endswith(": free_gb 2, used 0.93")
    assert event.reason_zh.endswith(":free_gb 2, used 0.93")
    assert (event.value, event.limit, event.extra, event.flags, event.event_ns) == (None, None, None, (), 0)
    over = condition(world, "disk_high", active=False)
    assert (over.cause, over.process_active) == ("cleared", False)
    sink = condition(world, "sink_down.influx.two", active=True)
    assert sink.alarm == "gateway:sink_down.influx.two"
    assert sink.reason_en.endswith("(influx.two)")


def test_a_long_figure_is_cut() -> None:
    world = World()
    bare = condition(world, "disk_full", active=True).reason_en
    long = condition(world, "disk_high", active=True, at="x" * 400).reason_en
    title = condition(world, "disk_high", active=False).reason_en.removeprefix("over: ")
    assert bare
    assert long == f"{title}: at {'x' * (MAX_NOTE - 3)}"


def test_a_command_is_told_after_what_came_before_it_and_before_what_it_does() -> None:
    world = World()
    world.every(5, 60)
    world.clock.jump(3600 * SECOND)
    world.command("acknowledge", alarm=f"{LEL}:HH", occurrence=1)
    kinds = [type(event) for event in world.last.events]
    assert kinds[:3] == [NoteEvent, CommandEvent, AlarmEvent]
    note, answer, event = world.last.events[:3]
    assert isinstance(note, NoteEvent)
    assert isinstance(answer, CommandEvent)
    assert isinstance(event, AlarmEvent)
    assert [int(e.id.split("-")[2]) for e in (note, answer, event)] == [0, 1, 2]
    assert note.at_ns == answer.at_ns == event.at_ns == world.clock.wall_ns()


def test_a_finding_has_its_figures_and_what_is_doubtful_of_its_time() -> None:
    world = World()
    world.every(5, 3, 60)
    event = newest(world, "HH")
    assert (event.value, event.limit, event.extra, event.flags) == (60.0, 50.0, None, ())
    assert event.event_ns == event.at_ns == world.clock.wall_ns()
    world.every(5, 3, 3, 3)
    assert newest(world, "HH").cause == "cleared"
    assert (newest(world, "HH").value, newest(world, "HH").limit) == (3.0, 50.0)
    world.clock.advance(5 * SECOND)
    world.send(60, age_s=-7200)
    assert newest(world, "HH").flags == ("suspect_time",)


def test_silence_of_a_channel_and_of_a_device_are_told_apart() -> None:
    world = World([gas(1), gas(2)])
    world.every(5, 3, 3)
    world.send(20, channel="temperature")
    for _ in range(4):
        world.every(4, 3)
        world.wait(1)
    world.wait(1)
    channel = next(e for e in world.alarms("silent") if e.channel)
    assert (channel.alarm, channel.category) == ("acme/plant/GD-1/temperature:silent", "device")
    assert channel.reason_en == f"no reading for {channel.value:g} s, expected within {channel.limit:g} s"
    never = newest(world, "never_seen")
    assert (never.alarm, never.device, never.channel) == ("acme/plant/GD-2/:never_seen", "GD-2", "")
    assert never.value is not None
    assert never.value >= (never.limit or 0) > 0
    assert never.flags == ()


def test_whoever_may_be_silent_has_no_silence_any_more_and_keeps_what_else_stands() -> None:
    world = World([gas(1), gas(2)])
    world.every(5, 60)
    world.send(20, channel="temperature")
    for _ in range(8):
        world.every(4, 60, device="acme/plant/GD-2")
        world.wait(1)
    silent = {e.alarm for e in world.alarms("silent")}
    assert silent
    assert all(alarm.startswith("acme/plant/GD-1/") for alarm in silent)
    judge(world, lambda: world.monitor.judgement.unwatched(0))
    retired = [e.alarm for e in world.last.events if isinstance(e, AlarmEvent) and e.cause == "retired"]
    assert retired == sorted(silent)
    standing = {a.definition.id for a in world.monitor.engine.open_alarms()}
    assert {f"{LEL}:HH", "acme/plant/GD-2/lel:HH"} <= standing


def judge(world: World, call: Callable[[], None]) -> list[AlarmEvent]:
    """What a call gives, as if in the newest entry."""
    before = len(world.last.events)
    call()
    return [e for e in world.last.events[before:] if isinstance(e, AlarmEvent)]


@pytest.mark.parametrize("device", [0, 1])
def test_each_alarm_about_a_device_says_which_and_why(device: int) -> None:
    world = World([gas(1), gas(2)])
    world.wait(0.25)
    told = world.monitor.judgement.devices
    place = f"acme/plant/GD-{device + 1}/"

    (event,) = judge(world, lambda: told.flooding(device, active=True, event_ns=7, value=50.0, limit=2.0))
    assert (event.alarm, event.event_ns, event.value, event.limit) == (f"{place}:flooding", 7, 50.0, 2.0)
    (event,) = judge(world, lambda: told.flooding(device, active=False))
    assert (event.cause, event.event_ns, event.value, event.limit) == ("cleared", 0, None, None)

    names = ("two addresses", "两个地址")
    (event,) = judge(world, lambda: told.doubled(device, active=True, event_ns=8, names=names))
    assert (event.alarm, event.event_ns) == (f"{place}:duplicate_identity", 8)
    assert event.reason_en.endswith(": two addresses")
    assert event.reason_zh.endswith(":两个地址")
    (event,) = judge(world, lambda: told.doubled(device, active=False))
    assert (event.cause, event.event_ns, event.reason_en[:6]) == ("cleared", 0, "over: ")
    assert event.reason_en.count(":") == 1, "no note"

    (event,) = judge(world, lambda: told.expired(device, active=True, names=("since May", "自五月")))
    assert (event.alarm, event.event_ns, event.value, event.limit) == (f"{place}:expired", 0, None, None)
    assert event.reason_en.endswith(": since May")
    assert event.reason_zh.endswith(":自五月")

    (event,) = judge(
        world, lambda: told.silent(device, "silent", active=True, value=9.0, limit=5.0, note=("a", "甲"))
    )
    assert (event.alarm, event.event_ns, event.value, event.limit) == (f"{place}:silent", 0, 9.0, 5.0)
    assert event.reason_en == "no reading for 9 s, expected within 5 s: a"
    assert event.reason_zh.endswith(":甲")
    (event,) = judge(world, lambda: told.silent(device, "silent", active=False, value=9.0, limit=5.0))
    assert event.reason_en == "a reading came after 9 s"

    began, over = judge(world, lambda: told.clock_changed(device, 11, -2_500_000_000))
    assert (began.alarm, began.event_ns, began.value, began.limit) == (
        f"{place}:clock_changed", 11, 2.5, None,
    )  # fmt: skip
    assert (over.cause, over.event_ns, over.value, over.flags) == ("cleared", 11, 2.5, ())


@pytest.mark.parametrize(
    ("gain_s", "value", "en", "zh"),
    [
        (43.26, 43.3, "gains 43.3 s a day", "每天快 43.3 秒"),
        (0.5, 0.5, "gains 0.5 s a day", "每天快 0.5 秒"),
        (-26.04, -26.0, "loses 26.0 s a day", "每天慢 26.0 秒"),
        (0.0, 0.0, "loses -0.0 s a day", "每天慢 -0.0 秒"),
    ],
)
def test_a_clock_that_drifts_is_told_by_what_it_gains_a_day(
    gain_s: float, value: float, en: str, zh: str
) -> None:
    world = World()
    world.wait(0.25)
    told = world.monitor.judgement.devices
    (event,) = judge(world, lambda: told.drifting(0, active=True, gain_s=gain_s))
    assert (event.alarm, event.event_ns, event.value) == ("acme/plant/GD-1/:clock_drift", 0, value)
    assert event.limit is None
    assert event.reason_en.endswith(f": {en}")
    assert event.reason_zh.endswith(f":{zh}")


QUICK = {**PROFILES, GAS: PROFILES[GAS].replace("off_delay_s = 5", "off_delay_s = 0")}
CYCLE = (30.0, 30.0, 3.0, 3.0, 3.0)


def chatter() -> World:
    """H came and went three times within a minute."""
    world = World()
    world.configure([gas()], QUICK)
    world.every(2, *CYCLE * 3)
    return world


def test_a_chattering_alarm_is_counted_and_its_end_told_a_minute_later_with_its_figures() -> None:
    world = chatter()
    counts = world.monitor.counts
    causes = [(e.cause, e.flags) for e in world.alarms("H")]
    assert [cause for cause, _ in causes] == ["raised", "cleared", "re_raised", "cleared", "re_raised"]
    assert causes[-1][1] == ("chattering",)
    assert (counts.chattering, counts.fleeting, counts.held_ends) == (1, 2, 1)
    held_ns = world.clock.wall_ns()
    for _ in range(31):
        world.every(2, 3.0)
    over = newest(world, "H")
    assert (over.cause, over.flags, over.value, over.limit) == ("cleared", ("chattering",), 3.0, 25.0)
    assert held_ns - 10 * SECOND < over.event_ns <= held_ns
    assert over.reason_en.endswith("it came and went, so its end was held back for a minute")
    assert over.reason_zh.endswith("反复报警,恢复延后一分钟告知")


def test_an_end_that_is_held_back_is_not_told_when_the_condition_is_there_again() -> None:
    world = chatter()
    world.every(2, 30.0, 30.0)
    for _ in range(40):
        world.every(2, 30.0)
    assert newest(world, "H").process_active
    assert world.monitor.counts.held_ends == 1


def test_in_an_exercise_every_alarm_says_so_and_no_end_waits() -> None:
    world = World(clock="stream")
    world.configure([gas()], QUICK)
    start = world.clock.wall_ns() / 1e6
    for n, value in enumerate((3.0, *CYCLE * 3)):
        world.send(value, at_ms=start + 2000 * n)
    told = world.alarms("H")
    assert [e.cause for e in told][-1] == "cleared"
    assert all(e.flags[0] == "exercise" for e in told)
    assert world.monitor.counts.held_ends == 0


def test_a_changed_rule_ends_what_its_own_channel_and_detector_raised() -> None:
    world = World([gas(1), gas(2)])
    for number in (1, 2):
        world.every(5, 60, 60, device=f"acme/plant/GD-{number}")
    world.every(5, None)
    assert newest(world, "sensor_fault").cause == "raised"
    slots = world.monitor.roster.first_slots([0])
    retired = judge(world, lambda: world.monitor.judgement.rule_changed("limits", slots))
    assert [(e.alarm, e.cause) for e in retired] == [(f"{LEL}:H", "retired"), (f"{LEL}:HH", "retired")]
    assert retired[0].at_ns == world.clock.wall_ns()
    again = judge(world, lambda: world.monitor.judgement.rule_changed("limits", slots))
    assert again == []


def test_a_channel_that_leaves_a_profile_takes_its_alarms_along_and_the_devices_own_stay() -> None:
    world = World([gas(1), gas(2)])
    world.every(5, 60)
    world.send(200, channel="temperature")
    world.send(60, device="acme/plant/GD-2")
    told = world.monitor.judgement.devices
    judge(world, lambda: told.expired(0, active=True, names=("since May", "自五月")))
    others = {e.alarm for e in world.alarms() if e.device == "GD-2"}
    other = "dust/filter_duct"
    world.configure([Device("acme", "plant", "hall", "GD-1", other), gas(2)])
    standing = {a.definition.id for a in world.monitor.engine.open_alarms()}
    assert others <= standing
    assert "acme/plant/GD-1/:expired" in standing
    assert f"{LEL}:HH" not in standing
    retired = [e.alarm for e in world.last.events if isinstance(e, AlarmEvent) and e.cause == "retired"]
    assert retired == sorted(retired)
    assert f"{LEL}:HH" in retired


def test_another_text_reaches_an_alarm_that_stands() -> None:
    world = World()
    world.every(5, 60)
    text = PROFILES[GAS].replace('response_en = "', 'response_en = "At once: ')
    world.configure([gas()], {**PROFILES, GAS: text})
    world.command("acknowledge", alarm=f"{LEL}:HH", occurrence=1)
    assert newest(world, "HH").response_en.startswith("At once: ")


def test_a_late_alarm_says_how_the_alarm_stands_now() -> None:
    world = World()
    world.every(5, 4.0, 4.0)
    world.clock.advance(5400 * SECOND)
    world.every(5, 60.0, 60.0)
    assert newest(world, "HH").state == "unacknowledged"
    world.send(60.0, age_s=4000)
    world.send(4.0, age_s=3990)
    world.send(4.0, age_s=3980)
    world.send(4.0, age_s=3970)
    notes = [n for n in world.notes("late_alarm") if n.detail["condition"] == "HH"]
    assert [n.detail["now"] for n in notes] == ["unacknowledged"]
    assert notes[0].reason_zh
    assert world.notes("late_alarm_over")


def put(world: World, known: Definition = TREND, **more: Any) -> list[AlarmEvent]:
    """A condition begins or ends, as a detector finds it."""
    given = {"active": True, "event_ns": 7, "value": 1.0, "limit": 2.0, "flags": (), **more}
    return judge(world, lambda: world.monitor.judgement.put(known, **given))


def test_an_end_that_was_held_back_is_told_with_all_that_was_found() -> None:
    world = World()
    for _ in range(3):
        world.wait(1)
        put(world, extra=3.0)
        ends = put(world, active=False, event_ns=9, extra=5.5, note="calm", note_zh="平静")
    assert ends == []
    world.wait(61)
    over = newest(world, TREND.condition)
    assert (over.cause, over.event_ns, over.value, over.limit, over.extra) == ("cleared", 9, 1.0, 2.0, 5.5)
    assert over.reason_en.endswith(": calm")
    assert over.reason_zh.endswith(":平静")
    counts = world.monitor.counts
    assert (counts.chattering, counts.fleeting, counts.held_ends) == (1, 2, 1)
    world.wait(120)
    put(world)
    world.wait(61)
    (slow,) = put(world, active=False)
    assert (slow.cause, slow.flags, counts.fleeting) == ("cleared", (), 2)
    for _ in range(3):
        put(world)
        put(world, active=False)
    assert counts.held_ends == 3


def test_a_trend_that_is_minutes_from_its_limit_says_so_in_both_languages() -> None:
    world = World()
    world.wait(1)
    (event,) = put(world, trend(), extra=3.0, note="by hand")
    assert (event.priority, event.base_priority) == (3, 4)
    assert ": by hand; priority 4 raised to 3" in event.reason_en
    assert ":by hand; 优先级由 4 升为 3" in event.reason_zh
    (bare,) = put(world)
    assert bare.reason_en.endswith("held 0 s"), "nothing is added where nothing is said"


def test_a_changed_rule_forgets_what_late_readings_began() -> None:
    world = World()
    world.every(5, 4.0)
    world.clock.advance(5400 * SECOND)
    world.every(5, 4.0)
    world.send(60.0, age_s=4000)
    assert world.monitor.judgement.late.export()
    slots = world.monitor.roster.first_slots([0])
    world.monitor.judgement.rule_changed("limits", slots)
    world.send(60.0, age_s=3990)
    begun = [n for n in world.notes("late_alarm") if n.detail["condition"] == "HH"]
    assert len(begun) == 2


def test_a_suppressed_alarm_that_begins_says_both_what_it_is_and_why_it_is_quiet() -> None:
    world = World()
    world.wait(1)
    suppressed = world.monitor.judgement.suppressed
    suppressed.begin(f"{LEL}:HH", "works", Reason("works", "检修"))
    known = world.monitor.engine.define(f"{LEL}:HH")
    assert known is not None
    (event,) = put(world, known, note="by hand", note_zh="手动")
    assert event.state == "suppressed_by_design"
    assert event.reason_en.endswith(": by hand; works")
    assert event.reason_zh.endswith(":手动; 检修")


def test_a_flood_is_noted_with_its_area_in_both_languages() -> None:
    world = World([gas(n) for n in range(12)])
    for n in range(12):
        world.send(60, device=f"acme/plant/GD-{n}")
    world.wait(0.5)
    (note,) = world.notes("flood_began")
    assert (note.detail["area"], note.detail["alarms"]) == ("acme", 11)
    assert "报警泛滥" in note.reason_zh
    assert note.at_ns <= world.clock.wall_ns()


def test_a_request_that_nobody_answers_is_noted_with_the_time_of_day() -> None:
    world = World()
    args = {"alarm": f"{LEL}:HH", "reason": "exchange", "for_s": 600}
    deadline_ns = world.clock.wall_ns() + SECOND
    asked = OperatorCommand(
        world.stamp(), "c1", "shelve", args, "ann", "operator", "", deadline_ns, "console"
    )
    world.step(asked)
    world.clock.advance(900 * SECOND)
    world.wait(0.5)
    (note,) = world.notes("request_expired")
    assert world.clock.wall_ns() - SECOND < note.at_ns <= world.clock.wall_ns()


def test_whoever_was_never_seen_or_waits_for_its_concentrator_may_be_silent_too() -> None:
    tree = [gas(1), msgspec.structs.replace(gas(2), upstream="acme/plant/GD-1"), gas(3)]
    world = World(tree)
    for _ in range(10):
        world.send(20, channel="temperature")
        world.every(5, 3)
    assert newest(world, "never_seen").alarm == "acme/plant/GD-3/:never_seen"
    assert list(world.monitor.judgement.upstreams.export()["quiet"]) == ["acme/plant/GD-2"]
    (retired,) = judge(world, lambda: world.monitor.judgement.unwatched(2))
    assert (retired.alarm, retired.cause) == ("acme/plant/GD-3/:never_seen", "retired")
    judge(world, lambda: world.monitor.judgement.unwatched(1))
    assert world.monitor.judgement.upstreams.export()["quiet"] == {}


def test_a_detector_that_fails_is_counted_beside_late_readings_and_groups(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    world = World()
    world.configure([gas(1), gas(2), gas(3)], WITH_VOTE)
    world.every(5, 4.0, 4.0)
    world.clock.advance(5400 * SECOND)
    world.every(5, 4.0)
    monkeypatch.setattr("detectors.limits.step", fail)
    world.every(5, 4.0)
    assert list(world.monitor.counts.faults.values()) == [1], "of the channels, not lost among the groups"
    live = dict(world.monitor.counts.faults)
    world.send(4.0, age_s=4000)
    for name, count in live.items():
        assert world.monitor.counts.faults[name] == count + 1, "nor when late readings are judged"


def test_before_late_readings_were_judged_they_are_not() -> None:
    world = World()
    world.every(5, 4.0)
    world.clock.advance(5400 * SECOND)
    world.every(5, 4.0)
    world.monitor.engine.flow.stored.on = False
    world.send(60.0, age_s=4000)
    assert world.notes("late_alarm") == []
    world.monitor.engine.flow.stored.on = True
    world.send(60.0, age_s=3000)
    assert world.notes("late_alarm")


def test_what_is_over_is_no_evidence_after_another_configuration() -> None:
    fleet = [gas(1), gas(2)]
    world = World(fleet)
    world.configure(fleet, WITH_FUSION)
    for number in (1, 2):
        world.send(5, device=f"acme/plant/GD-{number}")
    world.every(5, 60, 5, 5, 5, 5, 5)
    assert newest(world, "HH").state == "returned_unacknowledged"
    world.configure([*fleet, gas(4)], WITH_FUSION)
    world.every(5, None, None, device="acme/plant/GD-2")
    assert newest(world, "sensor_fault").cause == "raised"
    assert world.alarms("leak_likely") == []
    world.every(5, 60)
    (event,) = world.alarms("leak_likely")
    assert event.reason_en.endswith(f": {LEL}:HH, acme/plant/GD-2/lel:sensor_fault")
