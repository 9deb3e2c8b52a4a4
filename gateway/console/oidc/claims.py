"""Is an ID token the provider's own, for us, for this login and still good; and who comes in by it. Pure.

Guarantee: the signature is checked with a key of the provider's own set whose kind fits the algorithm, and
the algorithm is one the operator allows: never "none", never HMAC with a public key as its secret.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, GuestProtocol, Key, KeySet, RSAKey

from gateway.access.external import External, external_id
from gateway.access.person import Scope
from gateway.config_console import Mapped, Oidc

SKEW_S = 60
"""How far the provider's clock may be from ours."""
OLDEST_S = 600
"""A token for this login was made during it."""


class TokenError(Exception):
    """The token is not good, and why; for the log."""


class UnknownKeyError(TokenError):
    """Signed by a key that is not in the set: the set may be old."""


class NotMappedError(Exception):
    """A good token of somebody who may not come in. account: whose, for what stood open."""

    def __init__(self, reason: str, account: str | None) -> None:
        super().__init__(reason)
        self.account = account


def verified(
    text: str, keys: KeySet, *, oidc: Oidc, nonce: str, access_token: str | None, now_s: int
) -> dict[str, Any]:
    """The token's claims. TokenError when anything is wrong with it."""

    def key_of(guest: GuestProtocol) -> Key:
        return _key(guest.headers(), keys, oidc.algorithms)

    try:
        token = jwt.decode(text, key_of, algorithms=list(oidc.algorithms))
        options = {
            "iss": {"essential": True, "value": oidc.issuer},
            "aud": {"essential": True, "value": oidc.client_id},
            "nonce": {"essential": True, "value": nonce},
        }
        params = {"client_id": oidc.client_id, "nonce": nonce, "access_token": access_token}
        CodeIDToken(token.claims, token.header, options, params).validate(now_s, SKEW_S)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise TokenError(f"{type(error).__name__}: {error}"[:300]) from None
    claims: dict[str, Any] = token.claims
    audience = claims["aud"]
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != oidc.client_id:
        raise TokenError("aud names others too, and azp is not us")
    if not isinstance(claims["iat"], int | float) or claims["iat"] < now_s - OLDEST_S:
        raise TokenError("iat: made long before this login")
    if not isinstance(claims["sub"], str):
        raise TokenError("sub: is no text")
    return claims


def _key(header: Mapping[str, Any], keys: KeySet, algorithms: Sequence[str]) -> Key:
    algorithm, number = header.get("alg"), header.get("kid")
    if algorithm not in algorithms:
        raise TokenError(f"alg {str(algorithm)[:20]!r} is not allowed")
    fitting = [
        key
        for key in keys
        if isinstance(key, RSAKey if algorithm == "RS256" else ECKey)
        and key.as_dict(private=False).get("use", "sig") == "sig"
        and key.as_dict(private=False).get("alg", algorithm) == algorithm
    ]
    found = [key for key in fitting if number is None or key.kid == number]
    if not found:
        raise UnknownKeyError(f"kid {str(number)[:80]!r} is not a signing key of the provider")
    if len(found) > 1:
        raise TokenError("several keys fit and the token names none (kid)")
    return found[0]


def entering(oidc: Oidc, claims: Mapping[str, Any]) -> External:
    """Who comes in as what: the first row of the mapping that fits decides. NotMappedError for all others."""
    account = external_id(oidc.name, claims["sub"])
    if account is None:
        raise NotMappedError("the subject is longer than 128 characters, or not of plain ASCII", None)
    if oidc.subjects and claims["sub"] not in oidc.subjects:
        raise NotMappedError(f"{account} is not among [oidc] subjects", account)
    row = next((row for row in oidc.accounts if _fits(row, claims)), None)
    if row is None:
        raise NotMappedError(f"no [[oidc.accounts]] fits {account}", account)
    return External(account, _name(claims), row.role, Scope(row.county, row.enterprise))


def _fits(row: Mapped, claims: Mapping[str, Any]) -> bool:
    found: Any = claims.get(row.claim)
    if found is None:
        found = claims
        for part in row.claim.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    return row.value in found if isinstance(found, list) else found == row.value


def _name(claims: Mapping[str, Any]) -> str:
    """For people to read: one line, no marks that turn or hide text."""
    said = claims.get("name") or claims.get("preferred_username") or ""
    if not isinstance(said, str):
        return ""
    plain = "".join(c for c in said if unicodedata.category(c)[0] != "C")
    return plain.strip()[:64]
