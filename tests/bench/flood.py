"""10,000 devices alarm within a second and one of priority 1 among them: when it is in the ledger, and when
its webhook's POST begins.

The whole gateway runs as in the live rows. The webhook is asked for all alarms, so it falls further behind
with every flood and is never waited for: the backlog is the point. A flood counts if every device alarmed.
"""

from __future__ import annotations

import json
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from gateway.alarms.events import UNACKNOWLEDGED
from gateway.ledger import LedgerReader
from tests.bench import _flood
from tests.bench._stand import DRAIN_S, Stand
from tests.bench.feeder import Feeder
from tests.bench.live import Void, p99
from tests.support.gateway import webhook_table
from tests.support.receiver import Receiver, Reply, Request
from tests.support.report import Row
from tests.support.wait import until

FLOODS = 4
"""Of a round."""
RATE = _flood.DEVICES
LOOK_S = 0.005
REST_S = 1.0
FIRST = f"GD-{_flood.DEVICES}"


class Watch:
    """Sees the priority 1 alarm in the ledger file, to ``LOOK_S``."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._seen: list[int] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def seen(self, number: int) -> int:
        """Monotonic ns when the alarm of the ``number``-th flood, from 0, was found."""
        until(lambda: len(self._seen) > number, DRAIN_S, f"the priority 1 of flood {number} in the ledger")
        return self._seen[number]

    def _run(self) -> None:
        last = 0
        reader = LedgerReader(self._ledger)
        while not self._stop.wait(LOOK_S):
            for seq, event in reader.most_urgent_after(last):
                last = seq
                if event.device == FIRST and event.state == UNACKNOWLEDGED:
                    self._seen.append(time.monotonic_ns())


def measure(rounds: int = 5, *, floods: int = FLOODS) -> list[Row]:
    """The rows ``flood_p1`` and ``flood_webhook``: p99 over the floods of all rounds."""
    posted: list[int] = []

    def take(request: Request) -> Reply:
        now = time.monotonic_ns()
        if b'"priority":1,' in request.body:
            data = json.loads(request.body)["data"]
            if data["device"] == FIRST and data["state"] == UNACKNOWLEDGED:
                posted.append(now)
        return Reply()

    in_ledger, begun = [], []
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver(take))
        feeder = stack.enter_context(Feeder(_flood.packets))
        table = webhook_table("duty", receiver.port, 'categories = ["process"]')
        stand = stack.enter_context(
            Stand(feeder.port, sinks=table, devices=_flood.fleet(), profiles=_flood.texts())
        )
        stand.connected()
        feeder.subscribed()
        watch = stack.enter_context(Watch(stand.gateway.data.ledger))
        for number in range(1 + rounds * floods):
            sent_ns = _flood_once(stand, feeder, number)
            in_ledger.append((watch.seen(number) - sent_ns) / 1e6)
            until(lambda: len(posted) > number, DRAIN_S, f"the POST of flood {number}")  # noqa: B023 - called here
            begun.append((posted[number] - sent_ns) / 1e6)
            _calm(stand, feeder, number)
        behind = (stand.gateway.delivery() or {})["sinks"]["duty"]["pending"]
    return _rows(in_ledger[1:], begun[1:], behind)


def _flood_once(stand: Stand, feeder: Feeder, number: int) -> int:
    """When the priority 1 device's packet was written; Void unless every device alarmed."""
    feeder.prepare(2 * number, _flood.DEVICES + 1)
    fed = feeder.pace(RATE)
    _alarmed(stand, _flood.DEVICES + 1)
    return fed.sent_ns[_flood.place(2 * number)]


def _calm(stand: Stand, feeder: Feeder, number: int) -> None:
    feeder.prepare(2 * number + 1, _flood.SWEEPS * (_flood.DEVICES + 1))
    feeder.send(_flood.DEVICES)
    _alarmed(stand, 0)
    _rest(stand)


def _rest(stand: Stand) -> None:
    """Until nothing more goes to the ledger: the next flood comes upon a plant at rest."""
    seen = -1
    while (seq := int((stand.gateway.status() or {"ledger_seq": seen})["ledger_seq"])) != seen:
        seen = seq
        time.sleep(REST_S)


def _alarmed(stand: Stand, count: int) -> None:
    """Wait until so many devices' alarms are unanswered; system alarms that a flood itself raises beside."""

    def unanswered() -> int:
        return int((stand.gateway.status() or {"alarms_unacknowledged": -1})["alarms_unacknowledged"])

    try:
        until(lambda: 0 <= unanswered() - count <= 5, DRAIN_S, f"{count} alarms unanswered")
    except AssertionError as late:
        raise Void(f"void: {late}; there are {unanswered()}") from late


def _rows(in_ledger: list[float], begun: list[float], behind: int) -> list[Row]:
    floods = f"{len(begun)} floods of {_flood.DEVICES:,} alarms in 1 s, the priority 1 anywhere in each"
    told = f"median {statistics.median(in_ledger):.0f} ms; {floods}; looked for every {LOOK_S * 1000:.0f} ms"
    figure = "packet written to its priority 1 alarm in the ledger, p99"
    first = Row.judged("flood_p1", figure, p99(in_ledger), "ms", "<= 250", "<= 100", told)
    told = (
        f"median {statistics.median(begun):.0f} ms; {floods}; webhook {behind:,} messages behind at the end"
    )
    figure = "packet written to its priority 1 alarm's POST received, p99"
    return [first, Row.judged("flood_webhook", figure, p99(begun), "ms", "<= 1000", "<= 300", told)]
