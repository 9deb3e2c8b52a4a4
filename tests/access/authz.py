"""make authz: every route of the console x every role of an enterprise, a county and the city x two
organisations, asked through the application itself. Which routes there are, what right each needs and what
its body must hold is read from the application, so a new route is in the matrix before anybody thinks of it.

A route's ``{name}`` and body are filled for one enterprise in one county, "mine", and another in another,
"theirs": whoever is of "mine" must never be answered with something of "theirs", and a command about it must
fail as one about nothing does (404). Whoever is of the city gets both. Behind the application stands the real
alarm engine (answering.py): a command that may be given is carried out, and whose alarms it touched is known
from there.
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
from gateway.access.person import ENTERPRISE_ONLY
from gateway.alarms.commands import ACTIONS
from gateway.clock import SystemClock, new_secret
from gateway.console.app import make_routes
from gateway.console.feed import Feed
from gateway.console.guard import Guard
from gateway.console.identity import Identity, declared
from gateway.fleet import text_of
from gateway.fleet_upload import FleetFiles
from gateway.monitor.channels import Device
from gateway.paths import DataFolder
from gateway.rulebook import Proposal, RuleBook
from tests.access.answering import Answering
from tests.kpi.book import GAS, Book
from tests.support.report import Row, write

ORIGIN = "http://127.0.0.1:9281"
MINE, THEIRS = "mine", "theirs"
CANARY = "device-of-theirs"
UNKNOWN = {"account", "file"}
"""Fields of bodies that name something that is not there for anybody here."""
STARTING = ("/simulate/journal",)
"""What would start a process is asked with a body that is refused."""
UPLOADING = ("/api/v1/fleet/import",)
"""What takes a list of devices is sent one of the organisation's own device."""
DELIVERING = ("/api/v1/deliveries", "/api/v1/deadletters", "/api/v1/deadletters/resend", "/system/drill")
"""What delivery answers, which does not run here: 503 for whoever gets as far as asking it."""
ENDLESS = ("/alarms/stream", "/api/v1/stream")
"""Streams that do not end: tests/access/test_console.py reads them through a real server."""
COUNTY = {MINE: "east", THEIRS: "west"}
SCOPES = {
    "enterprise": Scope(enterprise=MINE),
    "county": Scope(county=COUNTY[MINE]),
    "city": Scope(),
}  # fmt: skip
KINDS = frozenset(ACTIONS) - {"access_change", "rule_step", "deadletter_resend", "drill"}
"""Commands about alarms: each must be carried out for somebody here."""
WORDS = {"back": "unshelve"}
"""What a ``{name}`` of a route may be only."""

NAMING = frozenset({"channel", "id", "key"})
"""Words of an address that name something of one organisation."""


class Asked(NamedTuple):
    """One request and its answer. allowed: statuses that are right."""

    method: str
    path: str
    role: str
    organisation: str
    status: int
    allowed: frozenset[int]
    leaks: bool
    done: frozenset[str]
    """Actions that the alarm engine carried out."""
    strays: bool
    """And it touched an alarm of another organisation."""


class Who(NamedTuple):
    """Somebody who asks. scope: a name of SCOPES, "" for a stranger."""

    role: str
    scope: str
    headers: dict[str, str]

    @property
    def whole_city(self) -> bool:
        return self.scope == "city"


def _right(route: APIRoute) -> Right | None:
    calls = [d.call for d in route.dependant.dependencies if d.call is not None and declared(d.call)]
    right: Right | None = getattr(calls[0], "right", None)
    return right


def _about(aim: str) -> tuple[str, str]:
    """(device, alarm) of an organisation."""
    device = f"{aim}/site/{CANARY if aim == THEIRS else 'device-of-mine'}"
    return device, f"{device}/lel:HH"


