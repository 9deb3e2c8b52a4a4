"""The console as its own process, asked by many: the list of 10,000 open alarms, the first screen of it in a
browser, and 200 pages that look on while 100 alarms a second change."""

from __future__ import annotations

import asyncio
import re
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
from playwright.sync_api import sync_playwright

from tests.bench.commit import DISK
from tests.bench.live import p99
from tests.console.stand import Stand, gas_alarm
from tests.support.need import need
from tests.support.report import Row

OPEN = 10_000
PAGES, RATE, SECONDS = 200, 100, 5
BATCH = 10
"""Changes in one ledger transaction."""
ASKS = 200
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
    with tempfile.TemporaryDirectory(prefix="riskgate-", dir=DISK) as name, Stand(Path(name)) as stand:
        looking = _Pages(stand, pages)
        rates = [looking.round(seconds) for _ in range(rounds + 1)][1:]
        looking.close()
    slowest = [p99(took) for took in rates]
    note = (
        f"median {statistics.median(statistics.median(took) for took in rates):.0f} ms; {pages} pages, "
        f"{RATE} changes/s in transactions of {BATCH}, {seconds:g} s a round; every page got every change"
    )
    figure = f"alarm recorded to its event at {PAGES} pages, p99"
    return [Row.judged("sse", figure, statistics.median(slowest), "ms", "<= 500", "<= 200", note)]


class _Pages:
    """Open streams, read on a thread of their own."""

    def __init__(self, stand: Stand, count: int) -> None:
        self._stand, self._count, self._changes = stand, count, 0
        self._head = (
            f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:{stand.port}\r\n"
            f"Cookie: riskgate_session={stand.cookie()['riskgate_session']}\r\n\r\n"
        ).encode()
        self._arrived: dict[int, list[int]] = {}
        self._open = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._until(lambda: self._open == count, "all pages look")

    def round(self, seconds: float) -> list[float]:
        """Milliseconds of every change at every page."""
        first, sent = self._changes + 1, {}
        begin = time.monotonic()
        for batch in range(int(seconds * RATE) // BATCH):
            time.sleep(max(0.0, begin + batch * BATCH / RATE - time.monotonic()))
            names = range(self._changes, self._changes + BATCH)
            now = time.monotonic_ns()
            self._stand.apply(*((gas_alarm(f"GD-{n}"), True, 60.0) for n in names))
            sent.update(dict.fromkeys((n + 1 for n in names), now))
            self._changes += BATCH
        wanted = range(first, self._changes + 1)
        self._until(
            lambda: all(len(self._arrived.get(n, ())) == self._count for n in wanted),
            "every change at every page",
        )
        return [(at - sent[n]) / 1e6 for n in wanted for at in self._arrived.pop(n)]

    def close(self) -> None:
        """Hang up."""
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
        reader, writer = await asyncio.open_connection("127.0.0.1", self._stand.port, limit=1 << 24)
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

    @staticmethod
    def _until(done: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + 60
        while not done():
            if time.monotonic() > end:
                raise AssertionError(f"not within 60 s: {what}")
            time.sleep(0.01)
