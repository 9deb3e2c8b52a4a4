"""Any order of readings, commands, time, configurations and restarts: every change is legal and complete,
nothing is taken away for ever or by one person alone, and a replay tells the same, byte by byte."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.alarms import events
from gateway.alarms.events import OUT_OF_SERVICE, QUIET, SHELVED, AlarmEvent, CommandEvent, NoteEvent
from gateway.alarms.lifecycle import A, Situation, legal
from gateway.alarms.requests import WAIT_NS
from gateway.alarms.shelving import MAX_SHELF_NS, is_safety
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, OperatorCommand, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change

TEXT = (Path(__file__).parent.parent / "stories" / "profiles" / "kept.toml").read_text(encoding="utf-8")
FLEET = [Device("acme", "plant", "tank-1", f"D-{n}", "stories/of") for n in (1, 2, 3)]
FIRST_NS, SECOND = 1_764_000_000_000_000_000, 1_000_000_000
KEEP = 2
DEVICES = st.sampled_from([device.key for device in FLEET])
ALARMS = st.sampled_from([f"{d.key}/lel:{name}" for d in FLEET for name in ("H", "HH", "sensor_fault")])
PEOPLE = st.sampled_from(["li", "wang"])
VALUES = st.sampled_from([1.0, 12.0, 25.0, None])


class AnyOrder(RuleBasedStateMachine):
    """The books are kept from the events alone; the engine must agree with them."""

    @initialize()
    def begin(self) -> None:
        self.monitor = Monitor()
        self.entries: list[Entry] = []
        self.told: list[bytes] = []
        self.ids: set[str] = set()
        self.passed_ns = 0
        self.sent = 0
        self.at: dict[str, tuple[Situation, int]] = {}
        self.waits: dict[str, str] = {}
        self.put(Started(self.stamp(), "test", BEHAVIOUR, 1))
        self.configure(1, 10)
        self.put(Link(self.stamp(), 1, True))

    def stamp(self) -> Stamp:
        return Stamp(FIRST_NS + self.passed_ns, SECOND + self.passed_ns, "boot")

    def put(self, entry: Entry) -> None:
        self.entries.append(entry)
        outcome = self.monitor.step(len(self.entries), entry)
        second = ""
        for event in outcome.events:
            assert event.id not in self.ids
            self.ids.add(event.id)
            self.told.append(events.encode(event))
            match event:
                case CommandEvent():
                    second = self.answered(event)
                case NoteEvent(kind="request_expired"):
                    del self.waits[event.detail["request"]]
                case AlarmEvent():
                    self.book(event, second)

    def answered(self, event: CommandEvent) -> str:
        """Who confirmed, if this did."""
        assert event.reason_en
        assert event.reason_zh
        name = event.args.get("request", "")
        if event.action == "confirm" and event.accepted:
            asker = self.waits.pop(name)
            assert asker != event.actor
            assert event.source != "cli"
            return event.actor
        if (event.action == "decline" and event.accepted) or "the request is over" in event.reason_en:
            del self.waits[name]
        elif event.accepted and "must wait for a second person" in event.reason_en:
            self.waits[event.id] = event.actor
        return ""

    def book(self, event: AlarmEvent, second: str) -> None:
        before, occurrence = self.at.get(event.alarm, (A, 0))
        after = Situation(event.state, event.process_active)
        assert event.before == before.state
        assert legal(before, event.cause, after, latch=event.latched)
        assert event.occurrence == occurrence + (event.cause in ("raised", "re_raised"))
        taken = after.state in QUIET and before.state != after.state
        safety = event.category == "process" and is_safety(event.condition, event.priority)
        assert not (taken and safety) or (second and second != event.actor)
        channel = event.alarm.rpartition(":")[0]
        blinds = taken and event.category == "process" and self.lives(channel)
        self.at[event.alarm] = (after, event.occurrence)
        if blinds:
            assert sum(self.lives(f"{device.key}/lel") for device in FLEET) >= KEEP

    def lives(self, channel: str) -> bool:
        device = channel.rpartition("/")[0]
        if device not in {d.key for d in self.fleet}:
            return False
        stands = {name: at for name, (at, _) in self.at.items() if name.startswith(f"{device}/")}
        quiet = any(at.state in QUIET for name, at in stands.items() if name.endswith((":H", ":HH")))
        faults = (":silent", ":never_seen", ":sensor_fault")
        return not quiet and not any(at.process_active for n, at in stands.items() if n.endswith(faults))

    @rule(first=st.integers(1, 2), setpoint=st.sampled_from([10, 11]))
    def configure(self, first: int, setpoint: int) -> None:
        """Another limit, another fleet: the first device may be gone for a while."""
        self.fleet = FLEET[first - 1 :]
        text = TEXT.replace("setpoint = 10", f"setpoint = {setpoint}")
        self.put(config_change(self.stamp(), self.fleet, {"stories/of": text}))

    @rule(device=DEVICES, value=VALUES)
    def reading(self, device: str, value: float | None) -> None:
        self.sent += 1
        time_ms = (FIRST_NS + self.passed_ns) // 1_000_000
        body = {"time_ms": time_ms, "value": value, "boot": 1, "seq": self.sent}
        packet = (f"rg/{device}/lel".encode(), json.dumps(body).encode(), self.stamp().mono_ns, 0)
        self.put(Packets.of(self.stamp(), 1, [packet]))
        self.time(1)

    @rule(seconds=st.sampled_from([1, 30, 600, 3600, 9000]))
    def time(self, seconds: int) -> None:
        self.passed_ns += seconds * SECOND
        self.put(Tick(self.stamp()))

    def command(self, action: str, actor: str, source: str = "console", **args: Any) -> None:
        role, name = "supervisor", f"c{len(self.entries)}"
        self.put(OperatorCommand(self.stamp(), name, action, args, actor, role, "", 0, source))

    @rule(alarm=ALARMS, actor=PEOPLE, minutes=st.integers(1, 720))
    def shelve(self, alarm: str, actor: str, minutes: int) -> None:
        self.command("shelve", actor, alarm=alarm, reason="cleaning", for_s=60 * minutes)

    @rule(alarm=ALARMS, actor=PEOPLE)
    def remove(self, alarm: str, actor: str) -> None:
        self.command("out_of_service", actor, alarm=alarm, reason="broken", work_order="WO-1")

    @rule(device=DEVICES, actor=PEOPLE, back=st.booleans())
    def whole_device(self, device: str, actor: str, back: bool) -> None:
        if back:
            self.command("return_to_service", actor, device=device)
        else:
            self.command("out_of_service", actor, device=device, reason="exchange", work_order="WO-2")

    @rule(alarm=ALARMS, action=st.sampled_from(["unshelve", "return_to_service", "reset"]))
    def bring_back(self, alarm: str, action: str) -> None:
        self.command(action, "li", alarm=alarm)

    @rule(alarm=ALARMS)
    def acknowledge(self, alarm: str) -> None:
        occurrence = self.monitor.engine.occurrence(alarm)
        self.command("acknowledge", "li", alarm=alarm, occurrence=occurrence)

    @rule(
        action=st.sampled_from(["confirm", "confirm", "decline"]),
        actor=PEOPLE,
        source=st.sampled_from(["console", "API 10.0.0.7", "cli"]),
        which=st.integers(0, 3),
    )
    def answer(self, action: str, actor: str, source: str, which: int) -> None:
        names = [*self.waits, "1-1-9"]
        self.command(action, actor, source, request=names[which % len(names)])

    @rule()
    def restart(self) -> None:
        body = self.monitor.save()
        self.monitor = Monitor.load(body)
        assert msgspec.msgpack.decode(self.monitor.save()).keys() == msgspec.msgpack.decode(body).keys()

    @invariant()
    def books_agree(self) -> None:
        engine, now_ns = self.monitor.engine, self.monitor.line.now_ns
        there = {alarm.definition.id: alarm for alarm in engine.open_alarms()}
        stand = {name: at for name, (at, _) in self.at.items() if at != A}
        assert {name: alarm.at for name, alarm in there.items()} == stand
        for alarm in there.values():
            if alarm.state == SHELVED:
                assert 0 < alarm.due_ns - now_ns <= MAX_SHELF_NS
            if alarm.state == OUT_OF_SERVICE:
                assert alarm.due_ns == 0
        assert {request.id for request in engine.requests.pending()} == set(self.waits)
        for request in engine.requests.pending():
            assert 0 < request.due_ns - now_ns <= WAIT_NS

    def teardown(self) -> None:
        twin = Monitor()
        again = [
            events.encode(event)
            for position, entry in enumerate(self.entries, 1)
            for event in twin.step(position, entry).events
        ]
        assert again == self.told


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
