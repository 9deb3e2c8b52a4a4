"""The receiver at a real mosquitto with the shipped configuration, in both protocol versions."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import ConfigError
from gateway.ingest import LinkChange, Packet
from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED
from tests.ingest.bench import Bench, payloads, receiver  # noqa: F401 - a fixture
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher, published
from tests.support.wait import LEAST_S, until

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("receiver")]
TOPIC = "rg/acme/plant/GD-1/lel"
KEEPALIVE_S = 2
"""Short, so that three of them pass in test time; at one second a busy machine breaks sound links."""
THREE_S = 3.2 * KEEPALIVE_S
both = pytest.mark.parametrize("protocol", ["3.1.1", "5"])


@pytest.fixture
def broker() -> Iterator[Broker]:
    with Broker() as running:
        yield running


@both
def test_what_is_published_arrives_as_it_was(broker: Broker, tmp_path: Path, protocol: str) -> None:
    with (
        Bench(broker.port, tmp_path, protocol=protocol) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        link = bench.links[0]
        assert (link.up, link.session_present, link.expected_session, link.epoch) == (True, False, False, 1)
        before_ns = bench.clock.mono_ns()
        for number in range(300):
            devices.publish(TOPIC, f'{{"value": {number}}}')
        packets = bench.expect(300)
        devices.settle()
        assert payloads(packets) == [f'{{"value": {number}}}' for number in range(300)]
        assert {p.topic for p in packets} == {TOPIC.encode()}
        assert all(p.epoch == 1 and p.flags == 0 and before_ns <= p.received_ns for p in packets)
        assert all(type(p.topic) is bytes and type(p.payload) is bytes for p in packets)
        bench.acknowledge()
        status = bench.receiver.status()
        assert (status["connected"], status["received"], status["acked"]) == (True, 300, 300)
        assert (status["stale_acks"], status["poison"], status["reconnects"]) == (0, 0, 0)
        assert bench.receiver.healthy(bench.clock.mono_ns()) == ""
    assert published(tmp_path / "log") == [(TOPIC, f'{{"value": {number}}}') for number in range(300)]


@both
def test_a_restart_gets_what_was_not_acknowledged_and_only_that(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    with (
        Bench(broker.port, tmp_path, protocol=protocol) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        for number in range(10):
            devices.publish(TOPIC, str(number))
        for early in bench.expect(10)[:4]:
            bench.receiver.acknowledge(early.epoch, [early.mid])
        bench.receiver.stop()
        broker.wait_gone("riskgate-1")
        devices.publish(TOPIC, "while away")
        devices.settle()
    with Bench(broker.port, tmp_path, protocol=protocol, had_session=True) as again:
        assert (again.links[0].session_present, again.links[0].expected_session) == (True, True)
        packets = again.expect(7)
        assert payloads(packets) == ["4", "5", "6", "7", "8", "9", "while away"]
        assert [bool(p.flags & FLAG_DUP) for p in packets] == [True] * 6 + [False]


def test_the_unacknowledged_window_is_the_brokers(tmp_path: Path) -> None:
    """T5: at mosquitto's default of 20 delivery stalls after 20: back-pressure, and nothing is lost."""
    with (
        Broker({"max_inflight_messages": "20"}) as broker,
        Bench(broker.port, tmp_path) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        for number in range(50):
            devices.publish(TOPIC, str(number))
        devices.settle()
        assert len(bench.expect(20)) == 20
        held = list(bench.packets)
        bench.receiver._client.shake()  # type: ignore[union-attr]
        bench.packets.clear()
        assert bench.connected().session_present
        again = bench.expect(20)
        assert [(p.mid, p.payload) for p in again] == [(p.mid, p.payload) for p in held]
        assert all(p.flags & FLAG_DUP for p in again)
        assert all(p.epoch > held[0].epoch for p in again)
        got: list[Packet] = []
        while len(got) < 50:
            got += bench.expect(1)
            bench.acknowledge()
        assert payloads(got) == [str(number) for number in range(50)]


@both
def test_a_retained_packet_says_so(broker: Broker, tmp_path: Path, protocol: str) -> None:
    with Publisher(broker.port, tmp_path / "log") as devices:
        devices.publish(TOPIC, "months old", retain=True)
        devices.settle()
        with Bench(broker.port, tmp_path, protocol=protocol) as bench:
            devices.publish(TOPIC, "live")
            assert {(p.payload, p.flags) for p in bench.expect(2)} == {
                (b"months old", FLAG_RETAINED),
                (b"live", 0),
            }


def test_refused_packets_are_told_acknowledged_and_do_not_return(broker: Broker, tmp_path: Path) -> None:
    big = "x" * 5000
    limits = {"acme/plant/GD-1": 4999}
    with Publisher(broker.port, tmp_path / "log") as devices:
        with Bench(broker.port, tmp_path, limit_of=lambda key: limits.get(key, 100_000)) as bench:
            devices.publish(TOPIC, big)
            devices.publish("rg/acme/plant/GD 1\u00e9/lel", "odd")
            devices.publish(TOPIC, "at most once", qos=0)
            devices.publish(TOPIC, "fine")
            assert payloads(bench.expect(1)) == ["fine"]
            by_reason = {r.reason: r for r in bench.refused}
            assert set(by_reason) == {"oversize", "bad_topic", "qos"}
            oversize = by_reason["oversize"]
            assert (oversize.topic, oversize.size, oversize.head) == (TOPIC, 5000, b"x" * 1024)
            assert oversize.sha256 == hashlib.sha256(big.encode()).hexdigest()
            assert by_reason["bad_topic"].topic == r"rg/acme/plant/GD 1\xc3\xa9/lel"
            assert by_reason["qos"].mid == 0
            bench.acknowledge()
            status = bench.receiver.status()
            assert (status["received"], status["refused"], status["acked"]) == (4, 3, 3)
            bench.receiver.stop()
            broker.wait_gone("riskgate-1")
        with Bench(broker.port, tmp_path) as again:
            devices.publish(TOPIC, "next")
            assert payloads(again.expect(1)) == ["next"]
            assert again.refused == []


@both
def test_a_full_intake_stops_the_reading_and_keeps_the_link(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    """The core stalls for three keep-alives: the link stays, nothing is lost or reordered."""
    with (
        Bench(broker.port, tmp_path, protocol=protocol, max_packets=10, keepalive_s=KEEPALIVE_S) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        for number in range(200):
            devices.publish(TOPIC, str(number))
        devices.settle()
        until(lambda: bench.receiver.status()["paused"], 5, "the gate is shut")
        paused = time.monotonic()
        until(lambda: time.monotonic() - paused > THREE_S, 10, "more than three keep-alives have passed")
        assert bench.intake.depth <= 11
        later_ns = bench.clock.mono_ns() + 10_000_000_000
        assert "the intake is full" in bench.receiver.healthy(later_ns)
        got: list[Packet] = []
        while len(got) < 200:
            got += bench.expect(1)
            bench.acknowledge()
        assert payloads(got) == [str(number) for number in range(200)]
        status = bench.receiver.status()
        assert (status["reconnects"], status["stale_acks"]) == (0, 0)


@both
def test_a_flood_longer_than_the_keep_alive_keeps_the_link(
    broker: Broker, tmp_path: Path, protocol: str
) -> None:
    """The bulk receiver's paho hears nothing of what was lifted, and must not take that for silence."""
    with (
        Bench(broker.port, tmp_path, protocol=protocol, keepalive_s=KEEPALIVE_S) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        seen = 0

        def take_and_acknowledge() -> None:
            nonlocal seen
            bench.take()
            seen += len(bench.packets)
            bench.acknowledge()
            time.sleep(0.01)

        def all_seen() -> bool:
            take_and_acknowledge()
            return seen >= devices.offered

        start = time.monotonic()
        while time.monotonic() - start < THREE_S:
            for number in range(200 - devices.offered + devices.acked):
                devices.publish(TOPIC, str(number))
            take_and_acknowledge()
        devices.settle()
        # the broker gives no more than its window of what is not acknowledged
        until(all_seen, 10, "every packet")
        status = bench.receiver.status()
        assert (status["received"], status["reconnects"]) == (devices.offered, 0)
        assert status["receiver"] == Bench.kind


def test_a_stop_takes_nothing_more_and_sends_what_was_acknowledged(broker: Broker, tmp_path: Path) -> None:
    with Publisher(broker.port, tmp_path / "log") as devices:
        with Bench(broker.port, tmp_path) as bench:
            for number in range(20):
                devices.publish(TOPIC, str(number))
            bench.expect(20)
            bench.take()
            bench.receiver.stop_reading()
            devices.publish(TOPIC, "after")
            devices.settle()
            bench.acknowledge()
            assert bench.receiver.stop(LEAST_S)
            assert [type(item) for item in bench.take()] == [LinkChange], "only that the link went down"
            assert bench.receiver.healthy(bench.clock.mono_ns()) == "stopped"
        broker.wait_gone("riskgate-1")
        with Bench(broker.port, tmp_path, had_session=True) as again:
            assert payloads(again.expect(1)) == ["after"]


def test_files_that_cannot_be_used_are_named(tmp_path: Path) -> None:
    bench = Bench(1883, tmp_path, start=False, password_file=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"password_file .*none.*Write the password"):
        bench.receiver.start()
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("not a certificate")
    bench = Bench(1883, tmp_path, start=False, tls=True, ca_file=str(wrong), cert_file=str(wrong))
    with pytest.raises(ConfigError) as error:
        bench.receiver.start()
    assert [problem.split()[1] for problem in error.value.problems] == ["ca_file", "cert_file"]
