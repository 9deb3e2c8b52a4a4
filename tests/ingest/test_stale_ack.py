"""T6, for ever: an acknowledgement of a lost connection must not acknowledge another packet with its id."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.ingest import Mids
from gateway.ingest.mqtt import Receiver
from tests.ingest.bench import Bench, payloads, receiver  # noqa: F401 - a fixture
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher

pytestmark = [pytest.mark.system, pytest.mark.usefixtures("receiver")]
TOPIC = "rg/acme/plant/GD-1/lel"


class Careless(Receiver):
    """The negative control: acknowledges whatever connection is there, as paho's own ack() does."""

    def acknowledge(self, epoch: int, mids: Mids) -> None:
        assert self._client is not None
        for mid in mids:
            self._client.ack(int(mid), 1)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize(("kind", "returns"), [(Receiver, ["new 1", "new 2", "new 3"]), (Careless, [])])
def test_new_packets_under_old_ids(
    tmp_path: Path, protocol: str, kind: type[Receiver], returns: list[str]
) -> None:
    with Broker() as broker:
        bench = Bench(broker.port, tmp_path, protocol=protocol)
        bench.receiver = kind(bench.settings, bench.intake, bench.admission, bench.clock, had_session=False)
        with bench:
            with Publisher(broker.port, tmp_path / "log") as devices:
                for number in (1, 2, 3):
                    devices.publish(TOPIC, f"old {number}")
                old = list(bench.expect(3))
            broker.lose_session()
            link = bench.connected()
            assert (link.session_present, link.expected_session) == (False, True)
            bench.packets.clear()
            bench.subscribed()
            with Publisher(broker.port, tmp_path / "log") as devices:
                for number in (1, 2, 3):
                    devices.publish(TOPIC, f"new {number}")
                new = bench.expect(3)
            assert [p.mid for p in new] == [p.mid for p in old], "else this test proves nothing"
            for packet in old:
                bench.receiver.acknowledge(packet.epoch, [packet.mid])
            assert bench.receiver.status()["stale_acks"] == (3 if kind is Receiver else 0)
            bench.receiver.stop()
            broker.wait_gone("riskgate-1")
        with Bench(broker.port, tmp_path, protocol=protocol, had_session=True) as again:
            with Publisher(broker.port, tmp_path / "log") as devices:
                devices.publish(TOPIC, "end")
                again.expect(len(returns) + 1)
            assert payloads(again.packets) == [*returns, "end"]
