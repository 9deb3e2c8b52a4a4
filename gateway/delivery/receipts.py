"""What became of every ledger event, per sink: delivered, waiting, dead, or not for this sink. For verify.

Reads delivery.db beside the running process; nothing here is inferred from a cursor alone: an event counts
as delivered only by its receipt in the hash chain.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.chain import GENESIS, ChainCheck, ChainWalk


@dataclass(slots=True)
class SinkAccount:
    """One sink's account of the ledger's events."""

    sink: str
    events: int = 0
    """Ledger events up to the sink's cursor; later ones have not been looked at and wait in the ledger."""
    taken: set[int] = field(default_factory=set)
    """Sequence numbers that the sink had to deliver."""
    receipts: set[int] = field(default_factory=set)
    waiting: set[int] = field(default_factory=set)
    dead: set[int] = field(default_factory=set)

    @property
    def missing(self) -> set[int]:
        """Events that were this sink's and are nowhere: must be empty."""
        return self.taken - self.receipts - self.waiting - self.dead


def accounts(path: Path) -> list[SinkAccount]:
    """The account of every sink that takes events; [] when nothing was ever delivered."""
    if not path.exists():
        return []
    found: dict[str, SinkAccount] = {}
    with closing(_open(path)) as db:
        for (body,) in db.execute("SELECT body FROM record ORDER BY position"):
            _take(found, json.loads(body))
        for sink, seq in db.execute("SELECT sink, seq FROM message"):
            _of(found, sink).waiting.add(seq)
        for sink, seq in db.execute(
            "SELECT sink, seq FROM deadletter WHERE lane = 'events' AND state != 'resent'"
        ):
            _of(found, sink).dead.add(seq)
        for sink, position in db.execute("SELECT sink, position FROM cursor WHERE lane = 'events'"):
            _of(found, sink).events = position
    return [found[name] for name in sorted(found)]


def check_chain(path: Path) -> ChainCheck:
    """Follow the hash chain over receipts and dead letters; names the first row that does not fit."""
    walk = ChainWalk(GENESIS)
    if path.exists():
        with closing(_open(path)) as db:
            rows = db.execute("SELECT position, body, digest FROM record ORDER BY position")
            for position, body, digest in rows:
                if not walk.step(position, body, digest):
                    break
    return walk.result()


def receipts_of(path: Path, sink: str) -> dict[str, int]:
    """Event id -> wall ns of its receipt, for a sink of single events."""
    with closing(_open(path)) as db:
        rows = [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY position")]
    return {
        r["event"]: r["at_ns"] for r in rows if r["kind"] == "receipt" and r["sink"] == sink and "event" in r
    }


def _take(found: dict[str, SinkAccount], record: dict[str, Any]) -> None:
    account = _of(found, record["sink"])
    match record["kind"]:
        case "enrolled":
            account.taken.update(record["seqs"])
        case "receipt" if record.get("lane") == "events" and "first" in record:
            numbers = range(record["first"], record["last"] + 1)
            account.receipts.update(numbers)
            account.taken.update(numbers)


def _of(found: dict[str, SinkAccount], sink: str) -> SinkAccount:
    return found.setdefault(sink, SinkAccount(sink))


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
