"""A login under way, kept in the browser that began it: sealed, for ten minutes, for one use.

The console keeps nothing of logins that nobody finishes, so nobody can fill it with them. Another browser has
not the cookie, so a link with a stranger's code logs nobody in (RFC 6749 10.12).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import threading
from collections.abc import Callable

import msgspec

LIFE_S = 600
MAX_USED = 10_000


class Pending(msgspec.Struct, frozen=True):
    """What must be the same at both ends of a login. at_s: when it began."""

    state: str
    nonce: str
    verifier: str
    redirect: str
    back: str
    at_s: int


class Seals:
    """Seals and opens with a key of this process: a restart ends what is under way."""

    def __init__(self, secret: Callable[[], str]) -> None:
        self._secret = secret
        self._key = secret().encode()
        self._used: dict[str, int] = {}
        self._lock = threading.Lock()

    def begin(self, redirect: str, back: str, now_s: int) -> Pending:
        """A new login. verifier: 43 to 128 characters (RFC 7636 4.1)."""
        verifier = (self._secret() + self._secret())[:128]
        return Pending(self._secret(), self._secret(), verifier, redirect, back, now_s)

    def seal(self, pending: Pending) -> str:
        """For the cookie."""
        body = base64.urlsafe_b64encode(msgspec.json.encode(pending))
        return f"{body.decode()}.{self._mark(body)}"

    def open(self, sealed: str, state: str, now_s: int) -> Pending | None:
        """The login that this browser began with this state; None if there is none, it is too old, or it was
        used. It is used by this."""
        body, _, mark = sealed.partition(".")
        if not body.isascii() or not hmac.compare_digest(mark.encode(), self._mark(body.encode()).encode()):
            return None
        try:
            found = msgspec.json.decode(base64.urlsafe_b64decode(body), type=Pending)
        except (binascii.Error, msgspec.DecodeError):
            return None
        if not hmac.compare_digest(found.state.encode(), state.encode()):
            return None
        with self._lock:
            self._used = {one: at for one, at in self._used.items() if now_s - at <= LIFE_S}
            if (
                not 0 <= now_s - found.at_s <= LIFE_S
                or found.state in self._used
                or len(self._used) >= MAX_USED
            ):
                return None
            self._used[found.state] = now_s
        return found

    def _mark(self, body: bytes) -> str:
        return hmac.new(self._key, body, hashlib.sha256).hexdigest()
