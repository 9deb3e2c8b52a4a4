"""More than the machine can take: nothing lost, memory bounded, it says how far behind it is, and recovers.

The core is slowed by a disk that needs 200 ms for each flush (strace delays the call), so that it takes at
most 500 packets a second whatever the machine; the broker has all of them before it takes the first.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from gateway.ledger import LedgerReader
from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.need import need
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, PATIENCE, until

pytestmark = pytest.mark.system

DEVICES = 10
GROUP = 100
IN_TIME_NS = round(1e9 * PATIENCE)
PAYLOAD_BYTES = 16_000
SPARE_BYTES = 48 << 20
"""What a core needs beside the packets that wait: one group in hand, a snapshot, an answer."""
SLOW_DISK = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_exit=200ms"]


class Watch:
    """What the gateway said of itself while the flood lasted."""

    def __init__(self, gateway: Gateway, core: psutil.Process) -> None:
        self._gateway = gateway
        self._core = core
        self._before = core.memory_info().rss
        self.memory = self.waiting = self.unacked = 0
        self.paused = False
        self.behind_s = 0.0
        self.notes: list[str] = []

    def look(self) -> dict[str, Any]:
        """The core's status, noted; while it is more than 5 s behind, the health page too, once."""
        status = self._gateway.status()
        assert status is not None, self._gateway.log()
        self.memory = max(self.memory, self._core.memory_info().rss - self._before)
        self.waiting = max(self.waiting, status["intake_packets"])
        self.unacked = max(self.unacked, status["link"]["received"] - status["link"]["acked"])
        self.paused = self.paused or status["link"]["paused"]
        self.behind_s = max(self.behind_s, status["behind_s"])
        if status["behind_s"] > 5.1 and not self.notes:
            self._look_at_pages()
        return status

    def _look_at_pages(self) -> None:
        """What health and metrics say; nothing when they were asked after it was over."""
        health = json.loads(page(self._gateway, "/health"))
        metrics = page(self._gateway, "/metrics").splitlines()
        said = [float(line.split()[1]) for line in metrics if line.startswith("riskgate_behind_s ")]
        if (health["behind_s"] or 0) > 5 and said and said[0] > 5:
            self.notes = health["notes"]