def _allowed(route: APIRoute, who: Who, aim: str) -> frozenset[int]:
    """What may be answered."""
    if route.path == "/logout":  # asked with a wrong token: it would end the session of all that follows
        return frozenset({403})
    right, named = _right(route), "{alarm:path}" in route.path or "{device:path}" in route.path
    if right is None:
        return frozenset({200, 303, 401, 404, 409, 422, 429})
    if who.role == "stranger":
        return frozenset({401})
    if right not in ROLES[who.role]:
        return frozenset({403})
    if route.path.startswith("/static/") or "{rest:path}" in route.path:
        return frozenset({404})
    if not who.whole_city and any(getattr(d.call, "city", False) for d in route.dependant.dependencies):
        return frozenset({404})  # about the gateway itself
    if "{number}" in route.path:  # the back-tests of both proposals run, and no step of either is possible
        theirs = aim == THEIRS and not who.whole_city
        return frozenset({404}) if theirs else frozenset({200, 409})
    names = named or any(field.name in NAMING for field in route.dependant.query_params)
    names = names or "/requests/" in route.path
    names = names or (route.body_field is not None and bool({"alarm", "alarms"} & _fields(route).keys()))
    if names and aim == THEIRS and not who.whole_city:
        return frozenset({404})
    if named:
        return frozenset({200})
    unknown = route.body_field is not None and UNKNOWN & _fields(route).keys()
    more = ({404} if unknown else set()) | ({503} if route.path in DELIVERING else set())
    return frozenset({200, 400, 403, 409, 422}) | more


def matrix() -> list[Asked]:
    """Ask everything."""
    with tempfile.TemporaryDirectory(prefix="riskgate-authz-") as folder:
        return asyncio.run(_ask(Path(folder)))


async def _ask(folder: Path) -> list[Asked]:
    book, clock = Book(folder), SystemClock()
    book.start(0)
    names = {name: _about(name)[0].rpartition("/")[2] for name in COUNTY}
    devices = [Device(one, "site", "hall", names[one], GAS, COUNTY[one]) for one in COUNTY]
    book.fleet(0, devices)
    for device in devices:
        book.alarm(1, device, "lel", "HH", "unacknowledged", active=True)
    data = book.data
    _proposals(data)
    identity = Identity(AccessStore(data.console, new_secret), clock)
    fleet = FleetFiles(folder / "fleet.csv", [])
    fleet.fleet.write_text(text_of(fleet.fleet, devices, []))
    feed = Feed(data, clock, asyncio.Event())
    core = Answering(data.core_socket, devices, clock)
    routes = make_routes(feed, data.core_socket, "t", identity, fleet=fleet, secure=False)
    guarded: Any = Guard(routes, [ORIGIN], "t", identity)
    found = []
    transport = httpx.ASGITransport(guarded)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as client:
        with core:
            for who in _people(identity.store):
                for route in routes.routes:
                    if isinstance(route, APIRoute) and route.path not in ENDLESS:
                        found += [await _one(client, core, route, who, aim) for aim in (MINE, THEIRS)]
    book.close()
    return found


def _proposals(data: DataFolder) -> None:
    """One proposal of each organisation, its back-test under way."""
    rules = RuleBook(data.rules)
    for one, county in COUNTY.items():
        text, concerns = f"# {_about(one)[0]}", [(one, county)]
        version, now = _about(one)[0], time.time_ns()
        made = Proposal(0, version, text, "", "li", "token", version, now, concerns, [], "proposed", None)
        rules.begin(rules.add(made), "li", 0, now + 3600 * 1_000_000_000)


def _people(store: AccessStore) -> Iterator[Who]:
    """A stranger, and one of each role in each scope that the role can have."""
    yield Who("stranger", "", {"Origin": ORIGIN, "X-CSRF-Token": "t"})
    now = time.time_ns()
    for role in ROLES:
        for name, scope in SCOPES.items():
            if role in ENTERPRISE_ONLY and not scope.enterprise:
                continue
            account = f"{role}.{name}"
            store.add(account, account, role, scope, now)
            session = store.begin(account, "127.0.0.1", now)
            cookie = f"riskgate_session={session.secret}"
            yield Who(role, name, {"Origin": ORIGIN, "X-CSRF-Token": session.csrf, "Cookie": cookie})


def _fields(route: APIRoute) -> dict[str, Any]:
    assert route.body_field is not None
    fields: dict[str, Any] = getattr(route.body_field.field_info.annotation, "model_fields", {})
    return fields


