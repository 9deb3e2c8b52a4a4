"""Readings derived anew from the journal: the monitor as it was at the newest snapshot at or before the
cursor, stepped through the entries since. The same function as live, so the same readings.

``ahead`` derives the next batches while one is being sent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator

import numpy as np

from detectors import COLUMNS, Readings
from gateway.delivery.readings_lane import BATCH_ROWS, Derive, UnderivableError
from gateway.errors import JournalError
from gateway.journal.reader import JournalReader
from gateway.journal.segment import segments
from gateway.monitor.channels import ChannelTable
from gateway.monitor.entries import ConfigChange
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.outcome import Outcome
from gateway.paths import DataFolder
from gateway.restore import restore
from gateway.sinks import ReadingsBatch
from gateway.snapshots import SnapshotStore

LOOK_EVERY = 2000
"""Entries without readings after which an empty batch says how far it is."""
AHEAD = 2
"""Batches derived before they are asked for."""
STOP_S = 0.5


class Derivation:
    """``derive`` of a readings lane, over the files of one partition."""

    def __init__(self, data: DataFolder, partition: int) -> None:
        self._folder = data.journal
        self._journal = JournalReader(data.journal)
        self._snapshots = SnapshotStore(data.snapshots)
        self._partition = partition

    def __call__(self, after: int) -> Iterator[ReadingsBatch]:
        """Readings of positions > ``after``, to the journal's end now. UnderivableError when the journal no
        longer holds what would be needed, JournalError when it cannot be read."""
        found = restore(self._snapshots, self._partition, at_or_before=after, behaviour=BEHAVIOUR)
        begins = next((segment.first for segment in segments(self._folder)), 1)
        if begins > found.position + 1:
            raise self._lost(after, begins)
        monitor, previous = found.monitor, found.position
        channels = _as_now(monitor.channels)
        gathered: list[Outcome] = []
        rows, said = 0, after
        for position, entry in self._journal.read(previous):
            previous = position
            if isinstance(entry, ConfigChange) and gathered:
                # The readings so far are named by the channels as they were.
                yield _batch(said + 1, position - 1, gathered, channels)
                gathered, rows, said = [], 0, position - 1
            outcome = monitor.step(position, entry)
            if isinstance(entry, ConfigChange):
                channels = _as_now(monitor.channels)
            if position <= after:
                continue
            if len(outcome.readings):
                gathered.append(outcome)
                rows += len(outcome.readings)
            if rows >= BATCH_ROWS or position - said >= LOOK_EVERY:
                yield _batch(said + 1, position, gathered, channels)
                gathered, rows, said = [], 0, position
        if previous > said:
            yield _batch(said + 1, previous, gathered, channels)

    def _lost(self, after: int, begins: int) -> UnderivableError:
        """The journal begins later than the cursor, and no snapshot bridges it: go on from the first
        usable snapshot there is; JournalError while there is none."""
        found = self._snapshots.newest(behaviour=BEHAVIOUR)
        last = 0
        while found is not None and found.position >= max(begins - 1, after + 1):
            last = found.position
            found = self._snapshots.newest(last - 1, BEHAVIOUR)
        if not last:
            raise JournalError(
                f"the journal begins at {begins}, and no snapshot of this version can replace the rest"
            )
        return UnderivableError(
            after + 1, last, f"the journal begins at {begins} and no snapshot is as old as position {after}"
        )


def ahead(derive: Derive, depth: int = AHEAD) -> Derive:
    """The same batches in the same order, from a thread that is up to ``depth`` batches ahead; what the
    derivation raises is raised at its place. The thread ends with the derivation, or when the iterator is
    closed."""

    def batches(after: int) -> Iterator[ReadingsBatch]:
        line: queue.Queue[ReadingsBatch | Exception | None] = queue.Queue(depth)
        closed = threading.Event()

        def put(item: ReadingsBatch | Exception | None) -> None:
            while not closed.is_set():
                try:
                    line.put(item, timeout=STOP_S)
                except queue.Full:
                    continue  # the sink is slow, or nobody asks any more
                return

        def work() -> None:
            try:
                for batch in derive(after):
                    put(batch)
                    if closed.is_set():
                        return
                put(None)
            except Exception as error:  # noqa: BLE001 - raised in the lane that asked
                put(error)

        threading.Thread(target=work, name="derivation", daemon=True).start()
        try:
            while (item := line.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            closed.set()

    return batches


def _as_now(table: ChannelTable) -> ChannelTable:
    """The table as it is: a configuration change renames channels in place, and batches outlive it."""
    made = ChannelTable()
    made.version = table.version
    made.devices = list(table.devices)
    made.points = {profile: list(points) for profile, points in table.points.items()}
    made.device_of_slot, made.point_of_slot = table.device_of_slot, table.point_of_slot
    return made


def _batch(first: int, last: int, outcomes: list[Outcome], channels: ChannelTable) -> ReadingsBatch:
    if not outcomes:
        return ReadingsBatch(first, last, Readings.empty(), channels)
    parts = [outcome.readings for outcome in outcomes]
    columns = [np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS]
    position = np.repeat([o.position for o in outcomes], [len(part) for part in parts]).astype(np.int64)
    return ReadingsBatch(first, last, Readings(*columns), channels, position)
