"""The overview: city, county, enterprise, site, device; each part with its grade, how much of it is watched
and what is open, worst first."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.console.city import City, Path, View, worst_first
from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.words.overview import WORDS
from gateway.errors import JournalError
from gateway.kpi import STATES

ENTRY = Entry("/overview", "overview")
MAX_LINES = 500
LIVE = STATES.index("live")

Name = Annotated[str | None, Query(max_length=200)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/overview")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "overview.html", WORDS)

    @app.get("/overview/parts")
    def parts(
        person: Looking, county: Name = None, enterprise: Name = None, site: Name = None
    ) -> JSONResponse:
        path = Path(county, enterprise, site)
        return answered(desk.city, lambda view: _told(view, person.scope, path))


def answered(city: City, tell: Any) -> JSONResponse:
    """What ``tell`` makes of the city; 503 and why when it cannot be read."""
    try:
        return JSONResponse(tell(city.now()))
    except JournalError as error:
        body = {"reason_en": f"nothing is recorded here yet: {error}", "reason_zh": "尚无记录,或记录无法读取"}
        return JSONResponse(body, 503)


def _told(view: View, scope: Any, path: Path) -> dict[str, Any]:
    mask = view.inside(scope, path)
    below = path.below
    lines = _devices(view, mask) if below == "device" else _groups(view, mask, below)
    lines.sort(key=worst_first)
    return {
        "at_ms": view.at_ms,
        "blind": view.blind,
        "below": below,
        "total": view.sums(mask),
        "gateway": view.gateway.tolist()[1:] if scope.whole_city and path == Path() else None,
        "lines": lines[:MAX_LINES],
        "of": int(mask.sum()) if below == "device" else len(lines),
    }


def _groups(view: View, mask: Any, below: str) -> list[dict[str, Any]]:
    size = len(view.words)
    codes = view.places[below][mask]
    devices = np.bincount(codes, minlength=size)
    unanswered = np.bincount(codes, view.unanswered[mask], size).astype(np.int64)
    quiet = np.bincount(codes, view.quiet[mask], size).astype(np.int64)
    states, alarms = _by(codes, view.states[mask], size), _by(codes, view.open[mask], size)
    return [
        {
            "name": view.words[code],
            **View.told(
                int(devices[code]), states[code], alarms[code], int(unanswered[code]), int(quiet[code])
            ),
        }
        for code in np.flatnonzero(devices).tolist()
    ]


def _by(codes: Any, table: Any, size: int) -> Any:
    out = np.zeros((size, table.shape[1]), np.int64)
    np.add.at(out, codes, table)
    return out


def _devices(view: View, mask: Any) -> list[dict[str, Any]]:
    places = np.flatnonzero(mask)
    alarms = view.open[places]
    order = np.lexsort((view.states[places, LIVE], *(-alarms[:, p] for p in (4, 3, 2, 1))))
    chosen = places[order[:MAX_LINES]].tolist()
    told = []
    for place in chosen:
        device = view.devices[place]
        line = View.told(
            1, view.states[place], view.open[place], int(view.unanswered[place]), int(view.quiet[place])
        )
        told.append(
            {"name": device.device, "key": device.key, "asset": device.asset, "profile": device.profile}
            | line
        )
    return told
