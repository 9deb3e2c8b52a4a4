"""Login by OpenID Connect: authorization code with PKCE, state and nonce (OpenID Connect Core 3.1, RFC 9700).

Guarantee: nobody comes in but by a token of the configured provider, for this console, for this very login,
whose claims a row of ``[[oidc.accounts]]`` names; the session is a new one. Whatever the provider does, the
login by a password of ours stays as it is. What went wrong stands in the log; strangers read only whether it
was the provider, the login, or that they are not expected.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

import structlog
from fastapi import FastAPI, Query, Request
from fastapi.responses import RedirectResponse, Response

from gateway.access import Refused
from gateway.access.external import External
from gateway.access.person import Session
from gateway.clock import Clock, new_secret
from gateway.config_console import Oidc
from gateway.console.identity import DeniedError, Identity, address_of, asker, public
from gateway.console.oidc.claims import NotMappedError, TokenError, UnknownKeyError, entering, verified
from gateway.console.oidc.pending import LIFE_S, Pending, Seals
from gateway.console.oidc.provider import Provider, ProviderError

COOKIE = "riskgate_oidc"
PATH = "/login/oidc"
CALLBACK = f"{PATH}/callback"
AT_ONCE = 4
"""Logins that wait for the provider at the same time: a slow one must not take all threads of the console."""
SECOND = 1_000_000_000

Text = Annotated[str, Query(max_length=4096)]
Begun = Callable[[Session, Response], Response]
Failed = Callable[[Request, str, int], Response]
"""(request, key of the text, status) -> the login page with that text."""


class FailedError(Exception):
    """No login. key: of the text that strangers read; reason: for the log."""

    def __init__(self, key: str, status: int, reason: str) -> None:
        super().__init__(reason)
        self.key, self.status = key, status


@dataclass(frozen=True, slots=True)
class Door:
    """One provider's entrance."""

    oidc: Oidc
    provider: Provider
    seals: Seals
    identity: Identity
    turns: threading.BoundedSemaphore

    def now_s(self) -> int:
        """Wall time."""
        return self.identity.now_ns() // SECOND

    def leave(self, redirect: str, back: str) -> tuple[str, str]:
        """(where the browser goes, what it keeps until it is back)."""
        pending = self.seals.begin(redirect, back, self.now_s())
        try:
            with _turn(self.turns):
                to = self.provider.address(redirect, pending.state, pending.nonce, pending.verifier)
        except ProviderError as error:
            raise FailedError("oidc_silent", 502, str(error)) from None
        return to, self.seals.seal(pending)

    def opened(self, sealed: str, state: str, issuer: str) -> Pending:
        """The login that this browser has under way. issuer: whoever says it answers (RFC 9207), or ""."""
        pending = self.seals.open(sealed, state, self.now_s())
        if pending is None:
            raise FailedError("oidc_stale", 403, "state: not of a login that this browser has under way")
        if issuer and issuer != self.oidc.issuer:
            raise FailedError("oidc_failed", 403, f"iss {issuer[:200]!r} is not the provider")
        return pending

    def arrive(self, pending: Pending, code: str, fault: str = "") -> External:
        """Who came back with this code, or with this fault."""
        if fault or not code:
            raise FailedError("oidc_declined", 403, f"the provider answers {(fault or 'no code')[:200]!r}")
        try:
            with _turn(self.turns):
                claims = self._claims(pending, code)
            return entering(self.oidc, claims)
        except ProviderError as error:
            raise FailedError("oidc_silent", 502, str(error)) from None
        except TokenError as error:
            raise FailedError("oidc_failed", 403, f"ID token refused: {error}") from None
        except NotMappedError as error:
            if error.account is not None:
                self.identity.store.turn_away(error.account)
            raise FailedError("oidc_unmapped", 403, str(error)) from None

    def _claims(self, pending: Pending, code: str) -> dict[str, object]:
        text, access = self.provider.tokens(code, pending.redirect, pending.verifier)

        def checked(*, again: bool) -> dict[str, object]:
            return verified(
                text, self.provider.keys(again=again), oidc=self.oidc, nonce=pending.nonce,
                access_token=access, now_s=self.now_s(),
            )  # fmt: skip

        try:
            return checked(again=False)
        except UnknownKeyError:
            return checked(again=True)  # the provider may have new keys


class _turn:  # noqa: N801 - reads as a statement
    """One of AT_ONCE turns, or ProviderError at once."""

    def __init__(self, turns: threading.BoundedSemaphore) -> None:
        self._turns = turns

    def __enter__(self) -> None:
        if not self._turns.acquire(blocking=False):
            raise ProviderError(f"{AT_ONCE} logins wait for the provider already")

    def __exit__(self, *_: object) -> None:
        self._turns.release()


def label(oidc: Oidc | None) -> str:
    """What the button calls the provider; "" when there is none."""
    if oidc is None or not oidc.issuer:
        return ""
    return oidc.label or str(urlsplit(oidc.issuer).hostname)


def add_oidc(
    app: FastAPI,
    oidc: Oidc | None,
    identity: Identity,
    clock: Clock,
    begun: Begun,
    failed: Failed,
    own: Callable[[str], str],
    *,
    secure: bool,
) -> None:
    """The routes; without a provider they answer 404. own: an address to go back to, held to our pages."""
    log = structlog.get_logger("console")
    door = None
    if oidc is not None and oidc.issuer:
        provider = Provider(oidc, clock.mono_ns)
        door = Door(oidc, provider, Seals(new_secret), identity, threading.BoundedSemaphore(AT_ONCE))

    def there() -> Door:
        if door is None:
            raise DeniedError(404, "no identity provider is configured here", "未配置身份提供方")
        return door

    def told(request: Request, error: FailedError) -> Response:
        log.warning("no login by the identity provider", reason=str(error), address=address_of(request))
        return _forget(failed(request, error.key, error.status), secure)

    @app.get(PATH, dependencies=[public])
    def leave(request: Request, next: Text = "/") -> Response:  # noqa: A002 - the address's own word
        """To the provider."""
        redirect = f"{'https' if secure else 'http'}://{request.headers.get('host', '').lower()}{CALLBACK}"
        try:
            to, sealed = there().leave(redirect, own(next))
        except FailedError as error:
            return told(request, error)
        answer = RedirectResponse(to, 303)
        answer.set_cookie(
            COOKIE, sealed, max_age=LIFE_S, path=PATH, httponly=True, samesite="lax", secure=secure
        )
        return answer

    @app.get(CALLBACK, dependencies=[public])
    def arrive(
        request: Request, state: Text = "", code: Text = "", error: Text = "", iss: Text = ""
    ) -> Response:
        """Back from it."""
        here = there()
        try:
            pending = here.opened(request.cookies.get(COOKIE, ""), state, iss)
            given = here.arrive(pending, code, error)
            session = identity.store.enter(given, address_of(request), identity.now_ns())
        except FailedError as failure:
            return told(request, failure)
        except Refused as refused:
            return told(request, FailedError("oidc_off", 403, refused.reason_en))
        before = asker(request).secret
        if before:
            identity.store.logout(before)
        log.info("login by the identity provider", account=given.id, role=given.role)
        return _forget(begun(session, RedirectResponse(pending.back, 303)), secure)


def _forget(answer: Response, secure: bool) -> Response:
    answer.delete_cookie(COOKIE, path=PATH, httponly=True, samesite="lax", secure=secure)
    return answer
