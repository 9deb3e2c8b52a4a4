"""``riskgate demo``: a whole gateway with a little city around it, on this machine only, in one go.

Broker, simulated plants with faults, gateway, console and a verifying webhook receiver; free ports, no root,
one process group. It ends by itself with ``--for``, and then with 0 only if every injected fault has its
alarm in the ledger, in time, and a verified message at the receiver, and ``verify`` holds.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import secrets
import shutil
import signal
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from rich.console import Console

from gateway.clock import Clock, SystemClock
from gateway.commands import ask
from gateway.config import load
from gateway.demo import screen, world
from gateway.demo.plants import LABELS, PUBLISHED
from gateway.demo.processes import Child, free_ports, wait_listening
from gateway.demo.receiver import Receiver
from gateway.demo.summary import Latency, Shown, alarm_events, latency, match, read_labels
from gateway.errors import ConfigError, CoreUnreachable, JournalError, RiskgateError
from gateway.ledger import LedgerReader
from gateway.paths import DataFolder
from gateway.verify import Report, verify

READY_S = 300.0
"""The first start compiles the detectors: a minute, several where the machine has other work."""
DRAIN_S = 8.0
"""Less than it takes until silence of the stopped devices is noticed."""
SEED = 20_240_601
WIDTH = 120
"""Of what is printed where no terminal is."""
EARLIER = (
    "journal", "ledger.db", "ledger.db-wal", "ledger.db-shm", "ledger.lock", "snapshots", "delivery.db",
    "delivery.db-wal", "delivery.db-shm", "history", "console.db", "first-login", LABELS, PUBLISHED,
)  # fmt: skip


def run(data: DataFolder, for_s: float | None = None, console_port: int | None = None) -> int:
    """Run until Ctrl-C, or for ``for_s`` seconds after the devices began to speak. The exit status."""
    clock = SystemClock()
    terminal = Console()
    out = terminal if terminal.is_terminal else Console(width=WIDTH)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with _alone(data), City(data, clock, console_port) as city:
        city.start(stopping, out)
        if stopping.is_set():
            return 0
        screen.greet(out, city.console_url, city.http_url, data)
        city.watch(stopping, for_s, out)
        if for_s is None or stopping.is_set():
            out.print("stopping ...")
            return 0
        status = city.settle()
        city.stop()
        return city.conclude(status, out)


@contextlib.contextmanager
def _alone(data: DataFolder) -> Iterator[None]:
    """Hold the folder: a second demonstration would remove the first one's files under its feet."""
    data.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (data.root / "demo.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ConfigError(
                [f"another demonstration runs in {data.root}: end it, or give this one another --data folder"]
            ) from error
        prepare(data)
        yield


def prepare(data: DataFolder) -> None:
    """An empty folder, or an earlier demonstration's, whose files are removed. Anything else is refused:
    ConfigError."""
    config = data.root / "riskgate.toml"
    if config.exists():
        if world.MARK not in config.read_text(encoding="utf-8").partition("\n")[0]:
            raise ConfigError(
                [f"{data.root} is a gateway's own data folder: give the demonstration another --data folder"]
            )
        for name in EARLIER:
            path = data.root / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
    elif data.journal.exists() or data.ledger.exists():
        raise ConfigError([f"{data.root} holds a journal: give the demonstration another --data folder"])
    data.create()


