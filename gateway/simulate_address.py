"""As whom simulated and recorded devices speak to the configured broker: user, password, client id and TLS.

Over TLS they trust whom [ingest] trusts, and show its certificate when it has one; who they are, the user and
the password say.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from gateway.config import Config
from gateway.errors import RiskgateError
from gateway.ingest.connection import tls_of
from simulators._publish import BrokerAddress

SIMULATE = "simulate"
AddressOf = Callable[[str], BrokerAddress]
"""The broker as an enterprise speaks to it."""


def broker_address(
    config: Config, speaker: str, username: str | None, password_file: Path | None, what: str = SIMULATE
) -> BrokerAddress:
    """The broker for one speaker: with a password file as ``username`` or else as itself, as the shipped
    access list wants it. Without one as the account of [simulate]; without that too, and for ``what`` other
    than "simulate", as the gateway's own user, which that list lets only read."""
    simulated = config.simulate
    if password_file is None and what == SIMULATE and simulated.username:
        password = _first_line(Path(simulated.password_file))
        return _address(config, simulated.username, password, f"{what}-{speaker.replace('/', '-')}")
    own = password_file is not None
    name = username or (speaker if own else config.ingest.username)
    source = password_file if password_file is not None else Path(config.ingest.password_file or "/dev/null")
    return _address(config, name, _first_line(source), f"{what}-{speaker.replace('/', '-')}")


def addresses(
    config: Config,
    username: str | None,
    password_file: Path | None,
    credentials: Path | None,
    speaker: str = "",
) -> AddressOf:
    """For runs with several speakers.

    credentials: a file of lines "user:password", one for each enterprise; else one password for all of them,
    each with its own name, or all as ``username``, or as ``speaker``, who is meant when no user is named.
    """
    if credentials is None:
        return lambda enterprise: broker_address(
            config, enterprise, username or speaker or None, password_file
        )
    known: dict[str, str] = {}
    for number, text in enumerate(_text(credentials).splitlines(), 1):
        who, colon, password = text.partition(":")
        if text.strip() and not colon:
            raise RiskgateError(f"{credentials}: line {number}: write user:password")
        known[who.strip()] = password.strip()

    def address_of(enterprise: str) -> BrokerAddress:
        if enterprise not in known:
            raise RiskgateError(
                f"{credentials}: no line for {enterprise!r}: one user an enterprise is needed"
            )
        return _address(config, enterprise, known[enterprise], f"simulate-{enterprise}")

    return address_of


def _address(config: Config, name: str, password: str, client_id: str) -> BrokerAddress:
    ingest = config.ingest
    tls = tls_of(ingest) if ingest.tls else None
    return BrokerAddress(ingest.host, ingest.port, name, password, client_id, ingest.protocol, tls)


def _first_line(source: Path) -> str:
    return _text(source).partition("\n")[0].strip()


def _text(source: Path) -> str:
    try:
        return source.read_text(encoding="utf-8")
    except OSError as error:
        raise RiskgateError(f"password file {source}: {error.strerror}") from error
