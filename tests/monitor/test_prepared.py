"""A configuration made ready beside the core: the same to the last byte as one worked out in the step."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_profiles import codecs
from gateway.monitor import routes
from gateway.monitor.channels import ChannelTable, Device, Setpoint, packed
from gateway.monitor.entries import ConfigChange
from gateway.monitor.monitor import Monitor
from gateway.monitor.rooms import grown, one_of, words
from gateway.monitor.roster import MonitorConfig, config_change, unpack
from tests.monitor.world import GAS, PROFILES, World, gas
from tests.support.make_data import FLEET, Maker

CHANGED = PROFILES | {GAS: PROFILES[GAS].replace("setpoint = 50", "setpoint = 45")}
POINTS = st.sampled_from([GAS, "pipeline/rtu", "dust/filter_duct"])
DEVICES = st.builds(
    Device,
    st.just("acme"),
    st.sampled_from(["plant", "yard"]),
    st.sampled_from(["hall", "area"]),
    st.sampled_from([f"D-{n}" for n in range(6)]),
    POINTS,
    overrides=st.sampled_from([(), (Setpoint("lel", "H", 15.0),)]),
)
FLEETS = st.lists(DEVICES, max_size=8, unique_by=lambda device: device.key)


def prepared(world: World, devices: list[Device], profiles: dict[str, str]) -> None:
    ready = world.monitor.roster.prepare(devices, profiles)
    world.monitor.offer(ready)
    world.step(ConfigChange(world.stamp(), ready.digest, ready.content))


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(FLEETS, st.booleans()), min_size=1, max_size=4))
def test_prepared_or_not_is_the_same(changes: list[tuple[list[Device], bool]]) -> None:
    ready = World([gas()])
    for devices, other_profiles in changes:
        prepared(ready, devices, CHANGED if other_profiles else PROFILES)
        for device in devices:
            ready.clock.advance(1_000_000_000)
            ready.send(60.0, device=device.key, channel="lel" if device.profile == GAS else "dp")
    again = Monitor(1)
    events = [event for position, entry in ready.journal for event in again.step(position, entry).events]
    assert again.save() == ready.monitor.save()
    assert events == ready.events
    assert Monitor.load(again.save()).save() == again.save()


def test_what_was_prepared_from_another_roster_is_void() -> None:
    world, plain = World([gas()]), World([gas()])
    ready = world.monitor.roster.prepare([gas(), gas(2)], PROFILES)
    for one in (world, plain):
        one.configure([gas(3)])
    world.monitor.offer(ready)
    for one in (world, plain):
        one.step(ConfigChange(one.stamp(), ready.digest, ready.content))
    assert world.monitor.save() == plain.monitor.save()
    assert [d.device for d in world.monitor.channels.devices] == ["GD-1", "GD-3", "GD-1", "GD-2"]


def test_an_offer_is_for_the_next_entry_only() -> None:
    world = World([gas()])
    world.monitor.offer(world.monitor.roster.prepare([gas(), gas(2)], PROFILES))
    world.configure([gas(3)])
    world.configure([gas(), gas(2)])
    assert sorted(world.monitor.roster.index) == ["acme/plant/GD-1", "acme/plant/GD-2"]


@pytest.mark.parametrize("count", [0, 15, 16, 999, 1000, 1001, 2500])
def test_an_entry_made_in_pieces_is_the_same_entry(count: int) -> None:
    devices = [msgspec.structs.replace(gas(n), latitude=n / 7, longitude=1.0) for n in range(count)]
    whole = msgspec.msgpack.encode(
        MonitorConfig(devices, {GAS: PROFILES[GAS]} if devices else {}), order="deterministic"
    )
    entry = config_change(World().stamp(), devices, PROFILES)
    assert entry.digest == hashlib.sha256(whole).hexdigest()
    assert zlib.decompress(entry.content) == whole
    assert unpack(entry).devices == devices
    assert b"".join(packed(devices)) == msgspec.msgpack.encode(devices)
    assert len(packed([gas()] * 70_000)[0]) == 5
    table = ChannelTable()
    table.devices, table.points = devices, {GAS: [("lel", "%LEL")]}
    assert ChannelTable.load(table.export()).devices == devices


def test_topics_of_untouched_devices_stay_known() -> None:
    world = World([gas(n) for n in range(1, 9)])
    for number in range(1, 9):
        world.send(1.0, device=f"acme/plant/GD-{number}")
    routes = world.monitor.inlet.decoder.routes
    assert routes._count == 8
    world.configure([gas(n) for n in range(2, 10)])
    assert (routes._count, routes._dead) == (8, 1)
    for number in range(1, 10):
        world.clock.advance(1_000_000_000)
        world.send(float(number), device=f"acme/plant/GD-{number}")
    assert world.monitor.counts.rejected == {"unknown_device": 1}
    assert [world.monitor.values_of(f"acme/plant/GD-{n}")[0]["value"] for n in (2, 9)] == [2.0, 9.0]
    assert routes._count == 9
    world.configure([gas(9)])
    assert routes._count == 0, "when most are gone it begins anew"
    world.configure([gas(9)], CHANGED)
    assert routes._count == 0


def test_what_a_topic_of_odd_payloads_means_is_kept_only_while_the_configuration_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(routes, "RESOLVED_MAX", 2)
    world = World([gas(n) for n in range(1, 4)])
    kept = world.monitor.inlet.decoder.routes
    topics = [f"rg/acme/plant/GD-{n}/lel".encode() for n in range(1, 4)]
    first = kept.resolve(topics[0], 0)
    assert kept.resolve(topics[0], 0) is first
    for topic in topics:
        assert kept.resolve(topic, 0) == kept._find(topic, 0)
    assert len(kept._resolved) <= 2
    world.configure([gas(1)])
    for topic in topics[1:]:
        with pytest.raises(codecs.Refusal, match="unknown_device"):
            kept.resolve(topic, 0)
    world.configure([gas(1)], CHANGED)
    assert kept.resolve(topics[0], 0) == kept._find(topics[0], 0)
    assert kept.resolve(topics[0], 0) is not first


def test_room_ahead_is_used_and_shared_with_nobody() -> None:
    kind = np.dtype([("a", "<i8"), ("b", "u1")], align=True)
    fresh = one_of((7, 8), kind)[0]
    first = grown(np.zeros(0, kind), 3, fresh)
    first["a"][1] = 5
    second = grown(first, 10, fresh)
    assert second.base is first.base
    assert second["a"].tolist() == [7, 5, *[7] * 8]
    apart = grown(second.copy(), 12, fresh)
    apart["a"][0] = 1
    assert (second["a"][0], len(apart)) == (7, 12)
    assert grown(second, 10, fresh) is second
    assert np.isnan(grown(np.zeros(0), 2, np.nan)).all()
    assert words(np.zeros(0, kind)).shape == (0, 2)
    assert words(np.zeros(4, np.uint8)).shape == (4, 1)


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Maker]:
    maker = Maker(tmp_path)
    maker.core.start()
    yield maker
    maker.stores.journal.close()
    maker.stores.ledger.close()


def test_the_core_puts_what_was_prepared_in_force(made: Maker) -> None:
    ready = made.core.monitor.roster.prepare(FLEET[:2], dict(PROFILES))
    assert made.core.put(ready)
    assert not made.core.put(made.core.monitor.roster.prepare(FLEET[:2], dict(PROFILES)))
    assert made.core.monitor.roster.channels is ready.roster.channels
    entries = [entry for _, entry in made.stores.journal.read(0) if isinstance(entry, ConfigChange)]
    assert entries[-1].digest == ready.digest
    assert entries[-1].stamp.boot
