"""A core whose acknowledgements come late, so that many of them meet another connection than their own.

    python -m tests.crash.late_ack [--careless] --data DIR --config FILE process core

With --careless it is the negative control of the broker-chaos runs: it acknowledges on whatever connection
there is, as paho's own ack() does (trap T6).
"""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Iterable

from gateway.ingest.mqtt import Receiver

LATE_S = 4.0
"""Longer than a broker's restart and our reconnect together."""

_prompt = Receiver.acknowledge
_held: queue.SimpleQueue[tuple[float, Receiver, int, list[int]]] = queue.SimpleQueue()


def _late(self: Receiver, epoch: int, mids: Iterable[int]) -> None:
    _held.put((time.monotonic() + LATE_S, self, epoch, list(mids)))


def _carry() -> None:
    while True:
        due, receiver, epoch, mids = _held.get()
        time.sleep(max(0.0, due - time.monotonic()))
        while not receiver.status()["connected"]:  # a slow machine's broker is away for longer
            time.sleep(0.01)
        _give(receiver, epoch, mids)


def _give(receiver: Receiver, epoch: int, mids: list[int]) -> None:
    if "--careless" not in _options:
        _prompt(receiver, epoch, mids)
        return
    with receiver._lock:
        for mid in mids:
            if receiver._client is not None:
                receiver._client.ack(mid, 1)


_options = [word for word in sys.argv if word == "--careless"]

if __name__ == "__main__":
    from gateway.cli import main

    sys.argv = [word for word in sys.argv if word != "--careless"]
    threading.Thread(target=_carry, daemon=True).start()
    Receiver.acknowledge = _late  # type: ignore[method-assign]
    main()
