"""The tables of delivery.db: cursors, waiting messages, dead letters, and the hash-chained record."""

from __future__ import annotations

import sqlalchemy as sa

META = sa.MetaData()
CURSOR = sa.Table(
    "cursor",
    META,
    sa.Column("sink", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
)
BEGUN = sa.Table(
    "begun",
    META,
    sa.Column("sink", sa.Text, primary_key=True),
    sa.Column("lane", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("filters", sa.Text, nullable=False),
)
"""By which filters a lane takes events, and the last event before they applied: for ``riskgate verify``."""
MESSAGE = sa.Table(
    "message",
    META,
    sa.Column("sink", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("enrolled_ns", sa.BigInteger, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("urgent", sa.Integer, nullable=False, server_default="0"),
)
AHEAD = sa.Table(
    "ahead",
    META,
    sa.Column("sink", sa.Text, primary_key=True),
    sa.Column("seq", sa.BigInteger, primary_key=True),
)
"""Events beyond a sink's cursor that are messages already (or were: delivered, dead), for they went ahead of
the line; none is made a message again when the cursor comes there."""
CALL = sa.Table(
    "call",
    META,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("sink", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False, index=True),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("done_ns", sa.BigInteger, nullable=False),
)
"""Calls of escalation. state: waiting, delivered, withdrawn (answered before it arrived) or failed."""
CALLED = sa.Table(
    "called",
    META,
    sa.Column("began", sa.Text, primary_key=True),
    sa.Column("step", sa.Text, primary_key=True),
    sa.Column("alarm", sa.Text, nullable=False, index=True),
    sa.Column("occurrence", sa.BigInteger, nullable=False),
    sa.Column("call", sa.Text, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
)
"""Which step called about which stretch of waiting (named by the event that began it): never twice."""
DRILL = sa.Table(
    "drill",
    META,
    sa.Column("began_ns", sa.BigInteger, primary_key=True),
    sa.Column("problem", sa.Text, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""Fire drills: what took how long (JSON), and what did not happen; "" when all went well."""
DEAD = sa.Table(
    "deadletter",
    META,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("sink", sa.Text, nullable=False, index=True),
    sa.Column("lane", sa.Text, nullable=False),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("alarm", sa.Text, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("part", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("at_ns", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
)
RECORD = sa.Table(
    "record",
    META,
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
)
