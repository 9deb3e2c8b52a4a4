"""console.db opened: for its owner alone, every transaction a writing one, durable at its end."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from gateway.access.tables import METADATA

BUSY_S = 20.0
"""How long one waits for another: SQLite lets in whoever looks at the right moment, and on a busy machine a
start lost against a command line that wrote accounts for over 5 s."""


def opened(path: Path) -> Engine:
    """Its connections live as long as one transaction: console and command line may both write."""

    def connect() -> sqlite3.Connection:
        # a rollback journal, no WAL: two processes write, seldom
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", lambda link: link.exec_driver_sql("BEGIN IMMEDIATE"))
    METADATA.create_all(engine)
    return engine
