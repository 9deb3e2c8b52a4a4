"""The two ways to post gzipped line protocol: InfluxDB 1's /write, and influxdb-client's synchronous write.

Each returns (post, close); ``post(body, seconds)`` ends within ``seconds`` in all, also when the server sends
one byte a second, and raises NoAnswerError when there is no answer.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import urllib3
from influxdb_client.client.influxdb_client import InfluxDBClient
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService

from gateway.errors import RiskgateError
from gateway.sinks._http import FAILURES, Reply, Transport, client_of, post, secrets_of
from gateway.sinks._ssrf import resolve

if TYPE_CHECKING:
    from gateway.sinks.influxdb import Settings

BODY_CAP = 65536
TEXT_CAP = 300


class NoAnswerError(RiskgateError):
    """No answer: nobody listens, the connection broke, or the deadline passed."""


class Answer:
    """What the server said: status, the start of its text, and how long to wait."""

    def __init__(self, status: int, text: str = "", retry_after_s: float | None = None) -> None:
        self.status = status
        self.text = text
        self.retry_after_s = retry_after_s


Post = Callable[[bytes, float], Answer]
Close = Callable[[], None]


def post_v1(settings: Settings) -> tuple[Post, Close]:
    """InfluxDB 1: POST /write?db=...&precision=ns with basic authentication."""
    query = {"db": settings.database, "precision": "ns"}
    if settings.retention_policy:
        query["rp"] = settings.retention_policy
    url = f"{settings.url.rstrip('/')}/write?{urlencode(query)}"
    transport = Transport(ssl.create_default_context(cafile=settings.ca_file or None), resolve)
    client = client_of(transport)
    if settings.username:
        password = settings.password.get_secret_value() if settings.password else ""
        client.auth = httpx.BasicAuth(settings.username, password)
    elif settings.token is not None:
        client.headers["Authorization"] = f"Token {settings.token.get_secret_value()}"
    hidden = _hidden(settings)
    headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Encoding": "gzip"}

    def send(body: bytes, seconds: float) -> Answer:
        try:
            reply = post(client, transport, url, body, headers, seconds, BODY_CAP)
        except FAILURES as error:
            raise NoAnswerError(_why(settings.url, error)) from error
        return Answer(reply.status, reply.excerpt(hidden), reply.retry_after_s())

    return send, client.close


def post_v2(settings: Settings) -> tuple[Post, Close]:
    """influxdb-client, synchronous, no retries, no Point; the body is already compressed, at level 1."""
    token = settings.token.get_secret_value() if settings.token else ""
    client = InfluxDBClient(
        url=settings.url,
        token=token,
        org=settings.org or "-",
        ssl_ca_cert=settings.ca_file or None,
        retries=False,
    )
    hidden = _hidden(settings)
    cutter = _Cutter(client.api_client.rest_client.pool_manager)
    # What its synchronous write API calls, with a header more; the package has no types.
    write: Any = WriteService(client.api_client)  # type: ignore[no-untyped-call]

    def send(body: bytes, seconds: float) -> Answer:
        cutter.begin(seconds)
        try:
            write.post_write(
                org=settings.org or "-",
                bucket=settings.bucket,
                body=body,
                precision="ns",
                content_encoding="gzip",
                _request_timeout=seconds * 1000,
            )
        except ApiException as error:
            if not error.status:
                raise NoAnswerError(_why(settings.url, error)) from error
            reply = Reply(
                error.status, httpx.Headers(dict(error.headers or {})), str(error.body or "").encode()
            )
            return Answer(error.status, reply.excerpt(hidden), reply.retry_after_s())
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise NoAnswerError(_why(settings.url, error)) from error
        finally:
            cutter.end()
        return Answer(204)

    return send, client.close


def _hidden(settings: Settings) -> list[str]:
    """What a server may have been told and must not be quoted with."""
    given = [secret.get_secret_value() for secret in (settings.token, settings.password) if secret]
    basic = base64.b64encode(f"{settings.username}:{given[-1]}".encode()).decode() if given else ""
    return secrets_of(settings.url, " ".join([*given, basic]))


def _why(url: str, error: Exception) -> str:
    return f"no answer from {url}: {type(error).__name__} {error}".strip()[:TEXT_CAP]


class _Cutter:
    """Shuts the client's sockets when a request's total deadline passes: urllib3's timeouts are per step."""

    def __init__(self, pools: Any) -> None:
        self._sockets: list[socket.socket] = []
        self._timer: threading.Timer | None = None
        opened = self._sockets

        class Plain(urllib3.connection.HTTPConnection):
            def connect(self) -> None:
                super().connect()
                opened.append(self.sock)

        class Secure(urllib3.connection.HTTPSConnection):
            def connect(self) -> None:
                super().connect()
                opened.append(self.sock)

        class PlainPool(urllib3.HTTPConnectionPool):
            ConnectionCls = Plain

        class SecurePool(urllib3.HTTPSConnectionPool):
            ConnectionCls = Secure

        pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}

    def begin(self, seconds: float) -> None:
        """Start the deadline."""
        self._sockets[:] = [link for link in self._sockets if link.fileno() >= 0]
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """The request is over."""
        if self._timer is not None:
            self._timer.cancel()

    def _cut(self) -> None:
        for link in list(self._sockets):
            try:
                link.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already: nothing waits on it
