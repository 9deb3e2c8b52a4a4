"""The console's pages and routes. Every route but the page's own files is listed here; unsafe ones are
guarded by guard.py, each says who may (identity.py), and every command goes to the core, which alone
decides."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right
from gateway.commands import ask
from gateway.console.answers import ProblemError, is_api, problem, told
from gateway.console.api import add_api
from gateway.console.feed import MAX_PAGES, Feed
from gateway.console.guard import Guard
from gateway.console.identity import DeniedError, Identity, Looking, asker, denied, needs, public
from gateway.console.login import add_login
from gateway.console.texts import LANGUAGES, TEXTS, choose
from gateway.errors import CoreUnreachable, JournalError

COMMAND_S = 5.0
"""The core must answer a command within this time, or it does not act at all."""
STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "login.js": "text/javascript; charset=utf-8",
    "table.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Aim(BaseModel):
    """Which occurrence of which alarm a command is about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    occurrence: int = Field(ge=1)
    comment: str = Field(default="", max_length=2000)


class Shelf(BaseModel):
    """Which alarm is shelved, why and for how long; the core bounds it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    reason: str = Field(min_length=1, max_length=500)
    for_s: int = Field(ge=1, le=86_400)


class Removal(BaseModel):
    """Which alarm is taken out of service, by which work order and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    work_order: str = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=500)


class Named(BaseModel):
    """Which alarm comes back."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)


def make_app(feed: Feed, core_socket: Path, origins: Iterable[str], token: str, identity: Identity) -> Any:
    """The ASGI application. origins: as browsers name it; ``token`` is this process's own and stands in the
    pages of strangers."""
    origins = list(origins)
    app = make_routes(feed, core_socket, token, identity, secure=all(o.startswith("https:") for o in origins))
    return Guard(app, origins, token, identity)


def make_routes(feed: Feed, core_socket: Path, token: str, identity: Identity, *, secure: bool) -> FastAPI:
    """The routes, without the guard in front of them."""
    folder = files("gateway.console")
    pages = jinja2.Environment(
        loader=jinja2.FunctionLoader(
            lambda name: folder.joinpath("templates", name).read_text(encoding="utf-8")
        ),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
    )
    static = {name: folder.joinpath("static", name).read_bytes() for name in STATIC}
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(DeniedError, denied)
    app.add_exception_handler(RequestValidationError, malformed)
    app.add_exception_handler(ProblemError, told)

    def render(name: str, lang: str, accept_language: str, **values: Any) -> str:
        language = choose(lang, accept_language)
        words = {"language": language, "languages": LANGUAGES, "texts": TEXTS[language]}
        return pages.get_template(name).render(**words, **values)

    add_login(app, identity, render, token, secure=secure)

    @app.get("/")
    def page(
        request: Request, person: Looking, lang: str = "", accept_language: Annotated[str, Header()] = ""
    ) -> HTMLResponse:
        csrf = asker(request).csrf
        may = sorted(right.value for right in Right if person.may(right))
        return HTMLResponse(render("alarms.html", lang, accept_language, token=csrf, person=person, may=may))

    @app.get("/static/{name}", dependencies=[public])
    def static_file(name: str) -> Response:
        if name not in static:
            return JSONResponse({"reason_en": "no such file"}, 404)
        return Response(static[name], media_type=STATIC[name], headers={"Cache-Control": "no-cache"})

    _add_alarms(app, feed, identity)
    _add_commands(app, feed, core_socket)
    add_api(app, feed.data, feed.clock)
    return app


def _add_alarms(app: FastAPI, feed: Feed, identity: Identity) -> None:
    @app.get("/alarms")
    def alarms(person: Looking) -> JSONResponse:
        try:
            return JSONResponse(feed.table(person.scope))
        except JournalError as error:
            return JSONResponse({"reason_en": str(error), "reason_zh": "台账无法读取"}, 503)

    @app.get("/alarms/stream")
    async def stream(
        request: Request, person: Looking, after: int = 0, last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        if feed.pages >= MAX_PAGES:
            return JSONResponse({"reason_en": f"{MAX_PAGES} pages are open already"}, 503)
        start = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 19 else after
        headers = request.headers

        def allowed() -> bool:
            now = identity.of(headers).person
            return now is not None and now.scope == person.scope and now.may(Right.LOOK)

        return StreamingResponse(feed.stream(start, person.scope, allowed), media_type="text/event-stream")


def malformed(request: Request, error: Exception) -> JSONResponse:
    """What is wrong and where, never what was sent: it may be a password."""
    assert isinstance(error, RequestValidationError)
    wrong = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in error.errors()]
    reason = "; ".join(wrong)[:500]
    if is_api(request):
        return problem(422, reason, "请求格式错误")
    body = {"accepted": False, "reason_en": reason, "reason_zh": "请求格式错误"}
    return JSONResponse(body, 422)


Acknowledging = Annotated[Person, needs(Right.ACKNOWLEDGE)]
Shelving = Annotated[Person, needs(Right.SHELVE)]


def _add_commands(app: FastAPI, feed: Feed, core_socket: Path) -> None:
    @app.post("/alarms/acknowledge")
    def acknowledge(aim: Aim, request: Request, person: Acknowledging) -> JSONResponse:
        return order("acknowledge", aim.model_dump(), request, person)

    @app.post("/alarms/reset")
    def reset(aim: Aim, request: Request, person: Acknowledging) -> JSONResponse:
        return order("reset", {"alarm": aim.alarm, "comment": aim.comment}, request, person)

    @app.post("/alarms/shelve")
    def shelve(shelf: Shelf, request: Request, person: Shelving) -> JSONResponse:
        return order("shelve", shelf.model_dump(), request, person)

    @app.post("/alarms/unshelve")
    def unshelve(named: Named, request: Request, person: Shelving) -> JSONResponse:
        return order("unshelve", named.model_dump(), request, person)

    @app.post("/alarms/out_of_service")
    def out_of_service(removal: Removal, request: Request, person: Shelving) -> JSONResponse:
        return order("out_of_service", removal.model_dump(), request, person)

    @app.post("/alarms/return_to_service")
    def return_to_service(named: Named, request: Request, person: Shelving) -> JSONResponse:
        return order("return_to_service", named.model_dump(), request, person)

    def order(action: str, args: dict[str, Any], request: Request, person: Person) -> JSONResponse:
        """Another organisation's alarm is answered like one that does not exist."""
        if not feed.sees(person.scope, args["alarm"]):
            raise DeniedError(404, "there is no such alarm", "没有该报警")
        return command(core_socket, action, args, person, request.client.host if request.client else "?")


def command(
    core_socket: Path, action: str, args: dict[str, Any], person: Person, address: str
) -> JSONResponse:
    """Ask the core to act, in the name of a verified person; its answer, or that it gives none."""
    question = {
        "op": "command",
        "action": action,
        "args": args,
        "actor": person.id,
        "role": person.role,
        "organisation": person.scope.enterprise,
        "source": f"console {address}",
        "deadline_s": COMMAND_S,
    }
    try:
        answer = ask(core_socket, question, COMMAND_S + 1.0)
    except (CoreUnreachable, ValueError) as error:
        body = {
            "accepted": False,
            "reason_en": f"{error} Look at the alarm before you repeat it: what was not taken by now "
            "is refused.",
            "reason_zh": "核心无应答: 重复操作前请查看该报警; 此刻尚未受理的命令将被拒绝。",
        }
        return JSONResponse(body, 503)
    return JSONResponse(answer, 200 if answer.get("accepted") else 409)
