"""What waits for a second person: listed, confirmed or declined by someone who sees all its alarms."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right, Scope
from gateway.commands import ask
from gateway.console.answers import PREFIX, ProblemError, tagged
from gateway.console.api.commands import EXAMPLE as ANSWERED
from gateway.console.identity import DeniedError, Looking, needs
from gateway.console.pages.desk import Desk
from gateway.errors import CoreUnreachable

ASK_S = 2.0
MS = 1_000_000
EXAMPLE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"requests": [{
        "request": "1-52015-0", "action": "shelve", "alarms": ["acme/tankfarm/GD-1/lel:HH"], "by": "li",
        "args": {"reason": "calibration", "for_s": 600}, "asked_ms": 1764035198123, "until_ms": 1764036098123,
        "yours": False,
    }]}}}}
}  # fmt: skip


class Answer(BaseModel):
    """Why, if the person says so."""

    model_config = ConfigDict(extra="forbid", strict=True)

    reason: str = Field(default="", max_length=500)


Confirming = Annotated[Person, needs(Right.CONFIRM)]
Declining = Annotated[Person, needs(Right.SHELVE)]
Name = Annotated[str, Path(max_length=60)]


def pending(desk: Desk, scope: Scope) -> list[dict[str, Any]]:
    """The requests that wait and whose alarms are all inside the scope, the oldest first, as the core holds
    them (gateway/alarms/requests.py). ProblemError 503 when the core does not answer."""
    try:
        listed = ask(desk.core_socket, {"op": "requests"}, ASK_S)["requests"]
    except (CoreUnreachable, ValueError, KeyError) as error:
        raise ProblemError(503, f"the core does not answer: {error}", "核心无应答") from error
    return [one for one in listed if all(desk.feed.sees(scope, alarm) for alarm in one["alarms"])]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""

    @app.get(f"{PREFIX}/requests", responses=EXAMPLE, summary="What waits for a second person")
    def requests(request: Request, person: Looking) -> Response:
        """Oldest first; each ends by itself after 15 minutes."""
        rows = [
            {
                "request": one["id"],
                "action": one["action"],
                "alarms": list(one["alarms"]),
                "by": one["actor"],
                "args": one["args"],
                "asked_ms": one["asked_ns"] // MS,
                "until_ms": one["until_ns"] // MS,
                "yours": one["actor"] == person.id,
            }
            for one in pending(desk, person.scope)
        ]
        return tagged(request, {"requests": rows})

    @app.post(
        f"{PREFIX}/requests/{{name}}/confirm", responses=ANSWERED, summary="Confirm as the second person"
    )
    def confirm(name: Name, body: Answer, request: Request, person: Confirming) -> Response:
        """What was asked for is done now. Never by who asked for it."""
        return _answered("confirm", name, body, request, person)

    @app.post(
        f"{PREFIX}/requests/{{name}}/decline", responses=ANSWERED, summary="Decline, or take back one's own"
    )
    def decline(name: Name, body: Answer, request: Request, person: Declining) -> Response:
        """It is over; nothing was done."""
        return _answered("decline", name, body, request, person)

    def _answered(action: str, name: str, body: Answer, request: Request, person: Person) -> Response:
        if all(one["id"] != name for one in pending(desk, person.scope)):
            raise DeniedError(404, "no such request waits for a second person", "没有该待确认申请")
        args = {"request": name, **({"reason": body.reason} if body.reason else {})}
        return desk.command(action, args, request, person)
