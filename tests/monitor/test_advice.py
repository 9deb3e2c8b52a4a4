"""Anomaly detectors in the monitor: switched on by a profile's table, told in words, kept over a restart."""

from __future__ import annotations

import re

import msgspec
import pytest

from gateway.alarms.advice import advice_texts
from gateway.alarms.events import AlarmEvent
from gateway.monitor.monitor import Monitor
from tests.monitor.world import GAS, PROFILES, World, gas

TEXTS = """
consequence_en = "something builds up"
consequence_zh = "隐患发展"
response_en = "look at the trend"
response_zh = "查看趋势"
clause = "no clause"
source_verified = false
"""
TABLES = f"""
[[detector]]
channel = "lel"
kind = "ewma"
warmup = 10
limit = 5
{TEXTS}
[[detector]]
channel = "lel"
kind = "cusum"
target = 5
sigma = 0.5
h = 6
{TEXTS}
[[detector]]
channel = "lel"
kind = "flat"
after_s = 60
raise_readings = 5
priority = 3
{TEXTS}
"""
BARE = {**PROFILES, GAS: re.sub(r"(?ms)^\[\[detector\]\]$.*?(?=^\[\[)", "", PROFILES[GAS])}
"""Without the tables that are shipped."""
WITH = {**BARE, GAS: BARE[GAS] + TABLES}
CALM = [5.0, 5.1, 4.9, 5.2, 4.8] * 4


def advised(world: World) -> list[AlarmEvent]:
    return [e for e in world.events if isinstance(e, AlarmEvent) and e.condition in advice_texts()]


def told(world: World) -> list[tuple[str, str]]:
    return [(e.condition, e.cause) for e in advised(world)]


def world() -> World:
    made = World()
    made.configure([gas()], WITH)
    made.every(5, *CALM)
    assert told(made) == []
    return made


def test_departure_and_shift_are_told_with_their_numbers() -> None:
    story = world()
    story.every(5, *[8.0, 8.1, 8.2, 8.0])
    assert told(story) == [("shifted_up", "raised"), ("departed", "raised")]
    shift, departure = advised(story)
    assert shift.reason_en == "level has shifted up: now 8.1 %LEL, usual level 5 %LEL"
    assert departure.reason_en.startswith("departed from its recent course: 8.2 %LEL, control limit ")
    assert departure.reason_zh.startswith("偏离近期走势:8.2 %LEL,控制限 ")
    assert (departure.category, departure.priority, departure.source_verified) == ("process", 4, False)
    assert departure.response_zh == "查看趋势"
    story.every(5, *CALM)
    assert told(story)[2:] == [("departed", "cleared"), ("shifted_up", "cleared")]


def test_a_stuck_sensor_is_a_device_alarm() -> None:
    story = world()
    story.every(5, *[5.0] * 14)
    (event,) = advised(story)
    assert (event.condition, event.category, event.priority) == ("flat", "device", 3)
    assert event.reason_en == "value does not move: 5 %LEL for 60 s or longer"
    story.every(5, 5.1, 5.2, 5.3)
    assert told(story)[1:] == [("flat", "cleared")]


@pytest.mark.parametrize("split", [4, 22, 24, 30])
def test_a_restart_between_any_two_readings_changes_nothing(split: int) -> None:
    values = [*CALM, 8.0, 8.1, 8.2, 8.0, *CALM]
    whole, parts = World(), World()
    for story in (whole, parts):
        story.configure([gas()], WITH)
    whole.every(5, *values)
    parts.every(5, *values[:split])
    parts.monitor = Monitor.load(parts.monitor.save())
    parts.every(5, *values[split:])
    assert parts.events == whole.events
    assert parts.monitor.save() == whole.monitor.save()


def test_without_a_table_a_detector_costs_nothing_and_is_not_in_the_snapshot() -> None:
    story = World()
    story.every(5, *CALM)
    idle = {d.kind: (len(d.record_of), d.used) for d in story.monitor.bank}
    assert (idle["cusum"], idle["peaks"]) == ((0, False), (0, False))
    assert idle["flat"][1], "asked for by the profile"
    stored = msgspec.msgpack.decode(story.monitor.save())["bank"]
    assert "cusum" not in stored
    assert "flat" in stored


def test_a_snapshot_that_does_not_know_a_detector_starts_it_with_its_rule() -> None:
    story = world()
    stored = msgspec.msgpack.decode(story.monitor.save())
    for kind in ("ewma", "cusum", "flat"):
        del stored["bank"][kind]
    story.monitor = Monitor.load(msgspec.msgpack.encode(stored))
    story.every(5, *CALM, *[8.0] * 4)
    assert ("departed", "raised") in told(story)


def test_taking_a_table_away_ends_its_alarms_and_new_texts_reach_them() -> None:
    story = world()
    story.every(5, *[8.0, 8.1, 8.2, 8.0])
    story.configure([gas()], {**WITH, GAS: WITH[GAS].replace("look at the trend", "walk there")})
    open_alarms = {a.definition.condition: a.definition for a in story.monitor.engine.open_alarms()}
    assert {open_alarms[c].response_en for c in ("shifted_up", "departed")} == {"walk there"}
    story.configure([gas()], BARE)
    assert sorted(c for c, cause in told(story) if cause == "retired") == ["departed", "shifted_up"]
    assert not {a.definition.condition for a in story.monitor.engine.open_alarms()} & set(advice_texts())
    story.every(5, *[20.0] * 5)
    assert not [c for c, cause in told(story)[4:] if cause == "raised"]
