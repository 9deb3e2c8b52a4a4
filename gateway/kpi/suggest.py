"""Other deadbands and delays for the alarms that came most often, with what they would have done.

Guarantee: the effect is not estimated. The channel's own recorded readings are judged again by the limit
detector of live, once with the settings in force and once with each others; both counts are told, and beside
them how often the ledger says that the alarm came.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from detectors import Findings, Readings, limits
from device_profiles import LIMITS, AlarmDefinition, Profile, is_safety, parse
from gateway.journal import JournalReader
from gateway.kpi.scope import Scope, WholeCity, seen
from gateway.kpi.stretches import MS, stretches
from gateway.kpi.summary import Summary
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange
from gateway.monitor.roster import MonitorConfig, settings_of, unpack, with_setpoints
from gateway.paths import DataFolder
from gateway.sinks.history import HistoryReader

NS = 1_000_000_000
DEADBANDS = (0.0, 0.01, 0.02, 0.05)
"""Of the span: the defaults of EEMUA 191 for composition and temperature (1 %), pressure (2 %), level and
flow (5 %); not read in its own text."""
OFF_DELAYS_S = (0, 15, 60)
ON_DELAYS_S = (0, 2, 5, 15, 60)
SAFETY_ON_DELAY_S = 3
"""A safety limit is never suggested a longer one."""
TRUE_AFTER_NS = 60 * NS
"""A condition that stood for so long was true: a setting that loses one is not suggested."""

KEPT_APART_NS = 600 * NS
"""A condition that was over for so long was over: a setting under which the alarm stands on is not suggested.
Else the calmest deadband would be one that never lets an alarm end."""


class Effect(msgspec.Struct, frozen=True):
    """Some settings, and what they gave on the recorded readings."""

    deadband: float
    on_delay_s: float
    off_delay_s: float
    alarms: int
    """By the rule alone: the end of one that chatters is not held back here, so it may be more than came."""


class Suggestion(msgspec.Struct, frozen=True):
    """One alarm. Without a better setting ``suggested`` is None, and ``reason_en`` says why."""

    alarm: str
    unit: str
    setpoint: float
    recorded: int
    """How often the alarm came in the period, by the ledger."""
    readings: int
    now: Effect | None
    suggested: Effect | None
    avoided: int
    """Alarms fewer than now."""
    missed: int
    """Times that the condition stood and would not have been told: all shorter than a minute, and none of a
    safety limit."""
    longest_missed_s: float
    slowest_s: float
    """How much later the slowest alarm that remains would have come."""
    reason_en: str
    reason_zh: str


class _Known(msgspec.Struct, frozen=True):
    alarm: str
    device: str
    channel: str
    condition: str


class _Stood(msgspec.Struct):
    begin_ns: int
    end_ns: int


def suggestions(
    ledger: Path, since_ns: int, until_ns: int, scope: Scope | None = None, *, count: int = 10
) -> list[Suggestion]:
    """For the limit alarms that came most often in the period, worst first. ``ledger``:
    ``DataFolder.ledger``; readings come from the history beside it. JournalError when a file cannot be
    read."""
    summary = Summary.of(ledger)
    worst = _worst(summary, since_ns // MS, until_ns // MS, scope or WholeCity(), count)
    if not worst:
        return []
    data = DataFolder(ledger.parent)
    config = _in_force(data, summary, until_ns)
    devices = {device.key: device for device in config.devices}
    history = HistoryReader(data.history)
    found = []
    for known, recorded in worst:
        device = devices.get(known.device)
        profile = _profile(config, device) if device else None
        alarm = _definition(profile, known) if profile else None
        if profile is None or alarm is None:
            continue  # no longer expected: there is nothing to set
        readings = _readings(history, f"{known.device}/{known.channel}", since_ns, until_ns)
        found.append(_Trial(profile, alarm, readings).suggestion(known.alarm, recorded))
    return found


def _worst(summary: Summary, since: int, until: int, scope: Scope, count: int) -> list[tuple[_Known, int]]:
    mine = seen(scope, summary.words, summary.alarms)
    mine &= summary.coded("condition", dict.fromkeys(LIMITS, 1), 0) == 1
    period = stretches(summary.events, mine, since, until)
    event = period.event
    raised = (event["state"] == summary.code("unacknowledged")) & (event["before"] != event["state"])
    counts = np.bincount(event["alarm"][raised & (period.begin >= since)], minlength=len(summary.alarms))
    chosen = np.flatnonzero(counts > 1)
    chosen = chosen[np.argsort(-counts[chosen], kind="stable")][:count]
    names, words = summary.names(), summary.words
    found = []
    for number in chosen.tolist():
        alarm, row = names[number], summary.alarms[number]
        channel, condition = words[row["channel"]], words[row["condition"]]
        device = alarm.removesuffix(f"/{channel}:{condition}")
        found.append((_Known(alarm, device, channel, condition), int(counts[number])))
    return found


def _in_force(data: DataFolder, summary: Summary, until_ns: int) -> MonitorConfig:
    """The configuration in force at the end of the period."""
    notes = [n for n in summary.notes if n.kind == "configuration" and n.at_ns < until_ns]
    entry = JournalReader(data.journal).entry(notes[-1].position) if notes else None
    return unpack(entry) if isinstance(entry, ConfigChange) else MonitorConfig([], {})


def _profile(config: MonitorConfig, device: Device) -> Profile:
    return with_setpoints(parse(device.profile, config.profiles[device.profile]), device.overrides)


def _definition(profile: Profile, known: _Known) -> AlarmDefinition | None:
    wanted = (known.channel, known.condition)
    return next((a for a in profile.alarms if (a.channel, a.condition) == wanted), None)


def _readings(history: HistoryReader, channel: str, since_ns: int, until_ns: int) -> Readings:
    """The channel's recorded readings in the order in which they acted."""
    parts = [stored.rows for stored in history.readings(channel, since_ns, until_ns)]
    if not parts:
        return Readings.empty()
    rows = type(parts[0]).joined(parts)
    rows = rows.take(np.lexsort((rows.packet, rows.position)))
    return Readings(
        np.zeros(len(rows), np.int32),
        rows.event_ns,
        rows.received_ns,
        rows.value,
        rows.quality,
        rows.reason,
        rows.time,
        rows.packet,
        np.zeros(len(rows), np.int32),
    )


