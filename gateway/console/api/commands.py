"""What programs may do to alarms: the operators' commands, each at most once for an ``Idempotency-Key``.

Guarantee: of requests with the same key by the same account only the first reaches the core; the others get
its recorded answer, also after a restart, as long as it is among the newest ``REMEMBERED`` commands of its
kind in the ledger. Without a key a repeated command is the core's to judge: an occurrence that is
acknowledged already is refused with that reason.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right
from gateway.alarms.events import CommandEvent
from gateway.console.answers import PREFIX, ProblemError, readable
from gateway.console.identity import needs
from gateway.console.pages.desk import Desk
from gateway.ledger import LedgerReader

REMEMBERED = 2000
EXAMPLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {
        "accepted": True, "reason_en": "acknowledged", "reason_zh": "已确认", "event": "1-52015-0",
    }}}},
    409: {"content": {"application/json": {"example": {
        "accepted": False, "reason_en": "acknowledged already by li", "reason_zh": "已由 li 确认",
    }}}},
}  # fmt: skip


class Asked(BaseModel):
    """What every command about an alarm may say: which occurrence was the newest when it was decided on. An
    older one is refused. Left out, the command is about the alarm whatever it does."""

    model_config = ConfigDict(extra="forbid", strict=True)

    occurrence: int | None = Field(default=None, ge=0)

    def args(self, alarm: str) -> dict[str, Any]:
        """As the core takes it."""
        said = self.model_dump()
        if said["occurrence"] is None:
            del said["occurrence"]
        return {"alarm": alarm, **said}


class Acknowledge(Asked):
    """Which occurrence was seen; it must be said."""

    occurrence: int = Field(ge=1)
    comment: str = Field(default="", max_length=2000)


class Reset(Asked):
    """With a remark, or without."""

    comment: str = Field(default="", max_length=2000)


class Comment(Asked):
    """A remark for the record."""

    comment: str = Field(min_length=1, max_length=2000)


class Shelve(Asked):
    """Why and for how long, in seconds."""

    reason: str = Field(min_length=1, max_length=500)
    for_s: int = Field(ge=1, le=86_400)


class Order(BaseModel):
    """By which work order and why."""

    model_config = ConfigDict(extra="forbid", strict=True)

    work_order: str = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=500)


class OutOfService(Order, Asked):
    """One alarm, by a work order."""


class Nothing(BaseModel):
    """No more to say."""

    model_config = ConfigDict(extra="forbid", strict=True)


Acknowledging = Annotated[Person, needs(Right.ACKNOWLEDGE)]
Shelving = Annotated[Person, needs(Right.SHELVE)]
Alarm = Annotated[str, Path(max_length=600)]
Device = Annotated[str, Path(max_length=200)]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        max_length=100,
        pattern="^[!-~]*$",
        description="The same for every repetition of one request, another for the next one.",
    ),
]


class Once:
    """Carries commands to the core, each key at most once."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turn = threading.Lock()
        self._under_way: set[str] = set()

    def carry(
        self, action: str, args: dict[str, Any], request: Request, person: Person, key: str
    ) -> Response:
        """The core's answer, or the recorded one of the first request with this key."""
        if "alarm" in args:
            self._desk.must_see([args["alarm"]], person)
        else:
            self._desk.must_know(args["device"], person)
        return self.at_most_once(action, args, request, person, key)

    def at_most_once(
        self, action: str, args: dict[str, Any], request: Request, person: Person, key: str
    ) -> Response:
        """The same for a command about neither alarm nor device; whether the person may, was asked before."""
        if not key:
            return self._desk.command(action, args, request, person)
        number = "k" + hashlib.sha256(f"{person.id}\n{key}".encode()).hexdigest()[:31]
        with self._alone(number):
            before = self._recorded(action, number)
            if before is None:
                return self._desk.command(action, args, request, person, number)
        if before.args != args:
            raise ProblemError(
                422,
                "this Idempotency-Key was used for another request: take a new one",
                "该 Idempotency-Key 已用于其他请求:请换用新的",
            )
        body = {
            "accepted": before.accepted, "reason_en": before.reason_en, "reason_zh": before.reason_zh,
            "event": before.id,
        }  # fmt: skip
        return JSONResponse(body, 200 if before.accepted else 409, {"Idempotency-Replayed": "true"})

    @contextmanager
    def _alone(self, number: str) -> Iterator[None]:
        with self._turn:
            if number in self._under_way:
                raise ProblemError(
                    409, "the first request with this Idempotency-Key is under way", "相同请求正在处理"
                )
            self._under_way.add(number)
        try:
            yield
        finally:
            with self._turn:
                self._under_way.discard(number)

    def _recorded(self, action: str, number: str) -> CommandEvent | None:
        """A key belongs to one kind of command: the same key with another action is another command."""
        with readable():
            known = LedgerReader(self._desk.data.ledger).commands(action, REMEMBERED)
        return next((event for _, event in known if event.command == number), None)


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    once = Once(desk)

    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/acknowledge", responses=EXAMPLE, summary="Acknowledge")
    def acknowledge(
        alarm: Alarm, body: Acknowledge, request: Request, person: Acknowledging, key: Key = ""
    ) -> Response:
        """One occurrence; an older one is refused: somebody has to see the newer."""
        return once.carry("acknowledge", body.args(alarm), request, person, key)

    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/reset", responses=EXAMPLE, summary="Reset a latched alarm")
    def reset(alarm: Alarm, body: Reset, request: Request, person: Acknowledging, key: Key = "") -> Response:
        """When the condition is gone and it was acknowledged."""
        return once.carry("reset", body.args(alarm), request, person, key)

    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/comment", responses=EXAMPLE, summary="Comment")
    def comment(
        alarm: Alarm, body: Comment, request: Request, person: Acknowledging, key: Key = ""
    ) -> Response:
        """For the record of an open alarm."""
        return once.carry("comment", body.args(alarm), request, person, key)

    _add_shelving(app, once)
    _add_devices(app, once)


