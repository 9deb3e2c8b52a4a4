"""Management of change for programs: proposals, their back-tests in the background, approval.

Guarantee: a person sees and touches only proposals whose devices are all of the person's organisation. What
is refused says why, and a wrong rule names its line.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any, Literal

import msgspec
from fastapi import FastAPI, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Person, Right
from gateway.commands import ask
from gateway.console.answers import PREFIX, ProblemError, readable, tagged
from gateway.console.identity import DeniedError, Looking, needs
from gateway.console.pages.desk import Desk
from gateway.errors import ConfigError, RulesRefused
from gateway.rulebook import RECORD, Actor, Changing, Proposal, RuleBook, Trying
from gateway.rulebook.trying import start

RELOAD_S = 120.0
DAY_S = 86_400
_ONE = {"number": 3, "version": "2026-11 hall 3", "state": "proposed", "author": "li", "loosened": []}
_TRIAL = {"id": 7, "number": 3, "state": "running", "done": 41_000, "total": 60_480, "person": "li"}


def _example(body: dict[str, Any], status: int = 200) -> dict[int | str, dict[str, Any]]:
    return {status: {"content": {"application/json": {"example": body}}}}


EXAMPLE = _example(_ONE)


class Text(BaseModel):
    """A rules file as docs/rules.md shows."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str = Field(min_length=1, max_length=15_000)


class Since(BaseModel):
    """How far back, in seconds."""

    model_config = ConfigDict(extra="forbid", strict=True)

    since_s: int = Field(default=7 * DAY_S, ge=60, le=366 * DAY_S)


class Comment(BaseModel):
    """What is kept with the step."""

    model_config = ConfigDict(extra="forbid", strict=True)

    comment: str = Field(default="", max_length=2000)


Proposing = Annotated[Person, needs(Right.PROPOSE)]
Approving = Annotated[Person, needs(Right.APPROVE)]
Trying_ = Annotated[Person, needs(Right.BACKTEST)]
Number = Annotated[int, Path(ge=1)]


class _Rules:
    """What the routes share."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.data = desk.data

    @property
    def book(self) -> RuleBook:
        return RuleBook(self.data.rules)

    def changing(self, request: Request, person: Person) -> Changing:
        """Steps are recorded in this person's name."""
        question = {"op": "reload", "deadline_s": RELOAD_S}

        def record(step: dict[str, Any]) -> dict[str, Any]:
            answer = self.desk.command(RECORD, step, request, person)
            return {"accepted": answer.status_code == HTTPStatus.OK}

        return Changing(
            self.data,
            self.desk.clock.wall_ns,
            lambda: ask(self.data.core_socket, question, timeout_s=RELOAD_S + 5),
            record,
        )

    def sees(self, person: Person, proposal: Proposal) -> bool:
        return all(person.scope.sees(enterprise=e, county=c) for e, c in proposal.concerns)

    def one(self, number: int, person: Person) -> Proposal:
        """A proposal that the person may see; another's is answered like one that does not exist."""
        try:
            found = self.book.proposal(number)
        except RulesRefused as refused:
            raise DeniedError(404, refused.reason_en, refused.reason_zh) from None
        if not self.sees(person, found):
            raise DeniedError(404, f"there is no proposal {number}", f"没有第 {number} 号提案")
        return found

    def told(self, proposal: Proposal) -> dict[str, Any]:
        """A proposal with its steps and how its back-test stands."""
        book = self.book
        trial = book.tried(proposal.number, self.desk.clock.wall_ns())
        return {
            **_short(proposal),
            "text": proposal.text,
            "steps": msgspec.to_builtins(book.steps(proposal.number)),
            "backtest": None if trial is None else _trial(trial),
        }


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    rules = _Rules(desk)

    @app.get(f"{PREFIX}/rules", responses=_example({"rules": [_ONE]}), summary="Versions of rules in force")
    def in_force(request: Request, person: Looking) -> Response:
        """In the order in which they came into force: a later one wins."""
        found = [_short(one) for one in rules.book.in_force() if rules.sees(person, one)]
        return tagged(request, {"rules": found})

    @app.get(
        f"{PREFIX}/proposals",
        responses=_example({"proposals": [_ONE]}),
        summary="Every version ever proposed",
    )
    def proposals(
        request: Request,
        person: Looking,
        state: Literal["proposed", "in_force", "declined", "withdrawn"] | None = None,
    ) -> Response:
        """The newest first."""
        found = [one for one in rules.book.proposals() if rules.sees(person, one)]
        return tagged(request, {"proposals": [_short(p) for p in found if state in (None, p.state)]})

    @app.post(f"{PREFIX}/proposals", responses=_example(_ONE, 201), status_code=201, summary="Propose rules")
    def propose(body: Text, request: Request, person: Proposing) -> Response:
        """Checked and kept, nothing more; 422 names every mistake with its line."""
        with _said():
            changing = rules.changing(request, person)
            made = changing.propose(body.text, _actor(person), lambda e, c: _may(person, e, c))
        return JSONResponse(rules.told(made), 201)

    @app.get(f"{PREFIX}/proposals/{{number}}", responses=EXAMPLE, summary="One version")
    def one(request: Request, number: Number, person: Looking) -> Response:
        """With its text, every step, and how its back-test stands."""
        return tagged(request, rules.told(rules.one(number, person)))

    _add_steps(app, rules)
    _add_trial(app, rules)


