"""A folder with a real ledger and delivery.db on a virtual clock, and how tests of events look at them."""

from __future__ import annotations

from pathlib import Path

import msgspec

from gateway.alarms.events import Event
from gateway.clock import VirtualClock
from gateway.delivery.follow import Lane
from gateway.delivery.ledger_lane import LedgerLane
from gateway.delivery.message_lane import MessageLane
from gateway.delivery.store import DeliveryStore
from gateway.sinks import Batch, EventsBatch
from tests.support.delivery import Book, SaidMessages, SaidSink, backoff
from tests.support.entries import alarm_event


class Bench:
    """A folder with a ledger and a delivery.db, and a clock."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.folder = folder
        self.book = Book(folder, self.clock)
        self.store = DeliveryStore(folder / "delivery.db", self.clock.wall_ns)

    def ledger_lane(self, sink: SaidSink) -> LedgerLane:
        return LedgerLane("out", sink, self.store, self.book.view, self.clock, backoff())

    def message_lanes(self, sink: SaidMessages) -> list[Lane]:
        lane = MessageLane("out", sink, self.store, self.book.view, self.clock, backoff())
        return [lane, *lane.workers]

    def restart(self) -> None:
        self.store.close()
        self.store = DeliveryStore(self.folder / "delivery.db", self.clock.wall_ns)

    def close(self) -> None:
        self.store.close()
        self.book.close()


def alarms(first: int, count: int, names: int = 3, **fields: object) -> list[Event]:
    return [alarm_event(first + n, 0, f"alarm{n % names}", **fields) for n in range(count)]


def ids(events: list[Event]) -> list[str]:
    return [event.id for event in events]


def receipts(store: DeliveryStore) -> list[dict[str, object]]:
    rows = [msgspec.json.decode(body) for _, body, _ in store.records()]
    return [row for row in rows if row["kind"] == "receipt"]


def one(batch: Batch) -> Event:
    assert isinstance(batch, EventsBatch)
    return batch.events[0][1]


def per_alarm(events: list[Event]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for event in events:
        found.setdefault(event.alarm, []).append(int(event.id.split("-")[1]))  # type: ignore[union-attr]
    return found
