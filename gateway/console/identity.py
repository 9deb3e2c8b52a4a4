"""Who asks: the session of a cookie or the token of an Authorization header, found out before any route.

Every route declares one of ``needs(Right.X)`` and ``public``: there is no third kind, and a test walks the
application's routes to hold it to that.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.responses import JSONResponse, RedirectResponse, Response

from gateway.access import AccessStore, Person, Right
from gateway.clock import Clock
from gateway.console.answers import is_api, problem

COOKIE = "riskgate_session"
KEY = "riskgate.asker"
"""Where the asker stands in the ASGI scope."""
BEARER = "bearer "


@dataclass(frozen=True, slots=True)
class Asker:
    """person: None for a stranger. csrf: what unsafe requests of a session must carry; "" for a token, which
    no browser sends by itself. secret: the session's own."""

    person: Person | None = None
    csrf: str = ""
    secret: str = ""


class Identity:
    """Finds the asker of a request; asks the store, so not on the event loop's thread."""

    def __init__(self, store: AccessStore, clock: Clock) -> None:
        self.store = store
        self._clock = clock

    def now_ns(self) -> int:
        """Wall time."""
        return self._clock.wall_ns()

    def of(self, headers: Headers) -> Asker:
        """A token wins over a cookie: a program that sends one means it."""
        said = headers.get("authorization", "")
        if said[: len(BEARER)].lower() == BEARER:
            return Asker(self.store.token(said[len(BEARER) :].strip(), self.now_ns()))
        secret = _cookie(headers.get("cookie", ""))
        session = self.store.session(secret, self.now_ns()) if secret else None
        return Asker() if session is None else Asker(session.person, session.csrf, secret)


class DeniedError(Exception):
    """Not for this asker. status: 401 for a stranger, 403 without the right, 404 for another's thing."""

    def __init__(self, status: int, reason_en: str, reason_zh: str) -> None:
        super().__init__(reason_en)
        self.status, self.reason_en, self.reason_zh = status, reason_en, reason_zh


def asker(request: Request) -> Asker:
    """Who sent a request; the guard has found it out."""
    found: Asker = request.scope[KEY]
    return found


def address_of(request: Request) -> str:
    """The client's IP address, by which wrong passwords are counted and which the ledger keeps. A trusted
    proxy's word for it (``trusted_proxies``) counts only if it is an address; "?" else."""
    said = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(said.partition("%")[0])
    except ValueError:
        return "?"
    return str(getattr(address, "ipv4_mapped", None) or address)


def needs(right: Right, *, city: bool = False) -> Any:
    """``person: Annotated[Person, needs(Right.X)]``: the person, who has the right. Else DeniedError.

    city: about the gateway itself, so that for whoever is not of the whole city it does not exist.
    """

    def person(request: Request) -> Person:
        found = asker(request).person
        if found is None:
            raise DeniedError(401, "log in first", "请先登录")
        if not found.may(right):
            raise DeniedError(
                403,
                f"your role ({found.role}) may not do this: {right.value}",
                f"您的角色({found.role})无权执行此操作:{right.value}",
            )
        if city and not found.scope.whole_city:
            raise DeniedError(404, "there is nothing here", "没有该资源")
        return found

    person.right = right  # type: ignore[attr-defined]
    person.city = city  # type: ignore[attr-defined]
    return Depends(person)


def _public() -> None:
    """Nobody is asked who he is."""


_public.right = None  # type: ignore[attr-defined]
public = Depends(_public)
"""``dependencies=[public]``: for strangers too."""

Looking = Annotated[Person, needs(Right.LOOK)]


def declared(call: Callable[..., Any]) -> bool:
    """Whether a dependency is a declaration of who may."""
    return hasattr(call, "right")


def denied(request: Request, error: Exception) -> Response:
    """The answer: a browser that wanted a page goes to the login, all others are told why."""
    assert isinstance(error, DeniedError)
    if error.status == 401 and request.method == "GET" and "text/html" in request.headers.get("accept", ""):
        back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(back)}", 303)
    if is_api(request):
        return problem(error.status, error.reason_en, error.reason_zh)
    body = {"accepted": False, "reason_en": error.reason_en, "reason_zh": error.reason_zh}
    return JSONResponse(body, error.status)


def _cookie(header: str) -> str:
    try:
        found = SimpleCookie(header).get(COOKIE)
    except CookieError:
        return ""
    return "" if found is None else found.value
