"""Two monitors through one recording, with the rules as they were and with the new ones.

Guarantee: reads only, a page at a time, so that the live segment is never held. Only devices whose rules
change are stepped, and what shares an asset with them; packets of other devices are dropped undecoded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple, Protocol

from gateway.alarms.events import Event
from gateway.backtest.difference import Difference, compare
from gateway.backtest.figures import Asset, Stepped, figures
from gateway.backtest.rules import RuleSet
from gateway.backtest.sides import Apart, Here, Running, Single
from gateway.backtest.sift import Sieve
from gateway.backtest.stretch import Gathering, Stretch
from gateway.errors import JournalError
from gateway.journal import JournalReader
from gateway.journal.pages import Page, entry_of
from gateway.monitor.entries import ConfigChange, Stamp, Started
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import MonitorConfig, config_change, unpack
from gateway.paths import DataFolder
from gateway.restore import partition_of, restore
from gateway.snapshots import SnapshotStore

APART_FROM = 50_000
"""Entries from which two more processes are worth their start."""
SHORTEST_NS = 1_000_000_000
"""No rates are counted over less."""
END = 1 << 62
Progress = Callable[[int, int], None]
"""Told (entries stepped, entries in all)."""


class Trial(Protocol):
    """What is tried."""

    def tried(self, config: MonitorConfig) -> tuple[MonitorConfig, set[str]]:
        """A configuration as it would be, and the keys of its devices that would be judged otherwise."""


class _AllNeededError(Exception):
    """Gateway time follows the readings, so that none may be left out."""


class _Sides:
    """The two runs, fed with the same recording."""

    def __init__(self, before: Running, after: Running, trial: Trial, *, whole: bool) -> None:
        self.runs = (before, after)
        self.entries = self.devices = self.changed = 0
        self.config = MonitorConfig([], {})
        self.assets: set[Asset] | None = None if whole else set()
        """Every asset that was ever stepped; None: all."""
        self._trial = trial
        self._whole = whole
        self._sieve = Sieve([])
        self._gathering = Gathering()

    def configure(self, position: int, stamp: Stamp, config: MonitorConfig, *, told: bool) -> None:
        """Put a configuration in force on both sides, on one of them with the new rules."""
        self.config = config
        tried, concerned = self._trial.tried(config)
        assets = {(d.enterprise, d.site, d.asset) for d in config.devices if d.key in concerned}
        kept = {d.key for d in config.devices if self._whole or (d.enterprise, d.site, d.asset) in assets}
        if self.assets is not None:
            self.assets |= assets
        self.devices, self.changed = len(kept), len(concerned)
        self._sieve = Sieve(sorted(kept))
        for run, side in zip(self.runs, (config, tried), strict=True):
            devices = [device for device in side.devices if device.key in kept]
            run.put(Single(position, config_change(stamp, devices, side.profiles, side.suppressing), told))

    def page(self, page: Page) -> None:
        """The next entries of the recording."""
        self.entries += len(page.begins)
        if self._whole:
            for row in range(len(page.begins)):
                self._entry(page, row)
            return
        begin = 0
        while begin < len(page.begins):
            begin = self._sifted(page, begin)

    def _sifted(self, page: Page, begin: int) -> int:
        """Take the page from a row on, until other devices are kept; returns how far that is."""
        for item in self._gathering.add(page, self._sieve.sift(page), begin):
            if isinstance(item, Stretch):
                self._put(item)
            elif self._entry(page, item):
                return item + 1
        return len(page.begins)

    def _entry(self, page: Page, row: int) -> bool:
        """One entry by itself; whether other devices are kept from here on."""
        entry = entry_of(page, row)
        if isinstance(entry, ConfigChange):
            self.configure(page.first + row, entry.stamp, unpack(entry), told=True)
            return True
        if isinstance(entry, Started) and entry.clock == "stream" and not self._whole:
            raise _AllNeededError
        self._put(Single(page.first + row, entry, told=True))
        return False

    def _put(self, what: Single | Stretch) -> None:
        for run in self.runs:
            run.put(what)

    def events(self) -> tuple[list[Event], list[Event]]:
        """The end: what both gave."""
        for stretch in self._gathering.end():
            self._put(stretch)
        before, after = self.runs
        return before.events(), after.events()

    def close(self) -> None:
        """Nothing more is wanted."""
        for run in self.runs:
            run.close()


def backtest(
    data: DataFolder,
    rules: RuleSet,
    since_ns: int = 0,
    until_ns: int | None = None,
    progress: Progress | None = None,
    *,
    kpi: bool = False,
    operators: int = 1,
) -> Difference:
    """The alarms raised from since_ns to until_ns (wall clock; None: the journal's end), with the rules that
    were in force and with ``rules`` over them, as though they had been in force since before the period; with
    ``kpi`` also the figures of the whole plant, for so many operators. JournalError when the journal cannot
    be read.
    """
    end = END if until_ns is None else until_ns
    run = run_both(data, rules, since_ns, end, progress)
    found = compare(*run.events, since_ns, end)
    told = None
    period = (max(since_ns, run.first_ns), min(end, run.last_ns + 1))
    if kpi and period[1] - period[0] >= SHORTEST_NS:
        told = figures(data.ledger, run.stepped, run.events, period, operators)
    return Difference(
        rules.version,
        since_ns // 1_000_000,
        min(end, run.last_ns) // 1_000_000,
        run.entries,
        run.devices,
        run.changed,
        found.before,
        found.after,
        found.added,
        found.removed,
        found.moved,
        found.alarms,
        found.examples,
        rules.loosened(run.config),
        told,
    )


class Run(NamedTuple):
    """What two runs over one recording gave."""

    events: tuple[list[Event], list[Event]]
    last_ns: int
    """Wall clock of the last entry."""
    entries: int
    devices: int
    changed: int
    stepped: Stepped
    first_ns: int
    """Wall clock of the first entry."""
    config: MonitorConfig
    """What was in force at the end."""


def run_both(
    data: DataFolder, trial: Trial, since_ns: int, until_ns: int, progress: Progress | None = None
) -> Run:
    """Step the recording with the configurations as they were and as ``trial`` has them, from the newest
    snapshot before since_ns to until_ns (wall clock)."""
    try:
        return _run(data, trial, since_ns, until_ns, progress, whole=False)
    except _AllNeededError:
        return _run(data, trial, since_ns, until_ns, progress, whole=True)


def _run(
    data: DataFolder, trial: Trial, since_ns: int, until_ns: int, progress: Progress | None, *, whole: bool
) -> Run:
    journal = JournalReader(data.journal)
    head = journal.head().position
    position, before, after = _begin(data, journal, since_ns)
    whole = whole or before.line.stream
    kind = Apart if head - position >= APART_FROM and not whole else Here
    last_ns = first_ns = since_ns
    with ExitStack() as ending:
        runs: list[Running] = []
        for monitor in (before, after):
            runs.append(kind(monitor))
            ending.callback(runs[-1].close)
        sides = _Sides(runs[0], runs[1], trial, whole=whole)
        if position:
            roster = before.roster
            devices = [roster.channels.devices[number] for number in roster.active_devices()]
            stamp = journal.entry(position).stamp
            config = MonitorConfig(devices, roster.texts, roster.suppressing)
            sides.configure(position, stamp, config, told=False)
        for page in journal.read_pages(position, head):
            part = _until(page, until_ns)
            if len(part.begins):
                if not sides.entries:
                    first_ns = entry_of(part, 0).stamp.wall_ns
                sides.page(part)
                last_ns = entry_of(part, len(part.begins) - 1).stamp.wall_ns
            if len(part.begins) < len(page.begins):
                break
            if progress is not None:
                progress(page.first + len(page.begins) - 1 - position, head - position)
        events = sides.events()
    if progress is not None:
        progress(head - position, head - position)
    return Run(
        events,
        last_ns,
        sides.entries,
        sides.devices,
        sides.changed,
        Stepped(sides.assets, position),
        first_ns,
        sides.config,
    )


def _until(page: Page, until_ns: int) -> Page:
    """The page up to its first entry of that time."""
    if until_ns == END or entry_of(page, len(page.begins) - 1).stamp.wall_ns < until_ns:
        return page
    count = 0
    while entry_of(page, count).stamp.wall_ns < until_ns:
        count += 1
    return page._replace(begins=page.begins[:count], ends=page.ends[:count])


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
