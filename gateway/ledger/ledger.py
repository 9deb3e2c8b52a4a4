"""The ledger's only writer: every event once, in order, with what it changes, in one durable transaction.

Offering what is recorded already is harmless: it is compared, not written, and BehaviourDiffers says where
it is not the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import bindparam, delete, func, insert, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from gateway.alarms.events import NORMAL, AlarmEvent, Event, decode, encode
from gateway.chain import GENESIS, Head, link
from gateway.durable import WriterLock, sqlite_failure
from gateway.errors import BehaviourDiffers, FlushFailed, JournalError
from gateway.ledger import engine as sqlite_engine
from gateway.ledger.bulk import Bulk
from gateway.ledger.rows import columns, state_columns
from gateway.ledger.tables import (
    ALARM_STATE,
    ANCHOR,
    BY_URGENCY,
    EVENT,
    FORMAT,
    LEDGER,
    METADATA,
    WITNESS,
)  # fmt: skip

_EVENTS = Bulk(insert(EVENT))
_GONE = Bulk(delete(ALARM_STATE).where(ALARM_STATE.c.alarm == bindparam("gone")))
_PRESENT = Bulk(insert(ALARM_STATE))

Anchor = tuple[int, int, bytes]
"""A closed journal segment: first position, last position, digest of the last."""


class Ledger:
    """Opens or creates the ledger file; JournalError if it is damaged at its end, is of a newer format or is
    written by another process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = WriterLock(path.with_suffix(".lock"), "this ledger")
        self._engine = sqlite_engine.writer(path)
        self._compared: int | None = None
        self._broken = ""
        try:
            with self._failures():
                self._connection = self._engine.connect()
                self._prepare()
                self._head, self._applied = self._end()
        except BaseException:
            self._lock.close()
            raise

    @property
    def applied(self) -> int:
        """The journal position of the newest recorded event, 0 if there is none."""
        return self._applied

    @property
    def last_seq(self) -> int:
        """The sequence number of the newest event, 0 if there is none."""
        return self._head.position

    def witness(self) -> Head | None:
        """The newest journal head recorded here, for the journal to be checked against at start."""
        with self._failures(), self._connection.begin():
            row = self._connection.execute(select(WITNESS.c.position, WITNESS.c.digest)).first()
        return Head(row.position, row.digest) if row else None

    def expect_after(self, position: int) -> None:
        """Say that a replay begins: every position after this one that gives events will be offered to
        ``record``, so that one that gives none any more is noticed too."""
        self._compared = position

    def record(self, outcomes: Sequence[tuple[int, Sequence[Event]]], head: Head) -> None:
        """Record the events of journal positions, in order, in one transaction; ``head`` is the journal's.

        Positions up to ``applied`` are compared with what is stored: BehaviourDiffers if it is not the same,
        and then nothing is written. JournalFull or JournalBusy: nothing was written, offer the same again.
        FlushFailed: exit.
        """
        with self._failures():
            fresh = [(position, events) for position, events in outcomes if not self._known(position, events)]
            if fresh:
                self._write(fresh, head)

    def anchor(self, closed: Sequence[Anchor]) -> None:
        """Record closed journal segments. Known ones are compared: JournalError if one was changed."""
        with self._failures(), self._connection.begin():
            for first, last, digest in closed:
                known = self._connection.execute(select(ANCHOR).where(ANCHOR.c.first == first)).first()
                if known is None:
                    row = {"first": first, "last": last, "digest": digest}
                    self._connection.execute(insert(ANCHOR), row)
                elif (known.last, known.digest) != (last, digest):
                    raise JournalError(
                        f"{self._path}: the journal segment that begins at {first} is not the one that was "
                        f"closed (it ended at {known.last}, now at {last}). Restore it from a backup; "
                        "'riskgate verify' names the first bad row."
                    )

    def events_at_or_after(self, position: int) -> Iterator[tuple[int, int, Event]]:
        """(sequence number, journal position, event) of everything recorded from a position on."""
        query = (
            select(EVENT.c.seq, EVENT.c.position, EVENT.c.body)
            .where(EVENT.c.position >= position)
            .order_by(EVENT.c.seq)
        )
        with self._failures(), self._connection.begin():
            rows = self._connection.execute(query).all()
        for seq, found, body in rows:
            yield seq, found, decode(body)

    def close(self) -> None:
        """Stop writing; nothing is pending."""
        self._connection.close()
        self._engine.dispose()
        self._lock.close()

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """SQLite's answers as our errors; after a failed flush, nothing but that error."""
        if self._broken:
            raise FlushFailed(self._broken)
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if not isinstance(cause, sqlite3.Error):
                raise
            failure = sqlite_failure(cause, self._path)
            if isinstance(failure, FlushFailed):
                self._broken = str(failure)
            raise failure from error

    def _prepare(self) -> None:
        (level,) = self._connection.exec_driver_sql("PRAGMA synchronous").one()
        self._connection.commit()
        if level != 2:
            raise JournalError(f"{self._path}: SQLite runs with synchronous={level}, not FULL")
        with self._connection.begin():
            METADATA.create_all(self._connection)
            BY_URGENCY.create(self._connection, checkfirst=True)
            found = self._connection.execute(select(LEDGER.c.format)).scalar()
            if found is None:
                self._connection.execute(insert(LEDGER), {"format": FORMAT})
            elif found != FORMAT:
                raise JournalError(
                    f"{self._path} has ledger format {found}; this version reads {FORMAT}: use a newer one."
                )

    def _end(self) -> tuple[Head, int]:
        """The newest row's number, digest and position; JournalError if it does not fit the one before."""
        query = select(EVENT.c.seq, EVENT.c.position, EVENT.c.body, EVENT.c.digest)
        with self._connection.begin():
            rows = self._connection.execute(query.order_by(EVENT.c.seq.desc()).limit(2)).all()
        if not rows:
            return GENESIS, 0
        last = rows[0]
        before = Head(rows[1].seq, rows[1].digest) if len(rows) > 1 else GENESIS
        if last.seq != before.position + 1 or link(before.digest, last.seq, last.body) != last.digest:
            raise JournalError(
                f"{self._path}: event {last.seq} does not continue the chain. Restore the file from a "
                "backup; 'riskgate verify' names the first bad row."
            )
        return Head(last.seq, last.digest), last.position

    def _known(self, position: int, events: Sequence[Event]) -> bool:
        """Whether these events need not be written: there are none, or they are stored, compared equal."""
        if self._compared is not None:
            self._compare_gap(min(position, self._applied + 1))
        if position > self._applied:
            return not events
        self._compare(position, events)
        return True

    def _compare(self, position: int, events: Sequence[Event]) -> None:
        stored = self._bodies(position)
        offered = [encode(event) for event in events]
        if stored != offered:
            index = next(
                (i for i, (a, b) in enumerate(zip(stored, offered, strict=False)) if a != b),
                min(len(stored), len(offered)),
            )
            raise BehaviourDiffers(
                f"journal position {position}, event {index}: the ledger holds "
                f"{_text(stored, index)}, this version gives {_text(offered, index)}. Use the version that "
                "wrote the ledger, or see 'riskgate replay' for every difference."
            )
        if self._compared is not None:
            self._compared = position

    def _compare_gap(self, position: int) -> None:
        """Nothing may be stored between the position compared last and this one."""
        compared = self._compared or 0
        query = select(func.min(EVENT.c.position)).where(
            EVENT.c.position > compared, EVENT.c.position < position
        )
        with self._connection.begin():
            missed = self._connection.execute(query).scalar()
        if missed is not None:
            raise BehaviourDiffers(
                f"journal position {missed}: the ledger holds {_text(self._bodies(missed), 0)}, this version "
                "gives nothing. Use the version that wrote the ledger."
            )
        if position > self._applied:
            self._compared = None

    def _bodies(self, position: int) -> list[bytes]:
        query = select(EVENT.c.body).where(EVENT.c.position == position).order_by(EVENT.c.idx)
        with self._connection.begin():
            return list(self._connection.execute(query).scalars())

    def _write(self, fresh: list[tuple[int, Sequence[Event]]], head: Head) -> None:
        rows: list[dict[str, object]] = []
        states: dict[str, tuple[AlarmEvent, int, bytes]] = {}
        seq, digest = self._head
        for position, events in fresh:
            for index, event in enumerate(events):
                seq += 1
                row = columns(event)
                digest = link(digest, seq, row["body"])
                rows.append({"seq": seq, "position": position, "idx": index, "digest": digest, **row})
                if isinstance(event, AlarmEvent):
                    states[event.alarm] = (event, seq, row["body"])
        with self._connection.begin():
            _EVENTS.run(self._connection, rows)
            _write_states(self._connection, states)
            self._connection.execute(delete(WITNESS))
            self._connection.execute(
                insert(WITNESS), {"id": 1, "position": head.position, "digest": head.digest}
            )
        self._head = Head(seq, digest)
        self._applied = fresh[-1][0]


def _write_states(connection: Connection, states: dict[str, tuple[AlarmEvent, int, bytes]]) -> None:
    if not states:
        return
    _GONE.run(connection, [{"gone": alarm} for alarm in states])
    _PRESENT.run(connection, [state_columns(*state) for state in states.values() if state[0].state != NORMAL])


def _text(bodies: list[bytes], index: int) -> str:
    return bodies[index].decode()[:400] if index < len(bodies) else "no event"
