"""The fire drill on a virtual clock: timed to each receipt, taken back, kept; what fails is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gateway.alarms.events import DRILL_ENTERPRISE
from gateway.clock import VirtualClock
from gateway.delivery.drill import ALARM, Drill
from gateway.errors import RiskgateError
from gateway.escalation.steps import Step
from gateway.sinks import Delivered, Later, Refused
from tests.delivery.bench import Bench
from tests.support.delivery import SaidMessages
from tests.support.entries import alarm_event

S = 10**9


@dataclass
class Table:
    """[fire_drill]."""

    every_hours: float = 0.0
    timeout_s: float = 10.0


class StepsWhileItSleeps(VirtualClock):
    """Delivery's lanes go on while the drill waits."""

    lanes: tuple[Any, ...] = ()

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        for lane in self.lanes:
            lane.step()


class Plant:
    """A gateway in small: what is published becomes an alarm in the ledger, a webhook takes it."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.bench.clock = self.bench.book.view._clock = self.clock = StepsWhileItSleeps()
        self.sink = SaidMessages()
        self.clock.lanes = tuple(self.bench.message_lanes(self.sink))
        self.table = Table()
        self.deaf = False
        self.position = 0
        self.state, self.active = "normal", False
        self.made()

    def made(self) -> None:
        ledger = self.bench.book.view
        self.drill = Drill(
            self.table, self.bench.store, ledger.events_after, ledger.head, {"out": self.sink.takes},
            self.publish, self.command, self.clock,
        )  # fmt: skip

    def publish(self, topic: str, payload: str) -> None:
        assert topic == "rg/riskgate-drill/drill/canary/canary"
        high = json.loads(payload)["value"] > 50
        if not self.deaf and high != self.active:
            self.active = high
            acknowledged = self.state == "acknowledged"
            self.change("unacknowledged" if high else "normal" if acknowledged else "returned_unacknowledged")

    def command(self, request: dict[str, Any]) -> dict[str, Any]:
        assert request["args"]["alarm"] == ALARM
        self.change("acknowledged" if self.active else "normal")
        return {"accepted": True}

    def change(self, state: str) -> None:
        self.position += 1
        event = alarm_event(self.position, 0, ALARM, state, before=self.state, enterprise=DRILL_ENTERPRISE)
        self.state = state
        self.bench.book.write([event])


@pytest.fixture
def plant(tmp_path: Path) -> Iterator[Plant]:
    made = Plant(tmp_path)
    yield made
    made.bench.close()


def test_it_is_timed_to_the_receipt_and_taken_back(plant: Plant) -> None:
    result = plant.drill.run("asked")
    assert result["problem"] == ""
    assert result["sinks"]["out"]["outcome"] == "receipt"
    assert result["event"] == "1-1-0"
    assert (
        0 <= result["latency_s"]["alarm"] <= result["sinks"]["out"]["latency_s"] < result["latency_s"]["over"]
    )
    assert plant.state == "normal"


def test_a_receiver_that_refuses_or_does_not_answer_is_named(plant: Plant) -> None:
    plant.sink.says = lambda _: Refused("404")
    assert plant.drill.run("asked")["problem"] == "out: refused"
    plant.sink.says = lambda _: Later("down")
    assert plant.drill.run("asked")["problem"] == "out: no receipt"
    assert plant.state == "normal"


def test_a_reading_that_raises_nothing_says_what_the_fleet_lacks(plant: Plant) -> None:
    plant.deaf = True
    told = plant.drill.run("asked")["problem"]
    assert "no alarm within 10 s" in told
    assert "riskgate-drill,drill,canary,canary,drill/canary" in told


def test_a_broker_that_is_away_is_a_failed_drill(plant: Plant) -> None:
    def away(topic: str, payload: str) -> None:
        raise RiskgateError("the broker did not take it")

    plant.publish = away  # type: ignore[method-assign]
    plant.made()
    assert plant.drill.run("asked")["problem"] == "the broker did not take it"


def test_it_runs_on_its_schedule_is_kept_and_told_over_a_restart(plant: Plant) -> None:
    plant.table.every_hours = 1.0
    assert plant.drill.step() > 0
    plant.clock.advance(3600 * S)
    plant.sink.says = lambda _: Refused("404")
    assert plant.drill.step() == 0.0
    assert plant.drill.status()["failed"] == "out: refused"
    plant.made()
    assert plant.drill.status()["failed"] == "out: refused"
    assert plant.drill.step() > 0
    plant.sink.says = lambda _: Delivered("ok")
    plant.drill.ask()
    assert plant.drill.step() == 0.0
    assert plant.drill.status()["failed"] == ""
    assert [(d["why"], d["problem"]) for d in plant.drill.newest(5)] == [
        ("asked", ""),
        ("schedule", "out: refused"),
    ]
    assert plant.bench.store.check_chain().ok


def test_a_drill_calls_nobody_unless_a_step_names_it() -> None:
    event = alarm_event(1, 0, ALARM, enterprise=DRILL_ENTERPRISE, priority=1)
    assert not Step("a", "role:operator", 0, "out").concerns(event)
    assert Step("a", "role:operator", 0, "out", enterprises=frozenset({DRILL_ENTERPRISE})).concerns(event)
