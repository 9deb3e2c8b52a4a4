"""Open alarms, most urgent first, and one alarm with its history."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from gateway.access import Scope
from gateway.alarms.events import NORMAL, AlarmEvent
from gateway.console.answers import PREFIX, ProblemError, readable, tagged
from gateway.console.identity import Looking
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder

MAX_PAGE = 1000
HISTORY = 200
CURSOR = re.compile(r"([0-9]{1,2})-([0-9]{1,18})")
"""Priority and ledger sequence number of the last row of a page."""
EXAMPLE = {
    "alarm": "acme/tankfarm/GD-1/lel:HH", "occurrence": 3, "priority": 1, "state": "unacknowledged",
    "process_active": True, "condition": "HH", "value": 61.2, "limit": 50.0, "unit": "%LEL",
    "at_ms": 1764035198123, "reason_en": "61.2 %LEL >= 50 %LEL (HH) held 0 s",
}  # fmt: skip
EXAMPLE_PAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"alarms": [EXAMPLE], "next": "1-52014"}}}}
}
EXAMPLE_ONE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/json": {"example": {"alarm": EXAMPLE, "open": True, "history": [EXAMPLE]}}}
    }
}


def plain(seq: int, event: AlarmEvent) -> dict[str, Any]:
    """An alarm event for a program: the ledger's own fields, times in ms."""
    body: dict[str, Any] = msgspec.to_builtins(event)
    body.pop("type", None)
    at_ns, event_ns = body.pop("at_ns"), body.pop("event_ns", 0)
    return {**body, "seq": seq, "at_ms": at_ns // 1_000_000, "event_ms": event_ns // 1_000_000 or None}


def add(app: FastAPI, data: DataFolder) -> None:
    """The routes."""

    @app.get(f"{PREFIX}/alarms", responses=EXAMPLE_PAGE, summary="Open alarms, most urgent first")
    def alarms(
        request: Request,
        person: Looking,
        priority: Annotated[int | None, Query(ge=1, le=4)] = None,
        enterprise: Annotated[str | None, Query(max_length=64)] = None,
        site: Annotated[str | None, Query(max_length=64)] = None,
        device: Annotated[str | None, Query(max_length=64)] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        cursor: Annotated[str, Query(max_length=24)] = "",
    ) -> Response:
        """Those that are not normal. ``next`` is the cursor of the following page, null at the end."""
        wanted = {"priority": priority, "enterprise": enterprise, "site": site, "device": device}
        with readable():
            reader = LedgerReader(data.ledger)
            rows, following = _page(reader, person.scope, _after(cursor), limit, wanted)
        return tagged(request, {"alarms": [plain(seq, event) for seq, event in rows], "next": following})

    @app.get(f"{PREFIX}/alarms/{{alarm:path}}", responses=EXAMPLE_ONE, summary="One alarm and its history")
    def one(request: Request, person: Looking, alarm: Annotated[str, Path(max_length=600)]) -> Response:
        """The newest events of one alarm, oldest first. 404 for one that never occurred, and for another
        organisation's."""
        with readable():
            history = LedgerReader(data.ledger).history_of(alarm, HISTORY)
        newest = history[-1][1] if history else None
        if newest is None or not person.scope.sees(enterprise=newest.enterprise, county=newest.county):
            raise ProblemError(404, "there is no such alarm", "没有该报警")
        told = [plain(seq, event) for seq, event in history]
        return tagged(request, {"alarm": told[-1], "open": newest.state != NORMAL, "history": told})


def _after(cursor: str) -> tuple[int, int] | None:
    if not cursor:
        return None
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise ProblemError(
            400, "cursor: give what 'next' said, or nothing", "cursor 无效:请使用上页返回的 next"
        )
    return int(found[1]), int(found[2])


def _page(
    reader: LedgerReader,
    scope: Scope,
    after: tuple[int, int] | None,
    limit: int,
    wanted: dict[str, Any],
) -> tuple[list[tuple[int, AlarmEvent]], str | None]:
    """Rows inside the scope, and the cursor after them."""
    if scope.enterprise:
        if wanted["enterprise"] not in (None, scope.enterprise):
            return [], None
        wanted = {**wanted, "enterprise": scope.enterprise}
    found: list[tuple[int, AlarmEvent]] = []
    while True:
        some = reader.open_after(after, limit, **wanted)
        found += [row for row in some if scope.sees(enterprise=row[1].enterprise, county=row[1].county)]
        if len(found) >= limit or len(some) < limit:
            break
        after = some[-1][1].priority, some[-1][0]
    shown = found[:limit]
    more = len(found) > limit or len(some) == limit
    return shown, f"{shown[-1][1].priority}-{shown[-1][0]}" if shown and more else None
