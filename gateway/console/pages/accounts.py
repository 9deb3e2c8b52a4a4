"""The accounts page: who may use the console, for administrators. Whoever administers a county or an
enterprise sees and makes only people of that. A link is shown once, to be handed over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import ROLES, Person, Refused, Right, Scope
from gateway.access.record import WITNESS
from gateway.access.rules import PROVIDED
from gateway.console.identity import DeniedError, needs
from gateway.console.pages.desk import Desk
from gateway.console.show import Entry
from gateway.console.words.accounts import WORDS

ENTRY = Entry("/accounts", "accounts", Right.ACCOUNTS)
CHANGES = 50

Name = Annotated[str, Field(max_length=64)]
Administering = Annotated[Person, needs(Right.ACCOUNTS)]


class Of(BaseModel):
    """Whose account."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(min_length=1, max_length=160)


class Switch(Of):
    """On or off."""

    enabled: bool


class Part(Of):
    """Which role, of whom."""

    role: str = Field(min_length=1, max_length=20)
    county: Name = ""
    enterprise: Name = ""

    @property
    def scope(self) -> Scope:
        """As the store has it."""
        return Scope(self.county.strip(), self.enterprise.strip())


class New(Part):
    """A new account."""

    name: Name = ""


def add(app: FastAPI, desk: Desk) -> None:
    """The routes."""
    store = desk.identity.store

    @app.get("/accounts")
    def page(request: Request, person: Administering) -> HTMLResponse:
        return desk.show.page(request, person, "accounts.html", WORDS, roles=tuple(ROLES))

    @app.get("/accounts/list")
    def accounts(person: Administering) -> JSONResponse:
        seen = [one for one in store.accounts() if person.scope.covers(one.scope)]
        ids = {one.id for one in seen}
        changed = [one for one in store.changes(CHANGES) if one.account in ids]
        return JSONResponse(
            {"accounts": [_shown(one) for one in seen], "changes": [_kept(c) for c in changed]}
        )

    _add_commands(app, desk)


def _add_commands(app: FastAPI, desk: Desk) -> None:
    store, now_ns = desk.identity.store, desk.clock.wall_ns

    def done(act: Callable[[], str | None], request: Request, person: Person) -> JSONResponse:
        """Do it; the core witnesses it, and if it is away now, with the next change."""
        try:
            secret = act()
        except Refused as refused:
            body = {"accepted": False, "reason_en": refused.reason_en, "reason_zh": refused.reason_zh}
            return JSONResponse(body, 409)
        desk.command(WITNESS, store.witness(), request, person)
        return JSONResponse({"accepted": True, "link": f"/welcome/{secret}" if secret else None})

    def own(person: Person, account: str) -> None:
        """DeniedError for an account that is not there or not this person's to look after."""
        known = next((one for one in store.accounts() if one.id == account), None)
        if known is None or not person.scope.covers(known.scope):
            raise DeniedError(404, "there is no such account", "没有该账号")

    def within(person: Person, scope: Scope) -> None:
        if not person.scope.covers(scope):
            reason = f"you look after {person.scope.organisation} only"
            raise DeniedError(403, reason, f"您只能管理 {person.scope.organisation}")

    @app.post("/accounts/add")
    def new(given: New, request: Request, person: Administering) -> JSONResponse:
        within(person, given.scope)

        def act() -> str:
            return store.add(given.account, given.name, given.role, given.scope, now_ns(), by=person.id)

        return done(act, request, person)

    @app.post("/accounts/link")
    def link(given: Of, request: Request, person: Administering) -> JSONResponse:
        own(person, given.account)
        return done(lambda: store.invite(given.account, now_ns(), by=person.id), request, person)

    @app.post("/accounts/enable")
    def enable(given: Switch, request: Request, person: Administering) -> JSONResponse:
        own(person, given.account)
        return done(
            lambda: store.enable(given.account, now_ns(), enabled=given.enabled, by=person.id),
            request,
            person,
        )

    @app.post("/accounts/change")
    def change(given: Part, request: Request, person: Administering) -> JSONResponse:
        own(person, given.account)
        within(person, given.scope)
        return done(
            lambda: store.change(given.account, given.role, given.scope, now_ns(), by=person.id),
            request,
            person,
        )


def _shown(one: Any) -> dict[str, Any]:
    return {
        "account": one.id,
        "name": one.name,
        "role": one.role,
        "county": one.scope.county,
        "enterprise": one.scope.enterprise,
        "enabled": one.enabled,
        "has_password": one.has_password,
        "provided": one.id.startswith(PROVIDED),
    }


def _kept(change: Any) -> dict[str, Any]:
    return {
        "at_ms": change.at_ns // 1_000_000,
        "by": change.by,
        "action": change.action,
        "account": change.account,
        "detail": change.detail,
    }
