"""A receiver of riskgate's webhooks that keeps each message once: it verifies the signature and the time, has
the message on disk before it says so, and knows a repetition by its id. Standard library only; copy it and
put your own work where ``new_message`` is.

    python webhook_receiver.py --secret-file webhook.secret --store received.db --port 9443 \\
        --certificate server.pem --key server.key
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import hmac
import http.server
import json
import sqlite3
import ssl
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

BODY_BYTES_MAX = 65_536
"""A CloudEvents message has 64 KiB at most."""
TOLERANCE_S = 300
"""How far the time of a message may be from ours (Standard Webhooks: five minutes)."""


class RefusedError(Exception):
    """What is answered instead of "kept": an HTTP status, and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


def keys_of(text: str) -> list[bytes]:
    """The keys of a secret file: ``whsec_<base64>``, one a line. Two while a secret is being changed."""
    keys = []
    for number, line in enumerate(text.split(), 1):
        if not line.startswith("whsec_"):
            raise SystemExit(f"secret file, word {number}: a secret starts with whsec_")
        try:
            keys.append(base64.b64decode(line.removeprefix("whsec_"), validate=True))
        except binascii.Error as error:
            raise SystemExit(f"secret file, word {number}: no base64 after whsec_: {error}") from error
    if not keys:
        raise SystemExit("the secret file is empty: without a key nothing can be verified")
    return keys


def verify(keys: list[bytes], headers: Mapping[str, str], body: bytes, now_s: float) -> str:
    """The message's id if a key of ours signed these very bytes, lately; RefusedError otherwise.

    What is signed is ``<webhook-id>.<webhook-timestamp>.<body>``: the bytes as they came, not JSON made anew.
    """
    headers = {name.lower(): value for name, value in headers.items()}
    message_id = headers.get("webhook-id") or ""
    stamp = headers.get("webhook-timestamp") or ""
    signed = f"{message_id}.{stamp}.".encode() + body
    marks = [mark for mark in (headers.get("webhook-signature") or "").split() if mark.startswith("v1,")]
    ours = [b"v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)) for key in keys]
    # compare_digest takes the same time wherever two marks differ, so nobody can guess one byte by byte.
    if not any(hmac.compare_digest(mark.encode(), own) for mark in marks for own in ours):
        raise RefusedError(401, "no signature made with a key of ours")
    if not message_id or not stamp.isascii() or not stamp.isdecimal() or len(stamp) > 12:
        raise RefusedError(401, "webhook-id or webhook-timestamp is missing")
    if abs(now_s - int(stamp)) > TOLERANCE_S:
        # 425, not 4xx for good: if our clock is wrong, the gateway tries again, signed with a new time.
        raise RefusedError(425, f"signed more than {TOLERANCE_S} s from our time: check both clocks")
    return message_id


def message_of(body: bytes) -> dict[str, Any]:
    """The CloudEvents message; RefusedError for what is none."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise RefusedError(400, f"not JSON: {error}") from error
    if not isinstance(message, dict):
        raise RefusedError(400, "not a CloudEvents message")
    return message


class Store:
    """Messages by id, on disk. ``keep`` returns when the message would survive a power cut."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS messages (id TEXT PRIMARY KEY, body BLOB NOT NULL)")

    def keep(self, message_id: str, body: bytes) -> bool:
        """True if the message is new, False if we have it; RefusedError if we have another under its id."""
        with self._lock:
            added = self._db.execute("INSERT OR IGNORE INTO messages VALUES (?, ?)", (message_id, body))
            if added.rowcount == 1:
                return True
            kept = self._db.execute("SELECT body FROM messages WHERE id = ?", (message_id,)).fetchone()
        if kept[0] != body:
            raise RefusedError(422, f"{message_id} was received before with another body")
        return False


def new_message(message: dict[str, Any]) -> None:
    """Your work: called after a new message was kept, and not again if the process dies meanwhile. What takes
    long (the gateway waits ten seconds) or must not be missed belongs in a worker that reads the store."""
    data = message.get("data", {})
    print(json.dumps([message.get("type"), message.get("subject"), data.get("reason_en")]), flush=True)


def receiver(keys: list[bytes], store: Store) -> type[http.server.BaseHTTPRequestHandler]:
    """What answers one connection."""

    class Receive(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30  # a sender that stalls does not hold a thread for ever

        def do_POST(self) -> None:
            """Verify, keep, act, answer: in this order."""
            try:
                body = self._body()
                message_id = verify(keys, dict(self.headers.items()), body, time.time())  # noqa: TID251 - a program of its own
                message = message_of(body)
                if store.keep(message_id, body):
                    new_message(message)
                self._answer(204, "")
            except RefusedError as refused:
                self._answer(refused.status, str(refused))

        def _body(self) -> bytes:
            length = self.headers.get("content-length") or ""
            if not length.isascii() or not length.isdecimal():
                raise RefusedError(411, "content-length is missing")
            if len(length) > 6 or int(length) > BODY_BYTES_MAX:
                raise RefusedError(413, f"more than {BODY_BYTES_MAX} bytes")
            return self.rfile.read(int(length))

        def _answer(self, status: int, reason: str) -> None:
            # After a refusal the body may not have been read: what follows on this connection is no request.
            self.close_connection = self.close_connection or status != 204
            text = reason.encode()
            self.send_response(status)
            if status != 204:
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(text)))
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(text)

    return Receive


def main() -> None:
    """Listen until interrupted; the first line printed is the port."""
    options = argparse.ArgumentParser(description="Receives riskgate's webhooks")
    options.add_argument("--secret-file", required=True, help="whsec_..., one a line")
    options.add_argument("--store", default="received.db")
    options.add_argument("--host", default="127.0.0.1")
    options.add_argument("--port", type=int, default=9443, help="0: any that is free")
    options.add_argument("--certificate", default="", help="PEM; without it plain HTTP, for a proxy in front")
    options.add_argument("--key", default="")
    given = options.parse_args()
    keys = keys_of(Path(given.secret_file).read_text(encoding="ascii"))
    server = http.server.ThreadingHTTPServer((given.host, given.port), receiver(keys, Store(given.store)))
    if given.certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(given.certificate, given.key or None)
        # The handshake belongs to the connection's own thread, or one silent client would stop all others.
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
