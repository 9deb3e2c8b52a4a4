"""Vendors' own topics: whose they are, what is unknown, what stays the same in replay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.ingest.admission import ABSOLUTE_LIMIT, Admission
from gateway.monitor.addresses import Addresses, like
from gateway.monitor.channels import Device
from gateway.monitor.monitor import Monitor
from gateway.monitor.roster import config_change, unpack
from tests.monitor.world import GAS, PROFILES, World

VENDOR = "gas/maker"
JSON = "gas/maker_json"


def with_topics(name: str, *tables: str) -> str:
    return PROFILES[name] + "".join(f"\n[[topic]]\n{table}\n" for table in tables)


TEXTS = PROFILES | {
    VENDOR: with_topics("gas/vendor_mapped", 'pattern = "maker/{device}/up"\nstream = "up"'),
    JSON: with_topics(
        GAS,
        'pattern = "/sys/{enterprise}/dev-{device}/+/{stream}"',
        'pattern = "maker/{device}/{stream}"\nenterprise = "acme"',
    ),
}


def device(name: str, profile: str, enterprise: str = "acme", site: str = "plant") -> Device:
    return Device(enterprise, site, "hall", name, profile)


FLEET = [device("M-1", VENDOR), device("J-1", JSON), device("J-1", JSON, "beta", "yard"), device("GD-1", GAS)]


def world(*devices: Device) -> World:
    made = World([])
    made.configure(list(devices or FLEET), TEXTS)
    return made


def up(world: World, device: str = "M-1", value: float = 60.0) -> bytes:
    at = world.clock.wall_ns() // 1_000_000
    return json.dumps({"time_ms": at, "value": value, "device": device}).encode()


def last(world: World, key: str, channel: str = "lel") -> float | None:
    values = {row["channel"]: row["value"] for row in world.monitor.values_of(key)}
    return values[channel]


def test_a_vendor_topic_acts_as_its_device() -> None:
    made = world()
    made.clock.advance(1_000_000_000)
    made.raw(("/sys/beta/dev-J-1/fw1.2/lel", up(made, "J-1", 7.0)), ("maker/J-1/lel", up(made, "J-1", 8.0)))
    assert last(made, "beta/yard/J-1") == 7.0
    assert last(made, "acme/plant/J-1") == 8.0, "a constant names the enterprise, the fleet the site"
    made.clock.advance(1_000_000_000)
    made.raw(
        ("/sys/beta/dev-J-1/x/lel", up(made, "J-1", 9.0)), ("rg/beta/yard/J-1/lel", up(made, "J-1", 9.5))
    )
    assert last(made, "beta/yard/J-1") == 9.5, "its house topic stays"
    assert made.monitor.counts.rejected == {}


def test_the_payload_must_name_the_device_of_its_topic() -> None:
    made = world()
    for _ in range(2):  # the second time by the compiled reader
        made.clock.advance(1_000_000_000)
        made.raw(("/sys/acme/dev-J-1/a/lel", up(made, "J-2")))
    assert made.monitor.counts.rejected == {"device_mismatch": 2}


def test_profiles_that_share_a_topic_shape_are_told_apart_by_the_fleet() -> None:
    made = world()
    addresses = made.monitor.roster.addresses
    found = {name: addresses.find(f"maker/{name}/up".encode()) for name in ("M-1", "J-1", "X")}
    assert {name: f and (f.key, f.stream, f.rivals) for name, f in found.items()} == {
        "M-1": ("acme/plant/M-1", "up", ()),
        "J-1": ("acme/plant/J-1", "up", ()),
        "X": ("?/?/X", "up", ()),
    }


def test_an_unknown_device_of_a_vendor_waits_in_quarantine() -> None:
    made = world()
    made.raw(("maker/NEW/up", b"{}"), ("/sys/gamma/dev-N2/1/lel", b"{}"), ("elsewhere/NEW/up", b"{}"))
    waiting = made.monitor.inlet.quarantine.devices
    assert list(waiting) == ["?/?/NEW", "gamma/?/N2"]
    assert waiting["?/?/NEW"].topic == "maker/NEW/up"
    assert made.monitor.counts.rejected == {"unknown_device": 2, "bad_topic": 1}
    assert like("gamma/?/N2", "gamma/site/N2")
    assert not like("gamma/?/N2", "beta/site/N2")


def test_what_could_be_two_devices_is_nobodys() -> None:
    made = world(device("M-1", VENDOR), device("M-1", VENDOR, "beta"))
    made.raw(("maker/M-1/up", b"{}"))
    (refused,) = made.last.rejected
    assert refused.reason == "unknown_device"
    assert refused.detail == "?/?/M-1: may be acme/plant/M-1 or beta/plant/M-1"


def test_a_profile_with_topics_counts_before_it_has_a_device() -> None:
    made = world(device("GD-1", GAS))
    assert set(made.monitor.roster.texts) == {GAS, VENDOR, JSON}
    made.raw(("maker/NEW/up", b"{}"))
    assert list(made.monitor.inlet.quarantine.devices) == ["?/?/NEW"]


def test_another_fleet_changes_whose_a_topic_is() -> None:
    made = world()
    made.raw(("maker/J-1/lel", up(made, "J-1", 8.0)))
    made.configure([*FLEET[:1], device("J-1", JSON, "acme", "moved"), FLEET[3]], TEXTS)
    made.clock.advance(1_000_000_000)
    made.raw(("maker/J-1/lel", up(made, "J-1", 9.0)))
    assert last(made, "acme/moved/J-1") == 9.0


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "maker/M-1/up",
                    "maker/J-1/lel",
                    "/sys/beta/dev-J-1/q/lel",
                    "maker/NEW/up",
                    "rg/acme/plant/GD-1/lel",
                ]
            ),
            st.floats(-10, 110),
        ),
        max_size=12,
    )
)
def test_live_is_replay_and_survives_a_snapshot(sent: list[tuple[str, float]]) -> None:
    made = world()
    for topic, value in sent:
        made.clock.advance(1_000_000_000)
        name = topic.split("/")[-2].removeprefix("dev-") if "sys" not in topic else "J-1"
        made.raw((topic, up(made, name, value)))
    again = Monitor(1)
    for position, entry in made.journal:
        again.step(position, entry)
    assert again.save() == made.monitor.save()
    loaded = Monitor.load(made.monitor.save())
    topics = [topic.encode() for topic, _ in sent]
    assert [loaded.roster.addresses.find(t) for t in topics] == [
        made.monitor.roster.addresses.find(t) for t in topics
    ]


def test_admission_lets_vendor_topics_in_with_their_own_limit() -> None:
    limits = {"acme/plant/M-1": 10}
    admission = Admission(lambda key: limits.get(key, 5))
    assert admission.refuse(b"maker/M-1/up", b"123456") == "bad_topic"
    made = world()
    admission.recognise(made.monitor.roster.addresses.key_of)
    assert admission.refuse(b"maker/M-1/up", b"123456") == ""
    assert admission.refuse(b"maker/M-1/up", b"12345678901") == "oversize"
    assert admission.refuse(b"maker/NEW/up", b"123456") == "oversize"
    assert admission.refuse(b"maker/a b/up", b"") == "bad_topic"
    assert admission.refuse(b"maker/M-1/up/more", b"") == "bad_topic"
    assert len(b"x") < ABSOLUTE_LIMIT


def test_subscriptions_are_what_the_patterns_need() -> None:
    made = world()
    assert made.monitor.roster.addresses.subscriptions() == ["/sys/+/+/+/+", "maker/+/+"]
    assert Addresses({}, FLEET).subscriptions() == []


@pytest.mark.parametrize("texts", [PROFILES, TEXTS])
def test_only_topics_make_another_configuration(texts: dict[str, str]) -> None:
    entry = config_change(World().stamp(), [FLEET[3]], texts)
    assert (set(unpack(entry).profiles) == {GAS}) == (texts is PROFILES)
