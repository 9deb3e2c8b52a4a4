"""A real InfluxDB 1 on a free loopback port with its own folder, and the small front that lets an InfluxDB 2
client write to it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.support.need import free_port, need
from tests.support.wait import LEAST_S, until

CONFIG = """
reporting-disabled = true
bind-address = "127.0.0.1:{rpc}"
[meta]
  dir = "{folder}/meta"
[data]
  dir = "{folder}/data"
  wal-dir = "{folder}/wal"
[http]
  enabled = true
  bind-address = "127.0.0.1:{http}"
  log-enabled = false
[logging]
  level = "error"
[monitor]
  store-enabled = false
"""


class Influxd:
    """``with Influxd() as influx:`` gives a running server with a database "riskgate"."""

    database = "riskgate"

    def __init__(self) -> None:
        self._program = need("influxd")
        self.folder = Path(tempfile.mkdtemp(prefix="riskgate-influxd-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Influxd:
        file = self.folder / "influxdb.conf"
        file.write_text(CONFIG.format(folder=self.folder, http=self.port, rpc=free_port()))
        self.start()
        self.query(f'CREATE DATABASE "{self.database}"')
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-config", str(self.folder / "influxdb.conf")], stdout=log, stderr=log
            )
        until(self._answers, 30, f"influxd on port {self.port}")

    def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(LEAST_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def query(self, text: str) -> list[dict[str, Any]]:
        """InfluxQL; every series of every statement. AssertionError with the server's words on an error."""
        body = urlencode({"db": self.database, "q": text, "epoch": "ns"}).encode()
        with urllib.request.urlopen(f"{self.url}/query", body, timeout=LEAST_S) as answer:
            results = json.load(answer)["results"]
        for result in results:
            assert "error" not in result, f"{text}: {result['error']}"
        return [series for result in results for series in result.get("series", [])]

    def rows(self, text: str) -> list[dict[str, Any]]:
        """Rows of all series, tags of GROUP BY included."""
        return [
            {**series.get("tags", {}), **dict(zip(series["columns"], values, strict=True))}
            for series in self.query(text)
            for values in series["values"]
        ]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")
        try:
            with urllib.request.urlopen(f"{self.url}/ping", timeout=1) as answer:
                return bool(answer.status == 204)
        except (URLError, OSError):
            return False


class Front:
    """Maps POST /api/v2/write?org=&bucket=db to an InfluxDB 1's /write?db=. Only for tests."""

    def __init__(self, influx: Influxd) -> None:
        class Mapping(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                body = self.rfile.read(int(self.headers["Content-Length"]))
                mapped = urlencode({"db": query["bucket"][0], "precision": query["precision"][0]})
                headers = {"Content-Encoding": self.headers.get("Content-Encoding", "identity")}
                request = urllib.request.Request(f"{influx.url}/write?{mapped}", body, headers)
                try:
                    with urllib.request.urlopen(request, timeout=LEAST_S) as answer:
                        status, text = answer.status, answer.read()
                except HTTPError as error:
                    status, text = error.code, error.read()
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                if status != 204:
                    self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Mapping)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Front:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
