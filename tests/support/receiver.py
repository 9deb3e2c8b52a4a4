"""A scripted HTTP server on real sockets: answers, hangs, drips, redirects, floods, and remembers."""

from __future__ import annotations

import contextlib
import gzip
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType


@dataclass
class Request:
    """What came in; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def text(self) -> str:
        """The body, decompressed if it says so."""
        body = gzip.decompress(self.body) if self.headers.get("content-encoding") == "gzip" else self.body
        return body.decode()


@dataclass
class Reply:
    """What goes out. drip_s: pause before each byte. hang: never answer, until the server stops."""

    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    drip_s: float = 0.0
    hang: bool = False
    cut: bool = False
    """Close without an answer."""

    def raw(self) -> bytes:
        """The bytes of the answer."""
        lines = [f"HTTP/1.1 {self.status} said"]
        headers = {"Content-Length": str(len(self.body)), **self.headers}
        if self.status == 204:
            headers.pop("Content-Length")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join(lines).encode() + b"\r\n\r\n" + self.body


Script = Callable[[Request], Reply]


class Receiver:
    """``with Receiver(script) as receiver:``; ``receiver.url``, ``receiver.requests``. Port 0: a free one."""

    def __init__(
        self, script: Script | None = None, tls: ssl.SSLContext | None = None, port: int = 0
    ) -> None:
        self.script: Script = script or (lambda _: Reply())
        self.requests: list[Request] = []
        self.connections = 0
        self._tls = tls
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._server = socket.create_server(("127.0.0.1", port))
        self.port: int = self._server.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._links: list[socket.socket] = []

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Refuse connections from now on and cut those there are."""
        self._stopping.set()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        with self._lock:
            for link in self._links:
                with contextlib.suppress(OSError):
                    link.shutdown(socket.SHUT_RDWR)
                link.close()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                link, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
                self._links.append(link)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link: socket.socket) -> None:
        try:
            stream = self._tls.wrap_socket(link, server_side=True) if self._tls else link
            with stream.makefile("rb") as lines:
                while (request := self._read(lines)) is not None:
                    with self._lock:
                        self.requests.append(request)
                    if not self._answer(stream, self.script(request)):
                        return
        except (OSError, ValueError):
            return
        finally:
            link.close()

    @staticmethod
    def _read(lines) -> Request | None:  # type: ignore[no-untyped-def]
        first = lines.readline().decode()
        if not first:
            return None
        method, path, _ = first.split(" ", 2)
        headers: dict[str, str] = {}
        while (line := lines.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(method, path, headers, lines.read(int(headers.get("content-length", "0"))))

    def _answer(self, stream: socket.socket, reply: Reply) -> bool:
        if reply.hang:
            self._stopping.wait()
            return False
        if reply.cut:
            return False
        if not reply.drip_s:
            stream.sendall(reply.raw())
            return True
        for byte in reply.raw():
            if self._stopping.wait(reply.drip_s):
                return False
            stream.sendall(bytes([byte]))
        return True
