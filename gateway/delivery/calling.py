"""Puts escalation together for one delivery process, and reads from the ledger what waited before a start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.alarms.events import AlarmEvent
from gateway.delivery.call_store import CallStore
from gateway.delivery.calls import Caller, Escalations
from gateway.delivery.drill import Drill, Publish, Takes, commands
from gateway.delivery.follow import Lane
from gateway.delivery.message_lane import MessageLane
from gateway.delivery.parts import Ground, Parts
from gateway.escalation.calls import WAITING
from gateway.escalation.steps import Step
from gateway.ledger.reader import LedgerReader
from gateway.paths import DataFolder
from gateway.rosters import Roster
from gateway.sinks import Sink

PAGE = 1000


@dataclass(frozen=True)
class Duty:
    """Which steps there are and who is on duty; empty: nobody is called."""

    steps: Sequence[Step] = ()
    rosters: Mapping[str, Roster] = field(default_factory=dict)
    drill: Any = None
    """The [fire_drill] table; None: no drills."""
    publish: Publish | None = None


class Calling:
    """Escalation's lanes. A sink's caller counts among that sink's lanes, so that one that does not answer
    is told as any other. With a muted sink (an exercise) nobody is called by it."""

    def __init__(
        self, duty: Duty, ground: Ground, path: Path, parts: Mapping[str, tuple[Parts, Sink]]
    ) -> None:
        self.store = CallStore(ground.store)
        steps = [step for step in duty.steps if step.sink in parts]
        self.made_by = Escalations(
            steps, duty.rosters, self.store, ground.ledger, lambda: waiting(path), ground.clock
        )
        for name in dict.fromkeys(step.sink for step in steps):
            part, sink = parts[name]
            caller = Caller(name, sink, self.made_by, self.store, ground.clock, ground.backoff)
            part.sinks.append(sink)
            part.lanes["calls"] = self.made_by.callers[name] = caller

    @property
    def lanes(self) -> list[Lane]:
        """What has a thread beside the callers: nothing where nobody is to be called."""
        return [self.made_by] if self.made_by.callers else []

    def status(self) -> dict[str, Any]:
        """See Escalations."""
        return self.made_by.status()


def drill_of(
    settings: Any, publish: Publish, data: DataFolder, ground: Ground, parts: Sequence[Parts]
) -> Drill:
    """The fire drill over the sinks that take events now."""
    sinks: dict[str, Takes] = {}
    for part in parts:
        lane = part.lanes.get("events")
        if lane is not None and not part.muted:
            sinks[part.name] = lane.sink.takes if isinstance(lane, MessageLane) else lambda _: True
    ledger = ground.ledger
    return Drill(
        settings, ground.store, ledger.events_after, ledger.head, sinks, publish, commands(data), ground.clock
    )


def waiting(path: Path) -> Iterator[tuple[int, AlarmEvent]]:
    """Events of every alarm that waits now, each from the one that began its waiting."""
    if not path.exists():
        return
    reader = LedgerReader(path)
    after = None
    while page := reader.open_after(after, PAGE):
        for _, event in page:
            if event.state in WAITING:
                yield from stretch(reader, event.alarm)
        after = page[-1][1].priority, page[-1][0]


def stretch(reader: LedgerReader, alarm: str) -> list[tuple[int, AlarmEvent]]:
    """One alarm's newest events in which it waits, oldest first; [] when it does not."""
    limit = 50
    while True:
        events = reader.history_of(alarm, limit)
        first = len(events)
        while first and events[first - 1][1].state in WAITING:
            first -= 1
            if events[first][1].before not in WAITING:
                return events[first:]
        if first or len(events) < limit:
            return events[first:]
        limit *= 10
