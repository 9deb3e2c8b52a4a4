"""One monitor through a recording: quiet stretches many entries at a time, exactly where anything happens.

Guarantee: the events of stepping every entry by itself. Entries are stepped as one as far as time alone can
bring nothing about meanwhile; if an event comes of it, the stretch is stepped anew, there entry by entry.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gateway.alarms.events import Event
from gateway.backtest.stretch import Stretch
from gateway.monitor.entries import Entry
from gateway.monitor.monitor import SWEEP_NS, Monitor
from gateway.monitor.timeline import JUMP_NS, TimeLine

PASSES = 6
"""After so many a stretch is stepped entry by entry."""
BUSY = 0.3
"""The same, when this share of it is."""


class Side:
    """A monitor and the events that it gave."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor
        self.events: list[Event] = []

    def entry(self, position: int, entry: Entry, *, told: bool = True) -> None:
        """One entry by itself."""
        outcome = self.monitor.step(position, entry)
        if told:
            self.events += outcome.events

    def stretch(self, stretch: Stretch) -> None:
        """Many entries in a row."""
        single = np.zeros(len(stretch), np.bool_)
        body = self.monitor.save()
        for turn in range(PASSES + 1):
            if turn:
                self.monitor = Monitor.load(body)
            if turn == PASSES or single.mean() > BUSY:
                single[:] = True
            events, surprised = self._passed(stretch, single)
            if not surprised:
                self.events += events
                return
        raise AssertionError("a stretch stepped entry by entry has no surprise")

    def _passed(self, stretch: Stretch, single: npt.NDArray[np.bool_]) -> tuple[list[Event], bool]:
        """Step it, ``single`` rows one by one; marks the rows of every other part that gave an event."""
        events: list[Event] = []
        surprised = False
        begin, times = 0, _Times(self.monitor.line, stretch, single)
        while begin < len(stretch):
            end = begin + 1
            if not single[begin]:
                end = times.quiet(begin, _calm_until_ns(self.monitor))
            held = self.monitor.counts.held_ends
            outcome = self.monitor.step(stretch.first + end - 1, stretch.merged(begin, end))
            # an end that is held back makes no event, but when it is told depends on its own entry's time
            if end > begin + 1 and (outcome.events or self.monitor.counts.held_ends != held):
                surprised = True
                single[begin:end] = True
            events += outcome.events
            begin = end
        return events, surprised


def _calm_until_ns(monitor: Monitor) -> int:
    """Gateway time before which packets may be stepped many entries at once with the same outcome, if it has
    no events: nothing that time brings about could be averted by one of them meanwhile."""
    if monitor.throttle.flooding or monitor.inlet.twins.any or monitor.engine.flow.restless:
        return 0  # they end by calm, which any packet may break
    judgement, line = monitor.judgement, monitor.line
    by_line = (monitor.lifetimes.calm_until_ns(line), judgement.maintenance.calm_until_ns(line))
    of_design = (judgement.upstreams.calm_until_ns, judgement.states.calm_until_ns)
    return min(monitor.silence.calm_until_ns, *of_design, *by_line)


class _Times:
    """Gateway time at every row of a stretch, and what follows from it."""

    def __init__(self, line: TimeLine, stretch: Stretch, single: npt.NDArray[np.bool_]) -> None:
        """Marks as single the rows at which the gateway's clock was set."""
        wall, mono, _ = stretch.columns()
        passed = np.maximum(np.maximum.accumulate(mono), line.mono_ns)
        before = np.concatenate([np.array([line.mono_ns]), passed[:-1]])
        walls = np.concatenate([np.array([line.wall_ns]), wall[:-1]])
        single |= np.abs(wall - walls - (passed - before)) > JUMP_NS
        if line.stream or line.boot != stretch.boot:  # else what is computed here is no gateway time
            single[:] = True
        self._now = line.now_ns + passed - line.mono_ns
        sweeps = self._now // SWEEP_NS
        first = np.array([line.now_ns // SWEEP_NS])
        self._swept = np.flatnonzero(np.diff(sweeps, prepend=first))
        self._single = np.append(np.flatnonzero(single), len(stretch))

    def quiet(self, begin: int, calm_until_ns: int) -> int:
        """Up to which row the rows from ``begin`` on may be stepped as one: until timers are looked at for
        the first time after this moment, and before a single row."""
        calm = max(begin, int(np.searchsorted(self._now, calm_until_ns)))
        place = int(np.searchsorted(self._swept, calm))
        alone = int(self._single[np.searchsorted(self._single, begin)])
        return min(alone, int(self._swept[place]) + 1) if place < len(self._swept) else alone
