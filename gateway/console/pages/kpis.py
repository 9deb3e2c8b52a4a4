"""The figures page: how the alarms of a period were, held against their targets, the same as a file, and
settings that would calm the worst."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from gateway.access import Person, Right
from gateway.console.api.figures import Since, Until, period
from gateway.console.identity import Looking, needs
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.tables import csv_file, recorded, utc
from gateway.console.words.lookback import KPI_WORDS
from gateway.kpi import Kpis, kpis, suggestions

ENTRY = Entry("/kpis", "kpis")
COLUMNS = ("what", "name", "value", "unit", "target", "source")

Operators = Annotated[int, Query(ge=1, le=10_000)]
Exporting = Annotated[Person, needs(Right.EXPORT)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/kpis")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "kpis.html", KPI_WORDS)

    @app.get("/kpis.csv")
    def file(
        person: Exporting, since_ms: Since = None, until_ms: Until = None, operators: Operators = 1
    ) -> Response:
        begin, end = period(desk.clock, since_ms, until_ms)
        with recorded():
            told = kpis(desk.data.ledger, begin, end, person.scope, operators=operators)
        return csv_file("alarm-figures", COLUMNS, _rows(told))

    @app.get("/kpis/suggestions")
    def calmer(person: Looking, since_ms: Since = None, until_ms: Until = None) -> JSONResponse:
        """Judges the recorded readings again: seconds for a busy week."""
        begin, end = period(desk.clock, since_ms, until_ms)
        with recorded():
            found = suggestions(desk.data.ledger, begin, end, person.scope)
        return JSONResponse({"suggestions": msgspec.to_builtins(found)})


def _rows(told: Kpis) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = [
        ("period", "since_utc", utc(told.since_ms), "", "", ""),
        ("period", "until_utc", utc(told.until_ms), "", "", ""),
        ("period", "operators", told.operators, "", "", ""),
        ("figure", "annunciated", told.annunciated, "", "", ""),
    ]
    for one in told.figures:
        source = one.clause if one.source_verified else f"{one.clause} (not verified)"
        rows.append(("figure", one.id, one.value, one.unit, one.target, source))
    for what in ("top", "chattering", "fleeting", "stale"):
        rows += [(what, one.alarm, one.count, "", "", "") for one in getattr(told, what)]
    return rows
