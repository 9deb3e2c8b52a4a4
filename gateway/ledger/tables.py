"""The ledger's tables. ``event`` is append-only by trigger and chained by hash; the rest follows from it."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    DDL,
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.schema import ExecutableDDLElement

FORMAT = 1

METADATA = MetaData()

# SQLite makes only a column of type INTEGER the row's own number.
_BIG = BigInteger().with_variant(Integer(), "sqlite")

EVENT = Table(
    "event",
    METADATA,
    Column("seq", _BIG, primary_key=True, autoincrement=False),
    Column("position", BigInteger, nullable=False),
    Column("idx", Integer, nullable=False),
    Column("id", Text, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("alarm", Text),
    Column("occurrence", Integer),
    Column("priority", Integer),
    Column("category", Text),
    Column("action", Text),
    Column("at_ns", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    UniqueConstraint("position", "idx"),
)
"""seq counts from 1 without a gap; (position, idx) is where in the journal it came from; body is canonical
JSON; digest is SHA-256(digest before || seq as 8 bytes big-endian || body)."""

Index("event_alarm", EVENT.c.alarm, EVENT.c.seq)
Index("event_action", EVENT.c.action, EVENT.c.seq)
# The words are literal: SQLite takes a partial index only for a question that says the same.
MOST_URGENT = text("priority = 1")
BY_URGENCY = Index(
    "event_most_urgent",
    EVENT.c.priority,
    EVENT.c.seq,
    sqlite_where=MOST_URGENT,
    postgresql_where=MOST_URGENT,
)
"""Priority 1 alone, in order: found behind any backlog. An older ledger gets the index when it is opened."""

ALARM_STATE = Table(
    "alarm_state",
    METADATA,
    Column("alarm", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("enterprise", Text, nullable=False),
    Column("site", Text, nullable=False),
    Column("device", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""The newest event of every alarm that is not normal."""

Index("alarm_state_order", ALARM_STATE.c.priority, ALARM_STATE.c.seq)

WITNESS = Table(
    "witness",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""One row: the newest journal position known here to be durable."""

ANCHOR = Table(
    "segment_anchor",
    METADATA,
    Column("first", _BIG, primary_key=True, autoincrement=False),
    Column("last", BigInteger, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Closed journal segments: first and last position, digest of the last."""

LEDGER = Table("ledger", METADATA, Column("format", Integer, primary_key=True, autoincrement=False))

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
# The last one also stops INSERT OR REPLACE, which removes rows without asking the second one.
_TRIGGERS = (
    "CREATE TRIGGER event_no_update BEFORE UPDATE ON event",
    "CREATE TRIGGER event_no_delete BEFORE DELETE ON event",
    """CREATE TRIGGER event_next BEFORE INSERT ON event WHEN
    NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM event) OR EXISTS
    (SELECT 1 FROM event WHERE id = NEW.id OR (position = NEW.position AND idx = NEW.idx))""",
)
_ddl: Callable[[str], ExecutableDDLElement] = DDL
for _trigger in _TRIGGERS:
    event.listen(EVENT, "after_create", _ddl(f"{_trigger} {_REFUSE}").execute_if(dialect="sqlite"))
