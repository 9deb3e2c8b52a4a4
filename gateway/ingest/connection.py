"""How to reach the broker: settings in, a client not yet connected out. Every secret comes from a file."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from paho.mqtt import client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.clock import Clock
from gateway.errors import ConfigError
from gateway.ingest.bulk import BulkClient, Lend, Lifted, fits_paho
from gateway.ingest.client import GatedClient

RECEIVE_MAXIMUM = 1000
"""Unacknowledged packets an MQTT 5 broker may have under way; MQTT 3.1.1 goes by the broker's own setting."""
MAXIMUM_PACKET_BYTES = 1 << 20
"""An MQTT 5 broker drops what is larger without telling anybody (MQTT 5 clause 3.1.2.11.4), so this is far
above what the shipped broker configuration takes: an oversized payload shall reach us and be counted."""
RECONNECT_S = (1, 5)


class Settings(Protocol):
    """The [ingest] table as this package needs it; gateway/config.py has the defaults and their meaning."""

    @property
    def receiver(self) -> str: ...  # noqa: D102
    @property
    def host(self) -> str: ...  # noqa: D102
    @property
    def port(self) -> int: ...  # noqa: D102
    @property
    def username(self) -> str: ...  # noqa: D102
    @property
    def password_file(self) -> str | Path: ...  # noqa: D102
    @property
    def protocol(self) -> str: ...  # noqa: D102
    @property
    def client_id(self) -> str: ...  # noqa: D102
    @property
    def keepalive_s(self) -> int: ...  # noqa: D102
    @property
    def topic(self) -> str: ...  # noqa: D102
    @property
    def session_expiry_s(self) -> int: ...  # noqa: D102
    @property
    def tls(self) -> bool: ...  # noqa: D102
    @property
    def ca_file(self) -> str | Path: ...  # noqa: D102
    @property
    def cert_file(self) -> str | Path: ...  # noqa: D102
    @property
    def key_file(self) -> str | Path: ...  # noqa: D102
    @property
    def watchdog_s(self) -> float: ...  # noqa: D102


def build_client(
    settings: Settings,
    gate: Callable[[float], bool],
    clock: Clock,
    lift: Callable[[mqtt.Client, Any, Lifted], None],
    room: Callable[[], int],
    lend: Lend,
) -> GatedClient:
    """A client with its session, password and TLS set. ConfigError names the file that cannot be used.

    receiver "bulk": a BulkClient, if this paho is one it was tested with; "paho", or another paho: plain.
    """
    five = settings.protocol == "5"
    session: dict[str, Any] = {
        "client_id": settings.client_id,
        "clean_session": None if five else False,
        "protocol": mqtt.MQTTv5 if five else mqtt.MQTTv311,
        "manual_ack": True,
    }
    if settings.receiver == "bulk" and fits_paho():
        client: GatedClient = BulkClient(gate, clock, lift, room, lend, **session)
    else:
        client = GatedClient(gate, clock, **session)
    client.reconnect_delay_set(*RECONNECT_S)
    if settings.username:
        client.username_pw_set(settings.username, password_of(settings.password_file))
    if settings.tls:
        client.tls_set_context(tls_of(settings))
    return client


def connect_arguments(settings: Settings) -> dict[str, Any]:
    """What connect_async wants: a session that outlives the connection, in both protocol versions."""
    arguments: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "keepalive": settings.keepalive_s,
    }
    if settings.protocol == "5":
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho left this one out
        properties.SessionExpiryInterval = settings.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        properties.MaximumPacketSize = MAXIMUM_PACKET_BYTES
        # No Topic Alias Maximum: a packet that says only "alias 3" would be journalled without its topic.
        arguments |= {"clean_start": False, "properties": properties}
    return arguments


def password_of(file: str | Path) -> str | None:
    """The first line of a password file, None without a file. ConfigError if it cannot be read."""
    if not file or str(file) == ".":
        return None
    try:
        return Path(file).read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            [f"[ingest] password_file {file}: {error}. Write the password as its first line"]
        ) from error


def tls_of(settings: Settings) -> ssl.SSLContext:
    """What trusts and proves as [ingest] says. ConfigError with every file that cannot be used."""
    problems: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        if settings.ca_file:
            context.load_verify_locations(settings.ca_file)
        else:
            context.load_default_certs()
    except OSError as error:
        problems.append(f"[ingest] ca_file {settings.ca_file}: {error}. It must hold PEM certificates")
    if settings.cert_file:
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file or None)
        except OSError as error:
            problems.append(
                f"[ingest] cert_file {settings.cert_file}, key_file {settings.key_file}: {error}. "
                "Both must be PEM and belong together"
            )
    if problems:
        raise ConfigError(problems)
    return context