def page(gateway: Gateway, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{gateway.http_port}{path}", timeout=60) as answer:
        return str(answer.read().decode())


def behind_alarm(gateway: Gateway) -> list[bool]:
    history = LedgerReader(gateway.data.ledger).history_of("gateway:behind")
    return [event.process_active for _, event in history]


def flood(publisher: Publisher, packets: int) -> None:
    began_ms = time.time_ns() // 1_000_000
    for number in range(packets):
        payload = {"time_ms": began_ms + number, "value": 4.0, "boot": 1, "seq": number // DEVICES}
        text = json.dumps({**payload, "note": "x" * PAYLOAD_BYTES})
        publisher.publish(f"rg/acme/plant/GD-{number % DEVICES}/lel", text)


@pytest.fixture
def broker() -> Iterator[Broker]:
    # it is never killed here, so it need not save its queue at every change
    with Broker({"autosave_on_changes": "false"}) as running:
        yield running


def test_one_device_floods_and_the_others_alarm_in_time(broker: Broker, tmp_path: Path) -> None:
    """A thousand times its rate for 12 s, among nine that behave and cross HH now and then."""
    fleet = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]
    with (
        Gateway(tmp_path, broker.port, fleet) as gateway,
        Publisher(broker.port, tmp_path / "published.jsonl") as publisher,
    ):
        gateway.configure(ingest='client_id = "one-floods"')
        core = gateway.start("process", "core")
        gateway.connected()
        crossed = one_floods(publisher, 12)
        publisher.settle()
        gateway.taken(publisher.acked)
        counts = gateway.counts()
        assert gateway.stop(core) == 0
        told = gateway.run("verify", "--published", str(tmp_path / "published.jsonl"))
        assert told.returncode == 0, told.stdout + told.stderr
    assert counts["effective"] == counts["decoded"] == publisher.acked == publisher.offered
    assert publisher.offered - 400 < counts["throttled"] < publisher.offered
    reader = LedgerReader(gateway.data.ledger)
    for alarm, at_ns in crossed.items():
        first = reader.history_of(alarm)[0][1]
        assert first.process_active
        assert first.at_ns - at_ns < IN_TIME_NS, alarm
    assert len(crossed) >= 4
    (_, flooding), *_ = reader.history_of("acme/plant/GD-0/:flooding")
    assert (flooding.process_active, flooding.category) == (True, "device")


def one_floods(publisher: Publisher, seconds: int) -> dict[str, int]:
    """GD-0 sends 200 a second; one of the others speaks each half second, in turn. Returns when (ns) an alarm
    was first crossed."""
    crossed: dict[str, int] = {}
    began = time.monotonic()
    for tick in range(seconds * 50):
        until(partial(passed, began + tick * 0.02), 5, "the next 20 ms")
        for part in range(4):
            publish(publisher, 0, tick * 4 + part, 4.0)
        if tick % 25 == 0:
            turn = tick // 25
            number = turn % (DEVICES - 1) + 1
            high = turn >= DEVICES and number % 2 == 0
            if high:
                crossed.setdefault(f"acme/plant/GD-{number}/lel:HH", time.time_ns())
            publish(publisher, number, tick, 60.0 if high else 4.0)
    return crossed


def passed(at: float) -> bool:
    return time.monotonic() >= at


def publish(publisher: Publisher, device: int, seq: int, value: float) -> None:
    payload = {"time_ms": time.time_ns() / 1e6, "value": value, "boot": 1, "seq": seq}
    publisher.publish(f"rg/acme/plant/GD-{device}/lel", json.dumps(payload))


@pytest.mark.parametrize(("receiver", "packets", "queued"), [("bulk", 4_500, 2_700), ("paho", 1_200, 400)])
def test_a_flood_beyond_the_machine(
    broker: Broker, tmp_path: Path, receiver: str, packets: int, queued: int
) -> None:
    long = queued > 5 * 500
    strace = [need("strace"), "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", *SLOW_DISK]
    fleet = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]
    with (
        Gateway(tmp_path, broker.port, fleet) as gateway,
        Publisher(broker.port, tmp_path / "published.jsonl", window=2000) as publisher,
    ):
        gateway.configure(
            ingest=f'receiver = "{receiver}"\nmax_group_packets = {GROUP}\nmax_queued_packets = {queued}'
        )
        gateway.give_compiled()
        traced = gateway.start(program=[*strace, *gateway.command("run")])
        gateway.connected()
        [supervisor] = psutil.Process(traced.pid).children()
        core = next(p for p in supervisor.children() if p.cmdline()[-1] == "core")
        watch = Watch(gateway, core)
        core.suspend()  # so that the broker has all of it, however slowly this machine publishes
        flood(publisher, packets)
        publisher.settle(60)
        core.resume()
        until(lambda: watch.look()["counts"]["effective"] >= packets, 40, f"all; {gateway.status()}")
        until(lambda: watch.look()["behind_s"] == 0, 5, "nothing waits")
        counts = watch.look()["counts"]
        if long:
            until(lambda: behind_alarm(gateway) == [True, False], 5, "told that it was behind, and no longer")
            assert [note for note in watch.notes if note.startswith("behind by ")], watch.notes
        supervisor.terminate()
        assert traced.wait(LEAST_S) == 0
        assert watch.paused
        assert watch.behind_s > 0.5
        assert watch.waiting <= queued + 1
        assert watch.unacked <= queued + 2 * GROUP
        assert watch.memory < (queued + GROUP) * (PAYLOAD_BYTES + 200) + SPARE_BYTES
        assert counts["effective"] == counts["decoded"] - counts["duplicates"] == packets
        told = gateway.run("verify", "--published", str(tmp_path / "published.jsonl"))
        assert told.returncode == 0, told.stdout + told.stderr
    assert publisher.acked == packets
