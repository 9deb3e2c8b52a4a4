"""Tables of console.db. No secret stands in them: of passwords the argon2id hash, of all others SHA-256."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

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

CHANGE = Table(
    "change",
    METADATA,
    Column("number", Integer, primary_key=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("account", Text, nullable=False),
    Column("detail", Text, nullable=False),
)
"""Every change of accounts, for ever: who made it and when."""
