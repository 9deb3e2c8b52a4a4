"""Tables of console.db. No secret stands in them: of passwords the argon2id hash, of all others SHA-256."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    DDL,
    BigInteger,
    Boolean,
    Column,
    ExecutableDDLElement,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    event,
)

METADATA = MetaData()

ACCOUNT = Table(
    "account",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("county", Text, nullable=False),
    Column("enterprise", Text, nullable=False),
    Column("password", Text),
    Column("enabled", Boolean, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
)
"""password: None until the owner has chosen one by a one-time link."""

LINK = Table(
    "link",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)
"""One-time links to choose a password: gone when used."""

SESSION = Table(
    "session",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("account", Text, nullable=False),
    Column("csrf", Text, nullable=False),
    Column("began_ns", BigInteger, nullable=False),
    Column("used_ns", BigInteger, nullable=False),
    Column("address", Text, nullable=False),
)

TOKEN = Table(
    "token",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("county", Text, nullable=False),
    Column("enterprise", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("until_ns", BigInteger, nullable=False),
)

FAILURE = Table(
    "failure",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("count", Integer, nullable=False),
    Column("last_ns", BigInteger, nullable=False),
)
"""Failed logins by account (masked: throttle.py) and address; account "" counts all of an address."""

KNOWN = Table(
    "known",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("address", Text, primary_key=True),
    Column("last_ns", BigInteger, nullable=False),
)
"""From where an account has logged in: an address's other failures do not make it wait there."""

CHANGED = Table(
    "changed",
    METADATA,
    Column("position", BigInteger, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("digest", LargeBinary, nullable=False),
)
"""Every change of accounts and tokens, for ever: who made it and when, chained by hash (record.py)."""

_REFUSE = "BEGIN SELECT RAISE(ABORT, 'the record of account changes is append-only'); END"
_ddl: Callable[[str], ExecutableDDLElement] = DDL
for _trigger in (
    "CREATE TRIGGER changed_no_update BEFORE UPDATE ON changed",
    "CREATE TRIGGER changed_no_delete BEFORE DELETE ON changed",
    # also stops INSERT OR REPLACE, which removes rows without asking the second one
    """CREATE TRIGGER changed_next BEFORE INSERT ON changed WHEN
    NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM changed)""",
):
    event.listen(CHANGED, "after_create", _ddl(f"{_trigger} {_REFUSE}"))
