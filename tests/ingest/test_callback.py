"""T7: whatever goes wrong in a callback, the network thread lives, nothing is lost, and it is visible."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ingest import Item, Packet, Run
from tests.ingest.bench import Bench, payloads, receiver  # noqa: F401 - a fixture
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.wait import LEAST_S, until

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("receiver")]
TOPIC = "rg/acme/plant/GD-1/lel"
LATER_NS = 6_000_000_000
"""Beyond the watchdog's pause between two repairs."""


def test_an_admission_that_raises_lets_the_packet_in(tmp_path: Path) -> None:
    """What arrived is journalled; the decoder judges it again. Better one odd entry than a lost reading."""

    def broken(_device: str) -> int:
        raise RuntimeError("the fleet is being swapped")

    with (
        Broker() as broker,
        Bench(broker.port, tmp_path, limit_of=broken) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        devices.publish(TOPIC, "1")
        devices.publish(TOPIC, "2")
        assert payloads(bench.expect(2)) == ["1", "2"]
        status = bench.receiver.status()
        assert (status["poison"], status["poison_error"]) == (2, "RuntimeError: the fleet is being swapped")


@pytest.mark.parametrize("error", [RuntimeError("no memory for it"), SystemExit(1)])
def test_a_packet_that_cannot_be_taken_comes_again(tmp_path: Path, error: BaseException) -> None:
    with (
        Broker() as broker,
        Bench(broker.port, tmp_path) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        take = bench.intake.put

        def failing(item: Item) -> bool:
            if isinstance(item, Packet | Run):
                raise error
            return take(item)

        bench.intake.put = failing  # type: ignore[method-assign]
        for number in range(3):
            devices.publish(TOPIC, str(number))
        until(lambda: bench.receiver.status()["untaken"] == 3, 5, "three packets could not be taken")
        assert 1 <= bench.receiver.status()["poison"] <= 3, "one a packet, or one a run"
        bench.intake.put = take  # type: ignore[method-assign]
        devices.publish(TOPIC, "3")
        assert payloads(bench.expect(1)) == ["3"], "the network thread goes on"
        reason = bench.receiver.healthy(bench.clock.mono_ns() + LATER_NS)
        assert "could not be taken" in reason
        bench.connected()
        assert payloads(bench.expect(5)) == ["3", "0", "1", "2", "3"]
        assert bench.receiver.healthy(bench.clock.mono_ns()) == ""


def test_a_dead_network_thread_is_noticed_and_replaced(tmp_path: Path, receiver: str) -> None:  # noqa: F811
    with (
        Broker() as broker,
        Bench(broker.port, tmp_path) as bench,
        Publisher(broker.port, tmp_path / "log") as devices,
    ):
        devices.publish(TOPIC, "1")
        held = bench.expect(1)[0]
        client = bench.receiver._client
        assert client is not None

        def fault() -> None:
            raise ValueError("a fault inside paho")

        client.loop_misc = fault  # type: ignore[method-assign, assignment]
        assert client.ended.wait(LEAST_S)
        assert client.is_connected(), "paho does not know: that is the trap"
        if receiver == "paho":  # queued, never written; a bulk link would still have taken it
            bench.receiver.acknowledge(held.epoch, [held.mid])
        bench.packets.clear()
        reason = bench.receiver.healthy(bench.clock.mono_ns())
        assert "ValueError: a fault inside paho" in reason
        assert bench.connected().session_present
        assert payloads(bench.expect(1)) == ["1"]
        assert [link.up for link in bench.links] == [True, False, True]
        bench.receiver.acknowledge(held.epoch, [held.mid])
        assert bench.receiver.status()["stale_acks"] == 1
        assert bench.receiver.status()["rebuilt"] == 1
        assert bench.receiver.healthy(bench.clock.mono_ns()) == ""
