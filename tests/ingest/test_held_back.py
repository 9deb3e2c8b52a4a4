"""While the core cannot take more, no PUBACK leaves: what the wire carries, with both receivers."""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from gateway.ingest import Packet
from tests.ingest.bench import Bench, payloads, receiver  # noqa: F401 - a fixture
from tests.ingest.wire import sent_packets
from tests.support.mosquitto import Broker
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher
from tests.support.wait import until

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("receiver")]
TOPIC = "rg/acme/plant/GD-1/lel"
COUNT = 300
ROOM = 10
PUBACK = 0x40
both = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


class Wire:
    """What the gateway sent, connection by connection."""

    def __init__(self) -> None:
        self.connections: list[bytearray] = []

    def connection(self) -> Wire:
        self.connections.append(bytearray())
        return self

    def sent(self, data: bytes) -> None:
        self.connections[-1] += data

    def received(self, data: bytes) -> None:
        """Of no interest here."""

    def acked(self) -> list[int]:
        """The packet ids that the newest connection acknowledged, in order."""
        found = sent_packets(bytes(self.connections[-1])).get(PUBACK, [])
        return [int.from_bytes(packet[2:4], "big") for packet in found]


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


def flood(devices: Publisher) -> list[str]:
    sent = [str(number) for number in range(COUNT)]
    for text in sent:
        devices.publish(TOPIC, text)
    devices.settle()
    return sent


def paused(bench: Bench, seconds: float) -> None:
    """The intake is full and the gate shut, and stays so for a while. Full, for right after a taking the gate
    may still be the one that was shut before."""
    until(lambda: bench.intake.depth >= ROOM and bench.receiver.status()["paused"], 5, "the gate is shut")
    since = time.monotonic()
    until(lambda: time.monotonic() - since > seconds, 5, "a while has passed")
    assert bench.receiver.status()["paused"]


def acknowledged(wire: Wire, count: int) -> bool:
    return len(wire.acked()) >= count


@both
def test_no_puback_while_paused_and_all_comes_again_when_the_link_breaks(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    wire = Wire()
    with (
        Proxy(broker.port, wire.connection) as proxy,
        Bench(proxy.port, tmp_path, protocol=protocol, max_packets=ROOM) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        sent = flood(devices)
        paused(bench, 0.5)
        assert bench.intake.depth <= ROOM + 1
        assert wire.acked() == []
        proxy.reset()  # as when the gateway dies: the broker still has every one
        link = bench.connected()
        assert (link.session_present, len(wire.connections)) == (True, 2)
        got: list[Packet] = []
        while sum(p.epoch == link.epoch for p in got) < COUNT:
            bench.expect(1)
            got += bench.packets
            bench.acknowledge()
        stale = [p for p in got if p.epoch < link.epoch]
        again = [p for p in got if p.epoch == link.epoch]
        assert len(stale) >= ROOM
        assert payloads(again) == sent
        until(lambda: len(wire.acked()) == COUNT, 5, "an acknowledgement of each on the new connection")
        assert wire.acked() == [p.mid for p in again]
        status = bench.receiver.status()
        assert (status["acked"], status["stale_acks"]) == (COUNT, len(stale))


@both
def test_only_what_became_durable_is_acknowledged(broker: Broker, tmp_path: Path, protocol: str) -> None:
    wire = Wire()
    with (
        Proxy(broker.port, wire.connection) as proxy,
        Bench(proxy.port, tmp_path, protocol=protocol, max_packets=ROOM) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        flood(devices)
        paused(bench, 0)
        durable: list[int] = []
        for _ in range(3):
            taken = list(bench.expect(1))
            bench.acknowledge()
            durable += [p.mid for p in taken]
            until(partial(acknowledged, wire, len(durable)), 5, "what is durable is acknowledged")
            paused(bench, 0.1)
            assert wire.acked() == durable
        assert len(durable) < COUNT
