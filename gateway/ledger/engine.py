"""SQLite under SQLAlchemy, with explicit transactions: one writer connection, and readers that only read."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import NullPool

BUSY_S = 5.0


def writer(path: Path) -> Engine:
    """For the one process that writes: WAL, every commit flushed."""

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    return _engine(connect, "BEGIN IMMEDIATE")


def reader(path: Path) -> Engine:
    """For everybody else: a connection and a read transaction for one question, then closed."""
    uri = f"file:{quote(os.fspath(path))}?mode=ro"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)

    return _engine(connect, "BEGIN")


def _engine(connect: Any, begin: str) -> Engine:
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)

    # The driver's own idea of when a transaction begins is switched off (isolation_level=None).
    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
