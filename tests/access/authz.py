"""make authz: every route of the console x every role x two organisations, asked through the application
itself. Which routes there are and what right each needs is read from the application, so a new route is in
the matrix before anybody thinks of it.

A route's ``{name}`` and body are filled for one enterprise, "mine", and one, "theirs": whoever is of "mine"
must never be answered with something of "theirs".
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
from fastapi.routing import APIRoute

from gateway.access import ROLES, AccessStore, Right, Scope
from gateway.chain import Head
from gateway.clock import SystemClock, new_secret
from gateway.console.app import make_routes
from gateway.console.feed import Feed
from gateway.console.guard import Guard
from gateway.console.identity import Identity, declared
from gateway.ledger import Ledger
from gateway.paths import DataFolder
from tests.support.entries import alarm_event
from tests.support.report import Row, write

ORIGIN = "http://127.0.0.1:9281"
MINE, THEIRS = "mine", "theirs"
CANARY = "device-of-theirs"
ENDLESS = ("/alarms/stream",)
"""Streams that do not end: tests/access/test_console.py reads them through a real server."""


class Asked(NamedTuple):
    """One request and its answer. allowed: statuses that are right."""

    method: str
    path: str
    role: str
    organisation: str
    status: int
    allowed: frozenset[int]
    leaks: bool


def _right(route: APIRoute) -> Right | None:
    calls = [d.call for d in route.dependant.dependencies if d.call is not None and declared(d.call)]
    right: Right | None = getattr(calls[0], "right", None)
    return right


def _city(route: APIRoute) -> bool:
    """Whether a route is about the gateway itself; everybody asked here is of one enterprise."""
    return any(getattr(d.call, "city", False) for d in route.dependant.dependencies)


def _allowed(right: Right | None, role: str, aim: str, *, unsafe: bool) -> frozenset[int]:
    """What may be answered. The core does not run here: who gets as far as asking it is told 503."""
    if right is not None and role == "stranger":
        return frozenset({401})
    if right is not None and right not in ROLES[role]:
        return frozenset({403})
    passed = {200, 303, 401, 404, 409, 422, 429} if right is None else {200, 422, 503}
    return frozenset({404, 422} if right is not None and unsafe and aim == THEIRS else passed)


def matrix() -> list[Asked]:
    """Ask everything."""
    with tempfile.TemporaryDirectory(prefix="riskgate-authz-") as folder:
        return asyncio.run(_ask(Path(folder)))


async def _ask(folder: Path) -> list[Asked]:
    data, clock = DataFolder(folder), SystemClock()
    data.create()
    ledger = Ledger(data.ledger)
    events = [
        alarm_event(1, n, f"{name}/site/{device}/lel:HH", enterprise=name, site="site", device=device)
        for n, (name, device) in enumerate([(MINE, "device-of-mine"), (THEIRS, CANARY)])
    ]
    ledger.record([(1, events)], Head(1, bytes(32)))
    identity = Identity(AccessStore(data.console, new_secret), clock)
    routes = make_routes(Feed(data, clock, asyncio.Event()), data.core_socket, "t", identity, secure=False)
    guarded: Any = Guard(routes, [ORIGIN], "t", identity)
    found = []
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guarded), base_url=ORIGIN) as client:
        for role, headers in _people(identity.store):
            for route in routes.routes:
                if isinstance(route, APIRoute) and route.path not in ENDLESS:
                    found += [await _one(client, route, role, headers, aim) for aim in (MINE, THEIRS)]
    ledger.close()
    return found


def _people(store: AccessStore) -> Iterator[tuple[str, dict[str, str]]]:
    """A stranger, and one of each role; all of "mine"."""
    yield "stranger", {"Origin": ORIGIN, "X-CSRF-Token": "t"}
    now = time.time_ns()
    for role in ROLES:
        store.add(role, role, role, Scope(enterprise=MINE), now)
        session = store.begin(role, "127.0.0.1", now)
        cookie = f"riskgate_session={session.secret}"
        yield role, {"Origin": ORIGIN, "X-CSRF-Token": session.csrf, "Cookie": cookie}


def _missing(path: str, aim: str) -> bool:
    """Whether a page is not there for somebody who may look: another's alarm, or nothing at all."""
    return "{rest:path}" in path or ("{alarm:path}" in path and aim == THEIRS)


async def _one(
    client: httpx.AsyncClient, route: APIRoute, role: str, headers: dict[str, str], aim: str
) -> Asked:
    (method,) = sorted(route.methods - {"HEAD"}) or ["GET"]
    unsafe = method not in ("GET", "HEAD")
    device = CANARY if aim == THEIRS else "device-of-mine"
    path = route.path
    alarm = f"{aim}/site/{device}/lel:HH"
    path = path.replace("{alarm:path}", alarm).replace("{rest:path}", f"nothing/{aim}")
    for name in route.dependant.path_params:
        path = path.replace(f"{{{name.name}}}", f"{aim}-{device}")
    if route.path == "/logout":  # would end the session of all that follows
        headers = {**headers, "X-CSRF-Token": "wrong"}
    body = {"alarm": alarm, "occurrence": 1} if unsafe else None
    answer = await client.request(method, path, json=body, headers=headers)
    right = _right(route)
    allowed = _allowed(right, role, aim, unsafe=unsafe)
    if route.path == "/logout":
        allowed = frozenset({403})
    if _city(route) and allowed not in ({401}, {403}):
        allowed = frozenset({404})
    if route.path.startswith("/static/") or (right and role != "stranger" and _missing(route.path, aim)):
        allowed = frozenset({404})
    asked_for_it = aim == THEIRS and route.path.startswith("/welcome")
    leaks = CANARY in answer.text and not asked_for_it
    return Asked(method, route.path, role, aim, answer.status_code, allowed, leaks)


def main() -> int:
    """The command line."""
    found = matrix()
    for one in found:
        good = one.status in one.allowed and not one.leaks
        said = f"{one.method:5} {one.path:24} {one.role:11} {one.organisation:7} {one.status}"
        print("ok    " if good else "FAILED", said)
    wrong = [one for one in found if one.status not in one.allowed]
    leaks = [one for one in found if one.leaks]
    routes = len({(one.method, one.path) for one in found})
    note = f"{routes} routes x {len(ROLES) + 1} roles x 2 organisations"
    total = len(found)
    rows = [
        Row.judged("authz.asked", "requests", total, "requests", "> 0", note=note),
        Row.zero("authz.wrong", "answered otherwise than the role allows", len(wrong), "requests", total),
        Row.zero("authz.leaks", "answers with another organisation's things", len(leaks), "answers", total),
    ]
    return 0 if write("authz", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
