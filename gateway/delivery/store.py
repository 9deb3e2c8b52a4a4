"""delivery.db: how far each sink is, what waits, what failed for good, and a hash chain over what happened.

One connection, one lock, every change one durable transaction (WAL, synchronous=FULL). Nothing is ever
deleted except messages that were delivered; those leave a receipt. SQLAlchemy Core, so that PostgreSQL can
serve too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.pool import StaticPool

from gateway.chain import GENESIS, ChainCheck, ChainWalk, Head, link
from gateway.delivery.tables import AHEAD, BEGUN, CURSOR, DEAD, MESSAGE, META, RECORD
from gateway.errors import JournalError


@dataclass(slots=True)
class Message:
    """One event on its way to one webhook."""

    seq: int
    event: str
    alarm: str
    priority: int
    enrolled_ns: int
    attempts: int = 0
    error: str = ""
    urgent: bool = False
    """Goes ahead of every line, by the sender that is kept for it."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """Something a sink refused for good. ``state``: dead, queued (to be sent again) or resent.

    part: the refused piece itself where it is less than an event (a line), else "". seq: the event's ledger
    sequence, or for readings the last journal position of its batch.
    """

    lane: str
    seq: int
    reason: str
    event: str = ""
    alarm: str = ""
    priority: int = 0
    part: str = ""
    attempts: int = 0
    id: int = 0
    sink: str = ""
    at_ns: int = 0
    state: str = "dead"


class DeliveryStore:
    """Thread-safe. ``wall_ns`` stamps what is written."""

    def __init__(self, path: Path, wall_ns: Any) -> None:
        self._wall_ns = wall_ns
        self._lock = threading.RLock()
        self._engine = sa.create_engine(
            f"sqlite:///{path}", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )
        with self._engine.connect() as link_:
            link_.exec_driver_sql("PRAGMA journal_mode = WAL")
            link_.exec_driver_sql("PRAGMA synchronous = FULL")
            if link_.exec_driver_sql("PRAGMA synchronous").scalar() != 2:
                raise JournalError(
                    f"{path}: SQLite does not take synchronous=FULL; use another build of SQLite"
                )
        META.create_all(self._engine)
        self._add_urgent()
        with self._begin() as db:
            row = db.execute(sa.select(RECORD).order_by(RECORD.c.position.desc()).limit(1)).first()
        self._head = GENESIS if row is None else Head(row.position, row.digest)

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        """One transaction; the chain's head follows only when it was committed."""
        with self._lock:
            head = getattr(self, "_head", GENESIS)
            try:
                with self._engine.begin() as db:
                    yield db
            except BaseException:
                self._head = head
                raise

    @contextmanager
    def writing(self) -> Iterator[tuple[sa.Connection, Callable[..., None]]]:
        """One durable transaction, and what adds to its chained record (kind, sink, facts): for calls."""
        with self._begin() as db:
            yield db, lambda kind, sink, **facts: self._record(db, kind, sink, **facts)

    def _record(self, db: sa.Connection, kind: str, sink: str, **facts: Any) -> None:
        body = msgspec.json.encode(
            {"kind": kind, "sink": sink, "at_ns": self._wall_ns(), **facts}, order="deterministic"
        )
        position = self._head.position + 1
        digest = link(self._head.digest, position, body)
        db.execute(RECORD.insert().values(position=position, body=body, digest=digest))
        self._head = Head(position, digest)

    def cursor(self, sink: str, lane: str) -> int:
        """The last ledger sequence or journal position done; 0 before the first."""
        where = (CURSOR.c.sink == sink) & (CURSOR.c.lane == lane)
        with self._begin() as db:
            return int(db.execute(sa.select(CURSOR.c.position).where(where)).scalar() or 0)

    def begin(self, sink: str, lane: str, position: int, filters: str) -> int:
        """A lane begins, or goes on: a new one after ``position``. Where its filters are not those it had,
        the cursor they apply from is kept. Returns the cursor."""
        where = (CURSOR.c.sink == sink) & (CURSOR.c.lane == lane)
        mine = (BEGUN.c.sink == sink) & (BEGUN.c.lane == lane)
        with self._begin() as db:
            cursor = db.execute(sa.select(CURSOR.c.position).where(where)).scalar()
            if cursor is None:
                cursor = position
                self._move(db, sink, lane, cursor)
            if db.execute(sa.select(BEGUN.c.filters).where(mine)).scalar() != filters:
                db.execute(BEGUN.delete().where(mine))
                look_again = (CURSOR.c.sink == sink) & (CURSOR.c.lane == AHEAD.name)
                db.execute(CURSOR.delete().where(look_again))
                db.execute(BEGUN.insert().values(sink=sink, lane=lane, position=cursor, filters=filters))
        return int(cursor)

    def advance(
        self, sink: str, lane: str, first: int, last: int, receipt: str = "", dead: Sequence[DeadLetter] = ()
    ) -> None:
        """Everything up to ``last`` is done. A receipt is recorded for events, not for every batch of
        readings; dead letters always."""
        with self._begin() as db:
            self._move(db, sink, lane, last)
            if receipt:
                self._record(db, "receipt", sink, lane=lane, first=first, last=last, receipt=receipt)
            for letter in dead:
                self._bury(db, sink, letter)

    def enrol(self, sink: str, last: int, messages: Iterable[Message]) -> None:
        """Messages for the ledger's events up to ``last``, and the cursor, in one transaction."""
        rows = [_row(sink, m) for m in messages]
        with self._begin() as db:
            if rows:
                db.execute(MESSAGE.insert(), rows)
                self._record(db, "enrolled", sink, seqs=[row["seq"] for row in rows])
            db.execute(AHEAD.delete().where((AHEAD.c.sink == sink) & (AHEAD.c.seq <= last)))
            self._move(db, sink, "events", last)

    def enrol_ahead(self, sink: str, last: int, messages: Sequence[Message]) -> None:
        """Messages for events beyond the cursor, and how far was looked for them, in one transaction."""
        with self._begin() as db:
            db.execute(MESSAGE.insert(), [_row(sink, m) for m in messages])
            db.execute(AHEAD.insert(), [{"sink": sink, "seq": m.seq} for m in messages])
            self._record(db, "enrolled", sink, seqs=[m.seq for m in messages], ahead=True)
            self._move(db, sink, AHEAD.name, last)

    def ahead(self, sink: str) -> tuple[int, set[int]]:
        """How far was looked ahead, and the events beyond the cursor that are messages already."""
        query = sa.select(AHEAD.c.seq).where(AHEAD.c.sink == sink)
        with self._begin() as db:
            found = set(db.execute(query).scalars())
        return self.cursor(sink, AHEAD.name), found

    def waiting(self, sink: str) -> list[Message]:
        """Every message not yet delivered, in ledger order."""
        with self._begin() as db:
            rows = db.execute(sa.select(MESSAGE).where(MESSAGE.c.sink == sink).order_by(MESSAGE.c.seq)).all()
        return [
            Message(r.seq, r.event, r.alarm, r.priority, r.enrolled_ns, r.attempts, r.error, bool(r.urgent))
            for r in rows
        ]

    def delivered(self, sink: str, message: Message, receipt: str) -> None:
        """A receipt takes the message's place."""
        with self._begin() as db:
            db.execute(MESSAGE.delete().where(_is(sink, message)))
            self._record(
                db, "receipt", sink, lane="events", first=message.seq, last=message.seq, event=message.event,
                receipt=receipt,
            )  # fmt: skip
            self._resent(db, sink, message.seq)

    def failed(self, sink: str, message: Message) -> None:
        """An attempt did not succeed; its count and error are kept."""
        with self._begin() as db:
            values = {"attempts": message.attempts, "error": message.error}
            db.execute(MESSAGE.update().where(_is(sink, message)).values(values))

    def died(self, sink: str, message: Message, reason: str) -> None:
        """The message becomes a dead letter."""
        letter = DeadLetter(
            "events",
            message.seq,
            reason,
            message.event,
            message.alarm,
            message.priority,
            "",
            message.attempts,
        )
        again = _is_dead(sink, message.seq) & (DEAD.c.state == "queued")
        with self._begin() as db:
            db.execute(MESSAGE.delete().where(_is(sink, message)))
            if db.execute(DEAD.update().where(again).values(state="dead", reason=reason)).rowcount:
                self._record(
                    db, "dead", sink, lane="events", seq=message.seq, event=message.event, reason=reason
                )
            else:
                self._bury(db, sink, letter)

    def requeue(
        self, sink: str, ids: Sequence[str] | None, last: int, command: str, *, messages: bool
    ) -> list[Message]:
        """Dead letters to be sent again: those with these event ids or numbers, None = all of the sink; with
        ``messages`` those that are whole events wait again like new messages and are returned. The command's
        ledger sequence ``last`` becomes the cursor in the same transaction."""
        where = (DEAD.c.sink == sink) & (DEAD.c.state == "dead")
        if ids is not None:
            numbers = [int(i) for i in ids if i.isdigit()]
            where &= DEAD.c.event.in_(list(ids)) | DEAD.c.id.in_(numbers)
        now = self._wall_ns()
        with self._begin() as db:
            letters = [DeadLetter(**row) for row in db.execute(sa.select(DEAD).where(where)).mappings()]
            db.execute(DEAD.update().where(where).values(state="queued"))
            for letter in letters:
                self._record(db, "requeued", sink, lane=letter.lane, id=letter.id, command=command)
            whole = [
                Message(x.seq, x.event, x.alarm, x.priority, now) for x in letters if messages and not x.part
            ]
            if whole:
                db.execute(MESSAGE.insert(), [_row(sink, m) for m in whole])
            self._move(db, sink, "events", last)
        return whole

    def queued(self, sink: str) -> list[DeadLetter]:
        """Requeued dead letters not yet sent again."""
        where = (DEAD.c.sink == sink) & (DEAD.c.state == "queued")
        with self._begin() as db:
            return [DeadLetter(**row) for row in db.execute(sa.select(DEAD).where(where)).mappings()]

    def resent(self, sink: str, letter: DeadLetter, receipt: str) -> None:
        """A requeued dead letter was taken after all."""
        with self._begin() as db:
            db.execute(DEAD.update().where(DEAD.c.id == letter.id).values(state="resent"))
            self._record(db, "receipt", sink, lane=letter.lane, id=letter.id, receipt=receipt)

    def refused_again(self, sink: str, letter: DeadLetter, reason: str) -> None:
        """A requeued dead letter was refused again."""
        with self._begin() as db:
            db.execute(DEAD.update().where(DEAD.c.id == letter.id).values(state="dead", reason=reason))
            self._record(db, "dead", sink, lane=letter.lane, id=letter.id, reason=reason)

    def deadletters(self, sink: str = "", limit: int = 1000, before: int = 0) -> list[DeadLetter]:
        """Dead letters, newest first; of one sink or of all. before: only those with a smaller id."""
        query = sa.select(DEAD).where(DEAD.c.state == "dead").order_by(DEAD.c.id.desc()).limit(limit)
        if sink:
            query = query.where(DEAD.c.sink == sink)
        if before:
            query = query.where(DEAD.c.id < before)
        with self._begin() as db:
            return [DeadLetter(**row) for row in db.execute(query).mappings()]

    def dead_count(self, sink: str) -> int:
        """How many dead letters a sink has."""
        query = sa.select(sa.func.count()).where((DEAD.c.sink == sink) & (DEAD.c.state == "dead"))
        with self._begin() as db:
            return int(db.execute(query).scalar_one())

    def check_chain(self) -> ChainCheck:
        """Follow the hash chain; names the first row that does not fit."""
        walk = ChainWalk(GENESIS)
        for position, body, digest in self.records():
            if not walk.step(position, body, digest):
                break
        return walk.result()

    def records(self) -> Iterator[tuple[int, bytes, bytes]]:
        """Chain rows in order: position, body (JSON), digest; read in pages."""
        after = 0
        while True:
            query = sa.select(RECORD).where(RECORD.c.position > after).order_by(RECORD.c.position).limit(5000)
            with self._begin() as db:
                rows = db.execute(query).all()
            if not rows:
                return
            for row in rows:
                # A body that somebody edited as text is still read, to be named by the chain.
                yield (
                    row.position,
                    row.body if isinstance(row.body, bytes) else str(row.body).encode(),
                    row.digest,
                )
            after = rows[-1].position

    def close(self) -> None:
        """Close the file; later calls fail."""
        with self._lock:
            self._engine.dispose()

    def _add_urgent(self) -> None:
        """A file of an earlier version: what waits with priority 1 is urgent."""
        with self._begin() as db:
            if "urgent" not in {column["name"] for column in sa.inspect(db).get_columns(MESSAGE.name)}:
                db.exec_driver_sql("ALTER TABLE message ADD COLUMN urgent INTEGER NOT NULL DEFAULT 0")
                db.execute(MESSAGE.update().where(MESSAGE.c.priority == 1).values(urgent=1))

    def _move(self, db: sa.Connection, sink: str, lane: str, position: int) -> None:
        values = {"position": position, "at_ns": self._wall_ns()}
        where = (CURSOR.c.sink == sink) & (CURSOR.c.lane == lane)
        if not db.execute(CURSOR.update().where(where).values(values)).rowcount:
            db.execute(CURSOR.insert().values(sink=sink, lane=lane, **values))

    def _bury(self, db: sa.Connection, sink: str, letter: DeadLetter) -> None:
        values = {
            "sink": sink, "lane": letter.lane, "seq": letter.seq, "event": letter.event,
            "alarm": letter.alarm, "priority": letter.priority, "part": letter.part, "reason": letter.reason,
            "attempts": letter.attempts, "at_ns": self._wall_ns(), "state": "dead",
        }  # fmt: skip
        db.execute(DEAD.insert().values(values))
        facts = {"lane": letter.lane, "seq": letter.seq, "event": letter.event, "part": letter.part}
        self._record(db, "dead", sink, reason=letter.reason, **facts)

    def _resent(self, db: sa.Connection, sink: str, seq: int) -> None:
        where = _is_dead(sink, seq) & (DEAD.c.state == "queued")
        db.execute(DEAD.update().where(where).values(state="resent"))


def _row(sink: str, m: Message) -> dict[str, Any]:
    return {
        "sink": sink, "seq": m.seq, "event": m.event, "alarm": m.alarm, "priority": m.priority,
        "enrolled_ns": m.enrolled_ns, "attempts": m.attempts, "error": m.error, "urgent": int(m.urgent),
    }  # fmt: skip


def _is(sink: str, message: Message) -> sa.ColumnElement[bool]:
    return (MESSAGE.c.sink == sink) & (MESSAGE.c.seq == message.seq)


def _is_dead(sink: str, seq: int) -> sa.ColumnElement[bool]:
    return (DEAD.c.sink == sink) & (DEAD.c.seq == seq) & (DEAD.c.lane == "events")
