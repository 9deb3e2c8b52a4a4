"""The identity provider, asked over guarded connections: what it says of itself, its keys, a code's tokens.

Guarantee: no request takes longer than its total deadline, reads more than MAX_BYTES, follows a redirect or
goes to an address that the operator's table does not allow; every address that the provider names is held to
the same table. What is kept (its description, its keys) is asked anew after an hour.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
from authlib.common.encoding import to_unicode
from authlib.oauth2 import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, KeySet

from gateway.config_console import Oidc
from gateway.sinks._http import FAILURES, Transport, client_of
from gateway.sinks._ssrf import BlockedError, Guard

WELL_KNOWN = "/.well-known/openid-configuration"
MAX_BYTES = 256 * 1024
KEPT_NS = 3600 * 1_000_000_000
AGAIN_NS = 60 * 1_000_000_000
"""Unknown keys make us ask for the keys again, but not more often."""
MAX_KEYS = 50


class ProviderError(Exception):
    """The provider gives no usable answer, and why; for the log."""


@dataclass(frozen=True, slots=True)
class Described:
    """What the provider says of itself."""

    authorization: str
    token: str
    keys: str


class Provider:
    """One provider; asks from any thread, one connection a question. mono_ns: time for what is kept."""

    def __init__(self, oidc: Oidc, mono_ns: Callable[[], int]) -> None:
        self._oidc = oidc
        self._mono_ns = mono_ns
        self._guard = Guard(oidc.allow, [443])
        self._lock = threading.Lock()
        self._described: tuple[int, Described] | None = None
        self._keys: tuple[int, KeySet] | None = None
        self._auth = ClientAuth(
            oidc.client_id, oidc.secret(), f"client_secret_{oidc.client_auth}" if oidc.secret() else "none"
        )

    def described(self) -> Described:
        """Its description (OpenID Connect Discovery 1.0); ProviderError when there is none to trust."""
        with self._lock:
            if self._described is None or self._mono_ns() - self._described[0] > KEPT_NS:
                self._described = (self._mono_ns(), self._describe())
            return self._described[1]

    def address(self, redirect: str, state: str, nonce: str, verifier: str) -> str:
        """Where the browser is sent to log in."""
        return str(
            prepare_grant_uri(
                self.described().authorization,
                self._oidc.client_id,
                "code",
                redirect_uri=redirect,
                scope=self._oidc.scopes,
                state=state,
                nonce=nonce,
                code_challenge=create_s256_code_challenge(verifier),
                code_challenge_method="S256",
                response_mode="query",
                prompt=self._oidc.prompt or None,
            )
        )

    def tokens(self, code: str, redirect: str, verifier: str) -> tuple[str, str | None]:
        """(ID token, access token) for a code. ProviderError when it is not taken."""
        url = self.described().token
        body = prepare_token_request(
            "authorization_code", redirect_uri=redirect, code=code, code_verifier=verifier
        )
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
        url, headers, body = self._auth.prepare("POST", url, headers, body)
        answer = self._ask("POST", url, headers, to_unicode(body).encode())
        found, access = answer.get("id_token"), answer.get("access_token")
        if not isinstance(found, str):
            raise ProviderError("the answer to the code holds no id_token; is the scope openid allowed?")
        return found, access if isinstance(access, str) else None

    def keys(self, *, again: bool = False) -> KeySet:
        """Its signing keys. again: one was not among them; asked anew if they are not fresh."""
        with self._lock:
            age = None if self._keys is None else self._mono_ns() - self._keys[0]
            known = self._keys
        if known is not None and age is not None and age < (AGAIN_NS if again else KEPT_NS):
            return known[1]
        found = self._read_keys()
        with self._lock:
            self._keys = (self._mono_ns(), found)
        return found

    def _describe(self) -> Described:
        said = self._ask("GET", self._oidc.issuer.rstrip("/") + WELL_KNOWN)
        if said.get("issuer") != self._oidc.issuer:
            raise ProviderError(
                f"it calls itself {str(said.get('issuer'))[:200]!r}, [oidc] issuer is {self._oidc.issuer!r}"
            )
        named = [said.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
        authorization, token, keys = (self._usable(one) for one in named)
        return Described(authorization, token, keys)

    def _usable(self, url: Any) -> str:
        parts = urlsplit(url) if isinstance(url, str) else urlsplit("")
        plain = parts.hostname and not parts.username and not parts.password and not parts.fragment
        inside = self._guard.named(str(parts.hostname), parts.port or 80)
        if not plain or not (parts.scheme == "https" or (parts.scheme == "http" and inside)):
            raise ProviderError(
                f"it names {str(url)[:200]!r}: https:// is needed, or the host in [oidc] allow"
            )
        return str(url)

    def _read_keys(self) -> KeySet:
        listed = self._ask("GET", self.described().keys).get("keys")
        if not isinstance(listed, list):
            raise ProviderError("jwks_uri gives no list of keys")
        found = []
        for one in listed[:MAX_KEYS]:
            if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC"):
                continue  # a secret (oct) is nobody's public key
            try:
                found.append(JWKRegistry.import_key(one))
            except (JoseError, ValueError, TypeError, KeyError):
                continue  # one bad key does not spoil the others
        if not found:
            raise ProviderError("jwks_uri holds no RSA or EC key")
        return KeySet(found)

    def _ask(self, method: str, url: str, headers: Any = None, body: bytes | None = None) -> dict[str, Any]:
        host, secure = urlsplit(url).netloc, urlsplit(url).scheme == "https"
        tls = ssl.create_default_context(cafile=self._oidc.ca_file or None)
        transport = Transport(tls, lambda name, port, left: self._guard.addresses(name, port, secure, left))
        transport.begin(self._oidc.timeout_s)
        asked: dict[str, str] = {"Accept": "application/json", "User-Agent": "riskgate", **(headers or {})}
        try:
            with (
                client_of(transport) as client,
                client.stream(method, url, headers=asked, content=body) as answer,
            ):
                status, text = answer.status_code, _capped(answer)
        except BlockedError as error:
            raise ProviderError(f"not asked: {error}") from None
        except FAILURES as error:
            raise ProviderError(f"no answer from {host}: {type(error).__name__} {error}"[:300]) from None
        if status != 200:
            raise ProviderError(f"{host} answers {status} to {urlsplit(url).path}")
        try:
            return msgspec.json.decode(text, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            raise ProviderError(
                f"{host} answers {urlsplit(url).path} with something that is no JSON object"
            ) from None


def _capped(answer: httpx.Response) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in answer.iter_raw():
        parts.append(part)
        size += len(part)
        if size > MAX_BYTES:
            raise ProviderError(f"an answer of more than {MAX_BYTES} bytes")
    return b"".join(parts)
