"""What was judged, on its way out: to the ledger first, then to whoever asked, then to the live channel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gateway.alarms.events import CommandEvent, Event
from gateway.crashpoint import reached
from gateway.errors import JournalBusy, JournalFull
from gateway.grouping import Ask
from gateway.journal import Journal
from gateway.ledger import Ledger
from gateway.monitor.outcome import Outcome

Unwritten = JournalFull | JournalBusy
"""Nothing was written: the same may be tried again."""


class Live(Protocol):
    """Where live readings go; may drop them (gateway/live.py)."""

    def send_readings(self, version: int, previous: int, position: int, readings: Any) -> bool:
        """Offer one position's readings."""
        ...

    def announce(self, frame: list[Any], *, standing: bool) -> None:
        """Say now, and if ``standing`` to everybody who connects later, until another is announced."""
        ...

    def turn(self, now_ns: int, *, idle: bool) -> None:
        """Write what can be written now, if it is time to (always when ``idle``)."""
        ...


class Telling:
    """Holds the outcomes that nobody knows yet."""

    def __init__(
        self, journal: Journal, ledger: Ledger, live: Live | None, version: Callable[[], int]
    ) -> None:
        self._journal, self._ledger, self._live, self._version = journal, ledger, live, version
        self.untold: list[Outcome] = []
        self.asks: list[Ask] = []
        """Whoever waits for the answer to a command of the group that is being judged."""

    def tell(self) -> Unwritten | None:
        """Tell all. What kept the ledger from being written: then nobody was told, and the same is tried
        again."""
        try:
            self._record()
        except (JournalFull, JournalBusy) as error:
            return error
        self._answer()
        self._send()
        self.untold = []
        return None

    def _record(self) -> None:
        told: list[tuple[int, Sequence[Event]]] = [(o.position, o.events) for o in self.untold if o.events]
        anchors = self._journal.closed_segments
        if not told and not anchors:
            return
        reached("before-ledger")
        if told:
            self._ledger.record(told, self._journal.head)
        if anchors:
            self._ledger.anchor(anchors)
            anchors.clear()
        reached("after-ledger")

    def _answer(self) -> None:
        if not self.asks:
            return
        answers = {e.command: e for o in self.untold for e in o.events if isinstance(e, CommandEvent)}
        asks, self.asks = self.asks, []
        for ask in asks:
            event = answers.get(ask.fields["id"])
            if event is None:
                self.asks.append(ask)
            else:
                ask.answer(event)

    def _send(self) -> None:
        if self._live is None:
            return
        version = self._version()
        for outcome in self.untold:
            if len(outcome.readings):
                self._live.send_readings(
                    version, outcome.previous_readings, outcome.position, outcome.readings
                )
