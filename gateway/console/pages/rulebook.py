"""The rules page: what is in force, what is proposed, its back-test with progress, approval. It asks what
programs ask (``/api/v1/proposals``), so the same people may do the same."""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.words.rulebook import WORDS

ENTRY = Entry("/rules", "rules")


def add(app: FastAPI, desk: Desk) -> None:
    """The route."""

    @app.get("/rules")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "rules.html", WORDS)