class _Trial:
    """One channel's readings, judged with one setting after another."""

    def __init__(self, profile: Profile, alarm: AlarmDefinition, readings: Readings) -> None:
        self._alarm, self._readings = alarm, readings
        place = next(n for n, point in enumerate(profile.points) if point.channel == alarm.channel)
        self._point = profile.points[place]
        self._settings: dict[str, Any] = settings_of(profile, place)["limits"]
        self._safety = is_safety(alarm)

    def suggestion(self, name: str, recorded: int) -> Suggestion:
        alarm = self._alarm
        head = (name, self._point.unit, alarm.setpoint, recorded, len(self._readings))
        if not len(self._readings):
            return Suggestion(
                *head, None, None, 0, 0, 0.0, 0.0,
                "the local history holds no reading of this channel in the period",
                "本地历史在该时段内没有此通道的读数",
            )  # fmt: skip
        own = (alarm.deadband, alarm.on_delay_ns, alarm.off_delay_ns)
        was = self._stood(*own)
        now = _effect(own, len(was))
        best: tuple[tuple[Any, ...], tuple[float, int, int], list[_Stood], _Compared] | None = None
        for rank, settings in enumerate(self._candidates()):
            stood = self._stood(*settings)
            told = _compare(was, stood)
            if len(stood) >= len(was) or told.lost_true or (self._safety and told.missed):
                continue
            if self._stands_on(was, stood):
                continue
            order = (len(stood), told.slowest_ns, rank)
            if best is None or order < best[0]:
                best = (order, settings, stood, told)
        if best is None:
            return Suggestion(
                *head, now, None, 0, 0, 0.0, 0.0,
                "no setting tried gives fewer alarms without losing one that stood for a minute, or keeping "
                "one on for ten minutes after it was over",
                "试过的设置均不能在不丢失持续一分钟以上的报警、且不使报警在恢复后再持续十分钟的情况下减少报警",
            )  # fmt: skip
        _, settings, stood, told = best
        gone = len(was) - len(stood)
        slowest, longest = told.slowest_ns / NS, told.longest_missed_ns / NS
        return Suggestion(
            *head, now, _effect(settings, len(stood)), gone, told.missed, longest, slowest,
            f"{gone} of {len(was)} alarms would not have happened; slowest true alarm {slowest:g} s later",
            f"{len(was)} 次报警中有 {gone} 次不会发生;最慢的真实报警推迟 {slowest:g} 秒",
        )  # fmt: skip

    def _stands_on(self, was: list[_Stood], stood: list[_Stood]) -> bool:
        """Whether other settings join alarms that were well apart, or do not let the last one end."""
        last_ns = int(self._readings.event_ns[-1])
        begins = np.array([one.begin_ns for one in stood], np.int64)
        next_begins = [*(one.begin_ns for one in was[1:]), last_ns]
        for one, then_ns in zip(was, next_begins, strict=True):
            place = int(np.searchsorted(begins, one.end_ns, side="right")) - 1
            over_ns = one.end_ns + KEPT_APART_NS
            if then_ns >= over_ns and place >= 0 and stood[place].end_ns >= over_ns:
                return True
        return False

    def _candidates(self) -> Iterator[tuple[float, int, int]]:
        """Settings that calm at least as much as those in force; least change first."""
        own, span = self._alarm, self._point.span
        longest_ns = SAFETY_ON_DELAY_S * NS if self._safety else max(ON_DELAYS_S) * NS
        on = sorted({max(own.on_delay_ns, min(s * NS, longest_ns)) for s in ON_DELAYS_S})
        off = sorted({max(own.off_delay_ns, s * NS) for s in OFF_DELAYS_S})
        bands = sorted({max(own.deadband, round(share * span, 9)) for share in DEADBANDS})
        for on_ns, off_ns, band in product(on, off, bands):
            yield band, on_ns, off_ns

    def _stood(self, deadband: float, on_ns: int, off_ns: int) -> list[_Stood]:
        """The times that the condition stands, by the limit detector."""
        condition = self._alarm.condition
        one = {
            "setpoint": self._alarm.setpoint,
            "deadband": deadband,
            "on_delay_ns": on_ns,
            "off_delay_ns": off_ns,
        }
        rule = limits.configure(self._settings | {"limits": {condition: one}})
        findings = Findings()
        limits.step(
            np.array([rule], limits.PARAMETERS),
            np.array([limits.initial()], limits.STATE),
            self._readings,
            findings,
        )
        stood: list[_Stood] = []
        for finding in findings.found():
            at_ns = int(self._readings.event_ns[finding["row"]])
            if finding["active"]:
                stood.append(_Stood(at_ns, int(self._readings.event_ns[-1])))
            else:
                stood[-1].end_ns = at_ns
        return stood


class _Compared(msgspec.Struct, frozen=True):
    lost_true: bool
    missed: int
    longest_missed_ns: int
    slowest_ns: int


def _compare(was: list[_Stood], stood: list[_Stood]) -> _Compared:
    """What of the times that the condition stood is told by other settings, and how much later."""
    missed, slowest = [], 0
    place = 0
    for one in was:
        while place < len(stood) and stood[place].end_ns < one.begin_ns:
            place += 1
        if place == len(stood) or stood[place].begin_ns > one.end_ns:
            missed.append(one.end_ns - one.begin_ns)
        else:
            slowest = max(slowest, stood[place].begin_ns - one.begin_ns)
    longest = max(missed, default=0)
    return _Compared(longest >= TRUE_AFTER_NS, len(missed), longest, slowest)


def _effect(settings: tuple[float, int, int], alarms: int) -> Effect:
    return Effect(settings[0], settings[1] / NS, settings[2] / NS, alarms)
