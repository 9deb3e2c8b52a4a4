"""What goes ahead of the line: that a priority 1 alarm is unanswered is made a message before everything that
lies between it and the cursor, however long that is.

Found by the ledger's index of priority 1. All earlier events of that alarm go with it, so that its order is
kept. What went ahead is remembered in delivery.db in the same transaction, until the cursor has passed it: it
is never made a message twice, also after a kill.
"""

from __future__ import annotations

from collections.abc import Callable

from gateway import crashpoint
from gateway.alarms.events import UNACKNOWLEDGED, AlarmEvent, Event
from gateway.delivery.follow import Ledger
from gateway.delivery.store import DeliveryStore, Message

MOST_URGENT = 1
PAGE = 500
AHEAD_MAX = 100_000
"""Messages ahead of the cursor; further ones wait in the ledger until it has moved."""


def urgent(event: Event) -> bool:
    """Whether this says that a priority 1 alarm waits for somebody: raised, again, or audible again."""
    return isinstance(event, AlarmEvent) and event.priority == MOST_URGENT and event.state == UNACKNOWLEDGED


def message_of(seq: int, event: Event, now_ns: int) -> Message:
    """An event as a message; what is no alarm is a line of its own and least important."""
    if isinstance(event, AlarmEvent):
        return Message(seq, event.id, event.alarm, event.priority, now_ns, urgent=urgent(event))
    return Message(seq, event.id, f"{type(event).__name__}:{event.id}", 9, now_ns)


class Ahead:
    """One sink's look ahead of its cursor. Called from one thread."""

    def __init__(
        self,
        sink_name: str,
        store: DeliveryStore,
        ledger: Ledger,
        takes: Callable[[Event], bool],
        cursor: int,
    ) -> None:
        self._sink = sink_name
        self._store = store
        self._ledger = ledger
        self._takes = takes
        self._looked, gone = store.ahead(sink_name)
        self._gone = {seq for seq in gone if seq > cursor}  # in an exercise the cursor goes on without them

    def __len__(self) -> int:
        """Events beyond the cursor that are messages already."""
        return len(self._gone)

    def __contains__(self, seq: int) -> bool:
        return seq in self._gone

    def passed(self, first: int, last: int) -> None:
        """The cursor went from before ``first`` to ``last``."""
        if self._gone:
            self._gone.difference_update(range(first, last + 1))

    def look(self, cursor: int, now_ns: int) -> list[Message]:
        """The next messages that go ahead, durable; [] when nothing more does now."""
        while len(self._gone) < AHEAD_MAX:
            begin = max(self._looked, cursor)
            page = self._ledger.most_urgent_after(begin, PAGE)
            if not page:
                break
            newest = {event.alarm: seq for seq, event in page if urgent(event) and self._takes(event)}
            found = [
                message_of(seq, event, now_ns)
                for alarm, last in newest.items()
                for seq, event in self._ledger.events_between(alarm, cursor, last)
                if seq not in self._gone and self._takes(event)
            ]
            if found:
                found.sort(key=lambda message: message.seq)
                self._store.enrol_ahead(self._sink, page[-1][0], found)
                crashpoint.reached("after-ahead")
                self._gone.update(message.seq for message in found)
            self._looked = page[-1][0]
            if found:
                return found
        return []
