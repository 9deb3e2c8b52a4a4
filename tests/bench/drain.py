"""How fast a database that was away catches up, while readings go on arriving and are judged.

A core has journalled a backlog. A new database sink begins at the journal's start; the delivery process (with
its history, which has kept up) derives the backlog's readings and posts them, and the core sends more at the
live rate meanwhile. The row is void unless the database then holds exactly what was sent.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.commands import ask
from gateway.errors import CoreUnreachable
from gateway.paths import DataFolder
from tests.bench._backlog import Backlog, missing_and_foreign
from tests.support.gateway import CACHE
from tests.support.report import ROOT, Row, meets
from tests.support.wait import until

LIVE_RATE = 9_300
"""Readings a second of the plant that the design is made for."""
DEVICES = 9_300
COMMIT_ROWS = 1_000
TURN_S = 0.02
DEADLINE_S = 240.0


@dataclass(slots=True)
class Drained:
    """One round."""

    lines_per_s: float
    turns_ms: list[float] = field(default_factory=list)
    """How long the core's turns took meanwhile."""
    missing: int = 0
    foreign: int = 0
    twice: int = 0


class Stand:
    """A data folder with a backlog, a database, and one delivery process at a time."""

    def __init__(self, folder: Path, devices: int, live_rate: int) -> None:
        self.folder, self._live_rate = folder, live_rate
        self.data = DataFolder(folder / "data")
        self.backlog = Backlog(self.data, devices)
        self._devices = devices
        self._credit = 0.0

    def fill(self, rows: int) -> None:
        """Journal a backlog."""
        for _ in range(rows // COMMIT_ROWS):
            self.backlog.send(COMMIT_ROWS)

    @contextmanager
    def delivery(self, sink: str, port: int) -> Iterator[subprocess.Popen[bytes]]:
        """The delivery process with its history and one database sink; "" = none."""
        table = f'[sinks.{sink}]\nkind = "influxdb"\nurl = "http://127.0.0.1:{port}"\nbucket = "plant"\n'
        config = self.folder / "riskgate.toml"
        config.write_text(table if sink else "", encoding="utf-8")
        words = ["--config", str(config), "--data", str(self.data.root), "process", "delivery"]
        CACHE.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "gateway.cli", *words],
                env={**os.environ, "NUMBA_CACHE_DIR": str(CACHE)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    def live(self, seconds: float) -> list[float]:
        """Send at the live rate for so long; how long each turn of the core took, ms."""
        took, begun = [], time.monotonic()
        while (now := time.monotonic()) < begun + seconds:
            self._credit += TURN_S * self._live_rate
            self.backlog.send(int(self._credit))
            self._credit -= int(self._credit)
            took.append((time.monotonic() - now) * 1e3)
            time.sleep(max(0.0, now + TURN_S - time.monotonic()))
        return took

    def behind(self, sink: str) -> bool:
        """Whether a sink still has to catch up, or delivery is not there yet."""
        try:
            status = ask(self.data.delivery_socket, {"op": "status"})["sinks"][sink]
        except (CoreUnreachable, KeyError):
            return True
        return bool(status["lanes"]["readings"]["behind"])

    def round(self, sink: str, port: int) -> Drained:
        """Let one new database catch up, exactly account for it."""
        figures(port, again=True)
        done, turns = Drained(0.0), []
        with self.delivery(sink, port) as process:
            end = time.monotonic() + DEADLINE_S
            while self.behind(sink):
                turns += self.live(0.2)
                if process.poll() is not None:
                    raise AssertionError(f"delivery ended: {(self.folder / 'log').read_text()[-500:]}")
                if time.monotonic() > end:
                    raise AssertionError(f"{sink} has not caught up within {DEADLINE_S} s")
            caught_up_ns = time.monotonic_ns()
            sent = self.backlog.sent
            until(lambda: figures(port)["lines"] >= sent, 20.0, f"{sent} lines in the database")
        posts = [(at, lines) for at, lines in figures(port)["posts"] if at <= caught_up_ns]
        done.turns_ms = turns
        done.lines_per_s = sum(lines for _, lines in posts[1:]) / (posts[-1][0] - posts[0][0]) * 1e9
        kept = Path(figures(port)["file"])
        figures(port, again=True)
        done.missing, done.foreign, lines = missing_and_foreign(kept, sent, self._devices)
        done.twice = lines - sent
        return done


def figures(port: int, *, again: bool = False) -> dict[str, Any]:
    """What the database says of this run; ``again``: and a new one begins."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{'again' if again else ''}") as answer:
        said: dict[str, Any] = json.load(answer)
    said["lines"] = sum(lines for _, lines in said["posts"])
    return said


@contextmanager
def database(folder: Path) -> Iterator[int]:
    """The database's port."""
    words = [sys.executable, "-m", "tests.bench._lines_server", str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def measure(rounds: int = 5, rows: int = 150_000, live_rate: int = LIVE_RATE) -> list[Row]:
    """Row "drain": lines a second while catching up over the live rate, the median of the rounds."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="riskgate-")))
        stand = Stand(folder, DEVICES, live_rate)
        stack.callback(stand.backlog.close)
        stand.fill(rows)
        alone = stand.live(1.0)
        port = stack.enter_context(database(folder))
        with stand.delivery("", port):
            until(lambda: not stand.behind("history"), DEADLINE_S, "the history has caught up")
        done = [stand.round(f"database{n}", port) for n in range(rounds)]
    rates = [one.lines_per_s for one in done]
    ratio = statistics.median(rates) / live_rate
    wrong = sum(one.missing + one.foreign + one.twice for one in done)
    meanwhile = [took for one in done for took in one.turns_ms]
    note = (
        f"{statistics.median(rates):,.0f} lines/s against {live_rate:,} readings/s live meanwhile; sent ="
        f" journalled = delivered in each of {rounds} rounds, {wrong} missing, foreign or double; the core's "
        f"turn of {int(live_rate * TURN_S)} readings: median {statistics.median(alone):.1f} ms before, "
        f"{statistics.median(meanwhile):.1f} ms meanwhile"
    )
    return [
        Row(
            "drain", "delivery catches up, times the live rate", ratio, "x", ">= 2", ">= 5",
            meets(ratio, ">= 2") and not wrong, note,
        )
    ]  # fmt: skip
