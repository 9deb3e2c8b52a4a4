"""The console as its own process, asked by many: the list of 10,000 open alarms, the first screen of it in a
browser, and 200 pages that look on while 100 alarms a second change."""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from tests.bench.commit import DISK
from tests.bench.live import p99
from tests.console.stand import Stand, gas_alarm
from tests.support.need import need
from tests.support.report import Row
from tests.support.wait import until

OPEN = 10_000
PAGES, RATE, SECONDS = 200, 100, 5
BATCH = 10
"""Changes in one ledger transaction."""
ASKS = 200
WAIT_S = 60.0
NUMBER = re.compile(rb"^id: (\d+)$", re.MULTILINE)


def api_list(rounds: int = 5, *, alarms: int = OPEN, asks: int = ASKS) -> list[Row]:
    """The row ``api_list``: the first page of open alarms, 100 rows, one request after another."""
    slowest, middle = [], []
    with tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK) as name, Stand(Path(name)) as stand:
        _raise(stand, alarms)
        with httpx.Client(cookies=stand.cookie(), timeout=30) as client:
            for turn in range(rounds + 1):
                took = [_asked(client, stand.url + "/api/v1/alarms", min(100, alarms)) for _ in range(asks)]
                if turn:
                    slowest.append(p99(took))
                    middle.append(statistics.median(took))
    note = (
        f"median {statistics.median(middle):.1f} ms; {asks} requests a round for the first 100 of {alarms:,}"
    )
    figure = "alarm list API, 10,000 open alarms, p99"
    return [Row.judged("api_list", figure, statistics.median(slowest), "ms", "<= 50", "<= 15", note)]


def first_screen(rounds: int = 5, *, alarms: int = OPEN) -> list[Row]:
    """The row ``first_screen``: from the address typed to the first row seen, in the system's chromium by a
    person who is logged in and whose browser keeps the console's files; each round another window."""
    took = []
    with (
        tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK) as name,
        Stand(Path(name)) as stand,
        sync_playwright() as playwright,
    ):
        _raise(stand, alarms)
        browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
        cookies = [{"name": key, "value": value, "url": stand.url} for key, value in stand.cookie().items()]
        context = browser.new_context(viewport={"width": 1400, "height": 800})
        context.add_cookies(cookies)  # type: ignore[arg-type]
        for turn in range(rounds + 1):
            page = context.new_page()
            begin = time.perf_counter()
            page.goto(stand.url, wait_until="commit")
            page.locator("#alarms tbody tr").first.wait_for()
            if turn:
                took.append((time.perf_counter() - begin) * 1000)
            page.close()
        browser.close()
    note = f"slowest {max(took):.0f} ms; {alarms:,} open alarms, the first of them drawn"
    figure = "console's first screen, 10,000 open alarms"
    return [Row.judged("first_screen", figure, statistics.median(took), "ms", "<= 1000", "<= 400", note)]


def _raise(stand: Stand, alarms: int) -> None:
    for begin in range(0, alarms, 1000):
        many = range(begin, min(alarms, begin + 1000))
        stand.apply(*((gas_alarm(f"GD-{n}", priority=1 + n % 4), True, 60.0) for n in many))


def _asked(client: httpx.Client, url: str, rows: int) -> float:
    begin = time.perf_counter()
    answer = client.get(url)
    took = (time.perf_counter() - begin) * 1000
    found = len(answer.raise_for_status().json()["alarms"])
    if found != rows:
        raise AssertionError(f"{found} alarms in the list, expected {rows}")
    return took


def sse(rounds: int = 5, *, pages: int = PAGES, seconds: float = SECONDS) -> list[Row]:
    """The row ``sse``: from before a change is recorded to its arrival at each page; void unless every page
    got every change."""
    with (
        tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK) as name,
        Stand(Path(name)) as stand,
        Pages(stand.port, stand.cookie()["riskgate_session"], pages) as looking,
    ):
        rates = [_changes(stand, looking, turn, seconds) for turn in range(rounds + 1)][1:]
    slowest = [p99(took) for took in rates]
    note = (
        f"median {statistics.median(statistics.median(took) for took in rates):.0f} ms; {pages} pages, "
        f"{RATE} changes/s in transactions of {BATCH}, {seconds:g} s a round; every page got every change"
    )
    figure = f"alarm recorded to its event at {PAGES} pages, p99"
    return [Row.judged("sse", figure, statistics.median(slowest), "ms", "<= 500", "<= 200", note)]


def _changes(stand: Stand, looking: Pages, turn: int, seconds: float) -> list[float]:
    """Milliseconds of every change of a round at every page."""
    batches = int(seconds * RATE) // BATCH
    first, sent = turn * batches * BATCH + 1, {}
    begin = time.monotonic()
    for batch in range(batches):
        time.sleep(max(0.0, begin + batch * BATCH / RATE - time.monotonic()))
        numbers = range(first + batch * BATCH, first + (batch + 1) * BATCH)
        now = time.monotonic_ns()
        stand.apply(*((gas_alarm(f"GD-{n}"), True, 60.0) for n in numbers))
        sent.update(dict.fromkeys(numbers, now))
    arrived = looking.everywhere(list(sent))
    return [(at - sent[number]) / 1e6 for number, times in arrived.items() for at in times]


class Pages:
    """``with Pages(port, session, count) as looking``: open streams, read on a thread of their own.

    port: the console's; session: the secret of somebody's login."""

    def __init__(self, port: int, session: str, count: int) -> None:
        self._port, self._count = port, count
        self._head = (
            f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Cookie: riskgate_session={session}\r\n\r\n"
        ).encode()
        self._arrived: dict[int, list[int]] = {}
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Pages:
        self._thread.start()
        until(lambda: self._open == self._count, WAIT_S, "all pages look")
        return self

    def everywhere(self, numbers: Sequence[int]) -> dict[int, list[int]]:
        """Monotonic ns at which each of these changes (sequence numbers of the ledger) came to each page;
        waits until all have come to all. They are forgotten."""
        until(
            lambda: all(len(self._arrived.get(n, ())) == self._count for n in numbers),
            WAIT_S,
            "every change at every page",
        )
        return {n: self._arrived.pop(n) for n in numbers}

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        looks = [self._loop.create_task(self._look()) for _ in range(self._count)]
        self._loop.run_forever()
        for look in looks:
            look.cancel()
        self._loop.run_until_complete(asyncio.gather(*looks, return_exceptions=True))
        self._loop.close()

    async def _look(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 24)
        writer.write(self._head)
        if b" 200 " not in await reader.readline():
            raise AssertionError("the console refused a stream")
        await reader.readuntil(b"event: status")
        self._open += 1
        rest = b""
        while data := await reader.read(1 << 20):
            now = time.monotonic_ns()
            whole, end, rest = (rest + data).rpartition(b"\n")
            for number in NUMBER.findall(whole + end):
                self._arrived.setdefault(int(number), []).append(now)
