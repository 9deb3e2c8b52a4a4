"""``/api/v1``: what programs ask and do: open alarms, their history, their stream, the operators' commands;
devices, readings; alarm figures, coverage; rules proposed, back-tested and approved; deliveries; the fleet.

The same rights and organisations as the pages; errors are problem+json (RFC 9457); answers that are read have
an ETag; lists go on by cursor, and nothing is listed twice or left out while alarms come and go; a command
with an Idempotency-Key is carried out once.
"""

from __future__ import annotations

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from gateway.console.answers import PREFIX, problem, tagged
from gateway.console.api import alarms, commands, deliveries, devices, figures, fleet, requests, rules, stream
from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk

__all__ = ["add_api"]


def add_api(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    alarms.add(app, desk.data)
    stream.add(app, desk)
    commands.add(app, desk)
    requests.add(app, desk)
    devices.add(app, desk)
    figures.add(app, desk.data, desk.clock)
    rules.add(app, desk)
    deliveries.add(app, desk)
    fleet.add(app, desk)

    @app.get(f"{PREFIX}/openapi.json", include_in_schema=False)
    def description(request: Request, person: Looking) -> Response:
        del person
        whole = app.openapi()
        paths = {path: what for path, what in whole["paths"].items() if path.startswith(PREFIX)}
        about = {"title": "riskgate", "version": "1", "description": __doc__ or ""}
        return tagged(request, {**whole, "info": about, "paths": paths})

    @app.get(f"{PREFIX}/{{rest:path}}", include_in_schema=False)
    def nothing(rest: str, person: Looking) -> JSONResponse:
        """Whatever is not there, said in the API's own form."""
        del person
        return problem(404, f"no {rest[:100]!r} here", "没有该资源")
