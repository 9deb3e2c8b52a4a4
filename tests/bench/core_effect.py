"""What people and receivers cost the core: its PUBACKs with all of them, against the same core with none.

All: the console, 200 open pages, programs that poll the API, deliveries to a database and a webhook. Two
gateways as they are run, in turns, on feeds made alike (some readings raise alarms, so that pages and webhook
have something to do); the console and its pages are there only in their own rounds. A round is void unless
sent = journalled = judged, in the loaded one also = delivered, and every page got every alarm.
"""

from __future__ import annotations

import statistics
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx

from gateway.access import AccessStore, Scope
from gateway.alarms.events import AlarmEvent
from gateway.clock import SystemClock, new_secret
from gateway.ledger import LedgerReader
from tests.bench import _feeds
from tests.bench._stand import DRAIN_S, START_S, Stand
from tests.bench.feeder import Feeder
from tests.bench.live import RATE, Void, p99
from tests.bench.people import PAGES, Pages
from tests.support.gateway import webhook_table
from tests.support.need import free_port
from tests.support.receiver import Receiver
from tests.support.report import Row
from tests.support.wait import until

PROGRAMS = 4
MOST = 100_000
POLL_S = 0.2
"""Each program asks so often."""
ASKED = ("/api/v1/alarms", "/api/v1/requests", "/status")


def measure(rounds: int = 5, *, seconds: float = 5.0, rate: int = RATE, pages: int = PAGES) -> list[Row]:
    """The row ``core_effect``: p99 with all of it, to p99 with none of it, median of the rounds."""
    quiet, loaded = [], []
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        table = webhook_table("duty", receiver.port, 'categories = ["process"]')
        feeders = [stack.enter_context(Feeder(_feeds.alarming)) for _ in range(2)]
        alone = stack.enter_context(Stand(feeders[0].port, delivers=False))
        busy = stack.enter_context(Stand(feeders[1].port, sinks=table))
        session = _login(busy)
        for stand, feeder in zip((alone, busy), feeders, strict=True):
            stand.connected()
            feeder.subscribed()
        polled = 0
        for turn in range(rounds + 1):
            took = [_paced(alone, feeders[0], turn, seconds, rate)]
            before = LedgerReader(busy.gateway.data.ledger).last_seq()
            with _people(busy, session, pages) as people:
                took.append(_paced(busy, feeders[1], turn, seconds, rate))
                polled = people.asked
                people.got_all_since(before)
            if turn:
                quiet.append(took[0])
                loaded.append(took[1])
    ratio = statistics.median(b / a for a, b in zip(quiet, loaded, strict=True))
    note = (
        f"{statistics.median(loaded):.1f} ms to {statistics.median(quiet):.1f} ms; console, {pages} pages, "
        f"{polled / seconds:.0f} API requests/s, database and webhook against none of them; {rate:,} "
        f"messages/s with {rate // _feeds.DEVICES} alarms/s, {seconds:g} s a round; "
        "sent = journalled = delivered"
    )
    figure = "PUBACK p99 with people and deliveries, to without"
    return [Row.judged("core_effect", figure, round(ratio, 3), "x", "<= 1.5", "<= 1.1", note)]


def _paced(stand: Stand, feeder: Feeder, turn: int, seconds: float, rate: int) -> float:
    feeder.prepare(turn, int(seconds * rate))
    fed = feeder.pace(rate)
    if wrong := stand.account(fed.count):
        raise Void(f"void: {wrong}")
    return p99(fed.took_ms())


def _login(stand: Stand) -> str:
    """The session of somebody who sees everything."""
    store = AccessStore(stand.gateway.data.console, new_secret)
    now = SystemClock().wall_ns()
    store.choose(store.add("li", "Li", "operator", Scope(), now), "three small blue boats", now)
    return store.begin("li", "127.0.0.1", now).secret


class _People:
    """Pages that look and programs that ask."""

    def __init__(self, stand: Stand, looking: Pages, url: str, session: str) -> None:
        self._stand, self._looking, self._url, self._session = stand, looking, url, session
        self.asked = 0
        self._wrong = ""
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(PROGRAMS)]

    def __enter__(self) -> _People:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def got_all_since(self, seq: int) -> None:
        """Void unless every page got every alarm recorded after ``seq``, and every question its answer."""
        reader = LedgerReader(self._stand.gateway.data.ledger)
        wanted = [at for at, event in reader.events_after(seq, MOST) if isinstance(event, AlarmEvent)]
        if not wanted or not self.asked or self._wrong:
            raise Void(f"void: {len(wanted)} alarms, {self.asked} questions, {self._wrong}")
        self._looking.everywhere(wanted)

    def _ask(self) -> None:
        with httpx.Client(
            base_url=self._url, cookies={"riskgate_session": self._session}, timeout=30
        ) as client:
            while not self._stop.wait(POLL_S):
                for path in ASKED:
                    answer = client.get(path)
                    self.asked += 1
                    if answer.status_code != 200:
                        self._wrong = f"{path}: {answer.status_code}"


@contextmanager
def _people(stand: Stand, session: str, pages: int) -> Iterator[_People]:
    """The console as its own process, with all that ask it."""
    port = free_port()
    process = stand.gateway.start("console", "--port", str(port))
    url = f"http://127.0.0.1:{port}"

    def listens() -> bool:
        if process.poll() is not None:
            raise AssertionError(f"the console ended: {stand.gateway.log()}")
        try:
            return httpx.get(url + "/login").status_code == 200
        except httpx.TransportError:
            return False

    until(listens, START_S, "the console listens")
    with Pages(port, session, pages) as looking, _People(stand, looking, url, session) as people:
        yield people
    stand.gateway.stop(process, DRAIN_S)
