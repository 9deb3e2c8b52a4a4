"""Login, logout, and the one-time link by which a person chooses a password. Every answer to a login takes
the time of a password check, and says the same for a wrong name and a wrong password."""

from __future__ import annotations

import threading
from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from gateway.access import Refused
from gateway.access.person import Session
from gateway.clock import Clock
from gateway.config_console import Oidc
from gateway.console.identity import COOKIE, Identity, Looking, address_of, asker, public
from gateway.console.oidc import add_oidc, label
from gateway.console.show import Show

AT_ONCE = 2
"""Password checks at the same time: each takes 64 MiB and a core for some 30 ms."""


class Login(BaseModel):
    """What the login page sends."""

    model_config = ConfigDict(extra="forbid", strict=True)

    account: str = Field(min_length=1, max_length=64)
    password: str = Field(min_length=1, max_length=1024)


class Choice(BaseModel):
    """A new password, by a one-time link."""

    model_config = ConfigDict(extra="forbid", strict=True)

    key: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=1024)


def add_login(
    app: FastAPI,
    identity: Identity,
    show: Show,
    token: str,
    clock: Clock,
    oidc: Oidc | None = None,
    *,
    secure: bool,
) -> None:
    """The routes. token: of this process, for pages of strangers; secure: whether browsers reach the console
    by TLS; oidc: the identity provider, if any."""
    store, checks = identity.store, threading.BoundedSemaphore(AT_ONCE)

    def begun(session: Session, answer: Response | None = None) -> Response:
        answer = answer or JSONResponse({"accepted": True})
        answer.set_cookie(COOKIE, session.secret, path="/", httponly=True, samesite="lax", secure=secure)
        return answer

    def stranger(
        mode: str, request: Request, key: str = "", back: str = "/", problem: str = ""
    ) -> HTMLResponse:
        csrf, provider = asker(request).csrf or token, label(oidc)
        return show.stranger(
            request, "login.html", mode=mode, key=key, back=own(back), token=csrf, provider=provider,
            problem=problem,
        )  # fmt: skip

    def failed(request: Request, problem: str, status: int) -> Response:
        answer = stranger("login", request, problem=problem)
        answer.status_code = status
        return answer

    add_oidc(app, oidc, identity, clock, begun, failed, own, secure=secure)

    @app.get("/login", dependencies=[public])
    def login_page(request: Request, next: str = "/") -> HTMLResponse:  # noqa: A002 - the address's own word
        return stranger("login", request, back=next)

    @app.post("/login", dependencies=[public])
    def login(given: Login, request: Request) -> Response:
        before = asker(request).secret
        try:
            with checks:
                session = store.login(given.account, given.password, address_of(request), identity.now_ns())
        except Refused as refused:
            return _told(refused, 429 if refused.wait_s else 401)
        if before:
            store.logout(before)  # another session, never the old one with another owner
        return begun(session)

    def welcomed(given: Choice, request: Request) -> Response:
        with checks:
            account = store.choose(given.key, given.password, identity.now_ns())
        return begun(store.begin(account, address_of(request), identity.now_ns()))

    _add_welcome(app, stranger, welcomed)
    _add_logout(app, identity, secure=secure)


def _add_logout(app: FastAPI, identity: Identity, *, secure: bool) -> None:
    @app.post("/logout")
    def logout(request: Request, person: Looking) -> JSONResponse:
        del person
        identity.store.logout(asker(request).secret)
        answer = JSONResponse({"accepted": True})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=secure)
        return answer


def _add_welcome(
    app: FastAPI, stranger: Callable[..., HTMLResponse], welcomed: Callable[[Choice, Request], Response]
) -> None:
    @app.get("/welcome/{key}", dependencies=[public])
    def welcome_page(key: str, request: Request) -> HTMLResponse:
        return stranger("welcome", request, key=key[:200])

    @app.post("/welcome", dependencies=[public])
    def choose(given: Choice, request: Request) -> Response:
        try:
            return welcomed(given, request)
        except Refused as refused:
            return _told(refused, 409)


def own(back: str) -> str:
    """A page of ours to go back to; never another site. Browsers drop tabs and line ends from an address and
    take a backslash for a slash, so neither may stand in it."""
    plain = back.isprintable() and "\\" not in back and len(back) < 500
    return back if plain and back.startswith("/") and not back.startswith("//") else "/"


def _told(refused: Refused, status: int) -> JSONResponse:
    body = {"accepted": False, "reason_en": refused.reason_en, "reason_zh": refused.reason_zh}
    headers = {"Retry-After": f"{refused.wait_s:.0f}"} if refused.wait_s else None
    return JSONResponse(body, status, headers)
