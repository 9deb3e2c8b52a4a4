"""Alarms as they happen, for programs."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import Response

from gateway.console.answers import PREFIX
from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk
from gateway.console.streaming import streamed


def add(app: FastAPI, desk: Desk) -> None:
    """The route."""

    @app.get(f"{PREFIX}/stream", summary="Alarm events as they happen (server-sent events)")
    async def stream(
        request: Request,
        person: Looking,
        after: Annotated[int, Query(ge=0, description="Ledger sequence number of the last known event.")] = 0,
        last_event_id: Annotated[str, Header()] = "",
    ) -> Response:
        """``event: alarm`` with ``id`` = ledger sequence number, ``status`` when the gateway's state changes,
        ``reload`` when too much was missed: read the list again. ``Last-Event-ID`` resumes after it."""
        return streamed(desk, request, person, after, last_event_id)
