"""Whether a ledger is what was written: its chain, the columns that follow from the hashed bodies, and the
state of alarms that follows from the events. Names the first row that is not."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import msgspec
from sqlalchemy import Row, select
from sqlalchemy.engine import Connection

from gateway.alarms.events import NORMAL, AlarmEvent, decode
from gateway.chain import GENESIS, ChainCheck, ChainWalk
from gateway.errors import JournalError
from gateway.ledger.rows import columns, state_columns
from gateway.ledger.tables import ALARM_STATE, EVENT

PAGE_ROWS = 2000

States = dict[str, dict[str, Any]]


def check(
    reading: Callable[[], AbstractContextManager[Connection]], progress: Callable[[int], None] | None
) -> ChainCheck:
    """Check everything, a page at a time, each in a short read transaction given by ``reading``."""
    walk = ChainWalk(GENESIS)
    states: States = {}
    while True:
        try:
            page, stored = _page(reading, walk.head.position)
        except JournalError as error:
            walk.stop(walk.head.position + 1, str(error))
            break
        if not all(_check_row(walk, row, states) for row in page):
            break
        if progress is not None and page:
            progress(walk.head.position)
        if stored is not None:
            _check_states(walk, states, stored)
            break
    return walk.result()


def _page(
    reading: Callable[[], AbstractContextManager[Connection]], seq: int
) -> tuple[list[Row[Any]], States | None]:
    """The next rows; with the last ones, what ``alarm_state`` held at the same moment."""
    with reading() as connection:
        query = select(EVENT).where(EVENT.c.seq > seq).order_by(EVENT.c.seq).limit(PAGE_ROWS)
        page = list(connection.execute(query).all())
        if len(page) == PAGE_ROWS:
            return page, None
        rows = connection.execute(select(ALARM_STATE)).mappings().all()
        return page, {row["alarm"]: dict(row) for row in rows}


def _check_row(walk: ChainWalk, row: Row[Any], states: States) -> bool:
    if not walk.step(row.seq, row.body, row.digest):
        return False
    try:
        event = decode(row.body)
    except msgspec.DecodeError as error:
        return walk.stop(row.seq, f"event {row.seq} cannot be read: {error}")
    for name, value in columns(event).items():
        if getattr(row, name) != value:
            return walk.stop(row.seq, f"event {row.seq}: column {name} does not follow from the event")
    if not event.id.endswith(f"-{row.position}-{row.idx}"):
        return walk.stop(row.seq, f"event {row.seq}: position or idx does not follow from the id {event.id}")
    if isinstance(event, AlarmEvent):
        states.pop(event.alarm, None)
        if event.state != NORMAL:
            states[event.alarm] = state_columns(event, row.seq, row.body)
    return True


def _check_states(walk: ChainWalk, expected: States, stored: States) -> None:
    for alarm in sorted(expected.keys() | stored.keys()):
        if expected.get(alarm) != stored.get(alarm):
            row = expected.get(alarm) or stored[alarm]
            walk.stop(row["seq"], f"alarm_state of {alarm} does not follow from event {row['seq']}")
            return
