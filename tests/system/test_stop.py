"""A stop in the worst moment: fifty people look, every sink hangs. In ten seconds, four times that if others
work beside it, status 0, nothing lost."""

from __future__ import annotations

import json
import signal
import threading
import time
from pathlib import Path

import httpx
import pytest

from gateway.access import AccessStore, Scope
from gateway.alarms.events import AlarmEvent
from gateway.clock import new_secret
from gateway.ledger import LedgerReader
from gateway.verify import verify
from tests.support.gateway import Gateway, webhook_table
from tests.support.mosquitto import Broker
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver, Reply
from tests.support.wait import LEAST_S, PATIENCE, patiently, until

pytestmark = pytest.mark.system
DEVICES, STREAMS, STOP_S = 20, 50, 10.0
FLEET = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]


class Page:
    """One open stream of alarms, read in a thread of its own to its end."""

    def __init__(self, url: str, cookies: dict[str, str]) -> None:
        self.alarms = 0
        self.ended = False
        self._url, self._cookies = url, cookies
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with (
            httpx.Client(cookies=self._cookies) as client,
            client.stream("GET", self._url) as told,
        ):
            assert told.status_code == 200
            try:
                for line in told.iter_lines():
                    self.alarms += line == "event: alarm"
            except httpx.RemoteProtocolError:
                return
        self.ended = True


def cookie(gateway: Gateway) -> dict[str, str]:
    """The cookie of a new account's login."""
    access = AccessStore(gateway.data.console, new_secret)
    link = access.add("li", "Li", "operator", Scope(), time.time_ns())
    access.choose(link, "three small blue boats", time.time_ns())
    return {"riskgate_session": access.begin("li", "127.0.0.1", time.time_ns()).secret}


def sinks(port: int) -> str:
    """A webhook and a database, both at this port."""
    table = f'[sinks.plant]\nkind = "influxdb"\nurl = "http://127.0.0.1:{port}"\nbucket = "b"\n'
    return table + webhook_table("duty", port, "timeout_s = 60")


def test_with_fifty_streams_and_dead_sinks_it_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    log = tmp_path / "published.jsonl"
    with Broker() as broker, Gateway(tmp_path, broker.port, FLEET) as gateway:
        with Receiver(lambda _: Reply(hang=True)) as dead, Publisher(broker.port, log) as publisher:
            gateway.configure(sinks=sinks(dead.port))
            gateway.give_compiled()
            run = gateway.start("run")
            gateway.connected()
            gateway.delivering()
            port = free_port()
            people = cookie(gateway)
            console = gateway.start("console", "--port", str(port))
            url = f"http://127.0.0.1:{port}/alarms/stream?after=0"
            until(lambda: _answers(f"http://127.0.0.1:{port}/login"), 60, "the console answers")
            pages = [Page(url, people) for _ in range(STREAMS)]
            for n in range(DEVICES):
                reading = {"time_ms": time.time_ns() // 1_000_000, "value": 60, "boot": 1, "seq": 1}
                publisher.publish(f"rg/acme/plant/GD-{n}/lel", json.dumps(reading))
            publisher.settle(60)
            until(lambda: all(p.alarms >= DEVICES for p in pages), 60, "every page has every alarm")
            until(lambda: len(dead.requests) >= 5, 30, "the senders hang")
            begun = time.monotonic()
            for process in (console, run):
                process.send_signal(signal.SIGTERM)
            ended = [process.wait(patiently(STOP_S)) for process in (console, run)]
            assert ended == [0, 0], gateway.log()
            took = time.monotonic() - begun
            for page in pages:
                page.thread.join(LEAST_S)
        assert took < STOP_S * PATIENCE, "far less than what hangs has time for"
        assert all(page.ended for page in pages), "each stream was ended, not cut"
        with Receiver() as alive:
            gateway.configure(sinks=sinks(alive.port))
            again = gateway.start("run")
            gateway.connected()
            gateway.drained(60)
            assert gateway.stop(again) == 0
        raised = {
            event.id
            for _, event in LedgerReader(gateway.data.ledger).events_after(0, 100_000)
            if isinstance(event, AlarmEvent)
        }
        sent = {r.headers["webhook-id"] for r in alive.requests if "webhook-id" in r.headers}
        assert len(raised) >= DEVICES
        assert raised <= sent
        report = verify(gateway.data, log)
        assert report.ok, report


def _answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False
