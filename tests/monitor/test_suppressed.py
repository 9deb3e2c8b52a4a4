"""An alarm is suppressed as long as one cause holds; wherever it lies it comes back at last, and says why."""

from __future__ import annotations

import msgspec

from gateway.alarms import lifecycle
from gateway.alarms.definition import Definition
from gateway.alarms.engine import Engine, EventIds
from gateway.alarms.events import NORMAL, OUT_OF_SERVICE, SHELVED, SUPPRESSED, UNACKNOWLEDGED, AlarmEvent
from gateway.alarms.flow import Held
from gateway.alarms.reasons import Reason
from gateway.monitor.suppressing import Suppressed, Window
from tests.alarms.made import high

NS = 1_700_000_000_000_000_000
KNOWN = msgspec.structs.replace(high(), priority=2)
H = KNOWN.id
ONE, TWO = Reason("pump stands", "泵停"), Reason("works", "检修")
OVER = Reason("pump runs", "泵运行")
TREND = msgspec.structs.replace(
    KNOWN, id="acme/plant/GD-1/lel:voted", condition="voted", title_en="sensors agree", title_zh="一致"
)


class Stand:
    """An engine, its suppressed alarms and what was told."""

    def __init__(self, *known: Definition) -> None:
        self.engine = Engine(EventIds(1, 1))
        self.engine.define = {one.id: one for one in (KNOWN, *known)}.get
        self.told: list[AlarmEvent] = []
        self.suppressed = Suppressed(self.engine, self.told.append, lambda: NS)

    def put(self, known: Definition = KNOWN, *, active: bool) -> None:
        self.engine.apply(known, active=active, at_ns=NS, value=12.0, limit=10.0, extra=7.0)

    def state(self) -> str:
        alarm = self.engine.find(H)
        return NORMAL if alarm is None else alarm.state

    def restart(self) -> Stand:
        """From what both have exported."""
        new = Stand()
        new.engine = Engine.load(self.engine.export(), EventIds(1, 2))
        new.engine.define = self.engine.define
        new.suppressed = Suppressed(new.engine, new.told.append, lambda: NS)
        stored = msgspec.json.decode(msgspec.json.encode(self.suppressed.export()))
        new.suppressed.load(stored)
        assert new.suppressed.export() == self.suppressed.export()
        return new


def test_two_causes_and_the_last_one_brings_it_back() -> None:
    made = Stand()
    made.suppressed.begin(H, "one", ONE)
    made.suppressed.begin(H, "two", TWO)
    (event,) = made.told
    assert (event.state, event.reason_en, event.reason_zh, event.actor, event.at_ns) == (
        SUPPRESSED, "pump stands", "泵停", "", NS,
    )  # fmt: skip
    assert made.suppressed.why(H) == ONE
    assert (H in made.suppressed, "acme/x:H" in made.suppressed) == (True, False)
    assert made.suppressed.has(H, "two")
    assert not made.suppressed.has(H, "three")
    assert not made.suppressed.has("acme/x:H", "one")
    assert made.suppressed.of("two") == [H]
    assert made.suppressed.pairs("t") == [(H, "two")]
    made.suppressed.end(H, "three", OVER)
    made.suppressed.end("acme/x:H", "one", OVER)
    made.suppressed.end(H, "one", OVER)
    assert (made.state(), made.suppressed.why(H)) == (SUPPRESSED, TWO)
    made.suppressed.end(H, "two", OVER)
    assert (made.told[-1].state, made.told[-1].cause, made.told[-1].actor) == (NORMAL, "unsuppressed", "")
    assert (made.told[-1].reason_en, made.told[-1].reason_zh) == OVER
    assert made.suppressed.why(H) is None
    assert H not in made.suppressed
    made.suppressed.end(H, "two", OVER)
    assert len(made.told) == 2


def test_what_stands_when_the_last_cause_ends_says_so_in_both_languages() -> None:
    made = Stand(TREND)
    for known, words in (
        (KNOWN, "12 %LEL >= 10 %LEL (H) held 0 s"),
        (TREND, "sensors agree: 12 passed 7, 10"),
    ):
        made.suppressed.begin(known.id, "one", ONE)
        made.put(known, active=True)
        made.suppressed.end(known.id, "one", OVER)
        event = made.told[-1]
        assert (event.alarm, event.state, event.cause) == (known.id, UNACKNOWLEDGED, "re_raised")
        assert event.reason_en.startswith(f"pump runs; {words}")
        assert event.reason_zh.startswith("泵运行;")
        assert len(event.reason_zh) > len("泵运行;")


def test_a_shelved_alarm_is_left_there_and_suppressed_when_it_comes_back() -> None:
    for restart in (False, True):
        made = Stand()
        made.put(active=True)
        made.engine.shelve(H, 60, NS, ONE, actor="li", comment="")
        made.suppressed.begin(H, "one", ONE)
        assert (made.state(), made.told) == (SHELVED, [])
        made = made.restart() if restart else made
        made.suppressed.sweep()
        assert made.state() == SHELVED
        made.engine.now_ns = 60
        made.engine.end_shelves(NS)
        assert made.state() == UNACKNOWLEDGED
        made.suppressed.sweep()
        assert (made.state(), [event.cause for event in made.told]) == (SUPPRESSED, ["suppressed"])
        made.suppressed.sweep()
        assert len(made.told) == 1


