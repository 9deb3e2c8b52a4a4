"""Payloads on their way from the devices: each reaches the broker when its delay is over, ties in order."""

from __future__ import annotations

import heapq
from collections.abc import Callable


class Transit:
    """What was sent and has not arrived."""

    def __init__(self) -> None:
        self._waiting: list[tuple[int, int, bytes, bytes]] = []
        self._sent = 0

    def send(self, arrives_ns: int, topic: bytes, payload: bytes) -> None:
        """One payload on its way."""
        self._sent += 1
        heapq.heappush(self._waiting, (arrives_ns, self._sent, topic, payload))

    def arrive(self, publish: Callable[[bytes, bytes], object], now_ns: float = float("inf")) -> None:
        """Hand over everything that is due, or simply everything."""
        while self._waiting and self._waiting[0][0] <= now_ns:
            publish(*heapq.heappop(self._waiting)[2:])