class City:
    """Everything that runs; a context that leaves nothing running."""

    def __init__(self, data: DataFolder, clock: Clock, console_port: int | None) -> None:
        self._data = data
        self._clock = clock
        self._broker_port, self._http_port, free = free_ports(3)
        self._console_port = console_port or free
        self._children: list[Child] = []
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        self._receiver = Receiver(secret, clock)
        self._write(secret)

    @property
    def console_url(self) -> str:
        """Where to look: the one-time link to the first account, while it is good."""
        file = self._data.first_login
        if file.exists():
            return file.read_text(encoding="utf-8").strip()
        return f"http://127.0.0.1:{self._console_port}/"

    @property
    def http_url(self) -> str:
        """Health and metrics."""
        return f"http://127.0.0.1:{self._http_port}"

    def __enter__(self) -> City:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._receiver.close()

    def start(self, stopping: threading.Event, out: Console) -> None:
        """Broker, gateway, console, and when the gateway listens to the broker: the devices."""
        root = str(self._data.root)
        broker = self._spawn(
            "broker", "gateway.demo.broker", str(self._broker_port), str(self._data.root / "broker.users")
        )
        self._receiver.start()
        wait_listening(self._broker_port, broker, self._clock)
        common = ["gateway.cli", "--data", root, "--config", str(self._data.root / "riskgate.toml")]
        gateway = self._spawn("gateway", *common, "run")
        console = self._spawn("console", *common, "console")
        with out.status("starting the gateway (the first start compiles the detectors) ..."):
            end_ns = self._clock.mono_ns() + round(READY_S * 1e9)
            while not (self.status() or {}).get("link_up"):
                gateway.check()
                if stopping.is_set():
                    return
                if self._clock.mono_ns() > end_ns:
                    raise RiskgateError(f"the gateway is not ready after {READY_S:.0f} s; see {gateway.log}")
                self._clock.sleep(0.1)
            wait_listening(self._console_port, console, self._clock)
        self._spawn("devices", "gateway.demo.plants", root, str(self._broker_port), str(SEED))

    def watch(self, stopping: threading.Event, for_s: float | None, out: Console) -> None:
        """Show the counters until stopped or the time is over."""
        begin_ns = self._clock.mono_ns()
        with screen.Counters(out) as counters:
            while not stopping.is_set():
                for child in self._children:
                    child.check()
                elapsed_s = (self._clock.mono_ns() - begin_ns) / 1e9
                counters.show(elapsed_s, for_s, self.status(), self.shown(), self._receiver)
                if for_s is not None and elapsed_s >= for_s:
                    return
                self._clock.sleep(0.5)

    def settle(self) -> dict[str, Any]:
        """Let what is on its way arrive, then the core's last word of itself."""
        end_ns = self._clock.mono_ns() + round(DRAIN_S * 1e9)
        while not self._all_received() and self._clock.mono_ns() < end_ns:
            self._clock.sleep(0.1)
        return self.status() or {}

    def conclude(self, status: dict[str, Any], out: Console) -> int:
        """Print the summary; 0 if everything held. The gateway must have stopped."""
        shown = self.shown()
        events = alarm_events(LedgerReader(self._data.ledger))
        took: Latency = latency(self._data, events, self._receiver.receipts)
        sinks = load(self._data.root / "riskgate.toml", {}).sinks
        report: Report = verify(self._data, self._data.root / PUBLISHED, sinks)
        screen.summary(out, status, shown, events, self._receiver, took, report)
        good = bool(shown) and all(s.ok for s in shown) and report.ok and self._receiver.refused == 0
        return 0 if good else 1

    def shown(self) -> list[Shown]:
        """Every label and what became of it so far."""
        labels = read_labels(self._data.root / LABELS)
        if not labels or not self._data.ledger.exists():
            return []
        try:
            events = alarm_events(LedgerReader(self._data.ledger))
        except JournalError:
            return []
        return match(labels, events, dict(self._receiver.receipts))

    def status(self) -> dict[str, Any] | None:
        """What the core says of itself; None while it does not answer."""
        try:
            return ask(self._data.core_socket, {"op": "status"}, 2.0)
        except CoreUnreachable:
            return None

    def stop(self) -> None:
        """Devices, console, gateway, broker: in the order in which nothing is missed."""
        order = {"devices": 0, "console": 1, "gateway": 2, "broker": 3}
        for child in sorted(self._children, key=lambda child: order[child.name]):
            child.stop()
        self._children.clear()

    def _all_received(self) -> bool:
        events = alarm_events(LedgerReader(self._data.ledger))
        return all(event.id in self._receiver.receipts for event in events)

    def _spawn(self, name: str, *arguments: str) -> Child:
        environment = {"NUMBA_CACHE_DIR": str(self._data.compiled), "PYTHONUNBUFFERED": "1"}
        child = Child(name, list(arguments), self._data.log / f"{name}.log", environment)
        self._children.append(child)
        return child

    def _write(self, webhook_secret: str) -> None:
        gateway, devices = secrets.token_hex(16), secrets.token_hex(16)
        private = {
            "gateway.password": f"{gateway}\n",
            "devices.password": f"{devices}\n",
            "broker.users": f"gateway:{gateway}\ndevices:{devices}\n",
            "webhook.secret": f"{webhook_secret}\n",
        }
        for name, text in private.items():
            path = self._data.root / name
            path.touch(mode=0o600)
            path.write_text(text, encoding="utf-8")
        ports = (self._broker_port, self._http_port, self._console_port, self._receiver.port)
        (self._data.root / "fleet.csv").write_text(world.fleet(), encoding="utf-8")
        (self._data.root / "riskgate.toml").write_text(world.configuration(*ports), encoding="utf-8")
