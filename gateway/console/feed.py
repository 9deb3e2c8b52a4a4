"""Follows the ledger and the core for all open pages at once: one reader however many pages look.

Alarm changes come from the ledger by sequence number, so a page that was away asks for what it missed. The
core is asked for its state once a second; no answer is told to the pages within BEAT_S + ASK_S.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from typing import Any

from gateway.access import Scope
from gateway.alarms.events import STATES, AlarmEvent
from gateway.clock import Clock
from gateway.commands import ask
from gateway.console.rows import NEEDS_ANSWER, RaisedTimes, row
from gateway.errors import CoreUnreachable, JournalError
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder

POLL_S = 0.2
BEAT_S = 1.0
ASK_S = 2.0
MAX_ROWS = 2000
"""Rows of the table sent at once."""
PAGE_ROWS = 1000
"""Ledger events read at once."""
MAX_PAGES = 256
"""Open event streams: 200 clients and what opens again before its old stream has ended."""
MAX_MISSED = 2000
"""Events sent again to a page that was away; beyond that it loads the whole table."""
BUFFER = 5000
"""Changes kept for pages; a page that falls further behind loads the whole table."""

Turn = tuple[int, int, int]
"""A row's place in the table: turn, priority, ledger sequence number."""
Change = tuple[int, str, str, bytes]
"""(ledger sequence number, enterprise, county, server-sent event); the gateway's own is of no enterprise."""
ANYBODY = "*"
"""No enterprise can be called so: a change that concerns every page."""
RECHECK_S = 30.0
"""A stream asks this often whether its person is still allowed to look."""
MAX_STATE = 1_000_000
"""Open alarms looked through for those of one organisation."""
CITY_ONLY = ("devices", "effective")
"""Figures of the whole gateway, for those who see the whole city."""


