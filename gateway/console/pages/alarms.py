"""The alarm list: the page, its rows, their changes as they come, and what a person does to them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import FastAPI, Header, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right
from gateway.console.feed import MAX_ROWS, Turn
from gateway.console.identity import DeniedError, Looking, needs
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.streaming import streamed
from gateway.console.words.alarms import WORDS
from gateway.errors import JournalError

ENTRY = Entry("/", "title")


class Aim(BaseModel):
    """Which occurrence of which alarm a command is about."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    occurrence: int = Field(ge=1)
    comment: str = Field(default="", max_length=2000)


class Several(BaseModel):
    """Occurrences that are acknowledged together; a body of 16 KiB holds some hundred."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarms: list[Aim] = Field(min_length=1, max_length=200)
    comment: str = Field(default="", max_length=2000)


class Seen(BaseModel):
    """Which alarm, and its newest occurrence when the person decided; 0: it has none yet."""

    model_config = ConfigDict(extra="forbid", strict=True)

    alarm: str = Field(min_length=1, max_length=600)
    occurrence: int = Field(ge=0)


class Remark(Seen):
    """What a person writes to an alarm without answering it."""

    comment: str = Field(min_length=1, max_length=2000)


class Shelf(Seen):
    """Why it is shelved and for how long; the core bounds it."""

    reason: str = Field(min_length=1, max_length=500)
    for_s: int = Field(ge=1, le=86_400)


class Removal(Seen):
    """By which work order it is taken out of service and why."""

    work_order: str = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=500)


Acknowledging = Annotated[Person, needs(Right.ACKNOWLEDGE)]
Shelving = Annotated[Person, needs(Right.SHELVE)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    feed = desk.feed

    @app.get("/")
    def page(request: Request, person: Looking) -> HTMLResponse:
        return desk.show.page(request, person, "alarms.html", WORDS)

    @app.get("/alarms")
    def alarms(
        person: Looking,
        after: Annotated[str, Query(max_length=40)] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_ROWS)] = MAX_ROWS,
    ) -> Response:
        """A part of the table; ``after`` is what the part before gave as "next"."""
        try:
            body = feed.table(person.scope, _turn(after), limit)
            return Response(msgspec.json.encode(body), media_type="application/json")
        except JournalError as error:
            return JSONResponse({"reason_en": str(error), "reason_zh": "台账无法读取"}, 503)

    @app.get("/alarms/stream")
    async def stream(
        request: Request, person: Looking, after: int = 0, last_event_id: Annotated[str, Header()] = ""
    ) -> Response:
        return streamed(desk, request, person, after, last_event_id)

    _add_commands(app, desk)


def _add_commands(app: FastAPI, desk: Desk) -> None:
    @app.post("/alarms/acknowledge")
    def acknowledge(aim: Aim, request: Request, person: Acknowledging) -> JSONResponse:
        return desk.aimed("acknowledge", aim.model_dump(), request, person)

    @app.post("/alarms/acknowledge_many")
    def acknowledge_many(several: Several, request: Request, person: Acknowledging) -> JSONResponse:
        listed = [aim.model_dump(exclude={"comment"}) for aim in several.alarms]
        return desk.aimed_at(
            [aim.alarm for aim in several.alarms],
            "acknowledge",
            {"alarms": listed, "comment": several.comment},
            request,
            person,
        )

    @app.post("/alarms/comment")
    def comment(remark: Remark, request: Request, person: Acknowledging) -> JSONResponse:
        return desk.aimed("comment", remark.model_dump(), request, person)

    @app.post("/alarms/reset")
    def reset(aim: Aim, request: Request, person: Acknowledging) -> JSONResponse:
        return desk.aimed("reset", aim.model_dump(), request, person)

    @app.post("/alarms/shelve")
    def shelve(shelf: Shelf, request: Request, person: Shelving) -> JSONResponse:
        return desk.aimed("shelve", shelf.model_dump(), request, person)

    @app.post("/alarms/unshelve")
    def unshelve(seen: Seen, request: Request, person: Shelving) -> JSONResponse:
        return desk.aimed("unshelve", seen.model_dump(), request, person)

    @app.post("/alarms/out_of_service")
    def out_of_service(removal: Removal, request: Request, person: Shelving) -> JSONResponse:
        return desk.aimed("out_of_service", removal.model_dump(), request, person)

    @app.post("/alarms/return_to_service")
    def return_to_service(seen: Seen, request: Request, person: Shelving) -> JSONResponse:
        return desk.aimed("return_to_service", seen.model_dump(), request, person)


def _turn(said: str) -> Turn | None:
    if not said:
        return None
    parts = said.split(",")
    if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) < 19 for part in parts):
        raise DeniedError(400, "after: give what 'next' said, or nothing", "after 无效:请使用上页返回的 next")
    return int(parts[0]), int(parts[1]), int(parts[2])
