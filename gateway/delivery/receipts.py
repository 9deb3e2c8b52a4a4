"""What became of every ledger event, per sink: delivered, waiting, dead, or not for this sink. For verify.

Reads delivery.db beside the running process; nothing here is inferred from a cursor alone: an event counts
as delivered only by its receipt in the hash chain.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.chain import GENESIS, ChainCheck, ChainWalk

MAX_RECORDS = 200_000


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
    died: set[int] = field(default_factory=set)
    """Those that ever were a dead letter, also if they were sent after all."""
    order: list[int] = field(default_factory=list)
    """First receipts of single events, in the order of the hash chain."""
    begun: tuple[int, str] | None = None
    """By which filters events are enrolled, and the last event before they applied; None: not recorded."""

    @property
    def passed_over(self) -> int:
        """Events up to the cursor that were not this sink's; what went ahead of it is not counted."""
        return self.events - sum(seq <= self.events for seq in self.taken)

    @property
    def missing(self) -> set[int]:
        """Events that were this sink's and are nowhere: must be empty."""
        return self.taken - self.receipts - self.waiting - self.dead


def accounts(path: Path) -> list[SinkAccount]:
    """The account of every sink that takes events; [] when nothing was ever delivered."""
    if not path.exists():
        return []
    found: dict[str, SinkAccount] = {}
    again: set[int] = set()
    with closing(_open(path)) as db:
        db.execute("BEGIN")  # one view of all tables: delivery may be at work
        for (body,) in db.execute("SELECT body FROM record ORDER BY position"):
            _take(found, again, json.loads(body))
        for sink, seq in db.execute("SELECT sink, seq FROM message"):
            _of(found, sink).waiting.add(seq)
        letters = "SELECT id, sink, seq, part, state FROM deadletter WHERE lane = 'events'"
        for number, sink, seq, part, state in db.execute(letters):
            account = _of(found, sink)
            if state != "resent":
                account.dead.add(seq)
            elif not part and number in again:
                account.receipts.add(seq)
                account.taken.add(seq)
        for sink, position in db.execute("SELECT sink, position FROM cursor WHERE lane = 'events'"):
            _of(found, sink).events = position
        if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'begun'").fetchone():
            for sink, after, filters in db.execute(
                "SELECT sink, position, filters FROM begun WHERE lane = 'events'"
            ):
                _of(found, sink).begun = (after, filters)
    return [found[name] for name in sorted(found)]


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one ledger event at one sink."""

    seq: int
    sink: str
    state: str
    """delivered, waiting, dead or queued (a dead letter that is to be sent again)."""
    at_ns: int = 0
    """When it was delivered or given up; of one that waits, when it was put in line."""
    detail: str = ""
    """The receiver's receipt; or the newest error, or why it is dead."""
    attempts: int = 0


def told(path: Path, seqs: Sequence[int], since_ns: int) -> list[Told]:
    """What became of these ledger events (of since_ns or later), per sink, in their order. An event that a
    sink does not take has no line. Looks through the newest ``MAX_RECORDS`` rows of the chain at most."""
    wanted = set(seqs)
    if not path.exists() or not wanted:
        return []
    marks = ",".join("?" * len(wanted))
    found: list[Told] = []
    with closing(_open(path)) as db:
        db.execute("BEGIN")  # one view of all tables: delivery may be at work
        waiting = f"SELECT seq, sink, enrolled_ns, error, attempts FROM message WHERE seq IN ({marks})"  # noqa: S608
        for seq, sink, at, error, attempts in db.execute(waiting, list(wanted)):
            found.append(Told(seq, sink, "waiting", at, error, attempts))
        letters = (
            "SELECT seq, sink, state, at_ns, reason, attempts FROM deadletter "  # noqa: S608
            f"WHERE lane = 'events' AND state != 'resent' AND seq IN ({marks})"
        )
        for seq, sink, state, at, reason, attempts in db.execute(letters, list(wanted)):
            found.append(Told(seq, sink, state, at, reason, attempts))
        newest = "SELECT body FROM record ORDER BY position DESC LIMIT ?"
        for (body,) in db.execute(newest, (MAX_RECORDS,)):
            record = json.loads(body)
            if record["at_ns"] < since_ns:
                break
            if record["kind"] == "receipt" and record.get("lane") == "events" and "first" in record:
                inside = [seq for seq in wanted if record["first"] <= seq <= record["last"]]
                found += [
                    Told(seq, record["sink"], "delivered", record["at_ns"], record["receipt"])
                    for seq in inside
                ]
    return sorted(found, key=lambda one: (one.seq, one.sink, one.at_ns))


def calls_about(path: Path, alarm: str, occurrence: int) -> list[dict[str, Any]]:
    """Calls about one occurrence of an alarm, oldest first, as CallStore.newest gives them."""
    if not path.exists():
        return []
    query = (
        "SELECT id, sink, step, body, at_ns, state, attempts, outcome FROM call WHERE id IN "
        "(SELECT call FROM called WHERE alarm = ? AND occurrence = ?) ORDER BY at_ns, id"
    )
    with closing(_open(path)) as db:
        db.row_factory = sqlite3.Row
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'call'").fetchone():
            return []  # written by an earlier version, and delivery has not opened it since
        rows = db.execute(query, (alarm, occurrence)).fetchall()
    return [{**dict(row), "body": json.loads(row["body"])} for row in rows]


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


def _take(found: dict[str, SinkAccount], again: set[int], record: dict[str, Any]) -> None:
    """Note one row of the chain. ``again``: numbers of dead letters that were sent after all."""
    sink: str = record["sink"]
    match record["kind"], record.get("lane"):
        case "enrolled", _:
            _of(found, sink).taken.update(record["seqs"])
        case "receipt", "events" if "first" in record:
            account = _of(found, sink)
            numbers = range(record["first"], record["last"] + 1)
            if "event" in record and record["first"] not in account.receipts:
                account.order.append(record["first"])
            account.receipts.update(numbers)
            account.taken.update(numbers)
        case "receipt", "events" if "id" in record:
            again.add(record["id"])
        case "dead", "events" if "seq" in record:
            _of(found, sink).died.add(record["seq"])


def _of(found: dict[str, SinkAccount], sink: str) -> SinkAccount:
    return found.setdefault(sink, SinkAccount(sink))


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0)
