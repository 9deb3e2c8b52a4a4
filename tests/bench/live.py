"""The rows of the running gateway: every function measures one row against its peers.

Ours and the peers take turns, round by round, on feeds made alike; a ratio is the median of the rounds'
ratios. A round of ours is void, and with it the row, unless sent = journalled = judged = delivered; a
Node-RED that has not counted every reading voids the row too.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.bench import _feeds, nodered
from tests.bench._stand import DRAIN_S, Stand
from tests.bench.commit import DISK
from tests.bench.feeder import Feeder, Make
from tests.support.gateway import webhook_table
from tests.support.receiver import Receiver, Reply, Request
from tests.support.report import ROOT, Row, meets
from tests.support.wait import until

RATE = 10_000
"""Messages a second of the paced rows."""
WIDE = 20_000


class Void(Exception):  # noqa: N818 - named by what happened
    """A round does not count; says why."""


@contextmanager
def client(name: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A module of tests.bench in a process of its own, subscribed."""
    command = [sys.executable, "-m", f"tests.bench.{name}", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"subscribed\n":
                raise Void(f"the client {name} did not subscribe")
            yield process
        finally:
            process.kill()


class Race:
    """Ours and peers, each at a feeder of its own, in turn."""

    def __init__(self, stack: ExitStack, make: Make, *, per_packet: int = 1) -> None:
        self._stack, self._make, self._per_packet = stack, make, per_packet
        self._feeders: dict[str, Feeder] = {}
        self._counts: dict[str, int] = {}
        self._windows: dict[str, int] = {}
        self._taken = 0
        self.rates: dict[str, list[float]] = {}
        """Readings a second, by runner, a round each."""

    def ours(self, packets: int, window: int) -> None:
        """The gateway takes part."""
        feeder = self._feeder("ours", packets, window)
        self._stand = self._stack.enter_context(Stand(feeder.port))
        self._stand.connected()
        feeder.subscribed()

    def naive(self, packets: int, window: int) -> None:
        """The naive peer takes part."""
        feeder = self._feeder("naive", packets, window)
        self._stack.enter_context(client("naive", str(feeder.port)))
        feeder.subscribed()

    def bare(self, packets: int, window: int) -> None:
        """The bare journal takes part."""
        feeder = self._feeder("bare journal", packets, window)
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK))
        self._stack.enter_context(client("bare", str(feeder.port), folder))
        feeder.subscribed()

    def node_red(self, packets: int, window: int) -> None:
        """Node-RED takes part."""
        feeder = self._feeder("Node-RED", packets, window)
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="riskgate-")))
        self._node_red = self._stack.enter_context(nodered.running(folder / "node-red", feeder.port))
        feeder.subscribed()

    def _feeder(self, name: str, packets: int, window: int) -> Feeder:
        feeder = self._stack.enter_context(Feeder(self._make))
        self._feeders[name], self._counts[name], self._windows[name] = feeder, packets, window
        return feeder

    def run(self, rounds: int) -> None:
        """One warming round that does not count, then ``rounds``."""
        for turn in range(rounds + 1):
            for name, feeder in self._feeders.items():
                feeder.prepare(turn, self._counts[name])
                fed = feeder.send(self._windows[name])
                readings = fed.count * self._per_packet
                self._check(name, readings)
                if turn:
                    self.rates.setdefault(name, []).append(readings / fed.seconds)

    def _check(self, name: str, readings: int) -> None:
        if name == "ours":
            wrong = self._stand.account(readings)
            if wrong:
                raise Void(f"void: {wrong}")
        elif name == "Node-RED":
            self._taken += readings
            until(lambda: self._node_red.count()[0] == self._taken, DRAIN_S, "Node-RED counted all readings")

    def times(self, peer: str, runner: str = "ours") -> float:
        """Ours, or another runner's, over a peer's rate, median of the rounds."""
        return statistics.median(a / b for a, b in zip(self.rates[runner], self.rates[peer], strict=True))

    def told(self) -> str:
        """The medians, for the note."""
        return ", ".join(f"{name} {statistics.median(rates):,.0f}/s" for name, rates in self.rates.items())


def _raw(
    row_id: str, rounds: int, window: int, counts: tuple[int, int, int], bounds: dict[str, Any]
) -> list[Row]:
    with ExitStack() as stack:
        race = Race(stack, _feeds.single)
        race.naive(counts[1], window)
        race.node_red(counts[2], window)
        race.bare(counts[0], window)
        race.ours(counts[0], window)
        race.run(rounds)
    ratio, other, bare = race.times("naive"), race.times("Node-RED"), race.times("naive", "bare journal")
    must, must_other = f">= {bounds['naive'][0]}", f">= {bounds['node'][0]}"
    good = f">= {bounds['naive'][1]}"
    note = (
        f"{race.told()}; {other:.2f}x Node-RED (must {bounds['node'][0]}, good {bounds['node'][1]}); "
        f"receive, journal and acknowledge alone: {bare:.2f}x naive; "
        f"sent = journalled = delivered in each of {rounds} rounds"
    )
    passed = meets(ratio, must) and meets(other, must_other)
    figure = f"raw feeder, window {window:,}: messages a second"
    return [Row(row_id, figure, round(ratio, 3), "x naive", must, good, passed, note)]


