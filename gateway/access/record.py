"""The record of account changes: a hash chain in console.db, written by the transaction that makes it.

So there is neither a change without its record nor a record of what did not happen. A chain alone does not
show that its newest rows were cut off: whoever made a change tells its number and digest to the core as a
command (``access_change``), so that the ledger witnesses it; ``riskgate verify`` holds both together.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select

from gateway.access.tables import CHANGED
from gateway.chain import GENESIS, ChainCheck, ChainWalk, link

WITNESS = "access_change"
"""The command's action."""


class Change(msgspec.Struct, frozen=True):
    """Who changed what about whom. No secret is among it."""

    at_ns: int
    by: str
    """An account, or "cli" and the machine's user; "console" at its first start."""
    action: str
    """add, link, enable, disable, change, password, token, revoke, first; or fleet, an import by upload."""
    account: str
    detail: str


def note_change(db: Connection, at_ns: int, by: str, action: str, account: str, detail: str = "") -> None:
    """Keep a change; in the transaction that makes it."""
    newest = db.execute(select(CHANGED).order_by(CHANGED.c.position.desc()).limit(1)).first()
    before, position = (GENESIS.digest, 1) if newest is None else (newest.digest, newest.position + 1)
    body = msgspec.json.encode(Change(at_ns, by, action, account, detail))
    digest = link(before, position, body)
    db.execute(insert(CHANGED).values(position=position, body=body, digest=digest))


def changes(db: Connection, limit: int) -> list[Change]:
    """The newest changes, newest first."""
    rows = db.execute(select(CHANGED.c.body).order_by(CHANGED.c.position.desc()).limit(limit)).all()
    return [msgspec.json.decode(row.body, type=Change) for row in rows]


def witnessed(db: Connection) -> dict[str, Any]:
    """What the core is told of the newest change: the arguments of the command."""
    row = db.execute(select(CHANGED).order_by(CHANGED.c.position.desc()).limit(1)).one()
    change = msgspec.json.decode(row.body, type=Change)
    return {
        "number": row.position,
        "digest": row.digest.hex(),
        "change": change.action,
        "account": change.account,
        "detail": change.detail,
    }


def check_record(path: Path, witnesses: Iterable[tuple[int, str]]) -> tuple[ChainCheck, str]:
    """The chain followed from its beginning; and the first of the witnesses (number, digest as hex) that it
    does not hold, in words, "" if there is none."""
    walk = ChainWalk(GENESIS)
    digests: dict[int, str] = {}
    if path.exists():
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)) as db:
            there = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'changed'").fetchone()
            rows = db.execute("SELECT position, body, digest FROM changed ORDER BY position") if there else ()
            for position, body, digest in rows:
                if not walk.step(position, body, digest):
                    break
                digests[position] = digest.hex()
    for number, digest in sorted(witnesses):
        if digests.get(number) != digest:
            missing = number not in digests
            return walk.result(), f"change {number} {'is missing' if missing else 'is another one'}"
    return walk.result(), ""
