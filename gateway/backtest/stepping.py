"""Two monitors through one recording, with the rules as they were and with the new ones.

Guarantee: reads only, a page at a time, so that the live segment is never held. Only devices whose rules
change are stepped, and what shares an asset with them; packets of other devices are dropped undecoded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gateway.alarms.events import Event
from gateway.backtest.difference import Difference, compare
from gateway.backtest.rules import RuleSet, in_force
from gateway.errors import JournalError
from gateway.journal import JournalReader
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange, Entry, Packets, Stamp, Started, Tick
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import MonitorConfig, config_change, unpack
from gateway.paths import DataFolder
from gateway.restore import partition_of, restore
from gateway.snapshots import SnapshotStore

TOLD_EVERY = 1000
MAX_TOPICS = 1_000_000
"""Remembered at once: strangers may send ever others."""
END = 1 << 62
Progress = Callable[[int, int], None]
"""Told (entries stepped, entries in all)."""


class _AllNeededError(Exception):
    """Gateway time follows the readings, so that none may be left out."""


class _Sides:
    """The two monitors, and what they gave."""

    def __init__(self, before: Monitor, after: Monitor, rules: RuleSet, *, whole: bool) -> None:
        self.monitors = (before, after)
        self.events: tuple[list[Event], list[Event]] = ([], [])
        self.entries = self.devices = self.changed = 0
        self._rules = rules
        self._whole = whole
        self._kept: set[bytes] = set()
        self._topics: dict[bytes, bool] = {}

    def configure(self, position: int, stamp: Stamp, config: MonitorConfig, *, told: bool) -> None:
        """Put a configuration in force on both sides, on one of them with the new rules."""
        concerned = [d for d in config.devices if any(rule.concerns(d) for rule in self._rules.rule)]
        assets = {(d.enterprise, d.site, d.asset) for d in concerned}
        kept = [d for d in config.devices if self._whole or (d.enterprise, d.site, d.asset) in assets]
        self.devices, self.changed = len(kept), len(concerned)
        self._kept = {device.key.encode() for device in kept}
        self._topics = {}
        amended: list[Device] = [self._rules.amended(device) for device in kept]
        for side, devices in enumerate((kept, amended)):
            self._step(side, position, config_change(stamp, devices, config.profiles), told=told)

    def take(self, position: int, entry: Entry) -> None:
        """One entry of the recording."""
        self.entries += 1
        if isinstance(entry, ConfigChange):
            self.configure(position, entry.stamp, unpack(entry), told=True)
            return
        if isinstance(entry, Started) and entry.clock == "stream" and not self._whole:
            raise _AllNeededError
        if isinstance(entry, Packets) and not self._whole:
            entry = self._thinned(entry)
        for side in (0, 1):
            self._step(side, position, entry, told=True)

    def _step(self, side: int, position: int, entry: Entry, *, told: bool) -> None:
        outcome = self.monitors[side].step(position, entry)
        if told:
            self.events[side].extend(outcome.events)

    def _thinned(self, entry: Packets) -> Packets | Tick:
        """The packets that may concern the devices kept; time passes all the same."""
        if len(self._topics) > MAX_TOPICS:
            self._topics = {}
        cuts = entry.cut_array()
        blob, topics = entry.blob, self._topics
        keep = []
        for begin, end in cuts[:, :2].tolist():
            topic = blob[begin:end]
            known = topics.get(topic)
            if known is None:
                known = topics[topic] = self._concerns(topic)
            keep.append(known)
        chosen = np.array(keep, bool)
        if chosen.all():
            return entry
        if not chosen.any():
            return Tick(entry.stamp)
        return Packets(
            entry.stamp,
            entry.epoch,
            blob,
            cuts[chosen].tobytes(),
            entry.received_array()[chosen].tobytes(),
            entry.flag_array()[chosen].tobytes(),
        )

    def _concerns(self, topic: bytes) -> bool:
        """A topic of another form is looked up by the profiles, so it stays."""
        parts = topic.split(b"/")
        return parts[0] != b"rg" or len(parts) != 5 or b"/".join(parts[1:4]) in self._kept


def backtest(
    data: DataFolder,
    rules: RuleSet,
    since_ns: int = 0,
    until_ns: int | None = None,
    progress: Progress | None = None,
) -> Difference:
    """The alarms raised from since_ns to until_ns (wall clock; None: the journal's end), with the rules that
    were in force and with ``rules`` over them, as though they had been in force since before the period.
    JournalError when the journal cannot be read.
    """
    end = END if until_ns is None else until_ns
    try:
        sides, last_ns = _run(data, rules, since_ns, end, progress, whole=False)
    except _AllNeededError:
        sides, last_ns = _run(data, rules, since_ns, end, progress, whole=True)
    found = compare(*sides.events, since_ns, end)
    return Difference(
        rules.version,
        since_ns // 1_000_000,
        min(end, last_ns) // 1_000_000,
        sides.entries,
        sides.devices,
        sides.changed,
        found.before,
        found.after,
        found.added,
        found.removed,
        found.moved,
        found.alarms,
        found.examples,
        rules.loosened(in_force(data)),
    )


def _run(
    data: DataFolder, rules: RuleSet, since_ns: int, until_ns: int, progress: Progress | None, *, whole: bool
) -> tuple[_Sides, int]:
    journal = JournalReader(data.journal)
    head = journal.head().position
    position, before, after = _begin(data, journal, since_ns)
    whole = whole or before.line.stream
    sides = _Sides(before, after, rules, whole=whole)
    if position:
        roster = before.roster
        devices = [roster.channels.devices[number] for number in roster.active_devices()]
        stamp = journal.entry(position).stamp
        sides.configure(position, stamp, MonitorConfig(devices, roster.texts), told=False)
    last_ns = since_ns
    for at, entry in journal.read(position, head):
        if entry.stamp.wall_ns >= until_ns:
            break
        last_ns = entry.stamp.wall_ns
        sides.take(at, entry)
        if progress is not None and at % TOLD_EVERY == 0:
            progress(at - position, head - position)
    if progress is not None:
        progress(head - position, head - position)
    return sides, last_ns


def _begin(data: DataFolder, journal: JournalReader, since_ns: int) -> tuple[int, Monitor, Monitor]:
    """Two monitors as of the newest snapshot before the period; new ones where there is none."""
    partition = partition_of(data.ledger)
    store = SnapshotStore(data.snapshots)
    before: int | None = None
    while since_ns:
        found = restore(store, partition, at_or_before=before, behaviour=BEHAVIOUR)
        if not found.position:
            break
        if journal.entry(found.position).stamp.wall_ns <= since_ns:
            return found.position, found.monitor, Monitor.load(found.monitor.save())
        before = found.position - 1
    if next(iter(journal.read(0, 1)), None) is None:
        raise JournalError(f"{data.journal}: does not begin at position 1; choose a later --since")
    return 0, Monitor(partition), Monitor(partition)