def raw20(rounds: int, counts: tuple[int, int, int] = (60_000, 60_000, 60_000)) -> list[Row]:
    """Window 20; ``counts``: packets a round for ours, naive, Node-RED."""
    return _raw("raw20", rounds, 20, counts, {"naive": (2, 3.3), "node": (1.1, 1.7)})


def raw20k(rounds: int, counts: tuple[int, int, int] = (400_000, 60_000, 80_000)) -> list[Row]:
    """Window 20,000."""
    return _raw("raw20k", rounds, WIDE, counts, {"naive": (4, 10), "node": (3, 7)})


def batch100(rounds: int, counts: tuple[int, int] = (10_000, 3_000)) -> list[Row]:
    """JSON batches of 100."""
    with ExitStack() as stack:
        race = Race(stack, _feeds.batch, per_packet=_feeds.BATCH)
        race.node_red(counts[1], WIDE)
        race.ours(counts[0], WIDE)
        race.run(rounds)
    rate, other = statistics.median(race.rates["ours"]), race.times("Node-RED")
    note = f"{race.told()}; {other:.2f}x Node-RED (must 1, good 2); sent = journalled = delivered"
    passed = meets(rate, ">= 800000") and meets(other, ">= 1")
    figure = "JSON batches of 100: readings a second"
    return [Row("batch100", figure, round(rate), "readings/s", ">= 800000", ">= 800000", passed, note)]


def binary(rounds: int, count: int = 20_000) -> list[Row]:
    """Fixed-width batches of 100."""
    with ExitStack() as stack:
        race = Race(stack, _feeds.packed, per_packet=_feeds.BATCH)
        race.ours(count, WIDE)
        race.run(rounds)
    rate = statistics.median(race.rates["ours"])
    note = "batches of 100; sent = journalled = delivered"
    figure = "fixed-width binary batches: readings a second"
    return [Row.judged("binary", figure, round(rate), "readings/s", ">= 2000000", ">= 5000000", note)]


def p99(values: list[float]) -> float:
    """The nearest-rank 99th percentile."""
    return sorted(values)[max(0, -(-99 * len(values) // 100) - 1)]


def puback(rounds: int, seconds: float = 5.0, rate: int = RATE) -> list[Row]:
    """From a packet's write to its PUBACK."""
    slowest, middle = [], []
    with ExitStack() as stack:
        feeder = stack.enter_context(Feeder(_feeds.single))
        stand = stack.enter_context(Stand(feeder.port))
        stand.connected()
        feeder.subscribed()
        for turn in range(rounds + 1):
            feeder.prepare(turn, int(seconds * rate))
            fed = feeder.pace(rate)
            if wrong := stand.account(fed.count):
                raise Void(f"void: {wrong}")
            took = fed.took_ms()
            if turn:
                slowest.append(p99(took))
                middle.append(statistics.median(took))
    note = f"median {statistics.median(middle):.2f} ms; {seconds:g} s a round; sent = journalled = delivered"
    figure = f"packet written to PUBACK read at {rate:,} messages/s, p99"
    return [Row.judged("puback_p99", figure, statistics.median(slowest), "ms", "<= 50", "<= 10", note)]


def _all_posted(posted: dict[str, int], count: int) -> None:
    until(lambda: len(posted) >= count, DRAIN_S, f"{count} alarms posted")


def webhook(rounds: int, seconds: float = 5.0, rate: int = RATE) -> list[Row]:
    """From the packet that raises an alarm to its POST."""
    posted: dict[str, int] = {}

    def take(request: Request) -> Reply:
        now = time.monotonic_ns()
        data = json.loads(request.body)["data"]
        if data.get("cause") in ("raised", "re_raised"):
            posted.setdefault(data["device"], now)
        return Reply()

    slowest: list[float] = []
    middle: list[float] = []
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(take))
        feeder = stack.enter_context(Feeder(_feeds.alarming))
        table = webhook_table("duty", receiver.port, 'categories = ["process"]\nconditions = ["HH"]')
        stand = stack.enter_context(Stand(feeder.port, sinks=table))
        stand.connected()
        feeder.subscribed()
        for turn in range(rounds + 1):
            count = int(seconds * rate)
            feeder.prepare(turn, count)
            posted.clear()
            fed = feeder.pace(rate)
            want = _feeds.alarmed(turn, count)
            _all_posted(posted, len(want))
            if wrong := stand.account(fed.count):
                raise Void(f"void: {wrong}")
            took = [(posted[f"GD-{device}"] - fed.sent_ns[n]) / 1e6 for device, n in want.items()]
            if turn:
                slowest.append(p99(took))
                middle.append(statistics.median(took))
    note = (
        f"median {statistics.median(middle):.1f} ms; {rate // _feeds.DEVICES} alarms/s of as many devices, "
        f"{len(want)} a round, {seconds:g} s; sent = journalled = delivered"
    )
    figure = f"packet written to POST received at {rate:,} messages/s, p99"
    return [Row.judged("webhook_p99", figure, statistics.median(slowest), "ms", "<= 150", "<= 40", note)]
