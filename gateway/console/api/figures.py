"""Alarm figures and coverage of a period, for the asker's organisation."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response

from gateway.clock import Clock
from gateway.console.answers import PREFIX, ProblemError, readable, tagged
from gateway.console.identity import Looking
from gateway.kpi import coverage, kpis
from gateway.paths import DataFolder

MS = 1_000_000
DAY_MS = 86_400_000
LONGEST_MS = 366 * DAY_MS

Since = Annotated[int | None, Query(ge=0, description="Unix ms; a day before the end if left out.")]
Until = Annotated[int | None, Query(ge=0, description="Unix ms; now if left out.")]
EXAMPLE_COVERAGE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {
        "since_ms": 1764000000000, "until_ms": 1764086400000,
        "total": {"by": "", "name": "", "expected": 1200, "coverage_percent": 99.2},
    }}}}
}  # fmt: skip
EXAMPLE_KPIS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {
        "since_ms": 1764000000000, "until_ms": 1764086400000, "operators": 2, "annunciated": 143,
        "figures": [{"id": "per_hour", "value": 3.0, "unit": "1/h", "target": "<= 12", "met": True}],
    }}}}
}  # fmt: skip


def period(clock: Clock, since_ms: int | None, until_ms: int | None) -> tuple[int, int]:
    """Begin and end in ns; ProblemError for one that is none or longer than a year."""
    until = clock.wall_ns() // MS if until_ms is None else until_ms
    since = max(0, until - DAY_MS) if since_ms is None else since_ms
    if not 0 < until - since <= LONGEST_MS:
        raise ProblemError(
            400,
            "the period must be longer than nothing and at most 366 days",
            "时段须大于零且不超过 366 天",
        )
    return since * MS, until * MS


def add(app: FastAPI, data: DataFolder, clock: Clock) -> None:
    """The routes."""

    @app.get(f"{PREFIX}/kpis", responses=EXAMPLE_KPIS, summary="Alarm figures of a period")
    def figures(
        request: Request,
        person: Looking,
        since_ms: Since = None,
        until_ms: Until = None,
        operators: Annotated[int, Query(ge=1, le=10_000)] = 1,
    ) -> Response:
        """After ISA-18.2 and EEMUA 191; each figure with its target, its clause and whether that was read."""
        begin, end = period(clock, since_ms, until_ms)
        return _answer(request, lambda: kpis(data.ledger, begin, end, person.scope, operators=operators))

    @app.get(f"{PREFIX}/coverage", responses=EXAMPLE_COVERAGE, summary="Which expected channels were watched")
    def covered(
        request: Request,
        person: Looking,
        since_ms: Since = None,
        until_ms: Until = None,
        limit: Annotated[int, Query(ge=0, le=1000)] = 100,
    ) -> Response:
        """Every expected channel in one state; groups by enterprise, county, sector and family; ``limit``
        channels that are not live by name."""
        begin, end = period(clock, since_ms, until_ms)
        return _answer(request, lambda: coverage(data.ledger, begin, end, person.scope, list_limit=limit))


def _answer(request: Request, ask: Any) -> Response:
    with readable():
        return tagged(request, msgspec.to_builtins(ask()))
