"""Around the gateway in an outage: the clock on the wire, the webhook that can be away, the stream."""

from __future__ import annotations

import json
import threading
import time

from standardwebhooks import Webhook, WebhookVerificationError

from tests.crash._mqtt import PUBACK, PUBLISH, Frames
from tests.crash._mqtt import published as packet_of
from tests.support.gateway import WEBHOOK_SECRET
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver, Reply, Request, Script
from tests.system._outage_account import Receipt

DEVICES = 24
RATE = 100
"""Readings a second."""
CYCLE_S, HIGH_S = 12, 4
"""Each device is above HH for 4 of 12 s, one after the other: H and HH raised and cleared each time."""


class Clocked:
    """On the wire between broker and gateway: how long after each PUBLISH its PUBACK came."""

    def __init__(self) -> None:
        self.samples: list[tuple[int, int]] = []
        """(wall clock at the PUBLISH, ns until its PUBACK)."""

    def connection(self) -> Clocked.Connection:
        """The witness of the next connection."""
        return Clocked.Connection(self.samples)

    class Connection:
        """One connection."""

        def __init__(self, samples: list[tuple[int, int]]) -> None:
            self._samples = samples
            self._sent, self._received = Frames(), Frames()
            self._open: dict[int, int] = {}

        def received(self, data: bytes) -> None:
            """From the broker."""
            for first, body in self._received.feed(data):
                if first >> 4 == PUBLISH:
                    self._open[packet_of(first, body, 4)[0]] = time.time_ns()

        def sent(self, data: bytes) -> None:
            """From the gateway."""
            for first, body in self._sent.feed(data):
                if first >> 4 == PUBACK:
                    since = self._open.pop(int.from_bytes(body[:2], "big"))
                    self._samples.append((since, time.time_ns() - since))


class Hook:
    """A webhook's receiver on one port, over several lives; keeps the first receipt of each event whose
    signature is right."""

    def __init__(self) -> None:
        self.receipts: dict[str, Receipt] = {}
        self.wrong = 0
        self.unanswered = 0
        self._lock = threading.Lock()
        self._receiver = Receiver(self._take, port=free_port())  # ours also while nobody listens
        self.port = self._receiver.port

    def __enter__(self) -> Hook:
        self._receiver.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._receiver.close()

    def refuse(self) -> None:
        """Nobody listens."""
        self._receiver.close()

    def hang(self) -> None:
        """Connections are taken and requests read, and that is all."""
        self._open(lambda _: Reply(hang=True))

    def back(self) -> None:
        """As before."""
        self._open(self._take)

    def _open(self, script: Script) -> None:
        self._receiver.close()
        self._receiver = Receiver(script, port=self.port).__enter__()

    def hung(self) -> int:
        """Requests of the present life."""
        return len(self._receiver.requests)

    def _take(self, request: Request) -> Reply:
        try:
            Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)
        except WebhookVerificationError:
            self.wrong += 1
            return Reply(400)
        data = json.loads(request.body)["data"]
        with self._lock:
            name = request.headers["webhook-id"]
            self.receipts.setdefault(name, Receipt(len(self.receipts), time.time_ns(), data))
        return Reply(204)


class Traffic:
    """Gas readings at a steady rate; every device numbers its payloads. Each time of a channel comes once."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        begun, count = time.monotonic(), 0
        while not self._ending.wait(0.01):
            while count < (time.monotonic() - begun) * RATE:
                self._publish(count)
                count += 1

    def _publish(self, count: int) -> None:
        number, seq = count % DEVICES, count // DEVICES
        channel, value = "lel", 4.0 + count % 97 / 10
        if (count / RATE + number) % CYCLE_S < HIGH_S:
            value += 56.0
        if seq % 5 == 4:
            channel, value = "temperature", 20.0 + count % 97 / 10
        reading = {"time_ms": time.time_ns() // 1_000_000, "value": value, "boot": 1, "seq": seq}
        self._publisher.publish(f"rg/acme/plant/GD-{number}/{channel}", json.dumps(reading))
