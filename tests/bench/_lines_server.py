"""A database for the bench: takes gzipped line protocol, counts and keeps the lines of readings.

``python -m tests.bench._lines_server FOLDER`` prints its port. POST: count and keep. GET: the figures (JSON).
GET /again: the same for a new run. FOLDER/<n>.lines hold the lines of run n, for an exact account.
"""

from __future__ import annotations

import json
import sys
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO, ClassVar


class _Figures:
    def __init__(self, path: Path) -> None:
        self.kept: BinaryIO = path.open("wb")
        self.posts: list[tuple[int, int]] = []


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    folder: ClassVar[Path]
    figures: ClassVar[_Figures]
    runs: ClassVar[int] = 0

    def do_POST(self) -> None:
        """Count and keep one body's lines."""
        body = zlib.decompress(self.rfile.read(int(self.headers["Content-Length"])), 31)
        if body.startswith(b"reading,"):  # events and health come by themselves
            self.figures.kept.write(body + b"\n")
            self.figures.posts.append((time.monotonic_ns(), body.count(b"\n") + 1))
        self.send_response_only(204)
        self.end_headers()

    def do_GET(self) -> None:
        """Every post's moment and lines."""
        figures = self.figures
        if self.path == "/again":
            figures.kept.close()
            type(self).runs += 1
            type(self).figures = _Figures(self.folder / f"{self.runs}.lines")
        said = json.dumps({"posts": figures.posts, "file": figures.kept.name}).encode()
        self.send_response_only(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, *_: object) -> None:
        """Nothing: a line a post would be measured too."""


def serve(folder: Path) -> None:
    """Until killed."""
    _Answers.folder = folder
    _Answers.figures = _Figures(folder / "0.lines")
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Answers)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
