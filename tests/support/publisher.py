"""The outside witness: publishes at QoS 1 and writes one JSON line for each PUBACK it got from the broker.

A line is {"topic": ..., "payload": text, "ack_ns": wall clock} and is flushed at once. That file is what
``riskgate verify --published FILE`` compares with: whatever stands in it must be in the journal.
"""

from __future__ import annotations

import json
import queue
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.mosquitto import PUBLISHER
from tests.support.wait import LEAST_S, until


class Publisher:
    """Everything MQTT happens on one thread, so that no PUBACK can overtake its own bookkeeping.

    MQTT 5, so that a broker that refuses says so in the PUBACK; such a message is not logged, but counted in
    ``refused``. Reconnects by itself and then sends again what had no PUBACK (with DUP). A context.
    """

    def __init__(
        self,
        port: int,
        log: Path,
        user: tuple[str, str] = PUBLISHER,
        window: int = 200,
        client_id: str = "publisher",
        tls: tuple[Path, Path, Path] | None = None,
    ) -> None:
        self._port = port
        self._log = log.open("a", encoding="utf-8")
        self._window = window
        self._waiting: queue.SimpleQueue[tuple[str, str, int, bool]] = queue.SimpleQueue()
        self._unacked: dict[int, tuple[str, str]] = {}
        self._ending = threading.Event()
        self.offered = self.acked = self.refused = 0
        self.newest = ""
        """The payload that was offered last."""
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=mqtt.MQTTv5)
        self._client.username_pw_set(*user)
        if tls:
            ca, certificate, key = tls
            self._client.tls_set(str(ca), str(certificate), str(key))
        self._client.max_inflight_messages_set(window)
        self._client.on_publish = self._on_publish
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def __enter__(self) -> Publisher:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def publish(self, topic: str, payload: str, *, qos: int = 1, retain: bool = False) -> None:
        """Queue one message; returns at once. At QoS 0 nobody answers, so it is not counted."""
        self.offered += qos > 0
        self.newest = payload
        self._waiting.put((topic, payload, qos, retain))

    def settle(self, deadline_s: float = 20.0) -> None:
        """Wait until the broker has answered for all that was offered."""
        until(
            lambda: self.acked + self.refused == self.offered,
            deadline_s,
            f"PUBACK for all of {self.offered} messages that were offered",
        )

    def close(self) -> None:
        """Stop publishing. What had no PUBACK is not in the file."""
        self._ending.set()
        self._thread.join(LEAST_S)
        self._log.close()

    def _run(self) -> None:
        connected = False
        while not self._ending.is_set():
            if not connected:
                connected = self._connect()
                continue
            while len(self._unacked) < self._window and not self._waiting.empty():
                topic, payload, qos, retain = self._waiting.get()
                mid = self._client.publish(topic, payload, qos, retain).mid
                if qos:
                    self._unacked[mid] = (topic, payload)
            connected = self._client.loop(0.005) == mqtt.MQTT_ERR_SUCCESS
        self._client.disconnect()

    def _connect(self) -> bool:
        try:
            self._client.connect("127.0.0.1", self._port, keepalive=10, clean_start=True)
        except OSError:
            self._ending.wait(0.05)  # the broker is down: try again
            return False
        return True

    def _on_publish(self, _client: mqtt.Client, _data: Any, mid: int, reason: Any, _properties: Any) -> None:
        if mid not in self._unacked:
            return  # QoS 0: written to the socket, not acknowledged
        topic, payload = self._unacked.pop(mid)
        if reason.is_failure:
            self.refused += 1
            return
        line = {"topic": topic, "payload": payload, "ack_ns": time.time_ns()}
        self._log.write(json.dumps(line) + "\n")
        self._log.flush()
        self.acked += 1


def published(log: Path) -> list[tuple[str, str]]:
    """Topic and payload of every message the broker acknowledged; a torn last line is left out."""
    lines = log.read_text(encoding="utf-8").split("\n")[:-1]
    return [(line["topic"], line["payload"]) for line in map(json.loads, lines)]
