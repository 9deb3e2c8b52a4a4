"""Webhooks: each event as one CloudEvents 1.0 message (structured JSON), signed after Standard Webhooks, to
one endpoint; several endpoints are several ``[sinks.<name>]`` tables.

A message may arrive more than once, always with the same ``webhook-id`` (the event's id) and the same body,
so a receiver drops what it has seen. Order holds per alarm. Where it may connect to: see _ssrf.py.
Answers: 2xx delivered; 408, 409, 425, 429, 5xx, redirects and no answer: later; other 4xx: dead letter.
"""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from gateway.alarms.events import DRILL, DRILL_ENTERPRISE, AlarmEvent, CommandEvent, Event
from gateway.sinks import Batch, Delivered, EventsBatch, Later, Refused, SinkContext
from gateway.sinks._http import FAILURES, Reply, Transport, client_of, post, secrets_of
from gateway.sinks._secrets import secret_lines
from gateway.sinks._signature import key_of, signed_headers
from gateway.sinks._ssrf import BlockedError, Guard, Resolve, resolve

PROBE_S = 5.0
BODY_CAP = 65536
"""Bytes read of an answer."""
MESSAGE_BYTES_MAX = 65536
"""CloudEvents 1.0, "Size limits": intermediaries must forward events of 64 KiB or less."""
RETRIED = frozenset({408, 409, 425, 429})
FILTERS = {
    "events",
    "priority_max",
    "categories",
    "enterprises",
    "families",
    "counties",
    "sectors",
    "conditions",
}
"""The settings that decide which events are sent."""

_ENCODER = msgspec.json.Encoder(order="deterministic")


