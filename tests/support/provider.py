"""An identity provider as a process of its own: OpenID Connect over real HTTP, with keys and signatures.

    python -m tests.support.provider 8080        # Provider(...) starts one

It keeps the rules itself (registered redirect, PKCE, a code once, the client's secret), and answers one login
wrongly in a way it is told: ``POST /next {"fault": "alg_none", "claims": {...}}``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from tests.support.need import free_port
from tests.support.wait import until

CLIENT, SECRET = "riskgate", "client-secret-of-riskgate"
SLOW_S = 120.0
"""Far longer than anybody waits."""


def encoded(what: bytes) -> str:
    """Base64 for addresses, without padding (RFC 7515 2)."""
    return base64.urlsafe_b64encode(what).rstrip(b"=").decode()


class Keeper:
    """The provider's state: keys, codes given, what it is to do wrong at the next login."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.rsa = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
        self.ec = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
        self.stranger = RSAKey.generate_key(2048, {"kid": "rsa-1"})
        self.codes: dict[str, dict[str, str]] = {}
        self.fault, self.claims = "", {"sub": "4711", "name": "Li Wei", "groups": ["rg-operators"]}

    def keys(self) -> list[Any]:
        return [key.as_dict(private=False) for key in (self.rsa, self.ec)]

    def token(self, asked: dict[str, str]) -> str:
        """The ID token, as wrong as was asked for."""
        now, fault = int(time.time()), self.fault
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": asked["nonce"],
            **self.claims,
        }  # fmt: skip
        claims |= {
            "wrong_nonce": {"nonce": "another"},
            "wrong_aud": {"aud": "another"},
            "two_audiences": {"aud": [CLIENT, "another"]},
            "wrong_azp": {"aud": [CLIENT, "another"], "azp": "another"},
            "expired": {"exp": now - 120, "iat": now - 400},
            "just_expired": {"exp": now - 20},
            "old": {"iat": now - 3600},
            "future": {"iat": now + 600, "nbf": now + 600},
            "other_issuer": {"iss": "https://another.example"},
        }.get(fault, {})
        for name in {"no_nonce": ["nonce"], "no_exp": ["exp"], "no_sub": ["sub"]}.get(fault, []):
            claims.pop(name)
        if fault == "alg_none":
            return f"{encoded(json.dumps({'alg': 'none'}).encode())}.{encoded(json.dumps(claims).encode())}."
        if fault == "hs256":
            return self._hs256(claims)
        key: Any = self.ec if fault == "es256" else self.stranger if fault == "forged" else self.rsa
        header = {"alg": "ES256" if fault == "es256" else "RS256", "kid": key.kid}
        if fault == "unknown_kid":
            header["kid"] = "nobody's"
        return jwt.encode(header, claims, key)

    def _hs256(self, claims: dict[str, Any]) -> str:
        """Signed with the public key as if it were a shared secret: anybody can do that."""
        head = encoded(json.dumps({"alg": "HS256", "kid": "rsa-1"}).encode())
        signed = f"{head}.{encoded(json.dumps(claims).encode())}"
        mark = hmac.new(self.rsa.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{encoded(mark)}"


def make(issuer: str, redirect: str) -> FastAPI:
    """The provider; ``redirect`` is the only one registered."""
    app, keeper = FastAPI(), Keeper(issuer)

    @app.get("/.well-known/openid-configuration")
    def description() -> Response:
        if keeper.fault == "slow":
            time.sleep(SLOW_S)
        if keeper.fault == "huge":
            return Response(b'{"x": "' + b"x" * 1_000_000 + b'"}')
        said = {
            "issuer": "https://another.example" if keeper.fault == "impostor" else issuer,
            "authorization_endpoint": f"{issuer}/authorize", "token_endpoint": f"{issuer}/token",
            "jwks_uri": "http://169.254.169.254/keys" if keeper.fault == "metadata" else f"{issuer}/keys",
        }  # fmt: skip
        return JSONResponse(said)

    @app.get("/keys")
    def keys() -> Response:
        return JSONResponse({"keys": keeper.keys()})

    @app.get("/authorize")
    def authorize(request: Request) -> Response:
        asked = dict(request.query_params)
        known = asked["client_id"] == CLIENT and asked["redirect_uri"] == redirect
        if not known or asked["response_type"] != "code" or asked["code_challenge_method"] != "S256":
            return JSONResponse({"error": "invalid_request"}, 400)
        code = secrets.token_urlsafe(16)
        keeper.codes[code] = asked
        return RedirectResponse(f"{redirect}?code={code}&state={asked['state']}", 303)

    @app.post("/token")
    async def token(request: Request) -> Response:
        given = dict(httpx.QueryParams((await request.body()).decode()))
        wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {wanted}":
            return JSONResponse({"error": "invalid_client"}, 401)
        asked = keeper.codes.pop(given["code"], None)
        proof = encoded(hashlib.sha256(given["code_verifier"].encode()).digest())
        if asked is None or given["redirect_uri"] != redirect or proof != asked["code_challenge"]:
            return JSONResponse({"error": "invalid_grant"}, 400)
        body = {"token_type": "Bearer", "access_token": "a", "id_token": keeper.token(asked)}
        keeper.fault = ""
        return JSONResponse(body)

    @app.post("/next")
    async def following(request: Request) -> Response:
        body = await request.json()
        keeper.fault = body.get("fault", "")
        keeper.claims = body.get("claims") or keeper.claims
        if keeper.fault == "rotated":
            keeper.rsa = RSAKey.generate_key(2048, {"kid": "rsa-2", "use": "sig"})
        return JSONResponse({})

    return app


class Provider:
    """``with Provider(redirect) as provider``: ``provider.issuer``; ``provider.next(fault)``."""

    def __init__(self, redirect: str, port: int = 0) -> None:
        self.port = port or free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self._redirect = redirect
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Provider:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.provider", str(self.port), self._redirect],
            cwd=Path(__file__).parents[2],
        )
        until(self._answers, 30, "the provider answers")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # it may be in the midst of a slow answer
            self._process.wait()
            self._process = None

    def next(self, fault: str = "", **claims: Any) -> None:
        """What is wrong with the next login, and who logs in from now on."""
        httpx.post(f"{self.issuer}/next", json={"fault": fault, "claims": claims}, trust_env=False)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/keys", trust_env=False, timeout=1.0).is_success
        except httpx.HTTPError:
            return False


if __name__ == "__main__":
    port, back = int(sys.argv[1]), sys.argv[2]
    uvicorn.run(make(f"http://127.0.0.1:{port}", back), port=port, log_level="error")
