"""When which step calls: never before its time, once, never after an answer, also over a restart."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.alarms.events import AlarmEvent
from gateway.clock import VirtualClock
from gateway.delivery.calling import Calling, Duty
from gateway.delivery.follow import Lane
from gateway.delivery.parts import Ground, Parts
from gateway.escalation.calls import Calls
from gateway.escalation.steps import Step, wrong
from gateway.rosters import Roster
from gateway.sinks import Delivered, Later, Refused
from tests.delivery.bench import Bench
from tests.support.delivery import Answer, SaidMessages, backoff
from tests.support.entries import alarm_event

S = 10**9
FIRST = Step("first", "role:operator", 300 * S, "out")
SECOND = Step("second", "role:supervisor", 600 * S, "out", follows="first")
UNACK, ACK, BACK, NORMAL = "unacknowledged", "acknowledged", "returned_unacknowledged", "normal"


def test_the_steps_to_come_are_known_before_they_call_and_after_an_answer_none_is() -> None:
    calls = Calls([FIRST, SECOND])
    for number, alarm in enumerate(("b", "a")):
        calls.follow(number + 1, alarm_event(number + 1, 0, alarm, UNACK, priority=1, at_ns=number * S))
    told = [(one.at_ns, one.step.name, one.alarm) for one in calls.coming(5)]
    assert told == [(300 * S, "first", "b"), (301 * S, "first", "a")]
    [due] = calls.due(300 * S)
    assert {one.alarm for one in calls.coming(5)} == {"a", "b"}, "what is ripe is still to come"
    calls.called(due, 300 * S)
    assert calls.called_about() == [due.stretches[0].began]
    assert [(one.step.name, one.alarm) for one in calls.coming(5)] == [("first", "a"), ("second", "b")]
    assert len(calls.coming(1)) == 1
    calls.follow(3, alarm_event(3, 0, "b", ACK, before=UNACK, priority=1))
    assert [one.alarm for one in calls.coming(5)] == ["a"]
    assert calls.called_about() == []


class CallingSink(SaidMessages):
    """Remembers calls; ``answer`` may be changed."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.answer: Answer = Delivered("taken")

    def call(self, call_id: str, subject: str, at_ns: int, data: dict[str, Any]) -> Answer:
        self.calls.append((call_id, subject, data))
        return self.answer


class Stand:
    """A real ledger and delivery.db, one sink, a virtual clock."""

    def __init__(self, folder: Path, steps: list[Step], rosters: dict[str, Roster] | None = None) -> None:
        self.bench = Bench(folder)
        self.sink = CallingSink()
        self.duty = Duty(steps, rosters or {})
        self.start_ns = self.bench.clock.wall_ns()
        self.position = 0
        self.begin()

    @property
    def clock(self) -> VirtualClock:
        return self.bench.clock

    def begin(self) -> None:
        ground = Ground(self.bench.store, self.bench.book.view, None, self.clock, backoff())  # type: ignore[arg-type]
        parts = {"out": (Parts("out", "webhook", False), self.sink)}
        self.calling = Calling(self.duty, ground, self.bench.book.path, parts)
        self.lanes: list[Lane] = [*self.calling.lanes, *self.calling.made_by.callers.values()]

    def restart(self) -> None:
        self.bench.restart()
        self.begin()

    def happens(self, alarm: str, state: str, before: str, occurrence: int = 1, **more: object) -> None:
        self.position += 1
        given: dict[str, object] = {"priority": 1, "at_ns": self.clock.wall_ns(), **more}
        event = alarm_event(self.position, 0, alarm, state, before=before, occurrence=occurrence, **given)
        self.bench.book.write([event])

    def run(self, seconds: float) -> list[str]:
        """Ids of the calls that were sent meanwhile."""
        known = len(self.sink.calls)
        end = self.clock.mono_ns() + round(seconds * S)
        while True:
            while min(lane.step() for lane in self.lanes) == 0:
                pass
            left = end - self.clock.mono_ns()
            if left <= 0:
                break
            self.clock.advance(min(5 * S, left))
        return [call[0] for call in self.sink.calls[known:]]


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    made = Stand(tmp_path, [FIRST, SECOND])
    yield made
    made.bench.close()


