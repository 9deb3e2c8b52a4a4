"""Start, configuration, silence, system alarms, restart: the monitor around the time rules."""

from __future__ import annotations

import json

import pytest

from gateway.monitor.channels import Device
from gateway.monitor.entries import Stamp, Started, SystemFact
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from tests.monitor.world import GAS, PROFILES, SECOND, World, gas


def test_every_entry_kind_says_what_follows() -> None:
    world = World()
    assert [n.kind for n in world.events] == ["started", "configuration"]  # type: ignore[union-attr]
    world.every(5, 3, 60)
    (raised,) = world.alarms("HH")
    assert raised.id == f"1-{world.last.position}-0"
    assert raised.alarm == "acme/plant/GD-1/lel:HH"
    assert raised.priority == 1
    assert raised.value == 60.0
    assert raised.reason_zh
    assert raised.response_zh


def test_a_silent_device_is_one_alarm_and_its_voice_ends_it() -> None:
    world = World()
    world.every(5, 3, 3)
    world.send(20, channel="temperature")
    world.wait(11)
    assert [e.alarm for e in world.alarms("silent")] == ["acme/plant/GD-1/:silent"]
    world.send(3)
    world.wait(0.5)
    assert world.told("silent") == ["raised", "cleared"]


def test_silence_is_not_counted_while_the_link_is_down() -> None:
    world = World()
    world.every(5, 3, 3)
    world.link(up=False)
    world.wait(3600)
    assert world.told("silent") == []
    assert world.told("link_down") == ["raised"]
    world.link(up=True, present=True)
    assert world.told("link_down") == ["raised", "cleared"]
    world.wait(4.5)
    assert world.told("silent") == [], "one period of grace"
    world.wait(11)
    assert world.told("silent") == ["raised"]


def test_a_device_that_never_spoke_is_found() -> None:
    world = World([gas(1), gas(2)])
    world.every(5, 3, 3, 3, 3)
    world.wait(1)
    assert {e.alarm for e in world.alarms("never_seen")} == {
        "acme/plant/GD-2/:never_seen",
        "acme/plant/GD-1/temperature:never_seen",
    }


def test_a_gateway_without_a_link_says_so_and_blames_no_device() -> None:
    world = World(link=False)
    world.wait(60)
    assert world.told("link_down") == ["raised"]
    assert world.told("never_seen") == []


def test_a_lost_session_is_a_possible_gap_every_time() -> None:
    world = World()
    for _ in range(3):
        world.link(up=False)
        world.link(up=True, present=False, expected=True)
    assert world.told("possible_gap") == ["raised", "cleared", "re_raised", "cleared", "re_raised", "cleared"]
    world.link(up=False)
    world.link(up=True, present=True, expected=True)
    assert len(world.told("possible_gap")) == 6
    answer = world.command("acknowledge", alarm="gateway:possible_gap", occurrence=3)
    assert answer.accepted
    assert world.alarms("possible_gap")[-1].state == "normal"


def test_bad_input_is_counted_by_reason_and_kept_by_place() -> None:
    world = World()
    good = world.clock.wall_ns() // 1_000_000
    cases = {
        b"": "empty",
        b"{": "not_json",
        b'{"time_ms": %d, "value": NaN}' % good: "not_finite",
        b'{"time_ms": %d, "value": 1e999}' % good: "not_finite",
        b'{"time_ms": %d, "value": 1, "value": 2}' % good: "duplicate_key",
        b'{"time_ms": %d, "value": "12"}' % good: "wrong_type",
        b'{"time_ms": %d, "value": true}' % good: "wrong_type",
        b"[" * 100_00: "too_deep",
        b'{"time_ms": %d, "value": 1, "unit": "ppm"}' % good: "wrong_unit",
        b'{"time_ms": %d, "value": 1, "device": "GD-2"}' % good: "device_mismatch",
        b" " * 20_000: "oversize",
        b"\xff\xfe": "not_utf8",
    }
    for payload, reason in cases.items():
        world.raw(("rg/acme/plant/GD-1/lel", payload))
        assert [r.reason for r in world.last.rejected] == [reason], payload[:40]
    world.raw(("rg/acme/plant/GD-9/lel", b"{}"))
    assert world.last.rejected[0].reason == "unknown_device"
    world.raw(("rg/acme/plant/GD-1/colour", b"{}"))
    assert world.last.rejected[0].reason == "unknown_stream"
    batch = json.dumps({"readings": [{"channel": "colour", "time_ms": good, "value": 1}]}).encode()
    world.raw(("rg/acme/plant/GD-1/batch", batch))
    assert world.last.rejected[0].reason == "unknown_channel"
    counts = world.monitor.counts
    assert counts.effective == 0
    assert counts.balanced()
    assert sum(counts.rejected.values()) == len(cases) + 3
    assert list(world.monitor.inlet.quarantine.devices) == ["acme/plant/GD-9"]


