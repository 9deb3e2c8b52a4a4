"""The map: devices by their coordinates, near ones together, coloured and shaped by their worst open alarm.

No tile and no outline comes from outside: what is drawn is the fleet list's own.
"""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from fastapi import FastAPI, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse

from gateway.access import Scope
from gateway.console.city import Path, View, worst_first
from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk
from gateway.console.pages.overview import answered
from gateway.console.show import Entry
from gateway.console.words.overview import MAP_WORDS

ENTRY = Entry("/map", "map")
MAX_CELLS = 128
NEAR = 0.85
"""Cells between two marks at least: a cell is somewhat wider than a mark."""
LEAST_DEGREES = 0.002
"""A map of one device is still some hundred metres wide."""
NOWHERE = [0.0, 0.0, 1.0, 1.0]

Longitude = Annotated[float | None, Query(ge=-540, le=540)]
Latitude = Annotated[float | None, Query(ge=-90, le=90)]
Cells = Annotated[int, Query(ge=1, le=MAX_CELLS)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get("/map")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "map.html", MAP_WORDS)

    @app.get("/map/marks")
    def marks(
        person: Looking,
        west: Longitude = None,
        south: Latitude = None,
        east: Longitude = None,
        north: Latitude = None,
        across: Cells = 40,
        down: Cells = 24,
    ) -> JSONResponse:
        """Marks of a part of the map (all four bounds given) or of the whole."""
        box = (west, south, east, north)
        return answered(desk.city, lambda view: _told(view, person.scope, box, across, down))


def _told(view: View, scope: Scope, box: Any, across: int, down: int) -> dict[str, Any]:
    mine = view.inside(scope, Path())
    placed = mine & ~np.isnan(view.where[:, 0])
    missing = mine & ~placed
    whole = _bounds(view.where[placed])
    west, south, east, north = bounds = (whole or NOWHERE) if None in box else box
    inside = placed.copy()
    if whole is not None:
        lon, lat = view.where[:, 0], view.where[:, 1]
        with np.errstate(invalid="ignore"):
            inside &= (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
    return {
        "at_ms": view.at_ms,
        "blind": view.blind,
        "bounds": whole,
        "marks": _marks(view, np.flatnonzero(inside), bounds, across, down),
        "placeless": {"devices": int(missing.sum()), "open": int(view.open[missing].sum())},
    }


def _bounds(where: Any) -> list[float] | None:
    """West, south, east, north around all, with some room."""
    if not len(where):
        return None
    low, high = where.min(axis=0), where.max(axis=0)
    room = np.maximum((high - low) * 0.06, LEAST_DEGREES)
    west, south = (low - room).tolist()
    east, north = (high + room).tolist()
    return [west, max(-90.0, south), east, min(90.0, north)]


def _marks(view: View, places: Any, box: Any, across: int, down: int) -> list[dict[str, Any]]:
    if not len(places):
        return []
    west, south, east, north = box
    where = view.where[places]
    column = ((where[:, 0] - west) / max(east - west, 1e-9) * across).astype(np.int64)
    line = ((where[:, 1] - south) / max(north - south, 1e-9) * down).astype(np.int64)
    cells, which = np.unique(line * (across + 1) + column, return_inverse=True)
    order = np.argsort(which, kind="stable")
    ends = np.searchsorted(which[order], np.arange(len(cells) + 1))
    sorted_places = places[order]
    groups = [sorted_places[ends[n] : ends[n + 1]] for n in range(len(cells))]
    size = (max(east - west, 1e-9) / across, max(north - south, 1e-9) / down)
    return _apart(view, groups, size)


def _apart(view: View, groups: list[Any], cell: tuple[float, float]) -> list[dict[str, Any]]:
    """One mark a group, the worst first; what would lie on a worse one, across the border of two cells, is
    part of that. cell: its width and height in degrees."""
    found = sorted(((_mark(view, group), group) for group in groups), key=lambda one: worst_first(one[0]))
    kept: list[dict[str, Any]] = []
    held: list[list[Any]] = []
    near: dict[tuple[int, int], list[int]] = {}
    for mark, group in found:
        x, y = mark["lon"] / cell[0], mark["lat"] / cell[1]
        column, line = int(x // 1), int(y // 1)
        around = (
            n for i in (-1, 0, 1) for j in (-1, 0, 1) for n in near.get((column + i, line + j), ())
            if math.hypot(kept[n]["lon"] / cell[0] - x, kept[n]["lat"] / cell[1] - y) < NEAR
        )  # fmt: skip
        if (taker := next(around, None)) is not None:
            held[taker].append(group)
            continue
        near.setdefault((column, line), []).append(len(kept))
        kept.append(mark)
        held.append([group])
    joined = [
        mark if len(some) == 1 else _mark(view, np.concatenate(some)) | {k: mark[k] for k in ("lon", "lat")}
        for mark, some in zip(kept, held, strict=True)
    ]
    joined.sort(key=worst_first)
    return joined


def _mark(view: View, group: Any) -> dict[str, Any]:
    """The devices of one mark. It is named after the only one, or the only one with an open alarm, else
    after the site if they are all of one."""
    told = View.told(
        len(group),
        view.states[group].sum(axis=0),
        view.open[group].sum(axis=0),
        int(view.unanswered[group].sum()),
        int(view.quiet[group].sum()),
    )
    alarmed = group[view.open[group].sum(axis=1) > 0]
    lon, lat = view.where[alarmed if len(alarmed) else group].mean(axis=0).tolist()
    meant = alarmed if len(alarmed) == 1 else group
    places = view.places[meant]
    first = view.devices[int(meant[0])]
    one_site = bool((places == places[0]).all())
    return {
        **told,
        "name": first.device if len(meant) == 1 else (first.site if one_site else ""),
        "key": first.key if len(meant) == 1 else None,
        "site": [first.county, first.enterprise, first.site] if one_site else None,
        "lon": round(lon, 6),
        "lat": round(lat, 6),
    }
