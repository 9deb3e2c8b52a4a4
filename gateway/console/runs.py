"""Simulations and replays that a tester starts from the console: ``riskgate`` itself as another process, one
at a time, its words in a log of its own; it ends with the console."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import structlog

from gateway.access import Refused
from gateway.clock import Clock
from gateway.paths import DataFolder

KEPT = 20
TAIL = 4000
"""Bytes of a log that are shown."""
STOP_S = 5.0
log = structlog.get_logger("console")


class Run(msgspec.Struct):
    """One of them. Times are unix ms; expected_s: how long it takes, None if that is not known."""

    number: int
    kind: str
    arguments: list[str]
    by: str
    begun_ms: int
    expected_s: float | None = None
    ended_ms: int | None = None
    status: int | None = None
    """Exit status; None while it runs."""
    stopped_by: str = ""


class Runs:
    """Thread-safe. command: how riskgate is called, with the options that come before its command."""

    def __init__(self, data: DataFolder, clock: Clock, options: Sequence[str] = ()) -> None:
        self._log = data.log
        self._clock = clock
        self._command = [sys.executable, "-m", "gateway.cli", *(options or ("--data", str(data.root)))]
        self._lock = threading.Lock()
        self._known: deque[Run] = deque(maxlen=KEPT)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, kind: str, arguments: list[str], by: str, expected_s: float | None = None) -> Run:
        """Begin; Refused while another one runs. No shell sees the arguments."""
        with self._lock:
            self._look()
            if self._process is not None:
                raise Refused(
                    f"run {self._known[-1].number} goes on: stop it, or wait for its end",
                    f"第 {self._known[-1].number} 次运行尚未结束:请停止或等待",
                )
            number = self._known[-1].number + 1 if self._known else 1
            run = Run(number, kind, arguments, by, self._now_ms(), expected_s)
            with self._file(number).open("wb") as out:
                self._process = subprocess.Popen(  # noqa: S603 - our own command, its arguments checked
                    [*self._command, *arguments], stdin=subprocess.DEVNULL, stdout=out, stderr=out
                )
            self._known.append(run)
            log.info("run started", number=number, by=by, arguments=arguments)
            return run

    def stop(self, by: str) -> None:
        """End the one that goes on; Refused if there is none."""
        with self._lock:
            self._look()
            process = self._process
            if process is None:
                raise Refused("nothing runs", "没有正在进行的运行")
            self._known[-1].stopped_by = by
            process.terminate()
        log.info("run stopped", by=by)

    def told(self) -> list[dict[str, Any]]:
        """Newest first; the newest with the end of its log."""
        with self._lock:
            self._look()
            found: list[dict[str, Any]] = [msgspec.to_builtins(run) for run in reversed(self._known)]
        if found:
            found[0]["log"] = self._tail(found[0]["number"])
        return found

    def close(self) -> None:
        """End what goes on; with the console."""
        with self._lock:
            process = self._process
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()

    def _look(self) -> None:
        if self._process is None or self._process.poll() is None:
            return
        run = self._known[-1]
        run.status, run.ended_ms = self._process.returncode, self._now_ms()
        self._process = None
        log.info("run ended", number=run.number, status=run.status)

    def _now_ms(self) -> int:
        return self._clock.wall_ns() // 1_000_000

    def _file(self, number: int) -> Path:
        return self._log / f"run-{number}.log"

    def _tail(self, number: int) -> str:
        try:
            return self._file(number).read_bytes()[-TAIL:].decode("utf-8", "replace")
        except OSError:
            return ""
