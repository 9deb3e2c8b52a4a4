"""Late readings are judged for the record: the same in whatever batches they come; nothing live changes."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import LATE
from gateway.alarms.events import encode
from gateway.monitor.channels import Device
from gateway.monitor.late import GAP_NS, NOTES_A_HOUR
from gateway.monitor.monitor import Monitor
from tests.monitor.world import SECOND, World, gas

LEL = "acme/plant/GD-1/lel"
KINDS = ("late_alarm", "late_alarm_over")


def after_an_outage(value: float = 4.0) -> World:
    """An hour and a half without a link, then three live readings."""
    world = World([gas(1), gas(2)])
    world.every(5, 4.0, 4.0, value)
    world.clock.advance(5400 * SECOND)
    world.every(5, value, value, value)
    return world


def upload(
    world: World,
    values: list[float],
    *,
    begin_s: int = 5000,
    split: int = 1000,
    place: str = "acme/plant",
) -> None:
    """A backlog of readings 5 s apart, the first ``begin_s`` old, in packets of ``split`` rows."""
    now_ms = world.clock.wall_ns() / 1e6
    rows = [
        {"channel": "lel", "time_ms": now_ms - (begin_s - 5 * n) * 1000, "value": value}
        for n, value in enumerate(values)
    ]
    for start in range(0, len(rows), split):
        payload = json.dumps({"readings": rows[start : start + split]}).encode()
        world.raw((f"rg/{place}/GD-1/batch", payload))


def told(world: World) -> list[tuple[str, str, float]]:
    """(kind, condition, how long after the first) of every note on late readings."""
    notes = [note for kind in KINDS for note in world.notes(kind)]
    notes.sort(key=lambda note: [int(part) for part in note.id.split("-")])
    first = notes[0].detail["event_ns"] if notes else 0
    return [(n.kind, n.detail["condition"], (n.detail["event_ns"] - first) / 1e9) for n in notes]


def test_a_late_alarm_is_noted_and_counted_and_nobody_is_called() -> None:
    world = after_an_outage()
    before, readings = len(world.alarms()), world.monitor.counts.effective
    upload(world, [4.0, 4.0, 60.0, 60.0, 4.0, 4.0, 4.0])
    assert [kind for kind, condition, _ in told(world) if condition == "HH"] == list(KINDS)
    assert len(world.alarms()) == before
    counts = world.monitor.counts
    assert counts.effective == readings + 7
    assert counts.late_alarms == len(world.notes("late_alarm"))
    assert counts.balanced()
    note = next(n for n in world.notes("late_alarm") if n.detail["condition"] == "HH")
    assert note.detail["alarm"] == f"{LEL}:HH"
    assert (note.detail["value"], note.detail["now"]) == (60.0, "normal")
    assert "too late to be annunciated" in note.reason_en
    assert "不作为实时报警" in note.reason_zh


def test_late_readings_that_are_normal_clear_nothing_live() -> None:
    world = after_an_outage(60.0)
    standing = {a.definition.id: a.state for a in world.monitor.engine.open_alarms()}
    assert standing[f"{LEL}:HH"] == "unacknowledged"
    upload(world, [4.0] * 40)
    assert {a.definition.id: a.state for a in world.monitor.engine.open_alarms()} == standing
    assert told(world) == []


def test_a_live_condition_is_not_the_late_one() -> None:
    """The live course goes on as if the backlog had never come: same events, but for the notes."""
    worlds = [after_an_outage() for _ in range(2)]
    upload(worlds[1], [60.0] * 20)
    for world in worlds:
        world.clock.advance(SECOND)
        world.every(5, 60.0, 60.0, 4.0, 4.0, 4.0, 4.0)
    course = [[(e.alarm, e.cause, e.at_ns, e.value) for e in w.alarms()] for w in worlds]
    assert course[0] == course[1]
    assert len(worlds[1].notes("late_alarm")) >= 1


@settings(deadline=None, max_examples=25)
@given(
    values=st.lists(st.sampled_from([4.0, 26.0, 60.0]), min_size=1, max_size=40),
    split=st.integers(1, 40),
    restart_after=st.booleans(),
)
def test_any_split_of_a_backlog_tells_the_same(
    values: list[float], split: int, *, restart_after: bool
) -> None:
    whole, parts = after_an_outage(), after_an_outage()
    upload(whole, values)
    first = values[:split]
    upload(parts, first, split=7)
    if restart_after:
        parts.monitor = Monitor.load(parts.monitor.save())
    upload(parts, values[split:], begin_s=5000 - 5 * len(first), split=split)
    assert told(whole) == told(parts)
    assert whole.monitor.counts.late_alarms == parts.monitor.counts.late_alarms


def test_a_device_has_so_many_notes_an_hour_and_the_rest_counts() -> None:
    world = after_an_outage()
    cycles = [60.0, 60.0, 4.0, 4.0, 4.0] * 90
    upload(world, cycles[:300], split=60)
    world.monitor = Monitor.load(world.monitor.save())
    upload(world, cycles[300:], begin_s=3500, split=60)
    notes = sorted(
        (note for kind in KINDS for note in world.notes(kind)),
        key=lambda note: [int(part) for part in note.id.split("-")],
    )
    counts = world.monitor.counts
    assert len(notes) == NOTES_A_HOUR
    assert counts.late_unnoted > 0
    assert counts.late_alarms > sum(note.kind == "late_alarm" for note in notes)
    assert [note.reason_en.endswith("counted only") for note in notes[-2:]] == [False, True]
    assert "只计数" in notes[-1].reason_zh
    unnoted = counts.late_unnoted
    world.clock.advance(3600 * SECOND)
    world.every(5, 4.0)
    upload(world, [60.0, 60.0, 4.0, 4.0, 4.0], begin_s=2000)
    assert len(world.notes("late_alarm")) + len(world.notes("late_alarm_over")) > NOTES_A_HOUR
    assert world.monitor.counts.late_unnoted == unnoted


def test_a_device_of_the_same_name_elsewhere_has_notes_of_its_own() -> None:
    one, other = gas(1), Device("bravo", "depot", "yard", "GD-1", gas(1).profile)
    world = World([one, other])
    for place in ("acme/plant", "bravo/depot"):
        upload(world, [4.0], begin_s=0, place=place)
    world.clock.advance(5400 * SECOND)
    for place in ("acme/plant", "bravo/depot"):
        upload(world, [4.0], begin_s=0, place=place)
    upload(world, [60.0, 60.0, 4.0, 4.0, 4.0] * 100)
    assert len([n for kind in KINDS for n in world.notes(kind)]) == NOTES_A_HOUR
    upload(world, [60.0, 60.0, 4.0, 4.0, 4.0], place="bravo/depot")
    assert [n.detail["enterprise"] for n in world.notes("late_alarm")][-1] == "bravo"


def test_replay_gives_the_same_bytes() -> None:
    world = after_an_outage()
    upload(world, [60.0, 4.0] * 10, split=3)
    again = Monitor(1)
    events = [e for position, entry in world.journal for e in again.step(position, entry).events]
    assert [encode(e) for e in events] == [encode(e) for e in world.events]


def test_a_retained_message_is_no_late_alarm() -> None:
    world = after_an_outage()
    world.send(60.0, age_s=4000, retained=True)
    assert told(world) == []


def test_the_next_backlog_after_a_gap_begins_anew() -> None:
    world = World([gas(1)])
    world.every(5, 4.0)
    gap_s = 4 * GAP_NS // SECOND
    world.clock.advance((gap_s + 9000) * SECOND)
    world.every(5, 4.0, 4.0)
    upload(world, [60.0], begin_s=gap_s + 8000)
    upload(world, [60.0], begin_s=gap_s + 7000)
    upload(world, [60.0], begin_s=3000)
    assert [condition for kind, condition, _ in told(world) if kind == "late_alarm"].count("HH") == 2


def test_another_rule_follows_nothing_of_before() -> None:
    world = after_an_outage()
    upload(world, [60.0])
    assert "HH" in [condition for _, condition, _ in told(world)]
    world.monitor.judgement.late.forget(world.monitor.roster.first_slots([0]))
    upload(world, [60.0], begin_s=4990)
    assert [condition for _, condition, _ in told(world)].count("HH") == 2


def test_a_snapshot_without_late_readings_begins_without_any_and_another_layout_is_refused() -> None:
    world = after_an_outage()
    upload(world, [60.0])
    stored = msgspec.msgpack.decode(world.monitor.save())
    assert set(stored["late"]) == {"layout", "slots", "newest", "notes", "state"}
    without = {key: value for key, value in stored.items() if key != "late"}
    for body in (without, {**stored, "late": {}}):
        assert Monitor.load(msgspec.msgpack.encode(body)).judgement.late.export() == {}
    with pytest.raises(ValueError, match="another layout of late readings"):
        Monitor.load(msgspec.msgpack.encode({**stored, "late": {**stored["late"], "layout": "other"}}))


def test_live_readings_cost_nothing_here() -> None:
    world = World([gas(1)])
    world.every(5, *[60.0, 4.0] * 20)
    assert not (world.last.readings.time & LATE).any()
    assert world.monitor.judgement.late.export() == {}
