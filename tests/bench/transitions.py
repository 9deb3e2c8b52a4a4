"""How many alarm transitions a second go through decoding, detectors, engine and ledger, each durable."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from gateway.chain import Head
from gateway.ledger import Ledger
from gateway.monitor.channels import Device
from gateway.monitor.entries import Entry, Link, Packets, Stamp, Started
from gateway.monitor.monitor import BEHAVIOUR, Monitor
from gateway.monitor.roster import config_change
from gateway.monitor.warm import compile_loops
from tests.bench._feeds import HIGH, NORMAL
from tests.bench._fleet import BEGIN_NS, BOOT
from tests.bench._flood import DEVICES, SWEEPS, texts
from tests.bench.commit import DISK
from tests.support.report import Row

GROUP = 1000
"""Packets in one entry, whose events are one transaction."""
CYCLES = 2
"""Of a round: in each every device raises its alarm and returns."""
FLOOD, FIRST = "bench/flood", "bench/first"
PERIOD_NS = 1_000_000_000


class Flood:
    """A monitor and a ledger as the core has them, and entries of little else than transitions."""

    def __init__(self, ledger: Ledger, devices: int) -> None:
        self._ledger = ledger
        self._monitor = Monitor(1)
        self._devices = [Device("acme", "plant", f"hall-{n // 10}", f"GD-{n}", FLOOD) for n in range(devices)]
        self._now_ns = self._position = self._sweep = 0
        stamp = self._stamp()
        change = config_change(stamp, self._devices, {FLOOD: texts()[FLOOD]})
        compile_loops(self._devices[:1], texts())
        self._take([Started(stamp, "bench", BEHAVIOUR, 1), change, Link(stamp, 1, up=True)])

    def cycle(self) -> Iterator[list[Packets]]:
        """The entries of one reading beyond the limit of every device, and of the good ones after it."""
        for value in [HIGH] + [NORMAL] * SWEEPS:
            self._now_ns += PERIOD_NS
            self._sweep += 1
            yield [self._entry(begin, value) for begin in range(0, len(self._devices), GROUP)]

    def take(self, entries: list[Packets]) -> int:
        """Step and record each entry, one transaction each; returns how many transitions there were."""
        return sum(self._take([entry]) for entry in entries)

    def _take(self, entries: list[Entry] | list[Packets]) -> int:
        outcomes = []
        for entry in entries:
            self._position += 1
            outcomes.append(self._monitor.step(self._position, entry))
        told = [(one.position, one.events) for one in outcomes if one.events]
        self._ledger.record(told, Head(self._position, bytes(32)))
        return sum(event.id != "" and hasattr(event, "alarm") for _, events in told for event in events)

    def _stamp(self) -> Stamp:
        return Stamp(BEGIN_NS + self._now_ns, 1_000_000_000 + self._now_ns, BOOT)

    def _entry(self, begin: int, value: float) -> Packets:
        stamp, end = self._stamp(), min(begin + GROUP, len(self._devices))
        payload = b'{"time_ms":%d,"value":%.2f,"boot":1,"seq":%d}' % (
            stamp.wall_ns // 1_000_000, value, self._sweep,
        )  # fmt: skip
        return Packets.of(
            stamp, 1, [(b"rg/acme/plant/GD-%d/lel" % n, payload, stamp.mono_ns, 0) for n in range(begin, end)]
        )


def measure(rounds: int = 5, *, devices: int = DEVICES, cycles: int = CYCLES) -> list[Row]:
    """The row ``transitions``: the rate of each round of ``cycles``, their median. A round in which not every
    device raised its alarm and returned is an error."""
    with tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK) as name:
        ledger = Ledger(Path(name) / "ledger.db")
        flood = Flood(ledger, devices)
        rates = [_round(flood, devices, cycles) for _ in range(rounds + 1)][1:]
        ledger.close()
    note = (
        f"{2 * devices * cycles} transitions a round, {devices} devices, {GROUP} readings a transaction; "
        f"decoding and {SWEEPS - 1} readings without a transition a cycle are in it; "
        f"all rounds {', '.join(f'{one:,.0f}' for one in rates)}"
    )
    figure = "alarm transitions a second through engine and ledger"
    return [Row.judged("transitions", figure, statistics.median(rates), "/s", ">= 10000", ">= 30000", note)]


def _round(flood: Flood, devices: int, cycles: int) -> float:
    count, seconds = 0, 0.0
    for _ in range(cycles):
        for entries in flood.cycle():
            begin = time.perf_counter()
            count += flood.take(entries)
            seconds += time.perf_counter() - begin
    if count != 2 * devices * cycles:
        raise AssertionError(f"{count} transitions, expected {2 * devices * cycles}")
    return count / seconds
