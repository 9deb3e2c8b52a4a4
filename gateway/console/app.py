"""The console's pages and routes. Every route but the page's own files is listed here; unsafe ones are
guarded by guard.py, and every command goes to the core, which alone decides."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import jinja2
from fastapi import FastAPI, Header, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.commands import ask
from gateway.console.feed import MAX_PAGES, Feed
from gateway.console.guard import Guard
from gateway.console.texts import LANGUAGES, TEXTS, choose
from gateway.errors import CoreUnreachable, JournalError

COMMAND_S = 5.0
"""The core must answer a command within this time, or it does not act at all."""
STATIC = {
    "console.css": "text/css; charset=utf-8",
    "console.js": "text/javascript; charset=utf-8",
    "table.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Aim(BaseModel):
    """Which occurrence of which alarm a command is about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    occurrence: int = Field(ge=1)
    comment: str = Field(default="", max_length=2000)


def make_app(feed: Feed, core_socket: Path, port: int, token: str) -> Any:
    """The ASGI application; ``token`` is this process's own and stands in its pages."""
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

    @app.get("/")
    def page(lang: str = "", accept_language: Annotated[str, Header()] = "") -> HTMLResponse:
        language = choose(lang, accept_language)
        body = pages.get_template("alarms.html").render(
            language=language, languages=LANGUAGES, texts=TEXTS[language], token=token
        )
        return HTMLResponse(body)

    @app.get("/static/{name}")
    def static_file(name: str) -> Response:
        if name not in static:
            return JSONResponse({"reason_en": "no such file"}, 404)
        return Response(static[name], media_type=STATIC[name], headers={"Cache-Control": "no-cache"})

    @app.get("/alarms")
    def alarms() -> JSONResponse:
        try:
            return JSONResponse(feed.table())
        except JournalError as error:
            return JSONResponse({"reason_en": str(error), "reason_zh": "台账无法读取"}, 503)

    @app.get("/alarms/stream")
    async def stream(after: int = 0, last_event_id: Annotated[str, Header()] = "") -> Response:
        if feed.pages >= MAX_PAGES:
            return JSONResponse({"reason_en": f"{MAX_PAGES} pages are open already"}, 503)
        start = int(last_event_id) if last_event_id.isdecimal() and len(last_event_id) < 19 else after
        return StreamingResponse(feed.stream(start), media_type="text/event-stream")

    _add_commands(app, core_socket)
    return Guard(app, port, token)


def _add_commands(app: FastAPI, core_socket: Path) -> None:
    @app.post("/alarms/acknowledge")
    def acknowledge(aim: Aim, request: Request) -> JSONResponse:
        return command("acknowledge", aim.model_dump(), request)

    @app.post("/alarms/reset")
    def reset(aim: Aim, request: Request) -> JSONResponse:
        return command("reset", {"alarm": aim.alarm, "comment": aim.comment}, request)

    def command(action: str, args: dict[str, Any], request: Request) -> JSONResponse:
        client = request.client.host if request.client else "?"
        question = {
            "op": "command",
            "action": action,
            "args": args,
            "actor": "console",
            "role": "operator",
            "organisation": "",
            "source": f"console {client}",
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