def test_a_million_unknown_ids_are_bounded() -> None:
    world = World()
    for block in range(5):
        world.raw(*((f"rg/acme/plant/U-{block}-{i}/lel", b"{}") for i in range(1000)))
    assert len(world.monitor.inlet.quarantine.devices) == 1000
    assert world.monitor.inlet.quarantine.beyond == 4000
    assert world.monitor.counts.rejected["unknown_device"] == 5000


def test_a_plug_in_that_fails_is_a_counted_row(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("device_profiles.codecs.json.decode", fail)
    world.send(60)
    assert world.last.rejected[0].reason == "plugin_error"
    monkeypatch.undo()
    monkeypatch.setattr("detectors.limits.step", fail)
    world.every(5, 3)
    assert list(world.monitor.counts.faults.values()) == [1]
    monkeypatch.undo()
    world.every(5, 60)
    assert world.told("HH") == ["raised"]


def test_a_changed_setpoint_ends_only_its_own_alarms() -> None:
    world = World([gas(1), Device("acme", "plant", "filter", "F-1", "dust/filter_duct")])
    world.every(5, 60)
    burst = next(p for p in ("vent_burst", "vent") if f'channel = "{p}"' in PROFILES["dust/filter_duct"])
    world.send(1, device="acme/plant/F-1", channel=burst)
    dust = [e.alarm for e in world.alarms() if e.device == "F-1"]
    assert dust
    changed = PROFILES | {GAS: PROFILES[GAS].replace("setpoint = 50", "setpoint = 40", 1)}
    assert changed[GAS] != PROFILES[GAS]
    world.configure([gas(1), Device("acme", "plant", "filter", "F-1", "dust/filter_duct")], changed)
    assert world.told("HH") == ["raised", "retired"]
    assert [e.alarm for e in world.alarms() if e.device == "F-1"] == dust
    world.every(5, 60)
    assert world.told("HH")[-1] == "raised"
    assert world.alarms("HH")[-1].occurrence == 2


def test_the_same_configuration_again_changes_nothing() -> None:
    world = World()
    world.every(5, 60, 60)
    world.configure([gas()])
    world.every(5, 60, 60)
    assert [e.condition for e in world.alarms() if e.category == "process"] == ["HH", "H"]


def test_a_device_that_leaves_takes_its_alarms_along_and_comes_back_new() -> None:
    world = World([gas(1), gas(2)])
    world.every(5, 60)
    world.configure([gas(2)])
    assert world.told("HH") == ["raised", "retired"]
    world.every(5, 60)
    assert world.last.rejected[0].reason == "unknown_device"
    world.configure([gas(1), gas(2)])
    world.every(5, 60)
    assert world.told("HH") == ["raised", "retired", "raised"]


def test_new_points_of_a_profile_keep_the_state_of_old_ones() -> None:
    world = World()
    world.every(5, 60)
    more = PROFILES[GAS].replace(
        "[[alarm]]",
        '[[point]]\nchannel = "battery"\ntitle_en = "Battery"\ntitle_zh = "电池"\n'
        'unit = "V"\nlow = 0\nhigh = 5\n\n[[alarm]]',
        1,
    )
    world.configure([gas()], PROFILES | {GAS: more})
    assert world.told("HH") == ["raised"]
    world.every(5, 60, 60)
    assert world.told("HH") == ["raised"], "still the same occurrence"
    world.send(3.6, channel="battery")
    assert world.monitor.counts.rejected == {}
    channels = world.monitor.channels
    assert [channels.channel(s).channel for s in range(len(channels))].count("lel") == 2


@pytest.mark.parametrize("clean", [True, False], ids=["snapshot", "replay"])
def test_a_restart_fires_nothing_again_and_forgets_nothing(clean: bool) -> None:
    world = World()
    world.every(5, 3, 60, 60)
    world.restart(clean=clean)
    world.link(up=True, present=True, expected=True)
    world.every(5, 60)
    assert world.told("HH") == ["raised"]
    assert world.command("acknowledge", alarm="acme/plant/GD-1/lel:HH", occurrence=1).accepted
    world.every(5, 3, 3, 3, 3)
    assert world.told("HH") == ["raised", "acknowledged", "cleared"]


def test_a_snapshot_anywhere_continues_like_the_original() -> None:
    world = World([gas(1), gas(2)])
    for step in range(30):
        world.every(5, 60 if step % 7 > 3 else 3, seq=step)
        world.send(float(step), device="acme/plant/GD-2")
        if step % 10 == 9:
            world.link(up=False)
            world.wait(12)
            world.link(up=True, present=step == 19, expected=True)
    for cut in range(0, len(world.journal), 17):
        first = Monitor(1)
        for position, entry in world.journal[:cut]:
            first.step(position, entry)
        second = Monitor.load(first.save())
        events = [e for position, entry in world.journal[cut:] for e in second.step(position, entry).events]
        assert events == [e for e in world.events if int(e.id.split("-")[1]) > cut]
        assert second.save() == world.monitor.save()


def test_stream_time_follows_the_readings_and_exercises_are_marked() -> None:
    world = World(clock="stream", link=True)
    start = world.clock.wall_ns() / 1e6 - 86_400_000
    world.send(3, at_ms=start)
    for hour in range(1, 5):
        world.send(3, at_ms=start + hour * 3000)
    world.send(60, at_ms=start + 20_000)
    assert world.told("HH") == ["raised"]
    assert "exercise" in world.alarms("HH")[0].flags
    assert world.monitor.line.now_ns == round((start + 20_000) * 1e6)
    world.send(3, device="acme/plant/GD-1", at_ms=start + 10_000)
    assert world.monitor.line.now_ns == round((start + 20_000) * 1e6), "never back"
    world.send(3, at_ms=start + 4e12)
    assert world.monitor.line.now_ns == round((start + 20_000) * 1e6), "an impossible time moves nothing"


def test_refused_packets_and_conditions_are_facts() -> None:
    world = World()
    world.step(SystemFact(world.stamp(), "refused", "rg/x", detail={"reason": "bad_topic"}))
    assert world.monitor.counts.refused == {"bad_topic": 1}
    world.fact("disk_full", active=True)
    world.fact("disk_full", active=False)
    assert world.told("disk_full") == ["raised", "cleared"]
    world.fact("sink_down.influx", active=True)
    assert world.alarms("sink_down")[0].alarm == "gateway:sink_down.influx"


def test_a_monitor_refuses_a_snapshot_of_another_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np

    world = World()
    body = world.monitor.save()
    other = np.dtype([("other", "<i8")])
    monkeypatch.setattr("detectors.limits.STATE", other)
    monkeypatch.setattr("detectors.limits.initial", lambda: np.zeros(1, other)[0])
    with pytest.raises(ValueError, match="limits"):
        Monitor.load(body)


def test_two_boots_do_not_share_a_monotonic_clock() -> None:
    world = World()
    world.every(5, 3)
    now = world.monitor.line.now_ns
    world.monitor.step(99, Started(Stamp(world.clock.wall_ns() + SECOND, 1, "other"), "0.1.0", BEHAVIOUR, 1))
    assert world.monitor.line.now_ns == now + SECOND


def test_a_refused_packet_is_listed_and_a_condition_says_its_figures() -> None:
    world = World()
    detail = {"reason": "oversize", "size": 300_000}
    world.step(SystemFact(world.stamp(), "refused", "rg/acme/plant/GD-1/lel", detail=detail))
    newest = world.monitor.inlet.rejections.recent[-1]
    assert (newest.position, newest.packet, newest.reason, newest.detail) == (
        len(world.journal),
        -1,
        "oversize",
        "300000 bytes",
    )
    assert world.monitor.counts.turned_away() == {"oversize": 1}
    world.step(SystemFact(world.stamp(), "condition", "disk_high", active=True, detail={"used": 0.93}))
    assert "used 0.93" in world.alarms("disk_high")[0].reason_en
