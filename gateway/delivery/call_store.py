"""Calls of escalation in delivery.db: which were made, about what, what became of each; none twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import sqlalchemy as sa

from gateway.delivery.store import DeliveryStore
from gateway.delivery.tables import CALL, CALLED
from gateway.escalation.calls import Due

PART = 500
"""Names asked for at once: SQLite binds only so many."""
WAITING, DELIVERED, WITHDRAWN, FAILED = "waiting", "delivered", "withdrawn", "failed"


@dataclass(slots=True)
class Call:
    """One call on its way, and which stretches of waiting it is about: (alarm, began)."""

    id: str
    sink: str
    subject: str
    body: dict[str, Any]
    at_ns: int
    about: list[tuple[str, str]]
    attempts: int = 0
    outcome: str = ""


class CallStore:
    """Thread-safe, as DeliveryStore is."""

    def __init__(self, store: DeliveryStore) -> None:
        self._store = store

    def made(self) -> list[tuple[str, str, int]]:
        """(began, step, when in ns) of every call."""
        with self._store.writing() as (db, _):
            return [
                tuple(row) for row in db.execute(sa.select(CALLED.c.began, CALLED.c.step, CALLED.c.at_ns))
            ]

    def make(self, due: Due, body: dict[str, Any], at_ns: int) -> Call:
        """The call is durable, with all it is about, before anything is sent."""
        first = due.stretches[0].event
        call = Call(
            due.id,
            due.step.sink,
            first.alarm,
            body,
            at_ns,
            [(s.event.alarm, s.began) for s in due.stretches],
        )
        row = {
            "id": call.id, "sink": call.sink, "step": due.step.name, "subject": call.subject,
            "body": msgspec.json.encode(body), "at_ns": at_ns, "state": WAITING, "attempts": 0,
            "outcome": "", "done_ns": 0,
        }  # fmt: skip
        about = [
            {
                "began": s.began, "step": due.step.name, "alarm": s.event.alarm,
                "occurrence": s.event.occurrence, "call": call.id, "at_ns": at_ns,
            }
            for s in due.stretches
        ]  # fmt: skip
        with self._store.writing() as (db, record):
            db.execute(CALL.insert().values(row))
            db.execute(CALLED.insert(), about)
            record(
                "called", call.sink, call=call.id, who=body["who"], on_duty=body["on_duty"], about=call.about
            )
        return call

    def waiting(self) -> list[Call]:
        """Calls not settled, oldest first."""
        with self._store.writing() as (db, _):
            rows = db.execute(sa.select(CALL).where(CALL.c.state == WAITING).order_by(CALL.c.at_ns)).all()
            return [
                Call(
                    row.id,
                    row.sink,
                    row.subject,
                    msgspec.json.decode(row.body),
                    row.at_ns,
                    [
                        tuple(one)
                        for one in db.execute(
                            sa.select(CALLED.c.alarm, CALLED.c.began).where(CALLED.c.call == row.id)
                        )
                    ],
                    row.attempts,
                    row.outcome,
                )
                for row in rows
            ]

    def tried(self, call: Call) -> None:
        """An attempt did not succeed."""
        with self._store.writing() as (db, _):
            values = {"attempts": call.attempts, "outcome": call.outcome}
            db.execute(CALL.update().where(CALL.c.id == call.id).values(values))

    def settle(self, call: Call, state: str, outcome: str, now_ns: int) -> None:
        """Delivered, withdrawn or failed, with the receipt or the reason."""
        with self._store.writing() as (db, record):
            values = {"state": state, "attempts": call.attempts, "outcome": outcome, "done_ns": now_ns}
            db.execute(CALL.update().where(CALL.c.id == call.id).values(values))
            record(f"call_{state}", call.sink, call=call.id, outcome=outcome, attempts=call.attempts)

    def counts(self, sink: str) -> dict[str, int]:
        """State -> how many calls of a sink."""
        query = sa.select(CALL.c.state, sa.func.count()).where(CALL.c.sink == sink).group_by(CALL.c.state)
        with self._store.writing() as (db, _):
            return {state: int(many) for state, many in db.execute(query)}

    def failed_after(self, sink: str, at_ns: int) -> int:
        """How many of a sink's calls were given up since a moment."""
        where = (CALL.c.sink == sink) & (CALL.c.state == FAILED) & (CALL.c.done_ns >= at_ns)
        with self._store.writing() as (db, _):
            return int(db.execute(sa.select(sa.func.count()).select_from(CALL).where(where)).scalar_one())

    def about(self, begun: Sequence[str], limit: int) -> list[dict[str, Any]]:
        """Calls about any of these stretches, newest first, as ``newest`` gives them; "began": all that each
        is about."""
        wanted: dict[str, list[str]] = {}
        with self._store.writing() as (db, _):
            for first in range(0, len(begun), PART):
                part = CALLED.c.began.in_(begun[first : first + PART])
                for call, began in db.execute(sa.select(CALLED.c.call, CALLED.c.began).where(part)):
                    wanted.setdefault(call, []).append(began)
            ids = list(wanted)
            rows: list[Any] = []
            for first in range(0, len(ids), PART):
                query = sa.select(CALL).where(CALL.c.id.in_(ids[first : first + PART]))
                rows += db.execute(query).mappings().all()
        newest = sorted(rows, key=lambda row: (-row["at_ns"], row["id"]))[:limit]
        return [
            {**row, "body": msgspec.json.decode(row["body"]), "began": wanted[row["id"]]} for row in newest
        ]

    def newest(self, limit: int, alarm: str = "") -> Sequence[dict[str, Any]]:
        """Calls, newest first, of one alarm or all: what was said, to whom, when, what became of it."""
        query = sa.select(CALL).order_by(CALL.c.at_ns.desc()).limit(limit)
        if alarm:
            query = query.where(CALL.c.id.in_(sa.select(CALLED.c.call).where(CALLED.c.alarm == alarm)))
        with self._store.writing() as (db, _):
            rows = db.execute(query).mappings().all()
        return [{**row, "body": msgspec.json.decode(row["body"])} for row in rows]
