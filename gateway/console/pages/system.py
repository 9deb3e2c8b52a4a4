"""The system page: is the gateway itself well. For those who see the whole city."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.access import Person, Right
from gateway.commands import ask
from gateway.console.identity import needs
from gateway.console.machine import disk, segments
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.words.duty import DUTY_WORDS
from gateway.console.words.system import SYSTEM_WORDS
from gateway.errors import CoreUnreachable

ENTRY = Entry("/system", "system", Right.SYSTEM, city=True)
ASK_S = 2.0

Caring = Annotated[Person, needs(Right.SYSTEM, city=True)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/system")
    def page(request: Request, person: Caring) -> HTMLResponse:
        return desk.show.page(request, person, "system.html", {**SYSTEM_WORDS, **DUTY_WORDS})

    @app.get("/system/state")
    def state(person: Caring) -> JSONResponse:
        del person
        wall_ns = desk.clock.wall_ns()
        return JSONResponse(
            {
                "now_ms": wall_ns // 1_000_000,
                "core": answer(desk.data.core_socket),
                "delivery": answer(desk.data.delivery_socket),
                "disk": disk(desk.data, wall_ns / 1e9),
                "segments": segments(desk.data),
                "streams": desk.feed.pages,
            }
        )


def answer(socket: Any, question: dict[str, Any] | None = None) -> dict[str, Any] | None:
    """What a process of the gateway says; None if it does not answer."""
    try:
        return ask(socket, question or {"op": "status"}, ASK_S)
    except (CoreUnreachable, ValueError):
        return None
