"""Reads the ledger from any process. Every question is one short read transaction on a connection of its
own, so that no reader pins the write-ahead log."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, and_, case, func, or_, select, tuple_
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from gateway.alarms.events import QUIET, RETURNED, UNACKNOWLEDGED, AlarmEvent, CommandEvent, Event, decode
from gateway.chain import GENESIS, ChainCheck, Head
from gateway.errors import JournalError
from gateway.ledger import engine as sqlite_engine
from gateway.ledger.check import check
from gateway.ledger.tables import ALARM_STATE, ANCHOR, EVENT, MOST_URGENT, WITNESS

PAGE_ROWS = 2000
WAITING = (UNACKNOWLEDGED, RETURNED)
"""States that wait for an answer."""


class LedgerReader:
    """Read-only. JournalError if the file is not there or cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._engine = sqlite_engine.reader(path)

    def events_after(self, seq: int, limit: int = PAGE_ROWS) -> list[tuple[int, Event]]:
        """(sequence number, event), oldest first, of what follows ``seq``."""
        query = select(EVENT.c.seq, EVENT.c.body).where(EVENT.c.seq > seq).order_by(EVENT.c.seq).limit(limit)
        return [(row.seq, decode(row.body)) for row in self._all(query)]

    def most_urgent_after(self, seq: int, limit: int = PAGE_ROWS) -> list[tuple[int, AlarmEvent]]:
        """As ``events_after``, priority 1 alone; what lies between costs nothing."""
        query = select(EVENT.c.seq, EVENT.c.body).where(MOST_URGENT, EVENT.c.seq > seq)
        query = query.order_by(EVENT.c.priority, EVENT.c.seq).limit(limit)
        return [(row.seq, _alarm(row.body)) for row in self._all(query)]

    def events_between(self, alarm: str, after: int, last: int) -> list[tuple[int, AlarmEvent]]:
        """(sequence number, event) of one alarm from ``after`` (left out) to ``last``, oldest first."""
        query = select(EVENT.c.seq, EVENT.c.body).where(EVENT.c.alarm == alarm)
        query = query.where(EVENT.c.seq > after, EVENT.c.seq <= last).order_by(EVENT.c.seq)
        return [(row.seq, _alarm(row.body)) for row in self._all(query)]

    def open_alarms(
        self,
        limit: int = 100,
        offset: int = 0,
        *,
        enterprise: str | None = None,
        site: str | None = None,
        device: str | None = None,
        priority: int | None = None,
    ) -> list[tuple[int, AlarmEvent]]:
        """The newest event of every alarm that is not normal, most urgent first, then newest first."""
        query = select(ALARM_STATE.c.seq, ALARM_STATE.c.body)
        wanted = {"enterprise": enterprise, "site": site, "device": device, "priority": priority}
        for name, value in wanted.items():
            if value is not None:
                query = query.where(ALARM_STATE.c[name] == value)
        query = query.order_by(ALARM_STATE.c.priority, ALARM_STATE.c.seq.desc()).limit(limit).offset(offset)
        return [(row.seq, _alarm(row.body)) for row in self._all(query)]

    def open_after(
        self, after: tuple[int, int] | None, limit: int, **wanted: Any
    ) -> list[tuple[int, AlarmEvent]]:
        """As ``open_alarms``, what follows (priority, sequence number) in that order; None: from the
        beginning. wanted: enterprise, site, device, priority; None = any."""
        state = ALARM_STATE.c
        query = select(state.seq, state.body)
        for name, value in wanted.items():
            if value is not None:
                query = query.where(state[name] == value)
        if after is not None:
            priority, seq = after
            later = and_(state.priority == priority, state.seq < seq)
            query = query.where(or_(state.priority > priority, later))
        query = query.order_by(state.priority, state.seq.desc()).limit(limit)
        return [(row.seq, _alarm(row.body)) for row in self._all(query)]

    def open_in_turn(
        self, after: tuple[int, int, int] | None, limit: int, *, enterprise: str | None = None
    ) -> list[tuple[int, int, AlarmEvent]]:
        """(turn, sequence number, newest event) of open alarms in the order in which operators answer: turn 0
        unacknowledged, 1 acknowledged, 2 not annunciated; in each by priority, then newest first. ``after``:
        (turn, priority, sequence number) of the last one known; None: from the beginning."""
        state = ALARM_STATE.c
        turn = case((state.state.in_(WAITING), 0), (state.state.in_(QUIET), 2), else_=1)
        query = select(turn.label("turn"), state.seq, state.body)
        if enterprise is not None:
            query = query.where(state.enterprise == enterprise)
        if after is not None:
            place = tuple_(turn, state.priority, -state.seq)
            query = query.where(place > tuple_(after[0], after[1], -after[2]))
        query = query.order_by(turn, state.priority, state.seq.desc()).limit(limit)
        return [(row.turn, row.seq, _alarm(row.body)) for row in self._all(query)]

    def open_count(self) -> int:
        """How many alarms are not normal."""
        return int(self._all(select(func.count()).select_from(ALARM_STATE))[0][0])

    def open_counts(self, states: Sequence[str], *, enterprise: str | None = None) -> dict[int, int]:
        """Priority -> how many open alarms are in one of these states."""
        state = ALARM_STATE.c
        query = (
            select(state.priority, func.count().label("waiting"))
            .where(state.state.in_(states))
            .group_by(state.priority)
        )
        if enterprise is not None:
            query = query.where(state.enterprise == enterprise)
        return {row.priority: row.waiting for row in self._all(query)}

    def open_by_device(self) -> list[tuple[str, str, str, int, str, int]]:
        """(enterprise, site, device, priority, state, how many) of the alarms that are not normal."""
        state = ALARM_STATE.c
        place = (state.enterprise, state.site, state.device, state.priority, state.state)
        query = select(*place, func.count().label("many")).group_by(*place)
        rows = self._all(query)
        return [(r.enterprise, r.site, r.device, r.priority, r.state, r.many) for r in rows]

    def event_count(self) -> int:
        """How many events there are; equal to the newest sequence number."""
        return int(self._all(select(func.count()).select_from(EVENT))[0][0])

    def last_seq(self) -> int:
        """The newest sequence number, 0 if there is none."""
        return self.chain_digest().position

    def history_of(self, alarm: str, limit: int = 1000) -> list[tuple[int, AlarmEvent]]:
        """The newest events of one alarm, oldest first, with their sequence numbers."""
        query = (
            select(EVENT.c.seq, EVENT.c.body)
            .where(EVENT.c.alarm == alarm)
            .order_by(EVENT.c.seq.desc())
            .limit(limit)
        )
        return [(row.seq, _alarm(row.body)) for row in reversed(self._all(query))]

    def history_under(self, beginning: str, limit: int = 200) -> list[tuple[int, AlarmEvent]]:
        """The newest events of all alarms whose id begins so, oldest first: of a device with
        "<enterprise>/<site>/<device>/", of a channel with "<...>/<channel>:"."""
        end = beginning[:-1] + chr(ord(beginning[-1]) + 1)
        query = (
            select(EVENT.c.seq, EVENT.c.body)
            .where(EVENT.c.alarm >= beginning, EVENT.c.alarm < end)
            .order_by(EVENT.c.seq.desc())
            .limit(limit)
        )
        return [(row.seq, _alarm(row.body)) for row in reversed(self._all(query))]

    def commands_at(self, positions: Sequence[int]) -> dict[int, CommandEvent]:
        """Journal position -> the answer to the command there."""
        query = select(EVENT.c.position, EVENT.c.body).where(
            EVENT.c.position.in_(list(positions)), EVENT.c.type == "command"
        )
        return {row.position: _command(row.body) for row in self._all(query)}

    def commands(self, action: str, limit: int = 100) -> list[tuple[int, CommandEvent]]:
        """The newest answers to commands of one action, newest first, with their sequence numbers."""
        query = (
            select(EVENT.c.seq, EVENT.c.body)
            .where(EVENT.c.action == action)
            .order_by(EVENT.c.seq.desc())
            .limit(limit)
        )
        return [(row.seq, _command(row.body)) for row in self._all(query)]

    def chain_digest(self) -> Head:
        """The newest sequence number and its digest: equal ledgers have equal ones."""
        rows = self._all(select(EVENT.c.seq, EVENT.c.digest).order_by(EVENT.c.seq.desc()).limit(1))
        return Head(rows[0].seq, rows[0].digest) if rows else GENESIS

    def digest_at(self, seq: int) -> bytes | None:
        """The chain's digest at a sequence number; None if there is no such event."""
        rows = self._all(select(EVENT.c.digest).where(EVENT.c.seq == seq))
        return bytes(rows[0].digest) if rows else None

    def witness(self) -> Head | None:
        """The newest journal head that the ledger knows to be durable."""
        rows = self._all(select(WITNESS.c.position, WITNESS.c.digest))
        return Head(rows[0].position, rows[0].digest) if rows else None

    def anchors(self) -> list[tuple[int, int, bytes]]:
        """Closed journal segments: first position, last position, digest of the last."""
        rows = self._all(select(ANCHOR.c.first, ANCHOR.c.last, ANCHOR.c.digest).order_by(ANCHOR.c.first))
        return [(row.first, row.last, row.digest) for row in rows]

    def check_chain(self, progress: Callable[[int], None] | None = None) -> ChainCheck:
        """Follow the hash chain, compare every column with its body and ``alarm_state`` with the events;
        name the first bad row. ``progress`` is called with the sequence number reached, once a page.

        The core may be writing: events that come while this reads are checked too.
        """
        return check(self._reading, progress)

    def _all(self, query: Select[Any]) -> list[Row[Any]]:
        with self._reading() as connection:
            return list(connection.execute(query).all())

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        try:
            with self._engine.connect() as connection:
                yield connection
        except (DBAPIError, sqlite3.Error) as error:
            raise JournalError(f"{self._path} cannot be read: {getattr(error, 'orig', error)}") from error


def _alarm(body: bytes) -> AlarmEvent:
    event = decode(body)
    if not isinstance(event, AlarmEvent):
        raise JournalError(f"event {event.id} is stored as an alarm event but is none; run 'riskgate verify'")
    return event


def _command(body: bytes) -> CommandEvent:
    event = decode(body)
    if not isinstance(event, CommandEvent):
        raise JournalError(f"event {event.id} is stored as a command but is none; run 'riskgate verify'")
    return event
