"""Gas readings at a steady rate, marked with the round they belong to."""

from __future__ import annotations

import json
import threading
import time

from tests.support.publisher import Publisher

DEVICES = 200
RATE = 200
"""Packets a second: each device once a second, as gas detectors do."""


class Traffic:
    """Gas readings at a steady rate, each with its round's number in an extra field that decoders ignore."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._ending = threading.Event()
        self._flowing = threading.Event()
        self._flowing.set()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._seq = 0
        self.round = 0
        self._thread.start()

    def hold(self) -> None:
        """Publish nothing more until ``flow``."""
        self._idle.clear()
        self._flowing.clear()
        assert self._idle.wait(60)

    def flow(self) -> None:
        """The end of ``hold``."""
        self._flowing.set()

    def stop(self) -> None:
        self._ending.set()
        self._flowing.set()
        self._thread.join()

    def publish(self) -> str:
        """One more reading now; its payload."""
        number, seq = self._seq % DEVICES, self._seq // DEVICES
        reading = {"time_ms": time.time_ns() / 1e6, "value": 4.0 + number / 10, "boot": 1, "seq": seq}
        payload = json.dumps({**reading, "round": self.round})
        self._publisher.publish(f"rg/acme/plant/GD-{number}/lel", payload)
        self._seq += 1
        return payload

    def _run(self) -> None:
        while not self._ending.wait(0.02):
            if not self._flowing.is_set():
                self._idle.set()
                continue
            for _ in range(RATE // 50):
                self.publish()
