"""HTTP with one total deadline a request: connecting, TLS, sending and reading share it, so a receiver that
sends one byte a second ends as surely as one that sends none. No redirects, no proxy from the environment."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import unquote

import httpcore
import httpx

from gateway.clock import SystemClock

Addresses = Callable[[str, int, float], list[str]]
"""(host, port, seconds left) -> addresses to connect to."""

_mono_ns = SystemClock().mono_ns
SECRET_LENGTH = 8
"""Shorter parts of an address are words such as "write"."""


class DeadlinePassed(httpcore.ReadTimeout):
    """The total deadline has passed."""


class Deadline:
    """A moment on the machine's monotonic clock; ``left`` raises when it has passed."""

    def __init__(self, seconds: float) -> None:
        self._end_ns = _mono_ns() + round(seconds * 1e9)

    def shorten(self, seconds: float) -> None:
        """End at most ``seconds`` from now."""
        self._end_ns = min(self._end_ns, _mono_ns() + round(seconds * 1e9))

    def left(self) -> float:
        """Seconds left, more than 0; DeadlinePassed when there are none."""
        seconds = (self._end_ns - _mono_ns()) / 1e9
        if seconds <= 0:
            raise DeadlinePassed("the total deadline has passed")
        return seconds


class _Stream(httpcore.NetworkStream):
    """A stream whose every operation ends at the link's current deadline."""

    def __init__(self, inner: httpcore.NetworkStream, link: _Link) -> None:
        self._inner = inner
        self._link = link

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._link.limit(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        view = memoryview(buffer)
        while view:
            self._inner.write(bytes(view[:65536]), self._link.limit(timeout))
            view = view[65536:]

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, self._link.limit(timeout)), self._link
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Link(httpcore.NetworkBackend):
    """Connects to the addresses it is told, in turn, within the deadline."""

    def __init__(self, addresses: Addresses | None) -> None:
        self._addresses = addresses
        self._inner = httpcore.SyncBackend()
        self.deadline: Deadline | None = None

    def limit(self, timeout: float | None) -> float | None:
        """The shorter of the step's timeout and what is left of the deadline."""
        if self.deadline is None:
            return timeout
        left = self.deadline.left()
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        if self._addresses is None:
            return _Stream(self._inner.connect_tcp(host, port, self.limit(timeout)), self)
        try:
            addresses = self._addresses(host, port, self.limit(timeout) or 0.0)
        except socket.gaierror as error:
            raise httpcore.ConnectError(f"{host} has no address: {error.strerror}") from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error
        for address in addresses[:-1]:
            try:
                return _Stream(self._inner.connect_tcp(address, port, self.limit(timeout)), self)
            except httpcore.ConnectError:
                continue  # the next address of the same host may answer
        return _Stream(self._inner.connect_tcp(addresses[-1], port, self.limit(timeout)), self)


class _Body(httpx.SyncByteStream):
    def __init__(self, body: Any) -> None:
        self._body = body

    def __iter__(self) -> Iterator[bytes]:
        yield from self._body

    def close(self) -> None:
        self._body.close()


class Transport(httpx.BaseTransport):
    """One connection, kept alive, used by one thread. Set ``deadline`` before each request."""

    def __init__(self, verify: ssl.SSLContext | None = None, addresses: Addresses | None = None) -> None:
        self._link = _Link(addresses)
        self._pool = httpcore.ConnectionPool(
            ssl_context=verify or ssl.create_default_context(),
            max_connections=1,
            max_keepalive_connections=1,
            keepalive_expiry=30.0,
            network_backend=self._link,
        )

    def begin(self, seconds: float) -> None:
        """Start the total deadline of the next request."""
        self._link.deadline = Deadline(seconds)

    def shorten(self, seconds: float) -> None:
        """End the running request at most ``seconds`` from now."""
        if self._link.deadline is not None:
            self._link.deadline.shorten(seconds)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Carry one httpx request over the guarded pool; httpcore's exceptions come out as they are."""
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            answer.status, headers=answer.headers, stream=_Body(answer.stream), extensions=answer.extensions
        )

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()


FAILURES = (
    httpx.HTTPError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    OSError,
)
"""Everything that a request can end with other than an answer."""


class Reply:
    """Status, headers and the first ``cap`` bytes of the body."""

    def __init__(self, status: int, headers: httpx.Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def retry_after_s(self) -> float | None:
        """Seconds of a Retry-After header, at most an hour; None when absent or a date."""
        text = self.headers.get("retry-after", "").strip()
        return min(float(text), 3600.0) if text.isdigit() else None

    def excerpt(self, hidden: Iterable[str] = ()) -> str:
        """The start of the body for a log line: printable, at most 300 characters. Some servers repeat what
        they were told: ``hidden`` are the parts of the request that are secret."""
        text = self.body.decode("utf-8", "replace")
        for secret in hidden:
            text = text.replace(secret, "[redacted]")
        return "".join(c if c.isprintable() else " " for c in text[:300]).strip()


def secrets_of(url: str, authorization: str = "") -> list[str]:
    """What of a request must not be repeated in a text, longest first: the parts of its path and query (chat
    services put their tokens there) and of its Authorization header, as sent and unquoted."""
    said = [*re.split("[/?&=]", url.partition("://")[2].partition("/")[2]), *authorization.split()]
    whole = {form for part in said for form in (part, unquote(part))}
    return sorted((part for part in whole if len(part) >= SECRET_LENGTH), key=len, reverse=True)


def post(
    client: httpx.Client,
    transport: Transport,
    url: str,
    body: bytes,
    headers: dict[str, str],
    seconds: float,
    cap: int,
    body_s: float = 2.0,
) -> Reply:
    """POST within ``seconds``; once the status is there, its body gets at most ``body_s``
    and ``cap`` bytes: the status is the answer. Raises one of FAILURES or what the address guard raises."""
    transport.begin(seconds)
    with client.stream("POST", url, content=body, headers=headers, follow_redirects=False) as answer:
        transport.shorten(body_s)
        parts: list[bytes] = []
        size = 0
        try:
            for part in answer.iter_raw():
                parts.append(part)
                size += len(part)
                if size >= cap:
                    break
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
            pass  # a cut-off body changes nothing: the status was read
        return Reply(answer.status_code, answer.headers, b"".join(parts)[:cap])


def client_of(transport: Transport) -> httpx.Client:
    """A client that sees neither proxies nor credentials of the environment."""
    return httpx.Client(transport=transport, trust_env=False, timeout=None, follow_redirects=False)  # noqa: S113
