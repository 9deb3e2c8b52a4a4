"""A gateway under test: its folder, configuration, fleet and processes; real programs, no stand-ins."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.commands import ask
from gateway.errors import CoreUnreachable
from gateway.journal import JournalReader
from gateway.monitor.entries import Packets
from gateway.paths import DataFolder
from tests.support.mosquitto import GATEWAY
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.wait import patiently, until

WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
CACHE = Path(
    os.environ.get("NUMBA_CACHE_DIR", Path(__file__).resolve().parents[2] / ".pytest_cache/compiled")
)
"""Compiled loops are shared by all gateways under test."""
QUIET_S = 1.0
"""So long nothing may change before a gateway counts as drained: what is under way from core to delivery is
seen by neither."""


class Gateway:
    """One data folder and the processes started on it. A context: what still runs is killed at the end."""

    def __init__(self, folder: Path, port: int, fleet: list[tuple[str, str, str, str, str]]) -> None:
        self.folder = folder
        self.data = DataFolder(folder / "data")
        self.data.root.mkdir(parents=True, exist_ok=True)
        self.config = folder / "riskgate.toml"
        self.http_port = free_port()
        self._broker_port = port
        self._processes: list[subprocess.Popen[bytes]] = []
        (folder / "password").write_text(GATEWAY[1] + "\n")
        (folder / "webhook-secret").write_text(WEBHOOK_SECRET + "\n")
        rows = ["enterprise,site,asset,device,profile", *(",".join(row) for row in fleet)]
        (folder / "fleet.csv").write_text("\n".join(rows) + "\n")
        self.configure()

    def configure(
        self, *, sinks: str = "", extra: str = "", journal: str = "", ingest: str = "", snapshot_s: int = 1
    ) -> None:
        """Write riskgate.toml: texts are added to their tables. Snapshots are made far more often than
        usual, so that short tests see some."""
        self.config.write_text(
            f"""{extra}
[ingest]
port = {self._broker_port}
username = "{GATEWAY[0]}"
password_file = "password"
{ingest}
[journal]
{journal}
[snapshots]
every_s = {snapshot_s}
[http]
port = {self.http_port}
{sinks}
"""
        )

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def command(self, *words: str) -> list[str]:
        """The command line of a riskgate command on this folder."""
        base = [
            sys.executable,
            "-m",
            "gateway.cli",
            "--data",
            str(self.data.root),
            "--config",
            str(self.config),
        ]
        return [*base, *words]

    def start(
        self, *words: str, environment: dict[str, str] | None = None, program: list[str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command; its standard error goes to <folder>/log."""
        CACHE.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                program or self.command(*words),
                env={**os.environ, "NUMBA_CACHE_DIR": str(CACHE), **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).resolve().parents[2],
            )
        self._processes.append(process)
        return process

    def give_compiled(self) -> None:
        """Put the compiled loops that all share into the data folder, as a first start leaves them there."""
        if CACHE.exists():  # another may be writing there: what has no name of its own yet may vanish
            shutil.copytree(CACHE, self.data.compiled, ignore=shutil.ignore_patterns("*.tmp.*"))

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*words),
            env={**os.environ, "NUMBA_CACHE_DIR": str(CACHE), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )

    def log(self) -> str:
        """The end of what the processes wrote."""
        return self.whole_log()[-4000:]

    def whole_log(self) -> str:
        """All that the processes wrote."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def status(self) -> dict[str, Any] | None:
        """The core's own words; None while it does not answer."""
        return self._ask(self.data.core_socket)

    def delivery(self) -> dict[str, Any] | None:
        """Delivery's own words; None while it does not answer."""
        return self._ask(self.data.delivery_socket)

    def counts(self) -> dict[str, Any]:
        """What the core counted; {} while it does not answer."""
        counts: dict[str, Any] = (self.status() or {}).get("counts", {})
        return counts

    def connected(self, deadline_s: float = 120.0) -> None:
        """Wait until the core has its broker, and the broker gives it the topics: what is published before
        goes nowhere."""
        self._until(
            lambda: bool((self.status() or {}).get("link", {}).get("subscribed")),
            deadline_s,
            "topics granted by the broker",
        )

    def delivering(self, deadline_s: float = 120.0) -> None:
        """Wait until delivery answers."""
        self._until(lambda: self.delivery() is not None, deadline_s, "an answer of delivery")

    def taken(self, packets: int, deadline_s: float = 60.0) -> None:
        """Wait until so many packets in all were journalled, or refused before: an idle core knows nothing of
        those that the broker still has. For gateways that are not killed: what comes again counts again."""

        def enough() -> bool:
            counts = self.counts()
            return bool(counts) and counts["packets"] + sum(counts["refused"].values()) >= packets

        self._until(enough, deadline_s, f"{packets} packets taken")

    def has_all_of(self, publisher: Publisher, deadline_s: float = 60.0) -> None:
        """Wait until the newest message of a publisher is journalled, and so, for the broker keeps the order,
        each before it that the broker had taken. No two of them are the same."""
        publisher.settle(deadline_s)
        wanted, after = publisher.newest.encode(), 0

        def there() -> bool:
            nonlocal after
            for position, entry in JournalReader(self.data.journal).read(after):
                after = position
                if isinstance(entry, Packets) and any(
                    entry.packet(n)[1] == wanted for n in range(len(entry))
                ):
                    return True
            return False

        self._until(there, deadline_s, f"the newest message journalled: {publisher.newest[:200]}")

    def drained(self, deadline_s: float = 60.0) -> None:
        """Wait until everything received is journalled and every sink has everything. See ``taken`` and
        ``has_all_of`` for what has not been received yet."""
        seen: tuple[Any, ...] = ()
        since = 0.0

        def idle() -> bool:
            nonlocal seen, since
            core, delivery = self.status(), self.delivery()
            if core is None or delivery is None or core["intake_packets"]:
                return False
            sinks = delivery["sinks"].values()
            if any(s["pending"] or s["lag"] for s in sinks):
                return False
            last, seen = seen, (core["counts"], core["ledger_seq"], [s["delivered"] for s in sinks])
            if seen != last:
                since = time.monotonic()
            return time.monotonic() - since > QUIET_S

        self._until(idle, deadline_s, "drained sinks")

    def stop(self, process: subprocess.Popen[bytes], deadline_s: float = 20.0) -> int:
        """SIGTERM, and its exit status."""
        process.send_signal(signal.SIGTERM)
        return process.wait(patiently(deadline_s))

    def _until(self, predicate: Callable[[], bool], deadline_s: float, what: str) -> None:
        try:
            until(predicate, deadline_s, what)
        except AssertionError as late:
            text = f"{late}\ncore: {self.status()}\ndelivery: {self.delivery()}\nlog:\n{self.log()}"
            raise AssertionError(text) from late

    @staticmethod
    def _ask(path: Path) -> dict[str, Any] | None:
        try:
            return ask(path, {"op": "status"}, timeout_s=20.0)
        except CoreUnreachable:
            return None


def webhook_table(name: str, port: int, more: str = "") -> str:
    """The configuration of a webhook sink to a receiver on this machine."""
    return f"""
[sinks.{name}]
kind = "webhook"
url = "http://127.0.0.1:{port}/"
secret_file = "webhook-secret"
allow = ["127.0.0.1:{port}"]
ports = [{port}]
{more}
"""
