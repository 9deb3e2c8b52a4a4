"""Node-RED as a peer: mqtt in -> json -> a function that counts and compares; installed once, pinned.

npm takes it from whatever registry it is set up for, into build/node-red of this repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.need import free_port
from tests.support.report import ROOT
from tests.support.wait import until

VERSION = "4.1.8"  # 5 needs a newer node than Debian 12's neighbours ship
FOLDER = ROOT / "build" / "node-red"
INSTALL_S, START_S = 600, 60

COUNT = """
const given = Array.isArray(msg.payload.readings) ? msg.payload.readings : [msg.payload];
let count = global.get("count") || 0, high = global.get("high") || 0;
for (const one of given) { count += 1; if (one.value > 50) { high += 1; } }
global.set("count", count); global.set("high", high);
return null;
"""
TELL = """
msg.payload = {count: global.get("count") || 0, high: global.get("high") || 0};
return msg;
"""


class Missing(Exception):  # noqa: N818 - named by what happened
    """The peer cannot be had here; says why."""


def program(folder: Path = FOLDER) -> list[str]:
    """The command that starts it, installed if it was not yet; ``Missing`` if that fails."""
    main = folder / "node_modules" / "node-red" / "red.js"
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None:
        raise Missing("node is not installed")
    if installed(folder) != VERSION:
        if npm is None:
            raise Missing("npm is not installed")
        folder.mkdir(parents=True, exist_ok=True)
        words = [
            npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--fetch-timeout=60000",
            "--fetch-retries=1", f"node-red@{VERSION}",
        ]  # fmt: skip
        try:
            done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=INSTALL_S)
        except subprocess.TimeoutExpired:
            raise Missing(f"npm install took longer than {INSTALL_S} s") from None
        if done.returncode or installed(folder) != VERSION:
            raise Missing(f"npm install node-red@{VERSION} failed: {done.stderr.strip()[-300:]}")
    return [node, str(main)]


def installed(folder: Path = FOLDER) -> str:
    """Its version, "" if it is not there."""
    about = folder / "node_modules" / "node-red" / "package.json"
    return str(json.loads(about.read_text(encoding="utf-8"))["version"]) if about.exists() else ""


def flow(port: int) -> list[dict[str, Any]]:
    """One tab; the second row of nodes tells the count over HTTP, so that what it took can be checked."""
    tab = {"z": "tab", "x": 100, "y": 100}  # without a place it would be taken for a configuration node
    broker = {
        "id": "broker", "type": "mqtt-broker", "broker": "127.0.0.1", "port": str(port), "autoConnect": True,
        "clientid": "nodered", "usetls": False, "protocolVersion": "4", "keepalive": "3600",
        "cleansession": True,
    }  # fmt: skip
    subscribe = {
        "id": "in", "type": "mqtt in", "topic": "rg/+/+/+/+", "qos": "1", "datatype": "utf8",
        "broker": "broker", "nl": False, "rap": False, "rh": 0, "inputs": 0, "wires": [["json"]], **tab,
    }  # fmt: skip
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        broker,
        subscribe,
        {"id": "json", "type": "json", "property": "payload", "action": "obj", "wires": [["count"]], **tab},
        {"id": "count", "type": "function", "func": COUNT, "outputs": 1, "wires": [[]], **tab},
        {"id": "ask", "type": "http in", "url": "/count", "method": "get", "wires": [["tell"]], **tab},
        {"id": "tell", "type": "function", "func": TELL, "outputs": 1, "wires": [["answer"]], **tab},
        {"id": "answer", "type": "http response", "wires": [], **tab},
    ]


SETTINGS = """
module.exports = {
    uiHost: "127.0.0.1", uiPort: %d, flowFile: "flows.json", httpAdminRoot: false, credentialSecret: false,
    telemetry: { enabled: false }, diagnostics: { enabled: false }, runtimeState: { enabled: false },
    logging: { console: { level: "warn", metrics: false, audit: false } },
    externalModules: { autoInstall: false, palette: { allowInstall: false } },
};
"""


class NodeRed:
    """A running one; ``count()`` = (readings it took, those beyond the limit)."""

    def __init__(self, process: subprocess.Popen[bytes], http_port: int) -> None:
        self.process = process
        self._url = f"http://127.0.0.1:{http_port}/count"

    def count(self) -> tuple[int, int]:
        """Asks its flow."""
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            said = json.load(answer)
        return int(said["count"]), int(said["high"])


@contextmanager
def running(folder: Path, port: int) -> Iterator[NodeRed]:
    """Node-RED with its flow, subscribed to the broker at ``port``; ``folder`` is its own, new one."""
    command = program()
    http_port = free_port()
    folder.mkdir(parents=True)
    (folder / "flows.json").write_text(json.dumps(flow(port)), encoding="utf-8")
    (folder / "settings.js").write_text(SETTINGS % http_port, encoding="utf-8")
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*command, "--settings", str(folder / "settings.js"), "--userDir", str(folder)],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, "NODE_ENV": "production"},
        )  # fmt: skip
    peer = NodeRed(process, http_port)

    def answers() -> bool:
        if process.poll() is not None:
            raise Missing(f"node-red ended with {process.returncode}: {log.read_text()[-300:]}")
        try:
            return peer.count() == (0, 0)
        except OSError:
            return False

    try:
        until(answers, START_S, "node-red answers")
        yield peer
    finally:
        process.terminate()
        process.wait(20)
