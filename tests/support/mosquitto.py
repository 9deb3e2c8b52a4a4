"""A real mosquitto with the shipped configuration, on a free loopback port, in a temporary folder."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from types import TracebackType

from tests.support.need import free_port, need
from tests.support.wait import LEAST_S, until

GATEWAY = ("riskgate", "gateway-secret")
"""User and password of the gateway, as in the shipped acl."""
DEVICES = ("acme/plant/GD-1", "acme/plant/GD-2")
DEVICE_PASSWORD = "device-secret"
PUBLISHER = ("acme", "publisher-secret")
"""Speaks for the whole enterprise, as a site's concentrator may."""


class Broker:
    """``with Broker() as broker:`` gives a running mosquitto; ``broker.port``.

    override: directives that replace the shipped ones, or are added: {"max_inflight_messages": "20"}; None
    removes. users: more users with passwords. tls: (ca, certificate, key) files for the listener;
    certificates: whether clients must show one too.
    """

    def __init__(
        self,
        override: dict[str, str | None] | None = None,
        users: dict[str, str] | None = None,
        tls: tuple[Path, Path, Path] | None = None,
        certificates: bool = True,
    ) -> None:
        self.program = need("mosquitto")
        self.folder = Path(tempfile.mkdtemp(prefix="riskgate-mosquitto-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._tls, self._certificates = tls, certificates
        everybody = {GATEWAY[0]: GATEWAY[1], PUBLISHER[0]: PUBLISHER[1]}
        everybody |= dict.fromkeys(DEVICES, DEVICE_PASSWORD) | (users or {})
        self._write_users(everybody)
        self.acl = self.folder / "acl"
        self.acl.write_text(files("gateway").joinpath("data/acl").read_text(encoding="utf-8"))
        self.config = self.folder / "mosquitto.conf"
        self.config.write_text(self._config(override or {}))

    def __enter__(self) -> Broker:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.program, "-c", str(self.config)], stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        until(self._accepts, 10, f"mosquitto on port {self.port}; its log: {self.log()}")

    def stop(self) -> None:
        """SIGTERM: it saves its store."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: only what was saved survives."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """The end of ``freeze``."""
        self._signal(signal.SIGCONT)

    def restart(self, *, rudely: bool = False) -> None:
        """Stop (or kill) and start with the same store."""
        self._end(signal.SIGKILL if rudely else signal.SIGTERM)
        self.start()

    def lose_session(self) -> None:
        """Kill, remove the store, start: the broker knows no session and no queued message."""
        self._end(signal.SIGKILL)
        for file in self.folder.glob("store/*"):
            file.unlink()
        self.start()

    def log(self) -> str:
        """What it wrote so far."""
        file = self.folder / "log"
        return file.read_text(errors="replace") if file.exists() else ""

    def wait_gone(self, client_id: str) -> None:
        """Wait until the broker has handled this client's DISCONNECT (and so every PUBACK before it)."""
        until(lambda: f"Client {client_id} disconnected." in self.log(), 10, f"{client_id} left the broker")

    def wait_subscribed(self, client_id: str, times: int = 1) -> None:
        """Wait until clients whose ids begin so have been given topics so often: from then on they miss
        nothing, which a CONNECT in the log does not say."""
        line = re.compile(rf"(?m)^\d+: {re.escape(client_id)}\S* [012] ")
        until(lambda: len(line.findall(self.log())) >= times, 20, f"{client_id} subscribed: {self.log()}")

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    def _accepts(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"mosquitto ended with {self._process.returncode}: {self.log()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.send_signal(number)
        try:
            process.wait(LEAST_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _write_users(self, users: dict[str, str]) -> None:
        file = self.folder / "passwd"
        file.write_text("".join(f"{name}:{password}\n" for name, password in users.items()))
        file.chmod(0o600)
        subprocess.run([need("mosquitto_passwd"), "-U", str(file)], check=True, capture_output=True)

    def _config(self, override: dict[str, str | None]) -> str:
        store = self.folder / "store"
        store.mkdir()
        replaced: dict[str, str | None] = {
            "listener": f"{self.port} 127.0.0.1",
            "password_file": str(self.folder / "passwd"),
            "acl_file": str(self.acl),
            "persistence_location": f"{store}/",
        }
        if os.geteuid() == 0:
            replaced["user"] = "root"  # else it gives up root and cannot write in our folder
        replaced |= override
        text = files("gateway").joinpath("data/mosquitto.conf").read_text(encoding="utf-8")
        for key, value in replaced.items():
            text = re.sub(rf"(?m)^{key} .*\n", "", text)
            if value is not None and key != "listener":
                text += f"{key} {value}\n"
        text += f"listener {replaced['listener']}\nlog_type subscribe\n"
        if self._tls:
            ca, certificate, key = self._tls
            text += f"cafile {ca}\ncertfile {certificate}\nkeyfile {key}\n"
            text += f"require_certificate {str(self._certificates).lower()}\n"
        return text


def saved(broker: Broker, deadline_s: float = 5.0) -> None:
    """Wait until the broker has written its store after now."""
    since = time.time()
    store = broker.folder / "store" / "mosquitto.db"
    until(lambda: store.exists() and store.stat().st_mtime >= since, deadline_s, "mosquitto saved its store")
