"""Sources in one line of time, scenarios as cities, recordings: order, determinism, faults, bad input."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from simulators import Fault, kinds, load
from simulators._payloads import Counters
from simulators._profiles import profile
from simulators._recording import Mover, Recorded, line, read
from simulators._scenario import parse, plans, shipped
from simulators._sources import Group, Pace, Plan, Source, groups, parse_fault
from simulators._wire import WIRE

START = 1_764_000_000_000_000_000
SECOND = 1_000_000_000
GAS = Plan("gas_room", ("a/b/G-1", "a/b/G-2"))


def sources(made: list[Plan], seed: int = 1) -> list[Source]:
    counters = Counters(7)
    return [Source(plan, START, seed + n, counters) for n, plan in enumerate(made)]


def test_groups_come_in_order_of_time_each_source_at_its_own_period() -> None:
    made = [GAS, Plan("tank", ("a/c/T-1",), phase=0.5), Plan("casting_pit", ("a/d/P-1",), period_s=2.0)]
    found = list(groups(sources(made), START + 60 * SECOND))
    times = [time_ns for time_ns, _ in found]
    assert times == sorted(times)
    topics = Counter(message.topic for _, messages in found for message in messages)
    assert topics == {
        "rg/a/b/G-1/columns": 12, "rg/a/b/G-2/columns": 12, "rg/a/c/T-1/columns": 6, "rg/a/d/P-1/columns": 30,
    }  # fmt: skip
    assert found == list(groups(sources(made), START + 60 * SECOND))
    assert found != list(groups(sources(made, seed=9), START + 60 * SECOND))


def test_a_stop_ends_the_groups() -> None:
    seen: list[Group] = []
    for group in groups(sources([GAS]), None, lambda: len(seen) >= 3):
        seen.append(group)
    assert len(seen) == 3


def test_a_source_spoils_its_wire_and_says_so() -> None:
    plan = Plan("gas_room", GAS.devices, (Fault("malformed", 10, 20), Fault("leak", 5)))
    [source] = sources([plan])
    broken = 0
    for _, messages in groups([source], START + 60 * SECOND):
        for message in messages:
            try:
                json.loads(message.payload)
            except ValueError:
                broken += 1
    assert source.spoiled() == {"malformed": broken} == {"malformed": 4}
    assert {label.kind for label in source.labels()} == {"malformed", "leak"}


def test_faults_are_read_as_they_are_written() -> None:
    assert parse_fault("leak@60") == Fault("leak", 60.0)
    assert parse_fault("stuck@1.5,for=30,severity=0.4,device=2,channel=lel") == Fault(
        "stuck", 1.5, 30.0, 2, "lel", 0.4
    )
    assert [parse_fault(f"leak@1,level={n}").severity for n in (1, 2, 3)] == [0.2, 0.6, 1.0]
    for text in (
        "leak@1,level=4",
        "leak@1,level=1,severity=1",
        "leak",
        "leak@",
        "leak@x",
        "leak@1,size=3",
        "leak@1,device=two",
        "leak@1;for=3",
        "",
    ):
        with pytest.raises(ValueError, match="fault"):
            parse_fault(text)
    for plan, said in (
        (Plan("gas_room", GAS.devices, (Fault("leak", 1, device=2),)), "no device 2"),
        (Plan("gas_room", GAS.devices, form="xml"), "no form"),  # type: ignore[arg-type]
        (Plan("gas_room", GAS.devices, (Fault("blaze", 1),)), "no fault"),
    ):
        with pytest.raises(ValueError, match=said):
            sources([plan])


class Ticking:
    """A clock that asyncio.sleep moves."""

    def __init__(self) -> None:
        self.now_ns = START


def test_the_pace_is_held_and_what_is_lost_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Ticking()

    async def sleep(seconds: float) -> None:
        clock.now_ns += round(seconds * 1e9)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    pace = Pace(lambda: clock.now_ns, START, 2.0, lambda: False)

    async def walk() -> list[tuple[str, int]]:
        found = []
        async for word in pace.follow(
            [(START, ["a"]), (START + 10 * SECOND, ["b", "c"]), (START + 12 * SECOND, ["d"])]
        ):
            found.append((word, (clock.now_ns - START) // SECOND))
            if word == "c":
                clock.now_ns += 4 * SECOND
        return found

    assert asyncio.run(walk()) == [("a", 0), ("b", 5), ("c", 5), ("d", 9)]
    assert (pace.sent, pace.reached_s, pace.behind_s, pace.worst_s) == (4, 12.0, 3.0, 3.0)


def test_the_shipped_city_has_every_plant_and_its_faults_are_known() -> None:
    scenario = parse(shipped())
    made = plans(scenario, scenario.devices, 1, 600.0)
    keys = [key for plan in made for key in plan.devices]
    assert len(keys) == len(set(keys)) == scenario.devices == 10_000
    with_plant = {kind for kind in kinds() if hasattr(load(kind), "Plant")}
    assert {plan.kind for plan in made} == with_plant
    assert all(len(plan.faults) <= 1 for plan in made), "no fault hides another"
    hit = Counter(fault.kind for plan in made for fault in plan.faults)
    assert set(WIRE) <= set(hit), "every fault of the wire too"
    labels = [
        label
        for n, plan in enumerate(made)
        if plan.faults
        for label in Source(plan, START, n, Counters(1)).labels()
    ]
    assert len({label.kind for label in labels}) == len(hit)
    due = [label.start_ns + label.within_s * 1e9 for label in labels if label.condition]
    assert max(due) < START + 600 * SECOND, "a run of ten minutes has room for every label"
    for plan in made:
        assert plan.period_s == 0 or plan.period_s >= profile(plan.profile_id).period_ns / 20e9
    assert made == plans(scenario, 10_000, 1, 600.0)
    assert made != plans(scenario, 10_000, 2, 600.0)


def fewest() -> int:
    """The smallest city: one plant of every group."""
    return sum(
        max(int(group.get("per_plant", 1)), load(group["kind"]).Plant.DEVICES_MIN)
        for group in parse(shipped()).groups
    )


@pytest.mark.parametrize("devices", [fewest(), 100, 1234])
def test_a_smaller_city_has_exactly_so_many_devices(devices: int) -> None:
    made = plans(parse(shipped()), devices, 3, 60.0)
    assert sum(len(plan.devices) for plan in made) == devices
    for plan in made:
        assert len(plan.devices) >= load(plan.kind).Plant.DEVICES_MIN


def test_a_city_of_too_few_devices_is_refused() -> None:
    with pytest.raises(ValueError, match=f"needs {fewest()} or more"):
        plans(parse(shipped()), fewest() - 1, 3, 60.0)


GROUP = '[[group]]\nkind = "gas_room"\nenterprise = "a"\nsite = "s"\ndevice = "G"\nshare = 1\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("devices = ", "Invalid value"),
        ("devices = 3", "at least one"),
        ("devices = 3\nsize = 1\n" + GROUP, "size is not known"),
        ("devices = 3\n" + GROUP.replace("gas_room", "volcano"), "group 1: no plant 'volcano'"),
        ("devices = 3\n" + GROUP.replace("gas_room", "air_quality"), "no plant"),
        ("devices = 3\n" + GROUP + "period_s = 0.1\n", "flooding"),
        ("devices = 3\n" + GROUP + "colour = 1\n", "colour is not known"),
        ("devices = 3\n" + GROUP.replace("share = 1\n", ""), "share is missing"),
        ("devices = 3\n" + GROUP + '[[group.fault]]\nkind = "leak"\n', "count is missing"),
        ("devices = 3\n" + GROUP + '[[group.fault]]\nkind = "leak"\ncount = 1\nlevel = 4\n', "level is 1"),
    ],
)
def test_a_wrong_scenario_is_refused_with_its_place(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_a_recording_comes_back_as_it_was() -> None:
    messages = [
        Recorded("rg/a/b/c/lel", '{"value": 1, "name": "氨"}'.encode(), START, 1, retain=False),
        Recorded("rg/a/b/c/binary", b"RGB1\xff\x00\xfe", START + 5, 0, retain=True),
        Recorded("rg/a/b/c/lel", b"", START + 9, 2, retain=False),
    ]
    lines = [line(one) for one in messages]
    assert all(text.endswith("\n") and "\n" not in text[:-1] for text in lines)
    assert list(read(lines)) == messages
    for bad in (
        "{",
        "[]",
        '{"topic": "a"}',
        '{"topic":"a","payload_base64":"*","at_ns":1,"qos":0,"retain":false}',
    ):
        with pytest.raises(ValueError, match="line 2"):
            list(read([lines[0], bad]))


@pytest.mark.parametrize(
    ("payload", "moved"),
    [
        (
            {"time_ms": 5, "value": 1.5, "boot": 3, "seq": 1},
            {"time_ms": 1005, "value": 1.5, "boot": 9, "seq": 1},
        ),
        (
            {"time_ms": [1, 2.5], "channels": {"a": [1, 2]}},
            {"time_ms": [1001, 1002.5], "channels": {"a": [1, 2]}},
        ),
        (
            {"readings": [{"channel": "a", "time_ms": 5}, {"channel": "b"}, 3]},
            {"readings": [{"channel": "a", "time_ms": 1005}, {"channel": "b"}, 3]},
        ),
        ({"time_ms": "soon"}, {"time_ms": "soon"}),
        ([{"bt": 1.7e9, "n": "a", "v": 1}, {"t": -1}], [{"bt": 1.7e9 + 1, "n": "a", "v": 1}, {"t": -1}]),
        ([{"t": 1.7e9, "v": 1}], [{"t": 1.7e9 + 1, "v": 1}]),
    ],
)
def test_times_are_moved_wherever_a_payload_has_them(payload: Any, moved: Any) -> None:
    mover = Mover(1000, 9)
    assert json.loads(mover.move("rg/a/b/c/x", json.dumps(payload).encode())) == moved
    assert mover.unmoved == 0


@pytest.mark.parametrize(
    "payload", [b"RGB1\x00\xff", b"not json", b'{"value": 1}', b'[{"t": -5}]', b"3", b"[" * 5000]
)
def test_what_has_no_time_is_sent_as_it_is_and_counted(payload: bytes) -> None:
    mover = Mover(1000, 9)
    assert mover.move("rg/a/b/c/x", payload) == payload
    assert mover.unmoved == 1


def test_a_restart_of_the_device_stays_a_restart() -> None:
    mover = Mover(0, 50)
    boots = [
        json.loads(mover.move("rg/a/b/c/x", b'{"time_ms": 1, "boot": %d}' % boot))["boot"]
        for boot in (3, 3, 4)
    ]
    other = json.loads(mover.move("rg/a/b/d/x", b'{"time_ms": 1, "boot": 8}'))["boot"]
    assert (boots, other) == ([50, 50, 51], 50)