class Feed:
    """Give it a stopping event: when it is set, ``follow`` and every stream end."""

    def __init__(self, data: DataFolder, clock: Clock, stopping: asyncio.Event) -> None:
        self.data = data
        self.clock = clock
        self.stopping = stopping
        self._reader: LedgerReader | None = None
        self._raised = RaisedTimes()
        self._changes: deque[Change] = deque(maxlen=BUFFER)
        self._seq: int | None = None
        """Newest ledger sequence number that was read; None before the first look."""
        self._status = self._no_answer("not asked yet")
        self._asked = 0
        self._statuses: dict[Scope, tuple[tuple[int, int], bytes]] = {}
        self._answered_ms: int | None = None
        self._news = asyncio.Event()
        self.pages = 0
        self._waiting: dict[Scope, tuple[int | None, dict[int, int]]] = {}

    async def follow(self) -> None:
        """Until stopped: read the ledger often, ask the core every second."""
        await asyncio.gather(self._follow_ledger(), self._follow_core())

    async def _follow_ledger(self) -> None:
        while not self.stopping.is_set():
            if self._seq is None:
                self._seq = await asyncio.to_thread(self._last_seq)
            else:
                changes = await asyncio.to_thread(self._changes_after, self._seq, PAGE_ROWS)
                if changes:
                    # on the loop's thread: pages walk through it there
                    self._changes.extend(changes)
                    self._seq = changes[-1][0]
                    self._wake()
            await self._pause(POLL_S)

    async def _follow_core(self) -> None:
        while not self.stopping.is_set():
            self._status = await asyncio.to_thread(self._ask_core)
            self._asked += 1
            self._wake()
            await self._pause(BEAT_S)

    def table(self, scope: Scope, after: Turn | None = None, limit: int = MAX_ROWS) -> dict[str, Any]:
        """Open alarms inside ``scope``, in the order in which they are answered, what follows ``after``:
        "rows"; "next": the last one's place, None at the end; "total"; and "seq", from which changes follow.
        """
        reader = self._open_reader()
        if reader is None:
            return {"seq": 0, "total": 0, "rows": [], "next": None}
        seq, enterprise = reader.last_seq(), scope.enterprise or None
        if scope.county:
            every = reader.open_in_turn(None, MAX_STATE, enterprise=enterprise)
            mine = [one for one in every if scope.sees(enterprise=one[2].enterprise, county=one[2].county)]
            total = len(mine)
            found = [one for one in mine if after is None or _place(one) > _ahead(after)][: limit + 1]
        else:
            total = sum(reader.open_counts(STATES, enterprise=enterprise).values())
            found = reader.open_in_turn(after, limit + 1, enterprise=enterprise)
        shown = found[:limit]
        last = shown[-1] if len(found) > limit else None
        return {
            "seq": seq,
            "total": total,
            "rows": [self._row(number, event, reader) for _, number, event in shown],
            "next": None if last is None else [last[0], last[2].priority, last[1]],
        }

    def _row(self, seq: int, event: AlarmEvent, reader: LedgerReader) -> dict[str, Any]:
        return row(seq, event, self._raised.of(event, reader))

    def status(self, scope: Scope) -> dict[str, Any]:
        """What every page shows: the core's state as it was last told, and "unanswered": how many alarms
        inside ``scope`` wait for an answer, by priority."""
        return {**self._told(scope), "unanswered": self._unanswered(scope)}

    def _unanswered(self, scope: Scope) -> dict[int, int]:
        known = self._waiting.get(scope)
        if known is not None and known[0] == self._seq:
            return known[1]
        seq, reader = self._seq, self._open_reader()
        try:
            if reader is None:
                counts: dict[int, int] = {}
            elif not scope.county:
                counts = reader.open_counts(tuple(NEEDS_ANSWER), enterprise=scope.enterprise or None)
            else:
                found = reader.open_alarms(MAX_STATE, enterprise=scope.enterprise or None)
                mine = [e for _, e in found if scope.sees(enterprise=e.enterprise, county=e.county)]
                counts = dict(Counter(e.priority for e in mine if e.state in NEEDS_ANSWER))
        except JournalError:
            return {}
        self._waiting[scope] = (seq, counts)
        return counts

    def sees(self, scope: Scope, alarm: str) -> bool:
        """Whether an alarm is inside ``scope``; one that never occurred is inside the whole city only."""
        if scope.whole_city:
            return True
        reader = self._open_reader()
        history = reader.history_of(alarm, 1) if reader is not None else []
        return any(scope.sees(enterprise=e.enterprise, county=e.county) for _, e in history)

    async def stream(
        self, after: int, scope: Scope, allowed: Callable[[], bool] = lambda: True
    ) -> AsyncIterator[bytes]:
        """Server-sent events of one page: "status" every second, "alarm" for each change after ``after``
        inside ``scope``, "reload" when too much was missed. Ends when ``allowed``, asked on another thread,
        says no."""
        self.pages += 1
        checked_ns = self.clock.mono_ns()
        try:
            yield b"retry: 1000\n\n"
            told: tuple[int, int] | None = None
            while not self.stopping.is_set():
                news = self._news
                if self.clock.mono_ns() - checked_ns > RECHECK_S * 1e9:
                    checked_ns = self.clock.mono_ns()
                    if not await asyncio.to_thread(allowed):
                        return
                missed, after = await self._since(after)
                mine = [
                    body
                    for _, enterprise, county, body in missed
                    if body and (enterprise == ANYBODY or scope.sees(enterprise=enterprise, county=county))
                ]
                if mine:
                    yield b"".join(mine)  # in one write: many pages and a flood are many writes
                if told is None:
                    yield _event("status", self._told(scope))
                elif told != self._beat():
                    yield self._status_event(scope)
                told = self._beat()
                await self._either(news, BEAT_S)
        finally:
            self.pages -= 1

    async def _since(self, after: int) -> tuple[list[Change], int]:
        if self._seq is None or after == self._seq:
            return [], after
        if after > self._seq:
            # the table was read a moment ahead of us; or it is another ledger than the page knew
            newest = await asyncio.to_thread(self._last_seq) or 0
            return ([], after) if after <= newest else ([_reload(newest)], newest)
        if self._changes and self._changes[0][0] <= after + 1:
            newer = itertools.takewhile(lambda change: change[0] > after, reversed(self._changes))
            return list(newer)[::-1], self._seq
        if self._seq - after > MAX_MISSED:
            return [_reload(self._seq)], self._seq
        changes = await asyncio.to_thread(self._changes_after, after, MAX_MISSED)
        return changes, changes[-1][0] if changes else after

    def _changes_after(self, after: int, limit: int) -> list[Change]:
        """In a worker thread."""
        reader = self._open_reader()
        if reader is None:
            return []
        try:
            return [self._change(seq, event, reader) for seq, event in reader.events_after(after, limit)]
        except JournalError:
            self._reader = None  # opened again at the next look; the core's silence is shown meanwhile
            return []

    def _last_seq(self) -> int | None:
        """In a worker thread; None while the ledger cannot be read."""
        reader = self._open_reader()
        try:
            return None if reader is None else reader.last_seq()
        except JournalError:
            self._reader = None
            return None

    def _change(self, seq: int, event: Any, reader: LedgerReader) -> Change:
        """Every ledger event has its place in the sequence; only alarms say something to the page."""
        if not isinstance(event, AlarmEvent):
            return seq, "", "", b""
        body = _event("alarm", self._row(seq, event, reader), seq)
        return seq, event.enterprise, event.county, body

    def _open_reader(self) -> LedgerReader | None:
        if self._reader is None and self.data.ledger.exists():
            try:
                self._reader = LedgerReader(self.data.ledger)
            except JournalError:
                return None
        return self._reader

    def _ask_core(self) -> dict[str, Any]:
        try:
            status = ask(self.data.core_socket, {"op": "status"}, ASK_S)
        except (CoreUnreachable, ValueError) as error:
            return self._no_answer(str(error))
        self._answered_ms = self.clock.wall_ns() // 1_000_000
        counts = status.get("counts", {})
        return {
            "answers": True,
            "turn_age_s": round(float(status.get("turn_age_s", 0.0)), 1),
            "behind_s": round(float(status.get("behind_s", 0.0)), 1),
            "blind": bool(status.get("blind")),
            "blind_reason": str(status.get("blind_reason", "")),
            "exercise": bool(status.get("exercise")),
            "link_up": bool(status.get("link_up", True)),
            "floods": status.get("floods", []),
            "devices": status.get("devices"),
            "effective": counts.get("effective"),
            "error": "",
        }

    @staticmethod
    def _no_answer(error: str) -> dict[str, Any]:
        return {"answers": False, "error": error}

    def _beat(self) -> tuple[int, int]:
        """Changes when the core was asked again, and once in BEAT_S whether it answers or not."""
        return self._asked, int(self.clock.mono_ns() // (BEAT_S * 1e9))

    def _status_event(self, scope: Scope) -> bytes:
        """Made once a beat for all pages of one scope."""
        beat, known = self._beat(), self._statuses.get(scope)
        if known is None or known[0] != beat:
            known = self._statuses[scope] = (beat, _event("status", self._told(scope)))
        return known[1]

    def _told(self, scope: Scope) -> dict[str, Any]:
        hidden = () if scope.whole_city else CITY_ONLY
        floods = [
            flood
            for flood in self._status.get("floods", ())
            if scope.whole_city or scope.enterprise == flood["area"] != ""
        ]
        return {
            **{name: value for name, value in self._status.items() if name not in hidden},
            "floods": floods,
            "now_ms": self.clock.wall_ns() // 1_000_000,
            "answered_ms": self._answered_ms,
            "pages": self.pages,
        }

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _either(self, news: asyncio.Event, seconds: float) -> None:
        """Wait for news, for the stop, or for the next beat."""
        waits = [asyncio.ensure_future(news.wait()), asyncio.ensure_future(self.stopping.wait())]
        try:
            await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def _place(one: tuple[int, int, AlarmEvent]) -> Turn:
    turn, seq, event = one
    return turn, event.priority, -seq


def _ahead(after: Turn) -> Turn:
    return after[0], after[1], -after[2]


def _reload(seq: int) -> Change:
    return seq, ANYBODY, "", _event("reload", {"seq": seq})


def _event(name: str, data: dict[str, Any], seq: int | None = None) -> bytes:
    head = "" if seq is None else f"id: {seq}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
