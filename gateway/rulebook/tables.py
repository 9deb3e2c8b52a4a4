"""Tables of rules.db: proposals as they were written, every step of each, and their back-tests."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, Table, Text

METADATA = MetaData()

PROPOSAL = Table(
    "proposal",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("version", Text, nullable=False, unique=True),
    Column("text", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("made_ns", BigInteger, nullable=False),
    Column("concerns", Text, nullable=False),
    Column("loosened", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("place", Integer),
    sqlite_autoincrement=True,
)
"""text: the rules file; digest: SHA-256 of it; concerns: JSON [[enterprise, county], ...] of the devices;
loosened: JSON list; place: how many versions came into force up to it, None before."""

STEP = Table(
    "step",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("number", Integer, nullable=False, index=True),
    Column("at_ns", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("comment", Text, nullable=False),
    Column("recorded", Boolean, nullable=False, default=False),
)
"""Only ever added to; recorded: the ledger has it."""

TRIAL = Table(
    "trial",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("number", Integer, nullable=False, index=True),
    Column("digest", Text, nullable=False),
    Column("base", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("since_ns", BigInteger, nullable=False),
    Column("begun_ns", BigInteger, nullable=False),
    Column("touched_ns", BigInteger, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("result", Text, nullable=False),
)
"""digest: of the proposal's text; base: how many versions were in force; touched_ns: when it last went on;
result: the difference as JSON, or why there is none."""
