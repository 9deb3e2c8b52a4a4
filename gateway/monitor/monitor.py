"""``Monitor.step``: one journal entry in, its outcome out. Total, deterministic, and the whole truth.

Live and replay are the same call. What the journal holds is all that the monitor ever knows.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from detectors import Readings
from gateway.alarms.engine import Engine
from gateway.alarms.flow import FROM_BEHAVIOUR
from gateway.monitor.bank import Bank
from gateway.monitor.channels import ChannelTable
from gateway.monitor.counts import Counts
from gateway.monitor.entries import (
    ConfigChange,
    Entry,
    Link,
    OperatorCommand,
    Packets,
    Started,
    SystemFact,
    Tick,
)
from gateway.monitor.groups import Groups
from gateway.monitor.judgement import Judgement
from gateway.monitor.lifetimes import Lifetimes
from gateway.monitor.outcome import Outcome, Rejected
from gateway.monitor.packets import Inlet
from gateway.monitor.passes import keep_last, values_of
from gateway.monitor.rooms import grown
from gateway.monitor.roster import Change, Prepared, Roster, unpack
from gateway.monitor.rules import Rules
from gateway.monitor.silence import Silence
from gateway.monitor.stored import Image, Piece, Rows
from gateway.monitor.throttle import Throttle
from gateway.monitor.timeline import TimeLine

BEHAVIOUR = 2
"""Raised whenever the same entries would give other events: hash equality holds within one behaviour."""

SWEEP_NS = 250_000_000
"""Timers are looked at when gateway time crosses a multiple of this."""
DRIFT_SWEEP_NS = 60_000_000_000
"""The same for clocks that drift, which takes hours to tell."""


class Monitor:
    """One partition's whole state. Not thread-safe: one thread steps it."""

    def __init__(self, partition: int = 1) -> None:
        self.partition = partition
        self.line = TimeLine()
        self.counts = Counts()
        self.engine = Engine()
        self.exercise = False
        self.version = ""
        self.last_readings = 0
        self.had_session = False
        """Whether a broker session was ever established: a later one without it may have lost packets."""
        self.last_epoch = 0
        """Highest connection epoch seen, so that epochs never repeat."""
        self._before_ns = 0
        self._prepared: Prepared | None = None
        self._assemble(Roster())

    def _assemble(self, roster: Roster) -> None:
        self.roster = roster
        self.inlet = Inlet(roster, self.line, self.counts)
        self.bank = Bank()
        self.silence = Silence(roster)
        self.throttle = Throttle(roster)
        self.lifetimes = Lifetimes(roster, self.silence)
        self.groups = Groups(roster)
        parts = (roster, self.bank, self.groups, self.silence, self.counts)
        self.judgement = Judgement(self.engine, *parts, self.partition)
        self.rules = Rules(roster, self.bank, self.silence, self.judgement)
        self.last_value = np.full(0, np.nan)
        self.last_event_ns = np.zeros(0, np.int64)
        self.last_quality = np.zeros(0, np.uint8)

    @property
    def channels(self) -> ChannelTable:
        """Who each slot is."""
        return self.roster.channels

    def step(self, position: int, entry: Entry) -> Outcome:
        """Take one entry; ``position`` is its place in the journal, from 1. Never raises for what devices,
        operators or brokers send."""
        outcome = Outcome(position, previous_readings=self.last_readings)
        before_ns = self._before_ns = self.line.now_ns
        jump = self.line.advance(entry.stamp)
        self.judgement.begin(outcome, self.line, exercise=self.exercise)
        if jump:
            self._wall_jumped(jump)
        match entry:
            case Packets():
                self._packets(entry, outcome)
            case OperatorCommand():
                self.judgement.command(entry)
            case Link():
                self._link(entry)
            case SystemFact():
                self._fact(entry, outcome)
            case ConfigChange():
                self._config(entry)
            case Started():
                self._started(entry)
            case Tick():
                pass  # only time passed
        if self.silence.urgent or self.line.now_ns // SWEEP_NS != before_ns // SWEEP_NS:
            self._sweep(self.line.now_ns, before_ns)
        return outcome

    def _sweep(self, now_ns: int, before_ns: int) -> None:
        """What time alone brings about."""
        self.judgement.shelves(now_ns)
        self.judgement.maintenance.sweep(self.line)
        self.judgement.flow(now_ns)
        if self.lifetimes.due(self.line):
            self.lifetimes.sweep(self.line, self.judgement)
        self.silence.sweep(now_ns, self.judgement)
        self.judgement.upstreams.sweep(now_ns)
        for device in self.throttle.calm(now_ns, self.inlet.changing_devices):
            self.judgement.devices.flooding(device, active=False)
        for device in self.inlet.calm(now_ns):
            self.judgement.devices.doubled(device, active=False)
        if now_ns // DRIFT_SWEEP_NS != before_ns // DRIFT_SWEEP_NS:
            for device, active, gain_s in self.inlet.drifting():
                self.judgement.devices.drifting(device, active=active, gain_s=gain_s)

    def _started(self, entry: Started) -> None:
        first = self._before_ns == 0
        self.line.stream = entry.clock == "stream"
        if self.line.stream and first:
            self.line.now_ns = 0  # the first reading says what time it is
        self.inlet.remembered.key = self.inlet.remembered.key or entry.seed & 0xFFFFFFFFFFFFFFFF
        self.exercise = entry.exercise
        self.version = entry.version
        self.judgement.exercise = entry.exercise
        self.engine.flow.stored.on = entry.behaviour >= FROM_BEHAVIOUR
        self.silence.started(self.line.now_ns if first else self._before_ns)
        self.judgement.note(
            "started",
            f"riskgate {entry.version} started (behaviour {entry.behaviour}, clock {entry.clock})",
            f"riskgate {entry.version} 已启动 (行为版本 {entry.behaviour}, 时钟 {entry.clock})",
            {"boot": entry.stamp.boot, "behaviour": entry.behaviour, "exercise": entry.exercise},
        )

    def _packets(self, entry: Packets, outcome: Outcome) -> None:
        rebased = self.inlet.take(outcome.position, entry, outcome)
        for device, event_ns in self.inlet.doubled:
            names = self.inlet.twins.names(device)
            self.judgement.devices.doubled(device, active=True, event_ns=event_ns, names=names)
        readings = outcome.readings
        if not len(readings):
            return
        self.last_readings = outcome.position
        throttled, flooding = self.throttle.mark(readings)
        self.counts.throttled += throttled
        if self.judgement.states.on:
            self.judgement.states.take(readings)
        begin = 0
        for row, device, skew_change in rebased:
            self._judge(readings, begin, row)
            begin = row
            slots = self.roster.slots_of(device)
            self.inlet.changing(np.arange(slots.start, slots.stop), np.array([device]))
            self.inlet.twins.rebased(device)
            self.inlet.forget_newest(slots, int(readings.event_ns[row]))
            self.bank.shift(slots, -skew_change)
            self.groups.shift(slots, -skew_change)
            self.judgement.devices.clock_changed(device, int(readings.event_ns[row]), skew_change)
        self._judge(readings, begin, len(readings))
        for row, device in flooding:
            excess, rate = self.throttle.figures(device)
            self.judgement.devices.flooding(
                device, active=True, event_ns=int(readings.event_ns[row]), value=excess, limit=rate
            )
        self.silence.heard(readings, self.judgement)
        keep_last(
            readings.slot,
            readings.event_ns,
            readings.value,
            readings.quality,
            readings.time,
            (self.last_value, self.last_event_ns, self.last_quality),
        )

    def _judge(self, readings: Readings, begin: int, end: int) -> None:
        if begin == end:
            return
        part = readings if end - begin == len(readings) else readings.take(slice(begin, end))
        for fault in self.judgement.judge(part):
            self.counts.add("faults", fault)

    def _config(self, entry: ConfigChange) -> None:
        self.inlet.changing_all()
        change = self._take_over(entry)
        channels = self.channels
        self.inlet.decoder.forget_routes(change)
        self.inlet.grow(len(channels.devices), len(channels))
        self.bank.grow(len(channels))
        self.silence.grow(len(channels))
        self.last_value = grown(self.last_value, len(channels), np.nan)
        self.last_event_ns = grown(self.last_event_ns, len(channels), 0)
        self.last_quality = grown(self.last_quality, len(channels), 0)
        self._rule(change)
        active = len(self.roster.index)
        self.judgement.note(
            "configuration",
            f"configuration {entry.digest[:12]} in force: {active} devices, {len(change.added)} new, "
            f"{len(change.retired)} retired",
            f"配置 {entry.digest[:12]} 生效: {active} 台设备, 新增 {len(change.added)}, "
            f"停用 {len(change.retired)}",
            {"digest": entry.digest, "devices": active},
        )

    def offer(self, prepared: Prepared) -> None:
        """The next configuration was made ready already: if it is the one that the next entry carries, and
        nothing changed since, the step gives what it would give anyway, sooner."""
        self._prepared = prepared

    def _take_over(self, entry: ConfigChange) -> Change:
        ready, self._prepared = self._prepared, None
        if ready is None or (ready.digest, ready.base) != (entry.digest, self.channels.version):
            return self.roster.apply(unpack(entry), entry.digest)
        self.roster.become(ready.roster)
        return ready.change

    def _rule(self, change: Change) -> None:
        """Give every new or changed channel its rules; the state of an unchanged rule is kept."""
        self.throttle.changed(change)
        self.inlet.twins.changed(change)
        self.rules.change(change, self.inlet.clocks)
        self.judgement.roster_changed(change)
        self.judgement.groups_changed()
        self.lifetimes.change(change)

    def _link(self, entry: Link) -> None:
        self.silence.link(up=entry.up, now_ns=self.line.now_ns)
        self.last_epoch = max(self.last_epoch, entry.epoch)
        if entry.up:
            self.had_session = True
            self.judgement.condition("link_down", active=False)
            if entry.expected_session and not entry.session_present:
                # it has happened and is over: what was lost can only be looked for, so it waits to be seen
                self.judgement.condition("possible_gap", active=True)
                self.judgement.condition("possible_gap", active=False)

    def _fact(self, entry: SystemFact, outcome: Outcome) -> None:
        if entry.kind == "refused":
            reason = str(entry.detail.get("reason", ""))
            self.counts.add("refused", reason)
            size = f"{entry.detail.get('size', '?')} bytes"
            refused = Rejected(outcome.position, -1, -1, reason, size, entry.subject)
            self.inlet.rejections.recent.append(refused)
        elif entry.kind == "condition":
            if entry.subject == "disk_full":
                self.silence.blind(active=entry.active, now_ns=self.line.now_ns)
            self.judgement.condition(entry.subject, active=entry.active, detail=entry.detail)

    def _wall_jumped(self, jump_ns: int) -> None:
        self.inlet.wall_jumped(jump_ns)
        seconds = jump_ns / 1e9
        self.judgement.note(
            "clock_jump",
            f"the gateway's own clock was set by {seconds:+.1f} s; timers are not affected",
            f"网关时钟被调整 {seconds:+.1f} 秒; 定时器不受影响",
            {"seconds": seconds},
        )

    def values_of(self, key: str) -> list[dict[str, Any]]:
        """Last value of every channel of a device, for live-state questions; [] for an unknown one."""
        return values_of(self.roster, key, (self.last_value, self.last_event_ns, self.last_quality))

    def save(self) -> bytes:
        """Everything needed to stand here again, as bytes for a snapshot."""
        return b"".join(self.capture())

    def capture(self) -> list[Piece]:
        """The same in pieces: stepping on does not change them."""
        return Image(self._stored()).rest()

    def image(self) -> Image:
        """The same, to be taken over a piece at a time while stepping goes on. One at a time."""
        self.inlet.image = image = Image(self._stored())
        return image

    def _stored(self) -> dict[str, Any]:
        return {
            "partition": self.partition,
            "line": self.line.export(),
            "counts": self.counts,
            "engine": self.engine.export(),
            "exercise": self.exercise,
            "version": self.version,
            "last_readings": self.last_readings,
            "had_session": self.had_session,
            "last_epoch": self.last_epoch,
            "silence": self.silence.export(),
            "roster": self.roster.export(),
            "inlet": self.inlet.export(),
            "bank": self.bank.export(),
            "groups": self.groups.export(),
            "throttle": self.throttle.export(),
            "lifetimes": self.lifetimes.export(),
            "late": self.judgement.late.export(),
            "design": self.judgement.design.export(),
            "last": [Rows(self.last_value), Rows(self.last_event_ns), Rows(self.last_quality)],
        }

    @classmethod
    def load(cls, body: bytes) -> Monitor:
        """The monitor of a snapshot's bytes; ValueError when they hold another layout."""
        stored = msgspec.msgpack.decode(body)
        monitor = cls(stored["partition"])
        monitor.line = TimeLine.load(stored["line"])
        monitor.counts = msgspec.convert(stored["counts"], Counts)
        monitor.engine = Engine.load(stored["engine"])
        monitor.exercise = stored["exercise"]
        monitor.version = stored["version"]
        monitor.last_readings = stored["last_readings"]
        monitor.had_session = stored["had_session"]
        monitor.last_epoch = stored["last_epoch"]
        monitor._assemble(Roster.load(stored["roster"]))
        monitor.inlet.load(stored["inlet"])
        monitor.bank.load(stored["bank"], monitor.roster)
        monitor.groups.load(stored.get("groups", {}))
        monitor.silence.load(stored["silence"])
        if "throttle" in stored:  # not before behaviour 2
            monitor.throttle.load(stored["throttle"])
        if "lifetimes" in stored:
            monitor.lifetimes.load(stored["lifetimes"])
        monitor.judgement.late.load(stored.get("late", {}))
        monitor.judgement.design.load(stored.get("design", {}))
        value, event, quality = stored["last"]
        monitor.last_value = np.frombuffer(value, np.float64).copy()
        monitor.last_event_ns = np.frombuffer(event, np.int64).copy()
        monitor.last_quality = np.frombuffer(quality, np.uint8).copy()
        return monitor