class Settings(BaseModel):
    """The table ``[sinks.<name>]`` with ``kind = "webhook"``."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["webhook"] = "webhook"
    folder: str = "."
    """Folder that relative paths are relative to; set by the configuration."""
    url: str
    secrets: list[SecretStr] = []
    """``whsec_...`` keys, from the environment; every message is signed with each (rotation: new and old)."""
    secret_file: str = ""
    """The same, one a line."""
    events: list[Literal["alarm", "command", "note"]] = ["alarm"]
    priority_max: int = Field(default=4, ge=1, le=9)
    """Least important alarm priority sent; 1 is the most important."""
    categories: list[Literal["process", "device", "system"]] = []
    enterprises: list[str] = []
    families: list[str] = []
    counties: list[str] = []
    sectors: list[str] = []
    conditions: list[str] = []
    """Empty lists let everything through; system alarms pass enterprises, families, counties and sectors."""
    source: str = ""
    """CloudEvents source; "" = urn:riskgate:<partition>."""
    ports: list[int] = [443]
    allow: list[str] = []
    """Intranet exceptions: "host:port" or networks; only these may be http or not public."""
    ca_file: str = ""
    timeout_s: float = Field(default=10.0, gt=0, le=60)
    """Total deadline of one attempt."""
    workers: int = Field(default=4, ge=1, le=32)
    max_attempts: int = Field(default=0, ge=0)
    max_age_s: float = Field(default=3 * 86400.0, gt=0)
    since: Literal["start", "now"] = "start"
    """What a webhook that is new to this gateway gets first: every alarm ever recorded, or only new ones."""

    @field_validator("url")
    @classmethod
    def _url_is_plain(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("url must be https://host/path (http only for hosts in allow)")
        if parts.username or parts.password or parts.fragment:
            raise ValueError("url must not carry a user, password or fragment: messages are signed instead")
        return url

    @model_validator(mode="after")
    def _complete(self) -> Settings:
        if self.secret_file:
            self.secrets = [*self.secrets, *secret_lines(self.secret_file, self.folder)]
        if not self.secrets:
            raise ValueError(
                "a webhook needs secret_file (one whsec_... a line): unsigned messages are not sent"
            )
        for secret in self.secrets:
            key_of(secret.get_secret_value())
        Guard(self.allow, self.ports)
        return self


def probe(
    settings: Settings, context: SinkContext, resolver: Resolve = resolve
) -> Delivered | Later | Refused:
    """Whether the address may be connected to, and is: TCP and TLS, no message (a receiver would act on it).
    Whether it accepts our signature is not known by this."""
    del context
    parts = urlsplit(settings.url)
    host, secure = str(parts.hostname), parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    seconds = min(settings.timeout_s, PROBE_S)
    try:
        found = Guard(settings.allow, settings.ports, resolver).addresses(host, port, secure, seconds)
        tls = ssl.create_default_context(cafile=settings.ca_file or None) if secure else None
        with socket.create_connection((found[0], port), seconds) as link:
            if tls is not None:
                tls.wrap_socket(link, server_hostname=host).close()
    except BlockedError as error:
        return Refused(str(error))
    except ssl.SSLCertVerificationError as error:
        return Refused(f"{host}: {error.verify_message}: renew its certificate, or set ca_file")
    except OSError as error:
        return Later(f"no answer from {parts.scheme}://{parts.netloc}: {error}")
    return Delivered(f"{parts.scheme}://{parts.netloc} answers; its address is allowed")


class Sink:
    """See the module's docstring. ``deliver`` may be called from several threads."""

    wants = frozenset({"events"})
    outward = True
    linger_s = 0.0

    def __init__(self, settings: Settings, context: SinkContext, resolver: Resolve = resolve) -> None:
        self.workers = settings.workers
        self.max_attempts = settings.max_attempts
        self.max_age_s = settings.max_age_s
        self.since = settings.since
        self.filters = settings.model_dump_json(include=FILTERS)
        self._settings = settings
        self._context = context
        self._keys = [key_of(secret.get_secret_value()) for secret in settings.secrets]
        parts = urlsplit(settings.url)
        self._secure = parts.scheme == "https"
        self._where = f"{parts.scheme}://{parts.netloc}"
        self._guard = Guard(settings.allow, settings.ports, resolver)
        self._tls = ssl.create_default_context(cafile=settings.ca_file or None)
        self._local = threading.local()
        self._lock = threading.Lock()
        self._clients: list[httpx.Client] = []

    def takes(self, event: Event) -> bool:
        """Whether the filters let this event through."""
        s = self._settings
        if not isinstance(event, AlarmEvent):
            return ("command" if isinstance(event, CommandEvent) else "note") in s.events
        if "alarm" in s.events and event.enterprise == DRILL_ENTERPRISE:
            return True
        if "alarm" not in s.events or event.priority > s.priority_max:
            return False
        if s.categories and event.category not in s.categories:
            return False
        if s.conditions and event.condition not in s.conditions:
            return False
        if event.category == "system" and not event.enterprise:
            return True
        asked = (
            (s.enterprises, event.enterprise),
            (s.families, event.family),
            (s.counties, event.county),
            (s.sectors, event.sector),
        )
        return all(not wanted or found in wanted for wanted, found in asked)

    def deliver(self, batch: Batch) -> Delivered | Later | Refused:
        """Send the one event of the batch."""
        if not isinstance(batch, EventsBatch) or len(batch.events) != 1:
            return Refused("a webhook takes one event at a time")
        event = batch.events[0][1]
        partition = event.id.partition("-")[0]
        drill = isinstance(event, AlarmEvent) and event.enterprise == DRILL_ENTERPRISE
        what = DRILL if drill else "alarm"
        kind = f"riskgate.{what}.{event.cause}" if isinstance(event, AlarmEvent) else (
            "riskgate.command" if isinstance(event, CommandEvent) else f"riskgate.note.{event.kind}"
        )  # fmt: skip
        subject = event.alarm if isinstance(event, AlarmEvent) else ""
        return self._send(event.id, partition, kind, subject, event.at_ns, msgspec.to_builtins(event))

    def announce(self, at_ns: int, reason: str) -> Delivered | Later | Refused:
        """Send an unstored message about the gateway itself."""
        data = {"type": "announcement", "reason_en": reason, "at_ns": at_ns}
        return self._send(
            f"announcement-{at_ns}", "gateway", "riskgate.gateway.blind", "gateway", at_ns, data
        )

    def call(
        self, call_id: str, subject: str, at_ns: int, data: dict[str, Any]
    ) -> Delivered | Later | Refused:
        """Send a call of escalation: ``riskgate.escalation.called``."""
        partition = call_id.partition("-")[0]
        return self._send(call_id, partition, "riskgate.escalation.called", subject, at_ns, data)

    def close(self) -> None:
        """Close every worker's connection."""
        with self._lock:
            clients, self._clients = self._clients, []
        for client in clients:
            client.close()

    def _send(
        self, message_id: str, partition: str, kind: str, subject: str, at_ns: int, data: dict[str, Any]
    ) -> Delivered | Later | Refused:
        envelope = {
            "specversion": "1.0",
            "id": message_id,
            "source": self._settings.source or f"urn:riskgate:{partition}",
            "type": kind,
            "time": rfc3339(at_ns),
            "datacontenttype": "application/json",
            "data": data,
        }
        if subject:
            envelope["subject"] = subject
        body = _ENCODER.encode(envelope)
        if len(body) > MESSAGE_BYTES_MAX:
            return Refused(f"{len(body)} bytes: a CloudEvents message may have {MESSAGE_BYTES_MAX}")
        headers = signed_headers(self._keys, message_id, self._context.wall_ns() // 1_000_000_000, body)
        headers["Content-Type"] = "application/cloudevents+json; charset=utf-8"
        headers["User-Agent"] = "riskgate"
        client, transport = self._client()
        try:
            reply = post(
                client, transport, self._settings.url, body, headers, self._settings.timeout_s, BODY_CAP
            )
        except BlockedError as error:
            return Later(f"not sent: {error}")
        except FAILURES as error:
            return Later(f"no answer from {self._where}: {type(error).__name__} {error}".strip()[:300])
        return _verdict(reply, message_id, secrets_of(self._settings.url))

    def _client(self) -> tuple[httpx.Client, Transport]:
        """This thread's own connection."""
        if getattr(self._local, "client", None) is None:
            transport = Transport(self._tls, self._addresses)
            self._local.client, self._local.transport = client_of(transport), transport
            with self._lock:
                self._clients.append(self._local.client)
        return self._local.client, self._local.transport

    def _addresses(self, host: str, port: int, timeout_s: float) -> list[str]:
        return self._guard.addresses(host, port, self._secure, timeout_s)


def _verdict(reply: Reply, message_id: str, hidden: list[str]) -> Delivered | Later | Refused:
    status = reply.status
    if 200 <= status < 300:
        return Delivered(f"{status} {message_id}")
    if 300 <= status < 400:
        return Later(f"{status}: redirects are not followed; set url to the final address")
    if status in RETRIED or status >= 500:
        return Later(f"{status} {reply.excerpt(hidden)}".strip(), reply.retry_after_s())
    return Refused(f"{status} {reply.excerpt(hidden)}".strip())


def rfc3339(at_ns: int) -> str:
    """UTC with nanoseconds: 2026-11-25T02:00:00.000000000Z (RFC 3339 5.6)."""
    seconds, ns = divmod(at_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
