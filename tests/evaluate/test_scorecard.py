"""The scorecard: the monitor is really live, outcomes are told by name, a change shows its difference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gateway.evaluate import golden, scorecard
from gateway.evaluate.figures import Figure, Part
from gateway.evaluate.lives import START_NS, Source, Wanted
from gateway.evaluate.plant_run import Heard, Run, live
from gateway.evaluate.scenarios import Judged, learning_s, scenario, score, settled
from simulators import Fault, Label, load
from simulators._cases import cases
from simulators._payloads import Counters, encode
from simulators._sources import Plan

PLAN = Plan("gas_room", ("score/hall/D-1", "score/hall/D-2"))


def with_fault(kind: str, at_s: float) -> Wanted:
    return Wanted(Plan(PLAN.kind, PLAN.devices, (Fault(kind, at_s),)), 1000, at_s + 600.0)


def test_a_leak_is_heard_as_the_gateway_would_say_it() -> None:
    run = live([with_fault("leak", 600.0)])
    assert run.rejected == 0
    assert run.readings == 2 * 2 * 240, "two devices with two channels each 5 s"
    names = [h.name for h in run.heard if h.at_s <= 1200.0]
    assert {"score/hall/D-1/lel:H", "score/hall/D-1/lel:HH"} <= set(names)
    assert all(h.at_s >= 600.0 for h in run.heard), "not before the fault"
    assert {label.condition for label in run.labels["score/hall"]} == {"H", "HH"}


def test_the_same_seed_hears_the_same_and_bundles_hear_no_less() -> None:
    first, again = live([with_fault("leak", 600.0)]), live([with_fault("leak", 600.0)])
    assert first.heard == again.heard
    bundled = live([with_fault("leak", 600.0)], bundle_s=20.0)
    assert [h.name for h in bundled.heard] == [h.name for h in first.heard]
    assert bundled.readings == first.readings


def test_packets_are_the_bytes_that_the_simulator_would_send() -> None:
    source, other = Source(with_fault("sensor_fault", 5.0)), Source(with_fault("sensor_fault", 5.0))
    for step in range(4):
        sent = source.step()
        samples = other.plant.step(START_NS + step * 5_000_000_000)
        usual = encode(samples, "json", Counters(1), load("gas_room").UNITS)
        assert [topic.decode() for topic, *_ in sent] == [m.topic for m in usual]
        for (_, body, *_), message in zip(sent, usual, strict=True):
            fields = message.payload.partition('"time_ms"')[2]
            assert body.decode() == '{"time_ms"' + fields, "all but the counters"


@pytest.fixture(scope="module")
def judged() -> dict[str, Judged]:
    found, long = score("gas_room", 1000, ("leak", "dropout", "cleaning", "duplicate"))
    assert long == []
    return {one.name: one for one in found}


def test_scenarios_are_held_to_their_labels(judged: dict[str, Judged]) -> None:
    assert len(judged) == 12
    for level in (2, 3):
        assert judged[f"gas_room.leak.{level}"].in_time
        assert judged[f"gas_room.leak.{level}"].by.startswith("lel:")
        assert judged[f"gas_room.dropout.{level}"].by == ":silent"
    assert not judged["gas_room.leak.1"].must, "too small to demand it"
    assert scorecard.outcome(judged["gas_room.dropout.3"]) == "in time by :silent"
    assert {scorecard.outcome(judged[f"gas_room.duplicate.{n}"]) for n in (1, 2, 3)} == {"quiet"}
    assert all(not one.before for one in judged.values()), "ordinary life before the fault"


def made_up(**changes: Any) -> Judged:
    plain: dict[str, Any] = {
        "name": "p.f.2", "family": "gas", "must": True, "quiet": False, "found": True, "in_time": True,
        "delay_s": 400.0, "allowed_s": 600.0, "limit_s": 400.0, "advice_s": 100.0, "by": "lel:drift",
        "before": (),
    }  # fmt: skip
    return Judged(**{**plain, **changes})


def test_early_is_advice_before_a_limit_that_took_its_time() -> None:
    assert made_up().early
    assert not made_up(advice_s=500.0).early
    assert not made_up(advice_s=None).early
    assert not made_up(limit_s=100.0, advice_s=50.0).slow, "fast: no time to be early"
    assert not made_up(quiet=True).early
    outcomes = [
        scorecard.outcome(one)
        for one in (
            made_up(in_time=False), made_up(in_time=False, delay_s=None, found=False, by=""),
            made_up(must=False), made_up(must=False, found=False, by=""), made_up(quiet=True, by=""),
        )
    ]  # fmt: skip
    assert outcomes == ["late by lel:drift", "missed", "no demand, told by lel:drift", "no demand", "quiet"]


def test_normal_days_are_counted_and_their_alarms_named() -> None:
    day = scorecard.normal("charging_port", 1000, 6.0, 10**9)
    assert isinstance(day, scorecard.Normal)
    assert day.channel_days == pytest.approx(6.0, rel=0.5)
    assert day.readings == pytest.approx(day.channel_days * 2880, rel=0.01)
    short = scorecard.normal_plan("charging_port", 1000, 1500.0, 50_000)
    spoken = sum(len(one.plan.devices) * 6 * one.span_s / 30 for one in short)
    assert spoken <= 50_000, "fewer days when the readings would be too many"


def test_figures_of_what_plants_gave() -> None:
    missed = made_up(name="p.g.3", in_time=False, delay_s=None, advice_s=None)
    calm = scorecard.Normal("gas_room", 300.0, 10, {"lel:H": 3})
    part = scorecard.told([scorecard.Card("gas_room", [made_up(), missed, made_up(quiet=True)], ["x"], calm)])
    figures = {figure.id: figure.value for figure in part.figures}
    assert figures == {
        "in_time": pytest.approx(200 / 3),
        "false_alarms": 0.01,
        "early": 50.0,
        "ordinary_life": 1,
    }
    family = part.detail["families"]["gas"]
    assert (family["missed"], family["false_alarms"], family["must"]) == (["p.g.3"], 3, 3)
    assert part.detail["not_run"] == ["x"]


def test_a_change_shows_its_difference(tmp_path: Path) -> None:
    file = tmp_path / "golden.json"
    before = Part("scorecard", [Figure("early", 50.0)], {"scenarios": {"a.b.2": "missed", "a.c.2": "quiet"}})
    assert golden.differences(golden.read(file), [before]) == []
    golden.write(file, [before])
    assert golden.differences(golden.read(file), [before]) == []
    now = Part("scorecard", [Figure("early", 60.0)], {"scenarios": {"a.b.2": "in time by lel:drift"}})
    assert golden.differences(golden.read(file), [now]) == [
        ("early", "50 %", "60 %"),
        ("a.b.2", "missed", "in time by lel:drift"),
    ]
    golden.write(file, [now])
    assert golden.read(file)["scenarios"]["a.c.2"] == "quiet", "what was not measured stays"


def test_the_fault_begins_after_everything_was_learnt() -> None:
    assert learning_s("gas_room", shared=True) == 2000.0
    assert learning_s("gas_room", shared=False) == 14_400.0
    assert learning_s("casting_pit", shared=False) == 3000.0
    assert learning_s("cp_post", shared=False) == learning_s("cp_post", shared=True) == 400 * 600.0


def test_a_leak_below_every_limit_is_told_by_the_balance_of_the_line() -> None:
    judged, _ = score("pipeline_segment", 1000, ("leak",))
    assert [scorecard.outcome(one) for one in judged[1:]] == ["in time by flow:loss"] * 2


def test_plants_that_differ_in_their_faults_share_the_life_before_and_hear_what_each_would_alone() -> None:
    def of(site: str, kind: str, at_s: float) -> Wanted:
        devices = tuple(f"score/{site}/D-{n}" for n in (1, 2))
        return Wanted(Plan("gas_room", devices, (Fault(kind, at_s),)), 1001, 1500.0)

    def told(run: Run, site: str) -> list[tuple[float, str]]:
        return [
            (h.at_s, h.name.removeprefix(f"score/{site}/")) for h in run.heard if h.place == f"score/{site}"
        ]

    wanted = [of("leaking", "leak", 600.0), of("quiet", "dropout", 900.0), of("noisy", "noise", 600.0)]
    together = live(wanted)
    assert together.readings == sum(live([one]).readings for one in wanted)
    for one, site in zip(wanted, ("leaking", "quiet", "noisy"), strict=True):
        faults = (*one.plan.faults, Fault("leak", 0.0, 0.0))
        from_the_start = Wanted(Plan("gas_room", one.plan.devices, faults), 1001, 1500.0)
        assert Source(from_the_start).begin_ns == START_NS
        alone = live([from_the_start])
        assert told(together, site) == told(alone, site)
        assert set(together.labels[f"score/{site}"]) <= set(alone.labels[f"score/{site}"])
    assert any("lel:HH" in name for _, name in told(together, "leaking"))


def test_a_plant_about_which_everything_is_known_stops() -> None:
    run = live([with_fault("leak", 600.0)], settled=lambda _source, heard: any(h.at_s > 600.0 for h in heard))
    first = min(h.at_s for h in run.heard if h.at_s > 600.0)
    assert first <= run.ended_s["score/hall"] <= first + 5.0, "not another period"
    assert run.readings == 2 * 2 * run.ended_s["score/hall"] / 5


def test_what_decides_a_case() -> None:
    cut, leak = (next(c for c in cases("gas_room") if c.fault == kind) for kind in ("dropout", "leak"))
    label = Label("leak", "d", "", "", 0, 1, 60.0, must_detect_within_s=60.0)
    silent = Heard(2100.0, "p", "a", "d", "", "silent", advice=False)
    advice = Heard(14_500.0, "p", "a", "d", "lel", "drift", advice=True)
    limit = advice._replace(condition="H", at_s=14_600.0, advice=False)
    assert settled(cut, [label], [silent]), "no limit can follow"
    assert not settled(leak, [label], [advice]), "a limit may follow: only then it was early"
    assert settled(leak, [label], [advice, limit])
    assert not settled(leak, [label], [limit._replace(device="e")]), "another device's"
    assert not settled(cut, [], [silent])


def test_hours_of_a_dying_battery_are_run_and_what_takes_too_long_is_named() -> None:
    judged, long = score("gas_room", 1001, ("battery",))
    assert long == []
    assert scorecard.outcome(judged[2]) == "in time by :silent"
    steps = {
        case.level: wanted.span_s / 5.0
        for case in cases("gas_room")
        if case.fault == "clock_skew" and (wanted := scenario(case, 1001))
    }
    assert steps == {
        1: pytest.approx(8000.0),
        2: pytest.approx(29_204.0, abs=5.0),
        3: pytest.approx(17_684.0, abs=5.0),
    }
    skew = [case for case in cases("casting_pit") if case.fault == "clock_skew"]
    assert [case.level for case in skew if scenario(case, 1001) is None] == [2, 3], "each second, for a day"
    wearing = [case for case in cases("bearing_belt") if case.fault == "wearing"]
    assert scenario(wearing[0], 1001) is None