def _add_shelving(app: FastAPI, once: Once) -> None:
    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/shelve", responses=EXAMPLE, summary="Shelve")
    def shelve(alarm: Alarm, body: Shelve, request: Request, person: Shelving, key: Key = "") -> Response:
        """Not annunciated until the end. One person alone cannot shelve a safety alarm."""
        return once.carry("shelve", body.args(alarm), request, person, key)

    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/out_of_service", responses=EXAMPLE, summary="Out of service")
    def out_of_service(
        alarm: Alarm, body: OutOfService, request: Request, person: Shelving, key: Key = ""
    ) -> Response:
        """Until somebody returns it."""
        return once.carry("out_of_service", body.args(alarm), request, person, key)

    @app.post(f"{PREFIX}/alarms/{{alarm:path}}/{{back}}", responses=EXAMPLE, summary="Unshelve, return")
    def back(
        alarm: Alarm,
        back: Literal["unshelve", "return_to_service"],
        body: Asked,
        request: Request,
        person: Shelving,
        key: Key = "",
    ) -> Response:
        """It is annunciated again, as its condition then is."""
        return once.carry(back, body.args(alarm), request, person, key)


def _add_devices(app: FastAPI, once: Once) -> None:
    @app.post(
        f"{PREFIX}/devices/{{device:path}}/out_of_service", responses=EXAMPLE, summary="Device out of service"
    )
    def device_out(
        device: Device, body: Order, request: Request, person: Shelving, key: Key = ""
    ) -> Response:
        """All alarms of the device and its channels; with safety alarms a second person confirms."""
        return once.carry("out_of_service", {"device": device, **body.model_dump()}, request, person, key)

    @app.post(
        f"{PREFIX}/devices/{{device:path}}/return_to_service", responses=EXAMPLE, summary="Device returned"
    )
    def device_back(
        device: Device, body: Nothing, request: Request, person: Shelving, key: Key = ""
    ) -> Response:
        """Every alarm of the device that is out of service is annunciated again, as its condition then is."""
        del body
        return once.carry("return_to_service", {"device": device}, request, person, key)
