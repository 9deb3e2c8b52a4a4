"""``[console]`` and ``[oidc]``: the operators' pages, and the identity provider that may vouch for people."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway.config_problems import PREFIX, Origin
from gateway.sinks._secrets import one_secret
from gateway.sinks._ssrf import Guard


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Console(_Section):
    """[console]: the operator's pages."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=9281, ge=0, le=65535)
    public_url: str = Field(default="", pattern=r"^(https://[^/\s]+/?)?$")
    """How browsers reach it, if a proxy with TLS stands in front."""
    trusted_proxies: list[str] = ["127.0.0.1", "::1"]
    """Addresses or networks of that proxy: only what it forwards is asked who the client is."""
    cert_file: str = ""
    key_file: str = ""
    session_idle_hours: float = Field(default=12.0, gt=0, le=24)
    """A login that nobody uses ends."""
    session_hours: float = Field(default=24.0, gt=0, le=168)
    """And every login ends."""

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies_are_addresses(cls, proxies: list[str]) -> list[str]:
        for proxy in proxies:
            try:
                network = ipaddress.ip_network(proxy)
            except ValueError as error:
                raise ValueError(
                    f'trusted_proxies: {error}; give addresses or networks, "10.1.2.3" or "10.1.2.0/29"'
                ) from None
            if network.prefixlen == 0:
                raise ValueError(
                    f"trusted_proxies: {proxy} is everybody, and who is trusted may say that he is anyone; "
                    "name the proxy"
                )
        return proxies


class Mapped(_Section):
    """[[oidc.accounts]]: who comes in as what. Without a row that fits, nobody does."""

    claim: str = Field(min_length=1, max_length=100)
    """Of the ID token; "realm_access.roles" looks into an object."""
    value: str = Field(min_length=1, max_length=200)
    """The claim is this, or a list that holds it."""
    role: Literal["operator", "supervisor", "engineer", "enterprise", "regulator", "tester", "admin"]
    county: str = Field(default="", max_length=64)
    enterprise: str = Field(default="", max_length=64)
    whole_city: bool = False
    """Must be said of whoever is of neither county nor enterprise: it is never so by omission."""

    @model_validator(mode="after")
    def _of_somebody(self) -> Mapped:
        if self.whole_city == bool(self.county or self.enterprise):
            raise ValueError("give county or enterprise or both, or else whole_city = true")
        if self.role == "enterprise" and not self.enterprise:
            raise ValueError('role "enterprise" needs an enterprise')
        return self


class Oidc(_Section):
    """[oidc]: login by OpenID Connect; off without an issuer."""

    issuer: str = Field(default="", max_length=300)
    """Exactly as the provider writes it into its tokens."""
    name: str = Field(default="city", pattern=r"^[a-z][a-z0-9-]{0,15}$")
    """Part of every actor's id, oidc:<name>:<subject>: never change it."""
    label: str = Field(default="", max_length=60)
    """What the button calls the provider; "" = its host."""
    client_id: str = Field(default="", max_length=200)
    client_secret: SecretStr | None = None
    client_secret_file: str = ""
    """Its first line is the secret; without one this is a public client, by PKCE alone."""
    client_auth: Literal["basic", "post"] = "basic"
    """How the secret is sent to the token endpoint."""
    algorithms: list[Literal["RS256", "ES256"]] = Field(default=["RS256"], min_length=1)
    scopes: list[str] = ["openid", "profile"]
    prompt: Literal["", "login", "select_account"] = "login"
    """"login": the provider asks for the password each time, for desks that several people use."""
    accounts: list[Mapped] = []
    subjects: list[str] = []
    """Only these, if any are named."""
    allow: list[str] = []
    """Provider inside the intranet: "host:port" or networks; only these may be http or not public."""
    ca_file: str = ""
    timeout_s: float = Field(default=10.0, gt=0, le=30)
    """Total deadline of one request to the provider."""

    @field_validator("issuer")
    @classmethod
    def _issuer_is_plain(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if issuer and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("issuer must be https://host/path (http only for hosts in allow)")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("issuer must not carry a user, password, query or fragment")
        return issuer

    @field_validator("scopes")
    @classmethod
    def _scopes_are_words(cls, scopes: list[str]) -> list[str]:
        if "openid" not in scopes or any(
            not scope or not scope.isascii() or " " in scope for scope in scopes
        ):
            raise ValueError('scopes are words, and one of them is "openid"')
        return scopes

    @model_validator(mode="after")
    def _complete(self) -> Oidc:
        Guard(self.allow, [443])
        if self.issuer and not self.client_id:
            raise ValueError("client_id is missing: register this console at the provider")
        if self.issuer and not self.accounts:
            raise ValueError("no [[oidc.accounts]]: without a row nobody can come in; add one")
        return self

    def secret(self) -> str:
        """The client's secret, "" for a public client. ValueError when the file is not there."""
        found = one_secret(self.client_secret, self.client_secret_file, ".")
        return "" if found is None else found.get_secret_value()


def console_faults(console: Console, origin: Origin) -> Iterator[str]:
    """Files that must be there, and keys that belong together."""
    for key in ("cert_file", "key_file"):
        name = getattr(console, key)
        if name and not os.access(name, os.R_OK):
            yield f"{origin.of(('console', key))}: {name} cannot be read; create it, or correct the path"
    if bool(console.cert_file) != bool(console.key_file):
        yield f"{origin.of(('console', 'cert_file'))}: belongs together with key_file; give both or none"


def oidc_faults(oidc: Oidc, origin: Origin) -> Iterator[str]:
    """A secret in the file, a secret's file that is not there."""
    if origin.in_file(("oidc", "client_secret")):
        yield (
            f"{origin.of(('oidc', 'client_secret'))}: is a secret; put it into client_secret_file, or into "
            f"the environment as {PREFIX}OIDC__CLIENT_SECRET"
        )
    try:
        oidc.secret()
    except ValueError as error:
        yield f"{origin.of(('oidc', 'client_secret_file'))}: {error}"
    if oidc.ca_file and not os.access(oidc.ca_file, os.R_OK):
        yield f"{origin.of(('oidc', 'ca_file'))}: {oidc.ca_file} cannot be read; correct the path"
