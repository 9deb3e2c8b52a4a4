"""Alarms as they happen, as server-sent events: for the pages and for programs."""

from __future__ import annotations

from fastapi import Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gateway.access import Person, Right
from gateway.console.feed import MAX_PAGES
from gateway.console.pages.desk import Desk


def streamed(desk: Desk, request: Request, person: Person, after: int, last_event_id: str) -> Response:
    """What came after a ledger sequence number (a Last-Event-ID wins), then what comes, until the right, the
    organisation or the login ends; 503 when too many are open."""
    feed, headers = desk.feed, request.headers
    if feed.pages >= MAX_PAGES:
        reason = f"{MAX_PAGES} streams are open already"
        return JSONResponse({"reason_en": reason, "reason_zh": "打开的数据流过多"}, 503)
    start = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 19 else after

    def allowed() -> bool:
        now = desk.identity.of(headers).person
        return now is not None and now.scope == person.scope and now.may(Right.LOOK)

    return StreamingResponse(feed.stream(start, person.scope, allowed), media_type="text/event-stream")
