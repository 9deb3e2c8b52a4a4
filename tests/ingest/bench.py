"""A receiver at a real broker, driven as the core does: take, keep, acknowledge when told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import pytest

from gateway.clock import SystemClock
from gateway.ingest import Item, LinkChange, Packet, RefusedPacket, Run
from gateway.ingest.admission import ABSOLUTE_LIMIT, Admission
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from tests.support.mosquitto import GATEWAY
from tests.support.wait import until

RECEIVERS = ("bulk", "paho")
"""Both ways of [ingest] receiver; what holds for one holds for the other."""


@dataclass
class Settings:
    """[ingest] as the tests need it. Who wants a link that only the keep-alive finds broken asks for a short
    one; with it a machine that stands still for so long breaks sound links too."""

    port: int
    password_file: str
    receiver: str = RECEIVERS[0]
    host: str = "127.0.0.1"
    username: str = GATEWAY[0]
    protocol: str = "3.1.1"
    client_id: str = "riskgate-1"
    keepalive_s: int = 30
    topic: str = "rg/+/+/+/+"
    session_expiry_s: int = 600
    tls: bool = False
    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""
    watchdog_s: float = 60


@pytest.fixture(params=RECEIVERS)
def receiver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a test once with each receiver."""
    kind = str(request.param)
    monkeypatch.setattr(Bench, "kind", kind)
    return kind


class Bench:
    """``with Bench(port, folder) as bench``: bench.take() gives what arrived, bench.acknowledge() lets go."""

    kind = RECEIVERS[0]
    """Which receiver, where a test does not say; see the ``receiver`` fixture."""

    def __init__(
        self,
        port: int,
        folder: Path,
        *,
        limit_of: Callable[[str], int] = lambda _: ABSOLUTE_LIMIT,
        had_session: bool = False,
        max_packets: int = 100_000,
        start: bool = True,
        **settings: object,
    ) -> None:
        secret = folder / "gateway-password"
        secret.write_text(GATEWAY[1] + "\n")
        self.settings = Settings(port, str(secret))
        for name, value in {"receiver": self.kind, **settings}.items():
            setattr(self.settings, name, value)
        self.clock = SystemClock()
        self.intake = Intake(max_packets, 1 << 30)
        self.admission = Admission(limit_of)
        self.receiver = Receiver(self.settings, self.intake, self.admission, self.clock, had_session)
        self.packets: list[Packet] = []
        self.refused: list[RefusedPacket] = []
        self.links: list[LinkChange] = []
        self._start, self._had_session = start, had_session

    def __enter__(self) -> Bench:
        if self._start:
            self.receiver.start()
            self.connected()
            # What is published before the broker has granted the topics of a new session goes nowhere.
            if not self._had_session:
                until(self._answered, 10, "an answer to the subscription")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.receiver.stop()

    def subscribed(self) -> None:
        """Wait until the broker has granted the topics of a new session: what is published before goes
        nowhere."""
        until(lambda: self.receiver.status()["subscribed"], 10, f"topics granted; {self.receiver.status()}")

    def _answered(self) -> bool:
        status = self.receiver.status()
        return status["subscribed"] or status["subscribe_error"] != ""

    def take(self) -> list[Item]:
        """Everything that arrived until now, sorted into packets, refused and links."""
        items = self.intake.next_group(1 << 30, 1 << 40, 0)
        for item in items:
            if isinstance(item, Packet):
                self.packets.append(item)
            elif isinstance(item, Run):
                self.packets += map(item.packet, range(len(item)))
            elif isinstance(item, RefusedPacket):
                self.refused.append(item)
            else:
                self.links.append(item)
        return items

    def expect(self, packets: int, deadline_s: float = 10.0) -> list[Packet]:
        """Wait for at least so many packets in all."""

        def enough() -> bool:
            self.take()
            return len(self.packets) >= packets

        until(enough, deadline_s, f"{packets} packets; {self.receiver.status()}")
        return self.packets

    def connected(self, deadline_s: float = 10.0) -> LinkChange:
        """Wait for one more link that came up."""
        before = sum(link.up for link in self.links)

        def up() -> LinkChange | None:
            self.take()
            ups = [link for link in self.links if link.up]
            return ups[before] if len(ups) > before else None

        link = until(up, deadline_s, f"a connection; {self.receiver.status()}")
        assert link is not None
        return link

    def came(self, payload: str, deadline_s: float = 10.0) -> None:
        """Wait for a packet that carries this, whatever came before it."""

        def there() -> bool:
            self.take()
            return payload in payloads(self.packets)

        until(there, deadline_s, f"{payload!r}; {self.receiver.status()}")

    def acknowledge(self) -> None:
        """Acknowledge all that was taken, and forget it."""
        for item in [*self.packets, *self.refused]:
            self.receiver.acknowledge(item.epoch, [item.mid])
        self.packets.clear()
        self.refused.clear()


def payloads(packets: list[Packet]) -> list[str]:
    """What they carry, as text."""
    return [packet.payload.decode() for packet in packets]
