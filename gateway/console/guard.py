"""Refuses what does not come from the console's own page: before any route, for every route.

Host: only our own names with our port, so that another site's name pointed at this machine (DNS rebinding)
reaches nothing. Unsafe methods: Origin must be ours, the session's own token (a stranger's: this process's)
must be there, the body must be JSON and small (a fleet list: CSV or TOML, and larger).
A request with an API token needs neither Origin nor that: no
browser sends one by itself. Every answer carries the security headers.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.console.answers import PREFIX
from gateway.console.identity import KEY, Asker, Identity

MAX_BODY = 16 * 1024
FLEET_IMPORT = f"{PREFIX}/fleet/import"
MAX_FLEET = 16 << 20
SUFFIXES = {"text/csv": ".csv", "application/toml": ".toml"}
"""What a fleet list may be sent as."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_HEADER = "x-csrf-token"  # noqa: S105 - the header's name
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Guard:
    """ASGI middleware; see the module's docstring. origins: "http://127.0.0.1:9281" and the like, as browsers
    name this console; token: for pages of strangers."""

    def __init__(self, app: ASGIApp, origins: Iterable[str], token: str, identity: Identity) -> None:
        self._app = app
        self._token = token
        self._identity = identity
        self._origins = {origin.lower() for origin in origins}
        self._hosts = {origin.partition("://")[2] for origin in self._origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http":
            return
        headers = Headers(scope=scope)
        asker = Asker()
        if "cookie" in headers or "authorization" in headers:
            asker = await asyncio.to_thread(self._identity.of, headers)
        scope[KEY] = asker
        refusal = self._refusal(scope["method"], scope["path"], headers, asker)
        if refusal is not None:
            status, reason = refusal
            body = {"accepted": False, "reason_en": reason, "reason_zh": "请求被拒绝"}
            await JSONResponse(body, status)(scope, receive, _with_headers(send))
            return
        await self._app(scope, receive, _with_headers(send))

    def _refusal(self, method: str, path: str, headers: Headers, asker: Asker) -> tuple[int, str] | None:
        if headers.get("host", "").lower() not in self._hosts:
            return 421, "this console answers only to its own address"
        if method in SAFE:
            return None
        if asker.person is None or asker.person.via != "token":
            if headers.get("origin", "").lower() not in self._origins:
                return 403, "the request does not come from this console's page (Origin)"
            wanted = (asker.csrf or self._token).encode()
            if not hmac.compare_digest(headers.get(TOKEN_HEADER, "").encode(), wanted):
                return 403, "the page is from before the login or the console was started anew: load it again"
        kinds, most = (SUFFIXES, MAX_FLEET) if path == FLEET_IMPORT else ({"application/json": ""}, MAX_BODY)
        if headers.get("content-type", "").partition(";")[0].strip() not in kinds:
            return 415, f"send {' or '.join(kinds)}"
        length = headers.get("content-length", "")
        if (
            "transfer-encoding" in headers
            or not (length.isascii() and length.isdigit())
            or int(length) > most
        ):
            return 413, f"send a body of at most {most} bytes, with its length"
        return None


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
