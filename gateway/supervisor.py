"""``riskgate run``: starts core and delivery, starts them again when they die, serves /health and /metrics.

It holds no data of its own: killing it loses nothing, and its children stop when it does.
"""

from __future__ import annotations

import ctypes
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import structlog

from gateway.clock import Clock
from gateway.commands import ask
from gateway.conditions import BEHIND_S
from gateway.config import ALIVE_BEFORE, Config
from gateway.errors import CoreUnreachable, RiskgateError
from gateway.metrics import render
from gateway.paths import DataFolder
from gateway.systemd import Systemd

SILENT_CORE_S = 5.0
"""After this long without a round of the core, /health says 503."""
CORE_STOP_S, DELIVERY_STOP_S = 5.0, 4.0
"""Together below the ten seconds in which the gateway promises to stop."""
RESTART_S = (0.2, 1.0, 2.0, 5.0, 10.0)
STEADY_NS = 60_000_000_000
"""A process that lived this long is restarted without a wait."""
EXIT_TRY_AGAIN = 75
"""What hinders the process now may be over soon (a full disk, a locked file): start it again."""
EXIT_REFUSED = 78
"""A core that ends so before it ever answered (configuration, another core, damaged journal) would end so
again: give up. One that has answered is started again: it may go on with what was in force."""
PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class Process:
    """One child: its command, how often it died."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], clock: Clock) -> None:
        self.name = name
        self.restarts = 0
        self.answered = False
        """Whether it ever answered a status question, or at least was not refused at its start."""
        self._command = command
        self._environment = environment
        self._clock = clock
        self._started_ns = 0
        self._next_ns = 0
        self._child: subprocess.Popen[bytes] | None = None
        self._failures = 0

    def start(self) -> None:
        """Start it."""
        self._started_ns = self._clock.mono_ns()
        self._child = subprocess.Popen(  # noqa: S603 - our own program, our own arguments
            self._command,
            env={**self._environment, **({ALIVE_BEFORE: "1"} if self.answered else {})},
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - one system call, takes no lock
        )

    def tend(self) -> int | None:
        """Restart it if it died and its wait is over; the exit status if it refused to start at all."""
        if self._child is None:
            if self._clock.mono_ns() >= self._next_ns:
                self.restarts += 1
                self.start()
            return None
        status = self._child.poll()
        if status is None:
            return None
        self._child = None
        if status == EXIT_REFUSED and not self.answered and self.name == "core":
            return status
        # whatever else ended it, it was not refused at its start
        self.answered = self.answered or status not in (EXIT_REFUSED, EXIT_TRY_AGAIN)
        now = self._clock.mono_ns()
        self._failures = 0 if now - self._started_ns > STEADY_NS else self._failures + 1
        wait_s = RESTART_S[min(self._failures, len(RESTART_S) - 1)]
        self._next_ns = now + round(wait_s * 1e9)
        structlog.get_logger("supervisor").error("process died", name=self.name, status=status, wait_s=wait_s)
        return None

    def signal(self, number: int) -> None:
        """Pass a signal on."""
        if self._child is not None and self._child.poll() is None:
            self._child.send_signal(number)

    def stop(self, timeout_s: float) -> int:
        """End it: SIGTERM, then SIGKILL; its status."""
        if self._child is None:
            return 0
        self.signal(signal.SIGTERM)
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._child.kill()
            return self._child.wait()


class Supervisor:
    """Core, delivery and the health page."""

    def __init__(self, config: Config, data: DataFolder, arguments: list[str], clock: Clock) -> None:
        self._log = structlog.get_logger("supervisor")
        self._config = config
        self._data = data
        self._clock = clock
        self._stopping = threading.Event()
        environment = process_environment(data)
        base = [sys.executable, "-m", "gateway.cli", *arguments, "process"]
        self._core = Process("core", [*base, "core"], environment, clock)
        self._delivery = Process("delivery", [*base, "delivery"], environment, clock)

    def run(self) -> int:
        """Until SIGTERM or SIGINT: 0. A core's refusal to start ends all with its status; delivery never ends
        the core: what it cannot deliver now waits."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        signal.signal(signal.SIGHUP, lambda *_: self._core.signal(signal.SIGHUP))
        systemd = Systemd(os.environ)
        server = self._serve()
        for process in (self._delivery, self._core):
            process.start()
        status = 0
        looks = 0
        while not self._stopping.wait(0.2):
            looks += 1
            if looks % 10 == 0 and (systemd.asks or not self._core.answered):
                core_says, _ = self.statuses()
                if core_says is not None and core_says["turn_age_s"] <= SILENT_CORE_S:
                    systemd.alive()
            refused = self._core.tend()
            if refused:
                status = refused
                break
            self._delivery.tend()
        systemd.stopping()
        core = self._core.stop(CORE_STOP_S)
        delivery = self._delivery.stop(DELIVERY_STOP_S)
        server.shutdown()
        return status or max(core, delivery, 0)

    def _stop(self, *_signal: object) -> None:
        self._stopping.set()

    def _serve(self) -> http.server.ThreadingHTTPServer:
        supervisor = self

        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                """Answer /health and /metrics."""
                if self.path == "/health":
                    healthy, body = supervisor.health()
                    self._send(200 if healthy else 503, json.dumps(body).encode(), "application/json")
                elif self.path == "/metrics":
                    core, delivery = supervisor.statuses()
                    self._send(200, render(core, delivery), "text/plain; version=0.0.4; charset=utf-8")
                else:
                    self._send(404, b"only /health and /metrics are here\n", "text/plain")

            def _send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Requests for health are not worth a line."""

        try:
            server = http.server.ThreadingHTTPServer((self._config.http.host, self._config.http.port), Page)
        except OSError as error:
            raise RiskgateError(
                f"cannot serve /health on {self._config.http.host}:{self._config.http.port}: "
                f"{error.strerror}. Set another [http] port."
            ) from error
        threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
        return server

    def statuses(self) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
        """What core and delivery say of themselves now; None for one that does not answer."""
        core, delivery = _status(self._data.core_socket), _status(self._data.delivery_socket)
        self._core.answered = self._core.answered or core is not None
        self._delivery.answered = self._delivery.answered or delivery is not None
        return core, delivery

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Whether the gateway sees, and why not."""
        core, delivery = self.statuses()
        problems = []
        if core is None:
            problems.append("the core does not answer")
        else:
            if core["turn_age_s"] > SILENT_CORE_S:
                problems.append(f"the core has been silent for {core['turn_age_s']:.1f} s")
            if core["blind"]:
                problems.append(f"gateway blind: {core['blind_reason']}")
        notes = []
        if core is not None and not core["link_up"]:
            notes.append("no connection to the broker")
        if core is not None and core["behind_s"] > BEHIND_S:
            notes.append(f"behind by {core['behind_s']:.0f} s")
        if delivery is None:
            notes.append("delivery does not answer")
        body = {
            "healthy": not problems,
            "problems": problems,
            "notes": notes,
            "restarts": {p.name: p.restarts for p in (self._core, self._delivery)},
            "position": None if core is None else core["position"],
            "behind_s": None if core is None else round(core["behind_s"], 3),
            "exercise": None if core is None else core["exercise"],
        }
        return not problems, body


def process_environment(data: DataFolder) -> dict[str, str]:
    """The environment of a child: compiled loops are kept in the data folder."""
    return {"NUMBA_CACHE_DIR": str(data.compiled), **os.environ, "PYTHONUNBUFFERED": "1"}


def _status(path: Path) -> dict[str, Any] | None:
    try:
        answer = ask(path, {"op": "status"}, timeout_s=2.0)
    except CoreUnreachable:
        return None
    return None if "reason_en" in answer else answer  # it answered, but could not say


def _die_with_parent() -> None:
    """Linux: the child gets SIGTERM when the supervisor dies, however it dies."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
