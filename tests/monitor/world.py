"""A monitor, a clock and one way to say what happens: tests read as stories."""

from __future__ import annotations

import json
from typing import Any

from gateway.alarms.events import AlarmEvent, CommandEvent, Event, NoteEvent
from gateway.clock import VirtualClock
from gateway.fleet import read_profiles
from gateway.monitor.channels import Device
from gateway.monitor.entries import (
    FLAG_DUP,
    FLAG_RETAINED,
    Entry,
    Link,
    OperatorCommand,
    Packets,
    Stamp,
    Started,
    SystemFact,
    Tick,
)
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.outcome import Outcome
from gateway.monitor.roster import config_change

PROFILES = read_profiles([])
SECOND = 1_000_000_000
GAS = "gas/combustible_point"


def gas(number: int = 1) -> Device:
    """A fixed gas detector: channel "lel", HH 50 %LEL, one reading each 5 s."""
    return Device("acme", "plant", "hall", f"GD-{number}", GAS)


class World:
    """Steps a monitor; remembers the journal and every event."""

    def __init__(
        self, devices: list[Device] | None = None, *, clock: str = "wall", link: bool = True
    ) -> None:
        self.clock = VirtualClock()
        self.monitor = Monitor(1)
        self.journal: list[tuple[int, Entry]] = []
        self.events: list[Event] = []
        self.boot = "boot-1"
        self.epoch = 1
        self.seq = 0
        self.last = Outcome(0)
        chosen: Any = clock
        self.step(Started(self.stamp(), "0.1.0", BEHAVIOUR, 1, chosen, clock == "stream"))
        self.configure([gas()] if devices is None else devices)
        if link:
            self.link(up=True)

    def stamp(self) -> Stamp:
        return Stamp(self.clock.wall_ns(), self.clock.mono_ns(), self.boot)

    def step(self, entry: Entry) -> Outcome:
        position = len(self.journal) + 1
        self.journal.append((position, entry))
        self.last = self.monitor.step(position, entry)
        self.events += self.last.events
        return self.last

    def configure(self, devices: list[Device], profiles: dict[str, str] | None = None) -> Outcome:
        return self.step(config_change(self.stamp(), devices, profiles or PROFILES))

    def link(self, *, up: bool, present: bool = False, expected: bool = False) -> Outcome:
        if up:
            self.epoch += 1
        return self.step(Link(self.stamp(), self.epoch, up, present, expected))

    def wait(self, seconds: float) -> None:
        """Let time pass with a tick each 250 ms."""
        until = self.clock.mono_ns() + round(seconds * SECOND)
        while self.clock.mono_ns() < until:
            self.clock.advance(min(SECOND // 4, until - self.clock.mono_ns()))
            self.step(Tick(self.stamp()))

    def raw(self, *packets: tuple[str, bytes], dup: bool = False, retained: bool = False) -> Outcome:
        flags = (FLAG_DUP if dup else 0) | (FLAG_RETAINED if retained else 0)
        rows = [(topic.encode(), payload, self.clock.mono_ns(), flags) for topic, payload in packets]
        return self.step(Packets.of(self.stamp(), self.epoch, rows))

    def send(
        self,
        value: float | None,
        *,
        device: str = "acme/plant/GD-1",
        channel: str = "lel",
        age_s: float = 0.0,
        at_ms: float | None = None,
        seq: int | None = None,
        boot: int = 1,
        dup: bool = False,
        retained: bool = False,
        **more: Any,
    ) -> Outcome:
        """One reading, made ``age_s`` ago by the gateway's own clock unless ``at_ms`` says otherwise."""
        time_ms = self.clock.wall_ns() / 1e6 - age_s * 1000 if at_ms is None else at_ms
        payload: dict[str, Any] = {"time_ms": time_ms, "value": value, **more}
        if seq is not None:
            payload |= {"boot": boot, "seq": seq}
        text = json.dumps(payload).encode()
        return self.raw((f"rg/{device}/{channel}", text), dup=dup, retained=retained)

    def every(self, seconds: float, *values: float | None, **more: Any) -> None:
        """One reading after another, ``seconds`` apart."""
        for value in values:
            self.clock.advance(round(seconds * SECOND))
            self.send(value, **more)

    def command(self, action: str, deadline_s: float = 5.0, **args: Any) -> CommandEvent:
        self.seq += 1
        deadline = self.clock.wall_ns() + round(deadline_s * SECOND)
        entry = OperatorCommand(
            self.stamp(), f"c{self.seq}", action, args, "ann", "operator", "", deadline, "test"
        )
        return next(e for e in self.step(entry).events if isinstance(e, CommandEvent))

    def fact(self, subject: str, *, active: bool) -> Outcome:
        return self.step(SystemFact(self.stamp(), "condition", subject, active))

    def restart(self, *, clean: bool = True) -> None:
        """A new boot of the machine: the monotonic clock begins anew; state by snapshot or by replay."""
        if clean:
            self.monitor = Monitor.load(self.monitor.save())
        else:
            self.monitor = Monitor(1)
            for position, entry in self.journal:
                self.monitor.step(position, entry)
        self.boot = f"boot-{int(self.boot[5:]) + 1}"
        self.clock = VirtualClock(self.clock.wall_ns(), 5 * SECOND)
        self.step(Started(self.stamp(), "0.1.0", BEHAVIOUR, 2))

    def alarms(self, condition: str = "") -> list[AlarmEvent]:
        """Alarm events so far, of one condition if named."""
        return [e for e in self.events if isinstance(e, AlarmEvent) and condition in ("", e.condition)]

    def told(self, condition: str) -> list[str]:
        """The causes of one condition's events, in order."""
        return [e.cause for e in self.alarms(condition)]

    def notes(self, kind: str) -> list[NoteEvent]:
        return [e for e in self.events if isinstance(e, NoteEvent) and e.kind == kind]
