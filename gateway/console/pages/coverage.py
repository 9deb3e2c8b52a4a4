"""The coverage page: every expected channel in one state, now and over a period, and the same as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from gateway.access import Person, Right
from gateway.console.api.figures import Since, Until, period
from gateway.console.identity import Looking, needs
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.tables import csv_file, recorded, utc
from gateway.console.words.lookback import COVERAGE_WORDS
from gateway.kpi import STATES, Coverage, coverage

ENTRY = Entry("/coverage", "coverage")
MAX_LISTED = 100_000
"""Channels in a file."""
COLUMNS = (
    "by", "name", "since_utc", "until_utc", "expected", "coverage_percent", "period_coverage_percent",
    *(f"{state}_channels" for state in STATES), *(f"{state}_hours" for state in STATES),
)  # fmt: skip

Exporting = Annotated[Person, needs(Right.EXPORT)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/coverage")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "coverage.html", COVERAGE_WORDS, states=STATES)

    @app.get("/coverage.csv")
    def shares(person: Exporting, since_ms: Since = None, until_ms: Until = None) -> Response:
        begin, end = period(desk.clock, since_ms, until_ms)
        with recorded():
            told = coverage(desk.data.ledger, begin, end, person.scope, list_limit=0)
        return csv_file("coverage", COLUMNS, _rows(told))

    @app.get("/coverage_channels.csv")
    def channels(person: Exporting, since_ms: Since = None, until_ms: Until = None) -> Response:
        begin, end = period(desk.clock, since_ms, until_ms)
        with recorded():
            told = coverage(desk.data.ledger, begin, end, person.scope, list_limit=MAX_LISTED)
        rows = [(one.channel, one.state, utc(one.since_ms) if one.since_ms else "") for one in told.not_live]
        if told.not_live_beyond:
            rows.append((f"... and {told.not_live_beyond} more", "", ""))
        return csv_file("channels-not-live", ("channel", "state", "since_utc"), rows)


def _rows(told: Coverage) -> list[tuple[Any, ...]]:
    since, until = utc(told.since_ms), utc(told.until_ms)
    return [
        (
            share.by, share.name, since, until, share.expected, share.coverage_percent,
            share.period_coverage_percent, *(share.channels[state] for state in STATES),
            *(share.hours[state] for state in STATES),
        )
        for share in (told.total, *told.groups)
    ]  # fmt: skip