def test_an_unanswered_alarm_goes_up_step_by_step_and_says_who_and_why(stand: Stand) -> None:
    stand.happens("gas", UNACK, NORMAL, 7)
    assert stand.run(299) == []
    assert stand.run(2) == ["1-1-0-call-first"]
    assert stand.run(598) == []
    assert stand.run(3) == ["1-1-0-call-second"]
    assert stand.run(900) == []
    first, second = (call[2] for call in stand.sink.calls)
    assert (first["level"], second["level"], second["who"]) == (1, 2, "role:supervisor")
    assert first["alarms"][0]["alarm"] == "gas"
    assert first["alarms"][0]["occurrence"] == 7
    assert 300 <= first["alarms"][0]["unanswered_s"] <= 301
    assert "unanswered for 5 min" in first["reason_en"]
    assert "5 分钟未应答" in first["reason_zh"]
    kept = stand.calling.store.newest(10, "gas")
    assert [(c["step"], c["state"], c["outcome"]) for c in kept] == [
        ("second", "delivered", "taken"),
        ("first", "delivered", "taken"),
    ]
    assert stand.calling.store.newest(10, "other") == []
    assert stand.bench.store.check_chain().ok


@pytest.mark.parametrize("state", [ACK, NORMAL, "shelved", "suppressed_by_design", "out_of_service"])
def test_it_stops_when_the_alarm_is_answered_or_over(stand: Stand, state: str) -> None:
    stand.happens("gas", UNACK, NORMAL)
    assert stand.run(310) == ["1-1-0-call-first"]
    stand.happens("gas", state, UNACK)
    assert stand.run(900) == []


def test_other_priorities_and_enterprises_call_nobody(tmp_path: Path) -> None:
    stand = Stand(
        tmp_path, [Step("first", "role:operator", 0, "out", frozenset({1, 2}), frozenset({"acme"}))]
    )
    stand.happens("low", UNACK, NORMAL, priority=3)
    stand.happens("other", UNACK, NORMAL, enterprise="other")
    assert stand.run(60) == []
    stand.happens("mine", UNACK, NORMAL, priority=2)
    assert stand.run(60) == ["1-3-0-call-first"]
    stand.bench.close()


def test_what_comes_and_goes_unanswered_is_escalated_all_the_same(stand: Stand) -> None:
    for occurrence in range(1, 5):
        stand.happens("gas", UNACK, NORMAL if occurrence == 1 else BACK, occurrence)
        stand.run(60)
        stand.happens("gas", BACK, UNACK, occurrence)
        assert stand.run(10) == []
    stand.happens("gas", UNACK, BACK, 5)
    assert stand.run(25) == ["1-1-0-call-first"]
    assert stand.sink.calls[0][2]["alarms"][0]["occurrence"] == 5


def test_no_call_begins_while_the_condition_is_over(stand: Stand) -> None:
    stand.happens("gas", UNACK, NORMAL)
    stand.run(100)
    stand.happens("gas", BACK, UNACK)
    assert stand.run(600) == []


def test_a_restart_calls_nobody_again_and_forgets_nobody(stand: Stand) -> None:
    stand.happens("gas", UNACK, NORMAL)
    stand.run(200)
    stand.restart()
    assert stand.run(90) == []
    assert stand.run(15) == ["1-1-0-call-first"]
    stand.restart()
    assert stand.run(590) == []
    assert stand.run(15) == ["1-1-0-call-second"]
    stand.restart()
    assert stand.run(900) == []


def test_a_call_whose_sending_died_is_sent_under_its_old_id(stand: Stand) -> None:
    stand.sink.answer = Later("down")
    stand.happens("gas", UNACK, NORMAL)
    assert set(stand.run(320)) == {"1-1-0-call-first"}
    said = stand.sink.calls[-1][2]
    stand.restart()
    stand.sink.answer = Delivered("taken")
    assert stand.run(60) == ["1-1-0-call-first"]
    assert stand.sink.calls[-1][2] == said
    assert [c["state"] for c in stand.calling.store.newest(9)] == ["delivered"]


def test_a_call_answered_before_it_arrived_is_withdrawn(stand: Stand) -> None:
    stand.sink.answer = Later("down")
    stand.happens("gas", UNACK, NORMAL)
    stand.run(310)
    stand.happens("gas", ACK, UNACK)
    stand.run(60)
    assert [c["state"] for c in stand.calling.store.newest(9)] == ["withdrawn"]


def test_a_refused_call_is_told(stand: Stand) -> None:
    stand.sink.answer = Refused("404")
    stand.happens("gas", UNACK, NORMAL)
    stand.run(310)
    caller = stand.calling.made_by.callers["out"]
    assert caller.status()["failed"] == 1
    assert [(c["state"], c["outcome"]) for c in stand.calling.store.newest(9)] == [("failed", "404")]


