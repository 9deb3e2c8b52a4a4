"""Devices of the fleet in force, and readings of the local history."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from fastapi import FastAPI, Path, Query, Request
from fastapi.responses import Response

from gateway.console.answers import PREFIX, ProblemError, readable, tagged
from gateway.console.devices import known_device, last_values, open_alarms
from gateway.console.identity import Looking
from gateway.console.pages.desk import Desk
from gateway.export import reading_rows
from gateway.kpi import registered
from gateway.sinks.history import HistoryReader

__all__ = ["add", "known_device"]
MS = 1_000_000
DAY_MS = 86_400_000
MAX_DEVICES = 1000
MAX_READINGS = 10_000
CURSOR = re.compile(r"([0-9]{1,19})-([0-9]{1,6})")
"""Filed time in ns of the last reading of a page, and how many readings of that very time were given."""
EXAMPLE = {
    "device": "acme/tankfarm/GD-1", "enterprise": "acme", "county": "west", "sector": "hazchem",
    "profile": "gas/combustible_point", "channels": ["lel"], "commissioned": "",
}  # fmt: skip
EXAMPLE_LIST: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"devices": [EXAMPLE], "next": "acme/tankfarm/GD-1"}}}}
}
VALUE = {"channel": "lel", "value": 61.2, "event_ms": 1764035198123, "quality": "good"}
EXAMPLE_ONE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {**EXAMPLE, "values": [VALUE], "alarms": []}}}}
}
READING = {
    "time": "2026-11-25T08:00:00.000000000Z",
    "value": 61.2,
    "quality": "good",
    "reason": "",
    "flags": "",
}
EXAMPLE_READINGS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {
        "channel": "acme/tankfarm/GD-1/lel", "unit": "%LEL", "readings": [READING], "next": None,
    }}}}
}  # fmt: skip


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get(f"{PREFIX}/devices", responses=EXAMPLE_LIST, summary="Devices of the fleet, by name")
    def devices(
        request: Request,
        person: Looking,
        enterprise: Annotated[str, Query(max_length=64)] = "",
        county: Annotated[str, Query(max_length=64)] = "",
        sector: Annotated[str, Query(max_length=64)] = "",
        family: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_DEVICES)] = 100,
        cursor: Annotated[str, Query(max_length=200)] = "",
    ) -> Response:
        """Of the configuration in force. ``next`` is the cursor of the following page, null at the end."""
        wanted = {"enterprise": enterprise, "county": county, "sector": sector, "family": family}
        with readable():
            found, following = registered(desk.data.ledger, person.scope, after=cursor, limit=limit, **wanted)
        return tagged(request, {"devices": found, "next": following})

    @app.get(f"{PREFIX}/devices/{{device:path}}", responses=EXAMPLE_ONE, summary="One device")
    def one(request: Request, person: Looking, device: Annotated[str, Path(max_length=200)]) -> Response:
        """What it is, its last values (null while the core does not answer) and its open alarms."""
        known = known_device(desk, device, person.scope)
        body = msgspec.to_builtins(known)
        body["values"] = last_values(desk, device)
        with readable():
            body["alarms"] = [event.alarm for event in open_alarms(desk, device)]
        return tagged(request, body)

    @app.get(f"{PREFIX}/readings", responses=EXAMPLE_READINGS, summary="Readings of one channel")
    def readings(
        request: Request,
        person: Looking,
        channel: Annotated[str, Query(max_length=300, description="<enterprise>/<site>/<device>/<channel>")],
        since_ms: Annotated[int | None, Query(ge=0, description="A day before the end if left out.")] = None,
        until_ms: Annotated[int | None, Query(ge=0, description="Now if left out.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_READINGS)] = 1000,
        cursor: Annotated[str, Query(max_length=30)] = "",
    ) -> Response:
        """Oldest first, by the time they are filed under: the reading's own, or, if that is suspect, that of
        its arrival. From the local history (sink ``history``)."""
        known_device(desk, channel.rpartition("/")[0], person.scope)
        until = desk.clock.wall_ns() // MS if until_ms is None else until_ms
        since = max(0, until - DAY_MS) if since_ms is None else since_ms
        if since >= until:
            raise ProblemError(400, "since_ms must be before until_ms", "since_ms 必须早于 until_ms")
        begin, skip = _after(cursor, since * MS)
        return tagged(request, _page(desk, channel, begin, until * MS, skip, limit))


def _after(cursor: str, since_ns: int) -> tuple[int, int]:
    """(filed time to begin with, how many readings of it to pass over)."""
    if not cursor:
        return since_ns, 0
    found = CURSOR.fullmatch(cursor)
    if found is None:
        raise ProblemError(
            400, "cursor: give what 'next' said, or nothing", "cursor 无效:请使用上页返回的 next"
        )
    return int(found[1]), int(found[2])


def _page(desk: Desk, channel: str, begin: int, end: int, skip: int, limit: int) -> dict[str, Any]:
    found: list[dict[str, Any]] = []
    unit, passed, at, given = "", 0, begin, skip
    for filed, row in _filed(desk, channel, begin, end):
        if filed == begin and passed < skip:
            passed += 1
            continue
        if len(found) == limit:
            return {"channel": channel, "unit": unit, "readings": found, "next": f"{at}-{given}"}
        given = given + 1 if filed == at else 1
        at, unit = filed, row.pop("unit")
        found.append(row)
    return {"channel": channel, "unit": unit, "readings": found, "next": None}


def _filed(desk: Desk, channel: str, begin: int, end: int) -> Iterator[tuple[int, dict[str, Any]]]:
    for stored in HistoryReader(desk.data.history).readings(channel, begin, end):
        filed = stored.rows.filed_ns.tolist()
        for at, row in zip(filed, reading_rows(stored), strict=True):
            for name in ("enterprise", "site", "device", "channel"):
                del row[name]
            yield at, row
