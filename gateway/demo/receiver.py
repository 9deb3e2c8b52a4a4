"""A webhook receiver as anybody may write one: it verifies the signature of every message and remembers it.

Verification is the published library's, not our own, so that a mistake in our signing cannot hide.
"""

from __future__ import annotations

import http.server
import json
import threading
from typing import NamedTuple

from standardwebhooks import Webhook, WebhookVerificationError

from gateway.clock import Clock

MAX_BODY = 64 * 1024


class Receipt(NamedTuple):
    """One verified message."""

    at_ns: int
    """Wall clock of its first arrival."""
    times: int
    """How often it came; repetitions are allowed, with the same id."""


class Receiver:
    """Listens on a free loopback port from the start; answers after ``start``."""

    def __init__(self, secret: str, clock: Clock) -> None:
        self.receipts: dict[str, Receipt] = {}
        self.refused = 0
        self._lock = threading.Lock()
        self._clock = clock
        self._webhook = Webhook(secret)
        receiver = self

        class Page(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_POST(self) -> None:
                """Verify and remember one message."""
                length = self.headers.get("Content-Length", "")
                if not length.isdigit() or int(length) > MAX_BODY:
                    self.close_connection = True
                    self._answer(413)
                    return
                body = self.rfile.read(int(length))
                headers = {name.lower(): value for name, value in self.headers.items()}
                self._answer(204 if receiver.take(body, headers) else 401)

            def _answer(self, status: int) -> None:
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Requests are counted, not printed."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def take(self, body: bytes, headers: dict[str, str]) -> bool:
        """Whether the message is genuine; genuine ones are remembered by id."""
        at_ns = self._clock.wall_ns()
        try:
            self._webhook.verify(body, headers)
            name = str(json.loads(body)["id"])
        except (WebhookVerificationError, ValueError, KeyError, TypeError):
            with self._lock:
                self.refused += 1
            return False
        with self._lock:
            known = self.receipts.get(name)
            self.receipts[name] = Receipt(known.at_ns, known.times + 1) if known else Receipt(at_ns, 1)
        return True

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()
