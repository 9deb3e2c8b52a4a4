"""The engine: each change once, with a reason; any sequence of raises, clears and commands stays legal."""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.alarms import definition, events
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import ACKNOWLEDGED, NORMAL, RETURNED, UNACKNOWLEDGED, AlarmEvent
from gateway.alarms.lifecycle import SITUATIONS, Situation, legal
from tests.alarms.made import Command, high

NS = 1_700_000_000_000_000_000


def raised(engine: Engine, known: Any, at_ns: int = NS, **more: Any) -> AlarmEvent | None:
    return engine.apply(known, active=True, at_ns=at_ns, value=12.4, limit=10.0, **more)


def cleared(engine: Engine, known: Any, at_ns: int = NS, **more: Any) -> AlarmEvent | None:
    return engine.apply(known, active=False, at_ns=at_ns, value=9.0, limit=10.0, **more)


def acknowledge(engine: Engine, known: Any, occurrence: int) -> list[AlarmEvent]:
    return engine.command(Command("acknowledge", {"alarm": known.id, "occurrence": occurrence}), NS)[1]


def test_an_event_says_everything_an_operator_and_a_sink_need() -> None:
    engine = Engine(EventIds(7, 42))
    event = raised(engine, high(), event_ns=NS - 5, flags=("suspect_time",))
    assert event is not None
    assert event.id == "7-42-0"
    assert event.alarm == "acme/plant/GD-1/lel:H"
    assert (event.before, event.state, event.cause, event.occurrence) == (NORMAL, UNACKNOWLEDGED, "raised", 1)
    assert event.reason_en == "12.4 %LEL >= 10 %LEL (H) held 0 s"
    assert event.reason_zh == "12.4 %LEL ≥ 10 %LEL(高限 H),持续 0 秒"
    assert (event.asset, event.family, event.unit, event.flags) == (
        "tank-1",
        "gas",
        "%LEL",
        ("suspect_time",),
    )
    assert (event.at_ns, event.event_ns, event.value, event.limit) == (NS, NS - 5, 12.4, 10.0)
    assert event.response_zh == "停止点火源"
    assert events.decode(events.encode(event)) == event
    back = cleared(engine, high())
    assert back is not None
    assert back.reason_en == "9 %LEL < 9.5 %LEL (H 10, deadband 0.5) held 0 s over 3 good readings"
    assert back.id == "7-42-1"


def test_a_repeated_raise_and_an_end_of_nothing_are_no_events() -> None:
    engine = Engine()
    assert cleared(engine, high()) is None
    assert raised(engine, high()) is not None
    assert raised(engine, high()) is None
    acknowledge(engine, high(), 1)
    assert raised(engine, high()) is None
    assert len(engine) == 1


def test_story_acknowledged_then_over() -> None:
    engine, known = Engine(), high()
    raised(engine, known)
    [event] = acknowledge(engine, known, 1)
    assert (event.state, event.process_active, event.actor) == (ACKNOWLEDGED, True, "li")
    over = cleared(engine, known)
    assert over is not None
    assert over.state == NORMAL
    assert len(engine) == 0


def test_story_over_before_anyone_looked_and_back_again() -> None:
    engine, known = Engine(), high()
    raised(engine, known)
    over = cleared(engine, known)
    assert over is not None
    assert over.state == RETURNED
    again = raised(engine, known)
    assert again is not None
    assert (again.cause, again.occurrence) == ("re_raised", 2)
    assert acknowledge(engine, known, 1) == []  # the first occurrence is not the one on the screen now
    [event] = acknowledge(engine, known, 2)
    assert event.occurrence == 2


def test_story_latched_waits_for_a_reset() -> None:
    engine, known = Engine(), high(latch=True)
    reset = Command("reset", {"alarm": known.id})
    raised(engine, known)
    assert engine.command(reset, NS)[0].accepted is False
    acknowledge(engine, known, 1)
    assert "still holds" in engine.command(reset, NS)[0].reason_en
    over = cleared(engine, known)
    assert over is not None
    assert (over.state, over.process_active, over.latched) == (ACKNOWLEDGED, False, True)
    answer, [event] = engine.command(reset, NS)
    assert answer.accepted
    assert (event.state, event.cause) == (NORMAL, "reset")


def test_story_latched_over_first_then_acknowledged_then_back() -> None:
    engine, known = Engine(), high(latch=True)
    raised(engine, known)
    cleared(engine, known)
    [event] = acknowledge(engine, known, 1)
    assert (event.state, event.process_active) == (ACKNOWLEDGED, False)
    again = raised(engine, known)
    assert again is not None
    assert (again.state, again.cause, again.occurrence) == (UNACKNOWLEDGED, "re_raised", 2)


def test_occurrences_go_on_after_normal_and_after_retirement() -> None:
    engine, known = Engine(), high()
    for expected in (1, 2):
        event = raised(engine, known)
        assert event is not None
        assert event.occurrence == expected
        [gone] = engine.retire([known.id, "acme/other:H"], NS)
        assert (gone.state, gone.cause, gone.process_active) == (NORMAL, "retired", False)
        assert "configuration changed" in gone.reason_en
    assert engine.retire([known.id], NS) == []


def test_a_new_definition_of_an_open_alarm_is_used_from_then_on() -> None:
    engine = Engine()
    raised(engine, high())
    engine.redefine(high(latch=True))
    engine.redefine(high("HH"))  # not open: nothing
    acknowledge(engine, high(), 1)
    over = engine.apply(high(latch=True), active=False, at_ns=NS, value=1.0, limit=10.0)
    assert over is not None
    assert over.state == ACKNOWLEDGED


