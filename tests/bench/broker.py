"""Rate and cost through a real mosquitto with the shipped configuration, two cores shared with it and the
publisher: the rows ``broker_rate`` and ``broker_cpu``.

Ours and the naive client each have a broker and a publisher of their own and take turns. Time runs from the
publisher's first packet until the consumer has dealt with the last: ours has journalled, judged and
acknowledged it. A round of ours is void unless sent = journalled = judged = delivered.
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, field

import psutil

from tests.bench import _feeds
from tests.bench._stand import DRAIN_S, Stand
from tests.bench.feeder import Feeder
from tests.bench.live import Void, client
from tests.support.mosquitto import GATEWAY, PUBLISHER, Broker
from tests.support.report import Row, meets
from tests.support.wait import until

WINDOW = 500
"""Of the publisher, to the broker."""
COUNT = 60_000


@dataclass
class _Taken:
    """A round each."""

    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    """Of ours: every process of the gateway, until the last reading is delivered."""
    core_us: list[float] = field(default_factory=list)


def _ours(stand: Stand, feeder: Feeder, count: int, taken: _Taken) -> None:
    want = stand.counts()["effective"] + count
    before = stand.cpu_s()
    begin = time.perf_counter()
    feeder.send(WINDOW)
    until(lambda: stand.counts()["effective"] >= want, DRAIN_S, f"{count} messages judged")
    taken.rates.append(count / (time.perf_counter() - begin))
    core = stand.cpu_s()[0] - before[0]
    if wrong := stand.account(count):
        raise Void(f"void: {wrong}")
    taken.core_us.append(core / count * 1e6)
    taken.cpu_us.append((stand.cpu_s()[1] - before[1]) / count * 1e6)


def measure(rounds: int = 5, *, count: int = COUNT) -> list[Row]:
    """Both rows; a round that warms is not counted."""
    ours, theirs = _Taken(), _Taken()
    with ExitStack() as stack:
        brokers = [stack.enter_context(Broker()) for _ in range(2)]
        stand = stack.enter_context(Stand(brokers[0].port))
        stand.connected()
        peer = stack.enter_context(client("naive", str(brokers[1].port), *GATEWAY))
        clock = psutil.Process(peer.pid)
        feeders = [
            stack.enter_context(Feeder(_feeds.closing, broker=(broker.port, *PUBLISHER)))
            for broker in brokers
        ]
        for turn in range(rounds + 1):
            for feeder in feeders:
                feeder.prepare(turn, count)
            used, begin = sum(clock.cpu_times()[:2]), time.perf_counter()
            feeders[1].send(WINDOW)
            assert peer.stdout is not None
            seen = int(peer.stdout.readline())
            theirs.rates.append(count / (time.perf_counter() - begin))
            theirs.cpu_us.append((sum(clock.cpu_times()[:2]) - used) / count * 1e6)
            if seen != count * (turn + 1):
                raise Void(f"void: the naive peer saw {seen} of {count * (turn + 1)} messages")
            _ours(stand, feeders[0], count, ours)
    return _rows(ours, theirs, rounds)


def _rows(ours: _Taken, theirs: _Taken, rounds: int) -> list[Row]:
    rate = statistics.median(a / b for a, b in zip(ours.rates[1:], theirs.rates[1:], strict=True))
    cpu = statistics.median(a / b for a, b in zip(ours.cpu_us[1:], theirs.cpu_us[1:], strict=True))
    middle = [statistics.median(column[1:]) for column in (ours.rates, theirs.rates)]
    costs = [statistics.median(column[1:]) for column in (ours.core_us, ours.cpu_us, theirs.cpu_us)]
    exact = f"sent = journalled = delivered in each of {rounds} rounds"
    return [
        Row(
            "broker_rate", "through mosquitto: messages journalled, judged and acknowledged a second",
            round(rate, 3), "x naive", ">= 1.5", ">= 2.2", meets(rate, ">= 1.5"),
            f"ours {middle[0]:,.0f}/s, naive {middle[1]:,.0f}/s; {exact}",
        ),
        Row(
            "broker_cpu", "processor time a message there, the whole gateway with delivery",
            round(cpu, 3), "x naive", "<= 0.5", "<= 0.25", meets(cpu, "<= 0.5"),
            f"whole gateway {costs[1]:.1f} us, its core alone {costs[0]:.1f}, naive {costs[2]:.1f}",
        ),
    ]  # fmt: skip