def _body(route: APIRoute, core: Answering, aim: str) -> dict[str, Any] | None:
    """A body with what the route demands."""
    if route.body_field is None:
        return None
    device, alarm = _about(aim)
    known: dict[str, Any] = {
        "alarm": alarm, "device": device, "for_s": 600, "request": core.requests.get(aim, aim),
        "alarms": [{"alarm": alarm, "occurrence": 1}],
    }  # fmt: skip
    usual = {int: 1, float: 1.0, bool: True, list: [], dict: {}}
    return {
        name: known.get(name, usual.get(field.annotation, "x"))
        for name, field in _fields(route).items()
        if field.is_required()
    }


async def _one(client: httpx.AsyncClient, core: Answering, route: APIRoute, who: Who, aim: str) -> Asked:
    (method,) = sorted(route.methods - {"HEAD"}) or ["GET"]
    device, alarm = _about(aim)
    core.ready(route.path)
    core.done.clear()
    path = route.path.replace("{alarm:path}", alarm).replace("{device:path}", device)
    path = path.replace("{rest:path}", f"nothing/{aim}")
    path = path.replace("{number}", "1" if aim == MINE else "2")
    if "/requests/" in path:
        path = path.replace("{name}", core.requests[aim])
    for name in route.dependant.path_params:
        path = path.replace(f"{{{name.name}}}", WORDS.get(name.name, f"{aim}-{device.rpartition('/')[2]}"))
    headers = {**who.headers, **({"X-CSRF-Token": "wrong"} if route.path == "/logout" else {})}
    asked = {field.name for field in route.dependant.query_params}
    channel = "lel" if "key" in asked else f"{device}/lel"
    about = {
        "alarm": alarm, "device": device, "channel": channel, "id": alarm, "key": device,
        "from_ms": "1", "to_ms": "2",
    }  # fmt: skip
    query = {name: value for name, value in about.items() if name in asked}
    unsafe = method not in ("GET", "HEAD")
    body = (_body(route, core, aim) or {}) if unsafe else None
    if route.path in STARTING:
        body = {"more": 1}
    sent: dict[str, Any] = {"json": body}
    if route.path in UPLOADING:
        enterprise, site, name = device.split("/")
        sent = {
            "content": f"enterprise,site,asset,device,profile,county\n{enterprise},{site},hall,{name},{GAS},x"
        }
        headers["Content-Type"] = "text/csv"
    answer = await client.request(method, path, params=query, headers=headers, **sent)
    asked_for_it = aim == THEIRS and route.path.startswith("/welcome")
    leaks = CANARY in answer.text and not asked_for_it and not who.whole_city
    allowed = _allowed(route, who, aim)
    role = f"{who.role}.{who.scope}" if who.scope else who.role
    own = set(COUNTY) if who.whole_city else {MINE}
    strays = any(not one.enterprises <= own for one in core.done)
    done = frozenset(one.action for one in core.done)
    return Asked(method, route.path, role, aim, answer.status_code, allowed, leaks, done, strays)


def main() -> int:
    """The command line."""
    found = matrix()
    for one in found:
        good = one.status in one.allowed and not one.leaks and not one.strays
        said = f"{one.method:5} {one.path:24} {one.role:21} {one.organisation:7} {one.status}"
        print("ok    " if good else "FAILED", said)
    wrong = [one for one in found if one.status not in one.allowed]
    leaks = [one for one in found if one.leaks]
    done = [one for one in found if one.done]
    strays = [one for one in found if one.strays]
    kinds = KINDS & frozenset().union(*(one.done for one in found))
    told = f"{len(done)} by the alarm engine: {', '.join(sorted(kinds))}"
    routes = len({(one.method, one.path) for one in found})
    roles = len({one.role for one in found})
    note = f"{routes} routes x {roles} roles and scopes x 2 organisations"
    total = len(found)
    rows = [
        Row.judged("authz.asked", "requests", total, "requests", "> 0", note=note),
        Row.zero("authz.wrong", "answered otherwise than the role allows", len(wrong), "requests", total),
        Row.zero("authz.leaks", "answers with another organisation's things", len(leaks), "answers", total),
        Row.judged(
            "authz.done", "kinds of command carried out", len(kinds), "kinds", f">= {len(KINDS)}", note=told
        ),
        Row.zero(
            "authz.strays", "of them to another organisation's alarm", len(strays), "commands", len(done)
        ),
    ]
    return 0 if write("authz", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
