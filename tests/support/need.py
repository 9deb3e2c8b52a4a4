"""A real server or nothing: find the program, or skip with the reason (fail with RISKGATE_NO_SKIP=1)."""

from __future__ import annotations

import os
import shutil
import socket

import pytest

PLACES = "/usr/sbin:/usr/local/sbin:/usr/local/bin:/usr/bin"


def find(program: str) -> str:
    """The program's path, or "" if it is not installed."""
    return shutil.which(program) or shutil.which(program, path=PLACES) or ""


def need(program: str) -> str:
    """The program's path; a test without it is skipped, or failed where nothing may be left out."""
    path = find(program)
    if path:
        return path
    reason = f"{program} is not installed: make services"
    if os.environ.get("RISKGATE_NO_SKIP") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def free_port() -> int:
    """A loopback TCP port that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
