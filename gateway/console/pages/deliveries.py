"""The deliveries page: each sink's state, what it refused for good, and sending that again (a command, so the
ledger has who asked for it). Dead letters are of all enterprises: for those who see the whole city."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right
from gateway.console.identity import DeniedError, needs
from gateway.console.pages.desk import Desk
from gateway.console.pages.system import answer
from gateway.console.show import Entry
from gateway.console.words.system import DELIVERY_WORDS
from gateway.errors import JournalError
from gateway.ledger import LedgerReader

ENTRY = Entry("/deliveries", "deliveries", Right.DELIVERIES, city=True)
MAX_LETTERS = 500
RESENT = 20

Sending = Annotated[Person, needs(Right.DELIVERIES, city=True)]


class Again(BaseModel):
    """Which dead letters of a sink are sent again: those of ``events``, or all if none is named."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sink: str = Field(min_length=1, max_length=64)
    events: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=200)


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/deliveries")
    def page(request: Request, person: Sending) -> HTMLResponse:
        return desk.show.page(request, person, "deliveries.html", DELIVERY_WORDS)

    @app.get("/deliveries/state")
    def state(person: Sending) -> JSONResponse:
        del person
        told = answer(desk.data.delivery_socket)
        return JSONResponse({"sinks": None if told is None else told.get("sinks", {}), "again": _again(desk)})

    @app.get("/deliveries/dead")
    def dead(
        person: Sending, sink: Annotated[str, Query(min_length=1, max_length=64)], limit: int = MAX_LETTERS
    ) -> JSONResponse:
        del person
        question = {"op": "deadletters", "sink": sink, "limit": max(1, min(limit, MAX_LETTERS))}
        told = answer(desk.data.delivery_socket, question)
        if told is None:
            raise DeniedError(503, "delivery does not answer: is 'riskgate run' running?", "投递进程无应答")
        return JSONResponse({"letters": told["deadletters"]})

    @app.post("/deliveries/resend")
    def resend(again: Again, request: Request, person: Sending) -> JSONResponse:
        which: dict[str, Any] = {"ids": again.events} if again.events else {"all": True}
        return desk.command("deadletter_resend", {"sink": again.sink, **which}, request, person)


def _again(desk: Desk) -> list[dict[str, Any]]:
    """Who had what sent again, newest first."""
    try:
        found = LedgerReader(desk.data.ledger).commands("deadletter_resend", RESENT)
    except JournalError:
        return []
    return [
        {
            "at_ms": event.at_ns // 1_000_000,
            "actor": event.actor,
            "accepted": event.accepted,
            "sink": str(event.args.get("sink", "")),
            "events": len(event.args.get("ids") or []),
            "reason_en": event.reason_en,
            "reason_zh": event.reason_zh,
        }
        for _, event in found
    ]
