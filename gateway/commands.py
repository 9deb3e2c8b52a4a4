"""Questions and commands to a process over its Unix socket: one JSON object a line, each way.

Requests carry "op": "status", "rejections", "quarantine", "values", "requests", "reload", or "command" with
action, args, actor, role, organisation, source and deadline_s. Answers are JSON objects; a command's answer
carries accepted, reason_en, reason_zh and event (id).
"""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.errors import CoreUnreachable

MAX_REQUEST = 1 << 20
Answer = Callable[[dict[str, Any]], dict[str, Any]]


def ask(path: Path, request: dict[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
    """One question, one answer. CoreUnreachable if nobody listens or the answer is late: refused at once,
    nothing fires hours later."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as link:
            link.settimeout(timeout_s)
            link.connect(os.fspath(path))
            link.sendall(json.dumps(request).encode() + b"\n")
            with link.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise CoreUnreachable(f"no answer on {path.name}: {error}. Is 'riskgate run' running?") from error
    if not line:
        raise CoreUnreachable(f"{path.name} closed without an answer: the process is stopping")
    answer: dict[str, Any] = json.loads(line)
    return answer


class _Connection(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server: Any = self.server
        for line in iter(lambda: self.rfile.readline(MAX_REQUEST), b""):
            try:
                answer = server.answer(json.loads(line))
            except Exception as error:  # noqa: BLE001 - one bad question must not end the server
                answer = {
                    "accepted": False,
                    "reason_en": f"{type(error).__name__}: {error}",
                    "reason_zh": "请求无效",
                }
            self.wfile.write(json.dumps(answer).encode() + b"\n")


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    answer: Answer


class CommandServer:
    """Answers questions on a Unix socket (mode 0600), one thread a connection."""

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path = path
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            self._server = _Server(os.fspath(path), _Connection)
        finally:
            os.umask(mask)
        self._server.answer = answer
        self._thread = threading.Thread(target=self._server.serve_forever, name="commands", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop and remove the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)