def test_values_that_no_json_can_hold_become_none_and_say_so() -> None:
    event = Engine().apply(high(), active=True, at_ns=NS, value=float("nan"), limit=10.0)
    assert event is not None
    assert event.value is None
    assert "not a number" in event.reason_en


def test_device_and_system_alarms_explain_themselves() -> None:
    engine = Engine()
    place = definition.Place("acme", "plant", "tank-1", "GD-1", "gas")
    silent = engine.apply(
        definition.device("silent", None, place), active=True, at_ns=NS, value=125.0, limit=120.0
    )
    assert silent is not None
    assert silent.alarm == "acme/plant/GD-1/:silent"
    assert silent.reason_en == "no reading for 125 s, expected within 120 s"
    system = engine.apply(
        definition.system("sink_down", "influx"), active=True, at_ns=NS, note_en="timeout", note_zh="超时"
    )
    assert system is not None
    assert (system.alarm, system.category) == ("gateway:sink_down.influx", "system")
    assert system.reason_en.endswith("(influx): timeout")
    unknown = engine.apply(definition.system("something_new"), active=True, at_ns=NS)
    assert unknown is not None
    assert "something_new" in unknown.reason_en


def test_discrete_alarms_name_the_state() -> None:
    gas = definition.Definition(
        id="a/b/c/relay:gas",
        condition="gas",
        category="process",
        priority=1,
        states_en={"0": "normal", "2": "gas"},
        states_zh={"0": "正常", "2": "燃气"},
    )
    engine = Engine()
    began = engine.apply(gas, active=True, at_ns=NS, value=2.0)
    over = engine.apply(gas, active=False, at_ns=NS, value=0.0)
    assert began is not None
    assert over is not None
    assert began.reason_en == 'state 2 "gas" (gas) held 0 s'
    assert over.reason_zh.startswith("状态 0“正常”")


def test_snapshot_is_exact_and_keeps_order() -> None:
    engine = Engine()
    for name in ("H", "HH", "L"):
        raised(engine, high(name), flags=("suspect_time",))
    cleared(engine, high("H"))
    acknowledge(engine, high("HH"), 1)
    body = engine.export()
    twin = Engine.load(body)
    assert twin.export() == body
    assert list(twin.open_alarms()) == list(engine.open_alarms())
    assert twin.occurrence(high("L").id) == 1


ALARMS = [high("H"), high("HH", latch=True), high("L", enterprise="other")]
CHOICE = st.sampled_from(ALARMS)


class Life(RuleBasedStateMachine):
    """Raises, clears, commands, restarts and retirements in any order, against a plain second book."""

    @initialize()
    def begin(self) -> None:
        self.ids = EventIds(1, 1)
        self.engine = Engine(self.ids)
        self.seen: dict[str, list[AlarmEvent]] = {known.id: [] for known in ALARMS}
        self.holds: dict[str, bool] = {known.id: False for known in ALARMS}
        self.all_ids: list[str] = []
        self.now_ns = NS

    def record(self, told: list[AlarmEvent]) -> None:
        for event in told:
            before = self.seen[event.alarm][-1] if self.seen[event.alarm] else None
            at = Situation(before.state, before.process_active) if before else SITUATIONS[0]
            assert event.before == at.state
            assert legal(at, event.cause, Situation(event.state, event.process_active), latch=event.latched)
            newest = before.occurrence if before else 0
            assert event.occurrence == newest + (event.cause in ("raised", "re_raised"))
            assert event.reason_en
            assert event.reason_zh
            self.seen[event.alarm].append(event)
            self.all_ids.append(event.id)

    @rule(known=CHOICE, active=st.booleans())
    def condition(self, known: Any, active: bool) -> None:
        self.now_ns += 1
        event = self.engine.apply(known, active=active, at_ns=self.now_ns, value=1.0, limit=2.0)
        # a change of the condition is an event, and nothing else is
        assert (event is not None) == (self.holds[known.id] != active)
        self.holds[known.id] = active
        self.record([event] if event else [])

    @rule(known=CHOICE, back=st.integers(-1, 2), organisation=st.sampled_from(["", "acme", "other"]))
    def acknowledge(self, known: Any, back: int, organisation: str) -> None:
        occurrence = self.engine.occurrence(known.id) - back
        args = {"alarm": known.id, "occurrence": occurrence}
        answer, told = self.engine.command(
            Command("acknowledge", args, organisation=organisation), self.now_ns
        )
        self.all_ids.append(answer.id)
        assert answer.accepted == bool(told)
        if told:
            assert back == 0
            assert organisation in ("", known.enterprise)
        self.record(told)

    @rule(known=CHOICE)
    def reset(self, known: Any) -> None:
        answer, told = self.engine.command(Command("reset", {"alarm": known.id}), self.now_ns)
        self.all_ids.append(answer.id)
        assert answer.accepted == bool(told)
        assert not (answer.accepted and self.holds[known.id])
        self.record(told)

    @rule(known=CHOICE)
    def retire(self, known: Any) -> None:
        self.holds[known.id] = False
        self.record(self.engine.retire([known.id], self.now_ns))

    @rule()
    def restart(self) -> None:
        self.engine = Engine.load(self.engine.export(), self.ids)

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "engine"):
            return
        for known in ALARMS:
            last = self.seen[known.id][-1] if self.seen[known.id] else None
            alarm = self.engine.find(known.id)
            assert (alarm is None) == (last is None or last.state == NORMAL)
            if alarm is not None and last is not None:
                assert (alarm.state, alarm.process_active) == (last.state, self.holds[known.id])
            if self.holds[known.id]:
                assert alarm is not None
        assert len(set(self.all_ids)) == len(self.all_ids)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
