"""The console's application: the pages, the API, their files. Unsafe routes are guarded by guard.py, each
says who may (identity.py), and every command goes to the core, which alone decides."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response

from gateway.config_console import Oidc
from gateway.console.answers import ProblemError, is_api, problem, told
from gateway.console.api import add_api
from gateway.console.city import City
from gateway.console.feed import Feed
from gateway.console.guard import Guard
from gateway.console.identity import DeniedError, Identity, Looking, denied, public
from gateway.console.login import add_login
from gateway.console.pages import PAGES, entries
from gateway.console.pages.desk import Desk
from gateway.console.plots import add_plotly
from gateway.console.runs import Runs
from gateway.console.show import Show
from gateway.fleet_upload import FleetFiles

MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def make_app(
    feed: Feed,
    core_socket: Path,
    origins: Iterable[str],
    token: str,
    identity: Identity,
    runs: Runs | None = None,
    oidc: Oidc | None = None,
    fleet: FleetFiles | None = None,
    city: City | None = None,
) -> Any:
    """The ASGI application. origins: as browsers name it; ``token`` is this process's own and stands in the
    pages of strangers; oidc: an identity provider that may vouch for people;
    fleet: where the fleet list lies; city: given if somebody else reads it beforehand."""
    origins = list(origins)
    secure = all(origin.startswith("https:") for origin in origins)
    app = make_routes(feed, core_socket, token, identity, runs, oidc, fleet, city, secure=secure)
    return Guard(app, origins, token, identity)


def make_routes(
    feed: Feed,
    core_socket: Path,
    token: str,
    identity: Identity,
    runs: Runs | None = None,
    oidc: Oidc | None = None,
    fleet: FleetFiles | None = None,
    city: City | None = None,
    *,
    secure: bool,
) -> FastAPI:
    """The routes, without the guard in front of them."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(DeniedError, denied)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(ProblemError, told)
    runs = runs or Runs(feed.data, feed.clock)
    city = city or City(feed.data, feed.clock)
    desk = Desk(feed, core_socket, identity, Show(entries()), city, runs, fleet)
    add_login(app, identity, desk.show, token, feed.clock, oidc, secure=secure)
    _add_files(app)
    add_plotly(app)

    @app.get("/status")
    def status(person: Looking) -> JSONResponse:
        """What every page shows: is the core there, how old is what it says, how many alarms wait."""
        return JSONResponse(feed.status(person.scope))

    for page in PAGES:
        page.add(app, desk)
    add_api(app, desk)
    return app


def _add_files(app: FastAPI) -> None:
    held = files("gateway.console").joinpath("static")
    static = {
        item.name: (item.read_bytes(), MEDIA[Path(item.name).suffix])
        for item in held.iterdir()
        if Path(item.name).suffix in MEDIA
    }

    @app.get("/static/{name}", dependencies=[public])
    def static_file(name: str) -> Response:
        if name not in static:
            return JSONResponse({"reason_en": "no such file"}, 404)
        body, kind = static[name]
        return Response(body, media_type=kind, headers={"Cache-Control": "no-cache"})


def malformed(request: Request, error: Exception) -> JSONResponse:
    """What is wrong and where, never what was sent: it may be a password."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    reason = "; ".join(wrong)[:500]
    if is_api(request):
        return problem(422, reason, "请求格式错误")
    body = {"accepted": False, "reason_en": reason, "reason_zh": "请求格式错误"}
    return JSONResponse(body, 422)