def test_a_flood_is_one_call_that_names_the_most_important_and_counts_all(stand: Stand) -> None:
    for n in range(100):
        stand.happens(f"gas{n}", UNACK, NORMAL)
    assert stand.run(320) == ["1-1-0-call-first"]
    said = stand.sink.calls[0][2]
    assert said["alarms_total"] == 100
    assert len(said["alarms"]) == 40
    assert len(msgspec.json.encode(said)) < 60_000
    assert "(and 99 more)" in said["reason_en"]


def test_nobody_on_duty_is_called_all_the_same_and_said(tmp_path: Path) -> None:
    file = tmp_path / "duty.ics"
    file.write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20200101T000000\nDURATION:PT1H\nSUMMARY:Li\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    step = Step("first", "roster:duty", 0, "out")
    stand = Stand(tmp_path, [step], {"duty": Roster("duty", str(file), "Asia/Shanghai", 14)})
    stand.happens("gas", UNACK, NORMAL)
    stand.run(5)
    assert stand.sink.calls[0][2]["nobody_on_duty"] is True
    assert "NOBODY ON DUTY" in stand.sink.calls[0][2]["reason_en"]
    assert "nobody on duty from" in stand.calling.status()["rosters"]["duty"]
    stand.bench.close()


def test_one_stretch_and_step_cannot_be_called_twice_even_by_a_faulty_caller(stand: Stand) -> None:
    stand.happens("gas", UNACK, NORMAL)
    stand.run(310)
    with sqlite3.connect(stand.bench.folder / "delivery.db") as db, pytest.raises(sqlite3.IntegrityError):
        db.execute("INSERT INTO called VALUES ('1-1-0', 'first', 'gas', 1, 'again', 0)")


MOVES = {
    NORMAL: [UNACK],
    UNACK: [ACK, BACK, "shelved"],
    ACK: [NORMAL],
    BACK: [ACK, UNACK, NORMAL],
    "shelved": [NORMAL],
}


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 2), st.integers(1, 400)), max_size=30),
    st.integers(1, 7),
)
def test_no_sequence_calls_twice_early_or_after_an_answer(
    moves: list[tuple[str, int, int]], every: int
) -> None:
    now, made, states = 10**12, [], {"a": NORMAL, "b": NORMAL}
    events: list[tuple[int, AlarmEvent]] = []
    calls = Calls([FIRST, SECOND])
    for seq, (alarm, choice, wait) in enumerate(moves, 1):
        before = states[alarm]
        states[alarm] = MOVES[before][choice % len(MOVES[before])]
        event = alarm_event(seq, 0, alarm, states[alarm], before=before, priority=1, at_ns=now)
        events.append((seq, event))
        calls.follow(seq, event)
        calls.follow(seq, event)
        now += wait * S
        if seq % every == 0:  # a restart: from the calls made and what waits
            calls = Calls([FIRST, SECOND], [(b, s, t) for b, s, t, _ in made])
            for number, known in events:
                calls.follow(number, known)
        for due in calls.due(now):
            for stretch in due.stretches:
                assert states[stretch.event.alarm] == UNACK
                assert now - stretch.since_ns >= due.step.after_ns
                made.append((stretch.began, due.step.name, now, stretch.event.alarm))
            calls.called(due, now)
            assert due.step.name not in {d.step.name for d in calls.due(now)}
    assert len({(b, s) for b, s, _, _ in made}) == len(made)


def test_every_fault_between_steps_is_found_with_its_number_and_key() -> None:
    steps = [
        Step("a", "role:operator", 0, "out", follows="b"),
        Step("b", "role:operator", 0, "out", follows="a"),
        Step("c", "boss", 0, "none"),
        Step("c", "roster:nights", 0, "db", follows="zero"),
        Step("d", "role:king", 0, "out"),
    ]
    found = list(wrong(steps, {"out": True, "db": False}, ["days"], ["operator"]))
    assert [(number, key) for number, key, _ in found] == [
        (0, "follows"), (1, "follows"), (2, "who"), (2, "sink"), (3, "name"), (3, "who"), (3, "sink"),
        (3, "follows"), (4, "who"),
    ]  # fmt: skip
    told = [text for _, _, text in found]
    assert "a after b after a" in told[0]
    assert "'nights'; known: days" in told[5]
    assert "cannot call people; take one of: out" in told[6]
