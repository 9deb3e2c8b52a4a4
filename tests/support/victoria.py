"""A real VictoriaMetrics on a free loopback port with its own folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode

from tests.support.need import free_port, need
from tests.support.wait import LEAST_S, until


class Victoria:
    """``with Victoria() as victoria:`` gives a running server that takes /api/v2/write."""

    def __init__(self) -> None:
        self._program = need("victoria-metrics")
        self.folder = Path(tempfile.mkdtemp(prefix="riskgate-victoria-"))
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Victoria:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._program,
                    f"-httpListenAddr=127.0.0.1:{self.port}",
                    f"-storageDataPath={self.folder}/data",
                    "-retentionPeriod=100y",
                    "-memory.allowedBytes=64MB",
                    "-loggerLevel=ERROR",
                ],
                stdout=log,
                stderr=log,
            )
        until(self._answers, 30, f"victoria-metrics on port {self.port}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(LEAST_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def export(self, match: str) -> list[dict[str, Any]]:
        """Raw series: {"metric": labels, "values": [...], "timestamps": [ms, ...]}; flushed first."""
        with urllib.request.urlopen(f"{self.url}/internal/force_flush", timeout=LEAST_S):
            pass
        query = urlencode({"match[]": match})
        with urllib.request.urlopen(f"{self.url}/api/v1/export?{query}", timeout=LEAST_S) as answer:
            return [json.loads(line) for line in answer.read().splitlines()]

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=1) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
