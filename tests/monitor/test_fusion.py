"""Several findings about one asset give one more, with its evidence."""

from __future__ import annotations

import pytest

from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from tests.monitor.world import GAS, PROFILES, World, gas

TABLE = """
[[detector]]
kind = "fusion"
scope = "asset"
inputs = { balance = ["lel:H", "lel:HH"], wave = "sensor_fault" }
window_s = 60
consequence_en = "a leak"
consequence_zh = "泄漏"
response_en = "send the patrol"
response_zh = "派出巡线人员"
clause = "no clause"
source_verified = false
"""
WITH = {**PROFILES, GAS: PROFILES[GAS] + TABLE}
ALARM = "acme/plant/GD-1/lel:leak_likely"


def world() -> World:
    story = World()
    story.configure([gas(1), gas(2), Device("acme", "plant", "yard", "GD-3", GAS)], WITH)
    for number in (1, 2, 3):
        story.send(5, device=f"acme/plant/GD-{number}")
    return story


def say(story: World, number: int, *values: float | None) -> None:
    story.every(5, *values, device=f"acme/plant/GD-{number}")


def told(story: World) -> list[tuple[str, str]]:
    return [(e.alarm, e.cause) for e in story.alarms("leak_likely")]


def test_two_kinds_of_evidence_of_one_asset_are_one_finding_with_both_named() -> None:
    story = world()
    say(story, 1, 60, 60, 60)
    assert told(story) == []
    say(story, 3, None, None)  # another asset's
    assert told(story) == []
    say(story, 2, None, None)
    (event,) = story.alarms("leak_likely")
    assert (event.alarm, event.cause, event.asset, event.priority) == (ALARM, "raised", "hall", 4)
    assert event.value == 2
    for evidence in ("acme/plant/GD-1/lel:HH", "acme/plant/GD-2/lel:sensor_fault"):
        assert evidence in event.reason_en
        assert evidence in event.reason_zh


@pytest.mark.parametrize("when", ["restart", "reload"])
def test_evidence_is_kept_over_a_restart_and_a_reload(when: str) -> None:
    story = world()
    say(story, 1, 60, 60, 60)
    if when == "restart":
        story.monitor = Monitor.load(story.monitor.save())
    else:
        more = [gas(1), gas(2), *(Device("acme", "plant", "yard", f"GD-{n}", GAS) for n in (3, 4))]
        story.configure(more, WITH)
    say(story, 2, None, None)
    assert told(story) == [(ALARM, "raised")]


def test_it_ends_a_window_after_the_evidence() -> None:
    story = world()
    say(story, 1, 60, 60, 60)
    say(story, 2, None, None)
    say(story, 2, *[5.0] * 6)
    assert told(story) == [(ALARM, "raised")]
    story.clock.advance(90_000_000_000)
    say(story, 1, *[5.0] * 40)
    assert told(story) == [(ALARM, "raised"), (ALARM, "cleared")]
