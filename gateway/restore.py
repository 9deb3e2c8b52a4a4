"""A monitor from the newest snapshot that can be used: one place for core, delivery and every command."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from gateway.ledger import LedgerReader
from gateway.monitor.monitor import Monitor
from gateway.snapshots import Snapshot, SnapshotStore


@dataclass(slots=True)
class Restored:
    """Where to go on from."""

    monitor: Monitor
    position: int = 0
    """Step the journal after this position; 0 = from its beginning."""
    passed_over: list[str] = field(default_factory=list)
    """Snapshots that could not be used, and why."""


def restore(
    store: SnapshotStore,
    partition: int = 1,
    *,
    at_or_before: int | None = None,
    behaviour: int | None = None,
    check: Callable[[Snapshot], None] | None = None,
) -> Restored:
    """The monitor of the newest usable snapshot (of one behaviour version, if given), or a new one.

    Damaged files, and those of another layout, are passed over. ``check`` may refuse to go on by raising.
    """
    passed_over: list[str] = []
    before = at_or_before
    while (snapshot := store.newest(before, behaviour)) is not None:
        passed_over += [f"{path}: damaged" for path in store.damaged]
        if check is not None:
            check(snapshot)
        try:
            return Restored(Monitor.load(snapshot.body), snapshot.position, passed_over)
        except (ValueError, KeyError, TypeError, msgspec.MsgspecError) as error:
            passed_over.append(f"{snapshot.path}: {error}")
            before = snapshot.position - 1
    passed_over += [f"{path}: damaged" for path in store.damaged]
    return Restored(Monitor(partition), 0, passed_over)


def partition_of(ledger: Path) -> int:
    """Whose files these are, for commands that are given a data folder and nothing else: the partition that
    the ledger's first event names in its id; 1 where there is no event yet."""
    first = LedgerReader(ledger).events_after(0, 1) if ledger.exists() else []
    return int(first[0][1].id.split("-")[0]) if first else 1
