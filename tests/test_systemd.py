"""What systemd is told, over a real datagram socket; and that the shipped units name what exists."""

from __future__ import annotations

import configparser
import os
import socket
from pathlib import Path

import pytest

from gateway.cli import app
from gateway.systemd import Systemd

UNITS = sorted((Path(__file__).parents[1] / "systemd").glob("*.service"))


@pytest.mark.parametrize("abstract", [False, True])
def test_ready_once_then_alive_then_stopping(tmp_path: Path, *, abstract: bool) -> None:
    address = f"\0{tmp_path.name}-{os.getpid()}-notify" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(address)
        listening.settimeout(60)
        told = Systemd({"NOTIFY_SOCKET": address.replace("\0", "@")})
        assert told.asks
        told.alive()
        told.alive()
        told.stopping()
        heard = [listening.recv(100) for _ in range(3)]
    assert heard == [b"READY=1\nWATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_nobody_asks_and_nobody_listens(tmp_path: Path) -> None:
    assert not Systemd({}).asks
    Systemd({}).alive()
    gone = Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    gone.alive()
    assert gone.asks


@pytest.mark.parametrize("unit", UNITS, ids=[unit.stem for unit in UNITS])
def test_units_start_commands_that_exist(unit: Path) -> None:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment,method-assign]
    parsed.read(unit, encoding="utf-8")
    words = parsed["Service"]["ExecStart"].split()
    commands = {info.name or getattr(info.callback, "__name__", "") for info in app.registered_commands}
    commands |= {
        command.name or getattr(command.callback, "__name__", "")
        for group in app.registered_groups
        if group.typer_instance is not None
        for command in group.typer_instance.registered_commands
    }
    assert words[-1] in commands
    assert parsed["Service"]["Restart"] == "always"
    assert parsed["Service"]["NoNewPrivileges"] == "yes"
