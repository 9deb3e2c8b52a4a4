"""The traced processes of the power-cut tests: a bare journal writer, and the real core under mosquitto."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.commands import ask
from gateway.errors import CoreUnreachable
from gateway.journal.segment import Synchronous
from gateway.paths import DataFolder
from tests.crash._mqtt import PUBACK, Frames, publish
from tests.crash._strace import child_of, traced
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.publisher import Publisher
from tests.support.report import ROOT
from tests.support.wait import LEAST_S, until

WINDOW = 8
TOPIC = "rg/acme/plant/GD-1/lel"
WALL_MS = 1_764_035_000_000

_CORE = (
    "import functools, gateway.coreprocess as process;"
    "process.Journal = functools.partial(process.Journal, synchronous='{synchronous}');"
    "from gateway.cli import main; main()"
)


def writer(
    synchronous: Synchronous, messages: int = 300, segment_bytes: int = 20_000
) -> Callable[[Path, Path], None]:
    """A journal writer that acknowledges over TCP; ``messages`` go to it, a window of eight at a time."""

    def subject(data: Path, trace: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(LEAST_S)
            arguments = [str(data / "journal"), str(server.getsockname()[1]), synchronous, str(segment_bytes)]
            command = [sys.executable, "-m", "tests.crash._writer", *arguments]
            process = traced(command, trace, cwd=ROOT)
            link, _ = server.accept()
            with link:
                link.settimeout(LEAST_S)
                _feed(link, messages)
            assert process.wait(LEAST_S) == 0

    return subject


def _feed(link: socket.socket, messages: int) -> None:
    frames = Frames()
    sent = acked = 0
    while acked < messages:
        batch = b""
        while sent < messages and sent - acked < WINDOW:
            sent += 1
            batch += publish(sent, b"t", b"%06d" % sent + b"x" * (sent * 37 % 700))
        link.sendall(batch)
        data = link.recv(1 << 16)
        assert data, "the writer ended early"
        acked += sum(first >> 4 == PUBACK for first, _ in frames.feed(data))


def core(synchronous: Synchronous, messages: int = 300) -> Callable[[Path, Path], None]:
    """The gateway's core process under a real mosquitto: readings that raise and clear alarms, a snapshot a
    second, a clean stop."""

    def subject(data: Path, trace: Path) -> None:
        with Broker() as broker:
            config = _configure(broker)
            arguments = ["--data", str(data), "--config", str(config), "process", "core"]
            command = [sys.executable, "-c", _CORE.format(synchronous=synchronous), *arguments]
            with (broker.folder / "core.log").open("wb") as log:
                process = traced(command, trace, cwd=ROOT, stdout=log, stderr=log, env=dict(os.environ))
                try:
                    try:
                        _publish(broker, DataFolder(data), process, messages)
                    finally:
                        _stop(process)
                except BaseException:
                    print((broker.folder / "core.log").read_text(errors="replace"), file=sys.stderr)
                    raise

    return subject


def _configure(broker: Broker) -> Path:
    folder = broker.folder
    password = folder / "password"
    password.write_text(GATEWAY[1])
    password.chmod(0o600)
    (folder / "fleet.csv").write_text(
        "enterprise,site,asset,device,profile\nacme,plant,tank,GD-1,gas/combustible_point\n"
    )
    config = folder / "riskgate.toml"
    config.write_text(
        f'[ingest]\nport = {broker.port}\nusername = "{GATEWAY[0]}"\npassword_file = "{password}"\n'
        "[snapshots]\nevery_s = 1\n"
    )
    return config


def _publish(broker: Broker, data: DataFolder, process: subprocess.Popen[bytes], messages: int) -> None:
    until(lambda: _status(data, process).get("link", {}).get("subscribed"), 60, "topics granted by mosquitto")
    with Publisher(broker.port, broker.folder / "published") as publisher:
        for number in range(messages):
            value = 30.0 if number % 40 > 20 else 1.0
            publisher.publish(
                TOPIC, f'{{"time_ms": {WALL_MS + 1000 * number}, "value": {value}, "n": {number}}}'
            )
            if (number + 1) % WINDOW and number + 1 < messages:
                continue
            # all at once would be a few large commits, and so few moments at which a cut can do harm
            publisher.settle()
            until(
                lambda sent=number + 1: _status(data, process).get("counts", {}).get("packets", 0) >= sent,
                60,
                "the core journalled what was sent",
            )


def _status(data: DataFolder, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    assert process.poll() is None, f"the core ended with {process.returncode}"
    try:
        return ask(data.core_socket, {"op": "status"}, LEAST_S)
    except CoreUnreachable:
        return {}


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.kill(child_of(process), signal.SIGTERM)
    assert process.wait(LEAST_S) == 0, f"the core ended with {process.returncode}"
