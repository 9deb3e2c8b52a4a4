"""Another fleet while the real core runs: what is untouched keeps every bit of its state; overrides count."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from gateway.alarms.events import AlarmEvent, encode
from gateway.ingest import LinkChange
from gateway.ledger import LedgerReader
from gateway.monitor.channels import Device, Setpoint
from gateway.monitor.monitor import Monitor
from gateway.monitor.roster import unpack
from tests.monitor.world import PROFILES, World, gas
from tests.support.make_data import FLEET, Maker

LEL = "acme/plant/GD-1/lel"


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Maker]:
    maker = Maker(tmp_path)
    maker.core.start()
    maker.turn(LinkChange(1, True, False, False, "", maker.clock.mono_ns()))
    yield maker
    maker.stores.journal.close()
    maker.stores.ledger.close()


def events(maker: Maker) -> list[tuple[str, str]]:
    found = [e for _, e in LedgerReader(maker.stores.ledger._path).events_after(0, 1000)]
    return [(e.alarm, e.cause) for e in found if isinstance(e, AlarmEvent)]


def states(monitor: Monitor, device: int) -> dict[str, Any]:
    """Every detector's rule and state at a device's slots, and its clock."""
    slots = monitor.roster.slots_of(device)
    part = slice(slots.start, slots.stop)
    found: dict[str, Any] = {
        d.kind: (d.rules_at(slots).tobytes(), d.state_at(slots).tobytes()) for d in monitor.bank if d.used
    }
    found["silent"] = monitor.silence.detector.state[part].tobytes()
    found["clock"] = monitor.inlet.clocks[device].tobytes()
    found["recent"] = monitor.inlet.recents.slots[part].tobytes()
    return found


def stricter(device: Device, **limits: float) -> Device:
    return msgspec.structs.replace(
        device, overrides=tuple(Setpoint("lel", k, v) for k, v in sorted(limits.items()))
    )


def test_an_override_counts_and_untouched_devices_keep_alarm_and_state(made: Maker) -> None:
    for _ in range(3):
        made.turn(made.reading(60.0), made.reading(22.0, device="acme/plant/GD-2"))
    assert (f"{LEL}:HH", "raised") in events(made)
    monitor = made.core.monitor
    before, told = states(monitor, 0), events(made)
    open_before = [msgspec.to_builtins(a) for a in monitor.engine.open_alarms()]
    profiles = dict(PROFILES)
    fleet = [FLEET[0], stricter(FLEET[1], H=20.0), FLEET[2]]
    assert made.core.change_config(fleet, profiles)
    assert states(monitor, 0) == before
    assert [msgspec.to_builtins(a) for a in monitor.engine.open_alarms()] == open_before
    assert events(made) == told
    for _ in range(3):
        made.turn(made.reading(60.0), made.reading(22.0, device="acme/plant/GD-2"))
    assert events(made)[len(told) :] == [("acme/plant/GD-2/lel:H", "raised")]
    assert not made.core.change_config(fleet, profiles), "the same again is no change"


def test_only_the_limits_of_the_one_channel_begin_anew(made: Maker) -> None:
    made.turn(made.reading(60.0), made.reading(1.0, channel="temperature"))
    made.turn(made.reading(60.0))
    monitor = made.core.monitor
    limits = next(d for d in monitor.bank if d.kind == "limits")
    others = [(d.kind, d.state.tobytes()) for d in monitor.bank if d.used and d is not limits]
    slots = range(len(monitor.channels))
    before = limits.state_at(slots)
    made.core.change_config([stricter(FLEET[0], HH=40.0), *FLEET[1:]], dict(PROFILES))
    assert [(d.kind, d.state.tobytes()) for d in monitor.bank if d.used and d is not limits] == others
    after = limits.state_at(slots)
    changed = [slot for slot in slots if after[slot].tobytes() != before[slot].tobytes()]
    assert changed == [0]


def test_where_it_stands_and_when_it_expires_change_no_state(made: Maker) -> None:
    made.turn(made.reading(60.0))
    monitor = made.core.monitor
    before = [states(monitor, n) for n in range(3)]
    moved = msgspec.structs.replace(
        FLEET[0], county="永和县", sector="燃气", latitude=39.1, longitude=116.2, expires="2027-01-01"
    )
    assert made.core.change_config([moved, *FLEET[1:]], dict(PROFILES))
    assert [states(monitor, n) for n in range(3)] == before
    assert monitor.channels.devices[0].county == "永和县"


def test_who_retires_ends_its_alarms_and_speaks_to_nobody(made: Maker) -> None:
    made.turn(made.reading(60.0))
    made.turn(made.reading(60.0))
    made.core.change_config(FLEET[1:], dict(PROFILES))
    assert events(made)[-1] == (f"{LEL}:HH", "retired")
    effective = made.core.monitor.counts.effective
    made.turn(made.reading(60.0))
    assert made.core.monitor.counts.effective == effective
    assert "acme/plant/GD-1" in made.core.monitor.inlet.quarantine.devices


def test_live_is_replay_and_a_snapshot_keeps_overrides() -> None:
    world = World([stricter(gas(1), H=20.0), gas(2)])
    world.every(5, 22.0, 22.0, 22.0)
    world.configure([stricter(gas(1), H=20.0, HH=40.0), stricter(gas(2), HH=30.0)])
    world.every(5, 45.0, 45.0)
    assert world.told("H") == ["raised", "retired", "raised"], "the channel's limits began anew"
    assert world.told("HH") == ["raised"]
    again = Monitor(1)
    told = []
    for position, entry in world.journal:
        told += again.step(position, entry).events
        again = Monitor.load(again.save()) if position == 6 else again
    assert msgspec.msgpack.encode(told) == msgspec.msgpack.encode(world.events)
    assert again.save() == world.monitor.save()


def test_a_changed_profile_keeps_the_overrides_of_its_devices() -> None:
    world = World([stricter(gas(1), H=20.0), gas(2)])
    text = PROFILES["gas/combustible_point"].replace("setpoint = 25", "setpoint = 24")
    limits = next(d for d in world.monitor.bank if d.kind == "limits")
    own = limits.rules_at(range(1)).tobytes()
    world.configure([stricter(gas(1), H=20.0), gas(2)], {**PROFILES, "gas/combustible_point": text})
    second = world.monitor.roster.slots_of(1).start
    assert limits.rules_at(range(1)).tobytes() == own
    assert np.isclose(limits.rules_at(range(second, second + 1))["setpoint"], 24.0).any()


def test_a_list_of_an_older_version_is_read(made: Maker) -> None:
    entry = next(e for _, e in made.stores.journal.read(0) if type(e).__name__ == "ConfigChange")
    assert unpack(entry).devices == FLEET
    old = msgspec.msgpack.encode(["acme", "plant", "hall", "GD-1", "gas/combustible_point"])
    assert msgspec.msgpack.decode(old, type=Device) == FLEET[0]


def test_a_devices_own_delay_and_deadband_act_and_are_told() -> None:
    own = (Setpoint("lel", "H.deadband", 5.0), Setpoint("lel", "H.on_delay_s", 12.0))
    world = World([msgspec.structs.replace(gas(), overrides=own), gas(2)])
    for _ in range(3):
        world.clock.advance(5_000_000_000)
        for number in (1, 2):
            world.send(30.0, device=f"acme/plant/GD-{number}")
    raised = {e.device: e for e in world.alarms("H")}
    assert set(raised) == {"GD-2"}
    world.every(5.0, 30.0)
    assert world.alarms("H")[-1].reason_en == "30 %LEL >= 25 %LEL (H) held 12 s"
    world.every(60.0, 21.0, 21.0, 21.0, 21.0)
    assert world.told("H") == ["raised", "raised"]
    world.every(60.0, 19.0, 19.0, 19.0, 19.0)
    assert world.told("H") == ["raised", "raised", "cleared"]
    assert "deadband 5" in world.alarms("H")[-1].reason_en


def test_an_alarm_says_where_its_device_stands() -> None:
    placed = msgspec.structs.replace(gas(), county="永和县", sector="燃气", latitude=36.5, longitude=110.25)
    world = World([placed, gas(2)])
    for number in (1, 2):
        world.every(5.0, 60.0, device=f"acme/plant/GD-{number}")
    there, nowhere = world.alarms("HH")
    assert (there.county, there.sector, there.latitude, there.longitude) == ("永和县", "燃气", 36.5, 110.25)
    assert len(encode(there)) - len(encode(nowhere)) < 120
    assert b"county" not in encode(nowhere)
    world.configure([msgspec.structs.replace(placed, county="north"), gas(2)])
    world.wait(1)
    world.command("acknowledge", alarm=there.alarm, occurrence=1)
    assert world.alarms("HH")[-1].county == "north", "the row of today"


def test_a_device_is_on_its_way_to_its_own_limit() -> None:
    world = World([msgspec.structs.replace(gas(), overrides=(Setpoint("lel", "H", 12.0),)), gas(2)])
    for reading in range(600):
        world.clock.advance(5_000_000_000)
        for number in (1, 2):
            world.send(1.0 + max(0, reading - 300) * 0.025, device=f"acme/plant/GD-{number}")
    told = {e.device: e for e in world.alarms("heading_to_limit")}
    assert set(told) == {"GD-1", "GD-2"}
    assert "reaches 12 %LEL" in told["GD-1"].reason_en
    assert "reaches 25 %LEL" in told["GD-2"].reason_en
