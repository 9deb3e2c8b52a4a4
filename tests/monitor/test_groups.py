"""Detectors over several channels in the monitor: joined by a profile's table, at a device or an asset."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from gateway.monitor.channels import Device
from gateway.monitor.members import groups_of
from gateway.monitor.monitor import Monitor
from tests.monitor.world import GAS, PROFILES, World, gas

TEXTS = """
consequence_en = "gas over several heads"
consequence_zh = "多个探头确认有气体"
response_en = "leave the hall"
response_zh = "撤离车间"
clause = "no clause"
source_verified = false
"""
VOTE = """
[[detector]]
kind = "voting"
scope = "asset"
inputs = { a = "lel", b = "lel#2", c = "lel#3" }
limit = 20
deadband = 2
need = 2
priority = 1
"""
WITH = {**PROFILES, GAS: PROFILES[GAS] + VOTE + TEXTS}
HALL = [gas(1), gas(2), gas(3)]
OTHER = [Device("acme", "plant", "yard", f"GD-{n}", GAS) for n in (7, 8)]


def say(story: World, *values: float, numbers: tuple[int, ...] = (1, 2, 3)) -> None:
    story.clock.advance(5_000_000_000)
    for number, value in zip(numbers, values, strict=True):
        story.send(value, device=f"acme/plant/GD-{number}")


def world(devices: list[Device] | None = None) -> World:
    story = World()
    story.configure([*HALL, *OTHER] if devices is None else devices, WITH)
    say(story, 5, 5, 5)
    say(story, 5, 5, numbers=(7, 8))
    return story


def told(story: World) -> list[tuple[str, str]]:
    return [(e.alarm, e.cause) for e in story.alarms("voted")]


def test_one_head_alone_is_no_vote_two_are_and_the_alarm_is_the_assets() -> None:
    story = world()
    say(story, 30, 5, 5)
    assert told(story) == []
    say(story, 30, 5, 30)
    (event,) = story.alarms("voted")
    assert (event.alarm, event.asset, event.device) == ("acme/plant/GD-1/lel:voted", "hall", "GD-1")
    assert (event.priority, event.category, event.unit) == (1, "process", "")
    assert (event.value, event.limit, event.extra) == (2.0, 2.0, 20.0)
    assert event.reason_en == "several sensors agree: 2 passed 20, 2 needed"
    assert event.reason_zh == "多个传感器一致确认:2 个越过 20,需 2 个"
    assert (event.response_en, event.response_zh) == ("leave the hall", "撤离车间")
    say(story, 5, 5, 30)
    assert told(story)[1:] == [("acme/plant/GD-1/lel:voted", "cleared")]


def test_each_asset_is_judged_by_itself() -> None:
    story = world()
    say(story, 30, numbers=(1,))
    say(story, 30, numbers=(7,))
    assert told(story) == []
    say(story, 30, numbers=(8,))
    assert [alarm for alarm, _ in told(story)] == ["acme/plant/GD-7/lel:voted"]


@pytest.mark.parametrize("split", [0, 1, 2, 3])
def test_a_restart_between_any_two_steps_changes_nothing(split: int) -> None:
    rounds = [(30.0, 5.0, 5.0), (30.0, 5.0, 30.0), (5.0, 5.0, 30.0)]
    whole, parts = world(), world()
    for number, values in enumerate([*rounds, (30.0, 30.0, 30.0)]):
        say(whole, *values)
        if number == split:
            parts.monitor = Monitor.load(parts.monitor.save())
        say(parts, *values)
    assert parts.events == whole.events
    assert len(told(whole)) == 3
    assert parts.monitor.save() == whole.monitor.save()


def test_replay_gives_the_same_events() -> None:
    story = world()
    say(story, 30, 5, 30)
    story.configure([*HALL, *OTHER, gas(9)], WITH)
    say(story, 5, 5, 5)
    again = Monitor(1)
    events = [event for position, entry in story.journal for event in again.step(position, entry).events]
    assert events == story.events
    assert again.save() == story.monitor.save()


def test_a_fleet_change_elsewhere_keeps_a_groups_state() -> None:
    story = world()
    say(story, 30, numbers=(1,))
    yard = [*OTHER, Device("acme", "plant", "yard", "GD-6", GAS)]  # now the yard's first
    story.configure([*yard, *HALL], WITH)
    say(story, 30, numbers=(2,))  # the first head's vote still stands
    assert told(story) == [("acme/plant/GD-1/lel:voted", "raised")]


def test_a_group_that_gets_another_member_begins_anew_and_its_alarm_is_over() -> None:
    story = world([gas(1), gas(2)])
    say(story, 30, 30, numbers=(1, 2))
    assert told(story) == [("acme/plant/GD-1/lel:voted", "raised")]
    story.configure(HALL, WITH)
    assert told(story)[1:] == [("acme/plant/GD-1/lel:voted", "retired")]
    say(story, 5, 30, 30)
    assert told(story)[2:] == [("acme/plant/GD-1/lel:voted", "raised")]


def test_other_texts_reach_a_standing_alarm_and_no_table_ends_it() -> None:
    story = world()
    say(story, 30, 5, 30)
    story.configure([*HALL, *OTHER], {**WITH, GAS: WITH[GAS].replace("leave the hall", "run")})
    (standing,) = [a for a in story.monitor.engine.open_alarms() if a.definition.condition == "voted"]
    assert standing.definition.response_en == "run"
    story.configure([*HALL, *OTHER], PROFILES)
    assert told(story)[1:] == [("acme/plant/GD-1/lel:voted", "retired")]
    assert len(story.monitor.groups) == 0
    say(story, 30, 30, 30)
    assert len(told(story)) == 2


def test_devices_without_an_asset_or_a_table_are_in_no_group() -> None:
    loose = msgspec.structs.replace(gas(1), asset="")
    story = world([loose, gas(2)])
    (group,) = groups_of(story.monitor.roster)["voting"]
    assert [place.device for place in group.places] == ["GD-2"]
    assert len(World().monitor.groups) == 0


def test_a_snapshot_with_other_groups_is_refused() -> None:
    stored = msgspec.msgpack.decode(world().monitor.save())
    kept = stored["groups"]["voting"]
    for name in ("parameters", "state"):
        kept[name] = kept[name][: len(kept[name]) // 2]
    with pytest.raises(ValueError, match="holds 1 groups of voting, not 2"):
        Monitor.load(msgspec.msgpack.encode(stored))


def test_a_channel_in_several_groups_reaches_each_in_row_order() -> None:
    second = VOTE.replace('{ a = "lel", b', '{ a = "lel#2", b').replace('lel#2", c', 'lel", c')
    story = World()
    story.configure(HALL, {**PROFILES, GAS: PROFILES[GAS] + VOTE + TEXTS + second + TEXTS})
    routes = story.monitor.groups._routes
    first, other = groups_of(story.monitor.roster)["voting"]
    assert other.slots == (first.slots[1], first.slots[0], first.slots[2])
    one, two, three = first.slots
    unjoined = next(n for n in range(len(story.monitor.channels)) if n not in first.slots)
    row, detector, place = routes.rows(np.array([three, one, one, two, unjoined], np.int32))
    assert row.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert set(detector.tolist()) == {0}
    assert place.tolist() == [2, 10, 0, 9, 0, 9, 1, 8]