def test_a_cause_that_ends_while_the_alarm_is_elsewhere_leaves_it_there() -> None:
    made = Stand()
    made.engine.take_away(H, lifecycle.REMOVE, NS, ONE, actor="li")
    made.suppressed.begin(H, "one", ONE)
    made.suppressed.end(H, "one", OVER)
    made.suppressed.sweep()
    assert (made.state(), made.told) == (OUT_OF_SERVICE, [])
    made.engine.operate(H, lifecycle.RETURN, NS, ONE, actor="li")
    made.suppressed.sweep()
    assert (made.state(), made.told) == (NORMAL, [])


def test_an_alarm_whose_end_is_held_back_comes_back_when_that_is_told() -> None:
    for restart in (False, True):
        made = Stand()
        made.suppressed.begin(H, "one", ONE)
        made.put(active=True)
        made.engine.flow.stored.held[H] = Held(5, NS, 1.0, 10.0, None, (), "", "")
        made.suppressed.end(H, "one", OVER)
        made = made.restart() if restart else made
        made.suppressed.sweep()
        assert made.state() == SUPPRESSED
        made.engine.flow.over(5)
        made.put(active=False)
        made.suppressed.sweep()
        assert made.state() == NORMAL
        assert (made.told[-1].cause, made.told[-1].reason_en, made.told[-1].reason_zh) == (
            "unsuppressed", "pump runs", "泵运行",
        )  # fmt: skip
        assert made.suppressed.export() == {"causes": {}, "leaving": {}}


def test_a_cause_that_begins_anew_keeps_what_was_about_to_come_back() -> None:
    made = Stand()
    made.suppressed.begin(H, "one", ONE)
    made.put(active=True)
    made.engine.flow.stored.held[H] = Held(5, NS, 1.0, 10.0, None, (), "", "")
    made.suppressed.end(H, "one", OVER)
    made.suppressed.begin(H, "two", TWO)
    made.engine.flow.over(5)
    made.suppressed.sweep()
    assert (made.state(), len(made.told)) == (SUPPRESSED, 1)
    assert made.suppressed.export() == {"causes": {H: {"two": ("works", "检修")}}, "leaving": {}}


def test_another_configuration_suppresses_anew_what_it_still_has_and_forgets_the_rest() -> None:
    made = Stand(TREND)
    for name in (H, TREND.id):
        made.suppressed.begin(name, "one", ONE)
    made.engine.retire([H, TREND.id], NS)
    made.engine.define = {H: KNOWN}.get
    made.suppressed.again()
    assert made.state() == SUPPRESSED
    assert made.suppressed.of("one") == [H]
    made.suppressed.again()
    assert [event.alarm for event in made.told] == [H, TREND.id, H]


def test_an_alarm_that_is_open_stays_suppressed_though_nothing_defines_it_any_more() -> None:
    made = Stand()
    made.suppressed.begin(H, "one", ONE)
    made.engine.define = lambda _: None
    made.suppressed.again()
    assert (made.state(), made.suppressed.of("one"), len(made.told)) == (SUPPRESSED, [H], 1)


def test_what_is_forgotten_leaves_nothing_behind() -> None:
    made = Stand()
    made.engine.shelve(H, 60, NS, ONE, actor="li", comment="")
    made.suppressed.begin(H, "one", ONE)
    made.suppressed.forget([H])
    made.engine.now_ns = 60
    made.engine.end_shelves(NS)
    made.suppressed.sweep()
    assert (made.state(), made.told) == (NORMAL, [])
    made.suppressed.begin(H, "one", ONE)
    made.put(active=True)
    made.engine.flow.stored.held[H] = Held(5, NS, 1.0, 10.0, None, (), "", "")
    made.suppressed.end(H, "one", OVER)
    made.suppressed.forget([H, H, "acme/x:H"])
    assert made.suppressed.export() == {"causes": {}, "leaving": {}}


def test_a_state_from_before_anything_was_suppressed_is_read() -> None:
    made = Stand()
    made.suppressed.load({})
    assert made.suppressed.export() == {"causes": {}, "leaving": {}}


def test_a_window_concerns_its_site_its_asset_or_its_device() -> None:
    window = Window("works", "acme/plant", "", (), "valves", "WO-1", "li")
    here = ("acme", "plant", "hall", "GD-1")
    assert window.concerns(*here)
    assert not window.concerns("acme", "depot", "hall", "GD-1")
    hall = msgspec.structs.replace(window, asset="hall")
    assert hall.concerns(*here)
    assert not hall.concerns("acme", "plant", "yard", "GD-1")
    one = msgspec.structs.replace(window, scope="acme/plant/GD-1", asset="yard")
    assert one.concerns(*here), "a device is meant whatever asset it stands on"
    assert not one.concerns("acme", "plant", "hall", "GD-2")


def test_an_alarm_that_was_retired_has_nothing_to_come_back() -> None:
    for restart in (False, True):
        made = Stand()
        made.suppressed.begin(H, "one", ONE)
        made.engine.retire([H], NS)
        told = len(made.told)
        made = made.restart() if restart else made
        made.suppressed.sweep()
        made.suppressed.end(H, "one", OVER)
        assert (made.state(), len(made.told)) == (NORMAL, 0 if restart else told)
