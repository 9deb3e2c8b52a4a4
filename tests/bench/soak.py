"""``make soak MINUTES=10``: the rate that one broker gives, kept up, with the gateway's memory flat.

    python -m tests.bench.soak [--minutes 10]

A publisher sends through a real mosquitto as fast as its window lets it, round after round; each round must
be sent = journalled = judged = delivered. Memory (resident, of every process of the gateway) is sampled each
second, also while a snapshot is written; what counts is the last third's median over the middle third's. The
pauses in which a round is accounted for are not part of the rate; the report says how long the load stood.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psutil

from tests.bench import _feeds
from tests.bench._stand import DRAIN_S, Stand
from tests.bench.broker import WINDOW
from tests.bench.feeder import Feeder
from tests.support.mosquitto import PUBLISHER, Broker
from tests.support.report import Row, write
from tests.support.wait import until

ROUND = 250_000
SAMPLE_S = 1.0
GROWTH = 0.05
"""What memory may grow after the warm-up."""


def resident(pid: int) -> dict[str, float]:
    """MB of each process of a gateway, by what it does."""
    supervisor = psutil.Process(pid)
    found = {"supervisor": supervisor.memory_info().rss / 1e6}
    for child in supervisor.children(recursive=True):
        words = child.cmdline()
        name = next((role for role in ("core", "delivery") if role in words), "other")
        found[name] = found.get(name, 0.0) + child.memory_info().rss / 1e6
    return found


@contextmanager
def sampled(pid: int, every_s: float = SAMPLE_S) -> Iterator[list[dict[str, float]]]:
    """Samples of ``resident``, taken beside the load until the block ends."""
    samples: list[dict[str, float]] = []
    over = threading.Event()

    def take() -> None:
        while not over.wait(every_s):
            samples.append(resident(pid))

    taker = threading.Thread(target=take, name="memory")
    taker.start()
    try:
        yield samples
    finally:
        over.set()
        taker.join()


def grown(values: list[float]) -> float:
    """The last third's median over the middle third's, less 1; NaN for fewer than three values."""
    third = len(values) // 3
    if third == 0:
        return float("nan")
    return statistics.median(values[2 * third :]) / statistics.median(values[third : 2 * third]) - 1


def measure(minutes: float, *, count: int = ROUND, every_s: float = SAMPLE_S) -> list[Row]:
    """The rows ``soak.<process>`` and ``soak.rate``."""
    rates: list[float] = []
    loaded_s = 0.0
    with ExitStack() as stack:
        broker = stack.enter_context(Broker())
        stand = stack.enter_context(Stand(broker.port))
        stand.connected()
        feeder = stack.enter_context(Feeder(_feeds.closing, broker=(broker.port, *PUBLISHER)))
        samples = stack.enter_context(sampled(stand.pid, every_s))
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end or not rates:
            feeder.prepare(len(rates), count)
            want, begin = stand.counts()["effective"] + count, time.monotonic()
            feeder.send(WINDOW)
            until(lambda want=want: stand.counts()["effective"] >= want, DRAIN_S, "all judged")  # type: ignore[misc]
            took = time.monotonic() - begin
            loaded_s += took
            rates.append(count / took)
            if wrong := stand.account(count):
                raise AssertionError(f"round {len(rates)}: {wrong}")
            print(f"round {len(rates)}: {rates[-1]:,.0f} messages/s, {samples[-1:]}", flush=True)
    return _rows(samples, rates, count, loaded_s, minutes)


def _rows(
    samples: list[dict[str, float]], rates: list[float], count: int, loaded_s: float, minutes: float
) -> list[Row]:
    rows = [
        Row.judged(
            f"soak.{name}",
            f"memory of {name}, last third over middle third, less 1",
            round(grown(values := [sample[name] for sample in samples if name in sample]), 4),
            "share",
            f"<= {GROWTH}",
            note=f"{values[0]:.0f} MB first, {statistics.median(values):.0f} median, {max(values):.0f} most",
        )
        for name in ("core", "delivery", "supervisor")
    ]
    kept = statistics.median(rates[-max(1, len(rates) // 3) :]) / statistics.median(
        rates[: max(1, len(rates) // 3)]
    )
    note = (
        f"{statistics.median(rates):,.0f} messages/s median of {len(rates)} rounds of {count:,}, under load "
        f"{loaded_s:.0f} s of {minutes * 60:.0f}; sent = journalled = judged = delivered in each"
    )
    figure = "rate of the last third of the rounds over the first third's"
    return [*rows, Row.judged("soak.rate", figure, round(kept, 3), "x", ">= 0.7", ">= 0.9", note)]


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=10.0)
    return 0 if write("soak", measure(parser.parse_args().minutes)) else 1


if __name__ == "__main__":
    sys.exit(main())
