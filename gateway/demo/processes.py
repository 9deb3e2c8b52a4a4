"""Children of the demonstration: each with its log file, stopped in order, and never left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from gateway.clock import Clock
from gateway.errors import RiskgateError

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class Child:
    """One process. ``stop`` is SIGTERM, then SIGKILL."""

    def __init__(self, name: str, arguments: list[str], log: Path, environment: dict[str, str]) -> None:
        self.name = name
        self.log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 - the one system call needs no lock
            )

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs."""
        return self._process.poll()

    def check(self) -> None:
        """RiskgateError with the end of its log if it has ended."""
        if self.status is not None:
            tail = self.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            raise RiskgateError(
                f"{self.name} ended with status {self.status}; its log {self.log} ends:\n{tail}"
            )

    def stop(self, timeout_s: float = 12.0) -> int:
        """End it; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody uses now, all different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def wait_listening(port: int, child: Child, clock: Clock, timeout_s: float = 20.0) -> None:
    """Until something accepts on the port; RiskgateError when the child ends or time is up."""
    end_ns = clock.mono_ns() + round(timeout_s * 1e9)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        child.check()
        if clock.mono_ns() > end_ns:
            raise RiskgateError(f"{child.name} does not listen on port {port}; see {child.log}")
        clock.sleep(0.05)


def _die_with_parent() -> None:
    """Linux: SIGTERM when the demonstration dies, however it dies."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
