"""Each sink's state, what it refused for good, and sending that again, once for an ``Idempotency-Key``.

A dead letter about an alarm is seen by whoever sees the alarm. One about no alarm (a line of a database, a
command), the sinks themselves and sending again are for the whole city: the core refuses all others, for a
letter may be anybody's.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field, model_validator

from gateway.access import Person, Right
from gateway.console.answers import PREFIX, ProblemError, readable, tagged
from gateway.console.api.commands import EXAMPLE as ANSWERED
from gateway.console.api.commands import Key, Once
from gateway.console.identity import needs
from gateway.console.pages.desk import Desk
from gateway.console.pages.system import answer

MAX_LETTERS = 500
PAGE = 500
MAX_PAGES = 20
"""Of all organisations' letters looked through for one answer; the cursor goes on from there."""
MS = 1_000_000
EXAMPLE_SINKS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"sinks": {"control_room": {
        "kind": "webhook", "muted": False, "delivered": 12, "pending": 0, "dead": 1, "lag": 0, "error": "",
        "oldest_s": 0.0, "lanes": {},
    }}}}}}
}  # fmt: skip
EXAMPLE_LETTERS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"example": {"letters": [{
        "id": 7, "sink": "control_room", "lane": "events", "event": "1-52015-0",
        "alarm": "acme/tankfarm/GD-1/lel:HH", "priority": 1, "reason": "410 gone", "attempts": 1,
        "at_ms": 1764035198123, "part": "",
    }], "next": None}}}}
}  # fmt: skip


class Again(BaseModel):
    """Which dead letters of a sink: those of ``events``, or with ``all`` every one."""

    model_config = ConfigDict(extra="forbid", strict=True)

    sink: str = Field(min_length=1, max_length=64)
    events: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(default=[], max_length=100)
    all: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Again:
        if self.all == bool(self.events):
            raise ValueError("name events, or say all = true")
        return self


Reading = Annotated[Person, needs(Right.DELIVERIES)]
Sending = Annotated[Person, needs(Right.DELIVERIES, city=True)]


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    once = Once(desk)

    @app.get(f"{PREFIX}/deliveries", responses=EXAMPLE_SINKS, summary="The state of every sink")
    def deliveries(request: Request, person: Sending) -> Response:
        """As delivery itself says it; for the whole city."""
        del person
        return tagged(request, {"sinks": _asked(desk, {"op": "status"}).get("sinks", {})})

    @app.get(f"{PREFIX}/deadletters", responses=EXAMPLE_LETTERS, summary="What sinks refused for good")
    def deadletters(
        request: Request,
        person: Reading,
        sink: Annotated[str, Query(max_length=64, description="All sinks if left out.")] = "",
        limit: Annotated[int, Query(ge=1, le=MAX_LETTERS)] = 100,
        cursor: Annotated[str, Query(pattern="^[0-9]{0,18}$")] = "",
    ) -> Response:
        """Newest first. ``next`` is the cursor of the following page, null at the end."""
        found, following = _letters(desk, person, sink, limit, int(cursor or 0))
        return tagged(request, {"letters": found, "next": following})

    @app.post(f"{PREFIX}/deadletters/resend", responses=ANSWERED, summary="Send dead letters again")
    def resend(body: Again, request: Request, person: Sending, key: Key = "") -> Response:
        """A command, so the ledger has who asked for it. What is none of its dead letters is passed over."""
        which: dict[str, Any] = {"all": True} if body.all else {"ids": body.events}
        return once.at_most_once("deadletter_resend", {"sink": body.sink, **which}, request, person, key)


def _letters(
    desk: Desk, person: Person, sink: str, limit: int, before: int
) -> tuple[list[dict[str, Any]], str | None]:
    """(letters the person may see, the next cursor)."""
    found: list[dict[str, Any]] = []
    seen: dict[str, bool] = {}
    for _ in range(MAX_PAGES):
        question = {"op": "deadletters", "sink": sink, "limit": PAGE, "before": before}
        page = _asked(desk, question)["deadletters"]
        for letter in page:
            if len(found) == limit:
                return found, str(before)
            before = letter["id"]
            alarm = letter["alarm"]
            if alarm not in seen:
                with readable():
                    seen[alarm] = bool(alarm or person.scope.whole_city) and desk.feed.sees(
                        person.scope, alarm
                    )
            if seen[alarm]:
                found.append(_shown(letter))
        if len(page) < PAGE:
            return found, None
    return found, str(before)


def _shown(letter: dict[str, Any]) -> dict[str, Any]:
    names = ("id", "sink", "lane", "event", "alarm", "priority", "reason", "attempts", "part")
    return {name: letter[name] for name in names} | {"at_ms": letter["at_ns"] // MS}


def _asked(desk: Desk, question: dict[str, Any]) -> dict[str, Any]:
    told = answer(desk.data.delivery_socket, question)
    if told is None:
        raise ProblemError(503, "delivery does not answer: is 'riskgate run' running?", "投递进程无应答")
    return told