def _add_steps(app: FastAPI, rules: _Rules) -> None:
    @app.post(f"{PREFIX}/proposals/{{number}}/approve", responses=EXAMPLE, summary="Approve")
    def approve(number: Number, body: Comment, request: Request, person: Approving) -> Response:
        """Needs a back-test of this version; a looser safety limit needs two people. ``result`` says whether
        it is in force."""
        rules.one(number, person)
        with _said():
            changing = rules.changing(request, person)
            made, result = changing.approve(number, _actor(person), body.comment)
        return JSONResponse({**rules.told(made), "result": result})

    @app.post(f"{PREFIX}/proposals/{{number}}/decline", responses=EXAMPLE, summary="Decline")
    def decline(number: Number, body: Comment, request: Request, person: Approving) -> Response:
        """With the reason as comment."""
        rules.one(number, person)
        with _said():
            changing = rules.changing(request, person)
            return JSONResponse(rules.told(changing.decline(number, _actor(person), body.comment)))

    @app.post(f"{PREFIX}/proposals/{{number}}/withdraw", responses=EXAMPLE, summary="Withdraw")
    def withdraw(number: Number, body: Comment, request: Request, person: Proposing) -> Response:
        """By its author."""
        rules.one(number, person)
        with _said():
            changing = rules.changing(request, person)
            return JSONResponse(rules.told(changing.withdraw(number, _actor(person), body.comment)))


def _add_trial(app: FastAPI, rules: _Rules) -> None:
    @app.post(
        f"{PREFIX}/proposals/{{number}}/backtest",
        responses=_example(_TRIAL, 202),
        status_code=202,
        summary="Begin a back-test",
    )
    def begin(number: Number, body: Since, person: Trying_) -> Response:
        """In the background, with figures; ask for it again to see how far it is."""
        proposal, now_ns = rules.one(number, person), rules.desk.clock.wall_ns()
        with _said():
            trial = rules.book.begin(proposal, person.id, now_ns - body.since_s * 1_000_000_000, now_ns)
            start(rules.data, number, trial, rules.data.log / "backtest.log")
        return JSONResponse(rules.told(proposal)["backtest"], 202)

    @app.get(
        f"{PREFIX}/proposals/{{number}}/backtest",
        responses=_example(_TRIAL),
        summary="How a back-test stands",
    )
    def stands(request: Request, number: Number, person: Looking) -> Response:
        """state (running, done, failed), entries stepped of how many, and the result with figures."""
        rules.one(number, person)
        trial = rules.book.tried(number, rules.desk.clock.wall_ns())
        if trial is None:
            raise ProblemError(404, f"proposal {number} has no back-test yet", f"第 {number} 号提案尚无回测")
        result: Any = msgspec.json.decode(trial.result) if trial.state == "done" else trial.result
        if trial.state == "done" and not person.scope.whole_city:
            result["figures"] = None  # they are of the whole plant
        return tagged(request, {**_trial(trial), "result": result})


def _may(person: Person, enterprise: str, county: str) -> bool:
    return person.scope.sees(enterprise=enterprise, county=county)


def _actor(person: Person) -> Actor:
    return Actor(person.id, person.via, person.may(Right.CONFIRM))


def _short(proposal: Proposal) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(proposal)
    del told["text"], told["concerns"]
    return told


def _trial(trial: Trying) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(trial)
    del told["result"]
    return told


@contextmanager
def _said() -> Iterator[None]:
    """Refusals as problems."""
    try:
        with readable():
            yield
    except RulesRefused as refused:
        raise ProblemError(409, refused.reason_en, refused.reason_zh) from None
    except ConfigError as error:
        raise ProblemError(
            422, "\n".join(error.problems), "规则有误:\n" + "\n".join(error.problems)
        ) from None
