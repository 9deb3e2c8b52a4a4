"""One short MQTT connection that changes nothing at the broker: answers, rights, and what it says of itself.

Guarantee: nothing is acknowledged, and a connection with the gateway's own client id leaves its session as it
was, or leaves none where there was none.
"""

from __future__ import annotations

import queue
from collections.abc import Collection
from types import TracebackType
from typing import Any

from paho.mqtt import client as mqtt
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway.clock import Clock
from gateway.config import Ingest
from gateway.ingest.connection import connect_arguments, password_of, tls_of

ANSWER_S = 5.0
VERSION, CLIENT_ID = "this MQTT protocol version is refused", "the client id is refused"
WRONG, NOT_AUTHORISED = "user name or password is wrong", "not authorised"
REFUSALS = {
    1: VERSION, 2: CLIENT_ID, 4: WRONG, 5: NOT_AUTHORISED,
    132: VERSION, 133: CLIENT_ID, 134: WRONG, 135: NOT_AUTHORISED,
}  # fmt: skip
"""CONNACK codes: MQTT 3.1.1 table 3.1, MQTT 5 clause 2.4."""


class Visit:
    """A context. After entering, ``error`` is "" if the broker let us in, else why not.

    keep: with a session that outlives the connection, as [ingest] has it (only for the gateway's own client
    id). protocol: another than [ingest] has. ConfigError and OSError as the files and the system say it.
    """

    def __init__(
        self, ingest: Ingest, clock: Clock, client_id: str, *, keep: bool = False, protocol: str = ""
    ) -> None:
        self._ingest = ingest.model_copy(update={"protocol": protocol or ingest.protocol})
        self._clock = clock
        self._keep = keep
        five = self._ingest.protocol == "5"
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=None if five else not keep,
            protocol=mqtt.MQTTv5 if five else mqtt.MQTTv311,
            manual_ack=True,
            reconnect_on_failure=False,
        )
        self._client.connect_timeout = ANSWER_S
        if ingest.username:
            self._client.username_pw_set(ingest.username, password_of(ingest.password_file))
        if ingest.tls:
            self._client.tls_set_context(tls_of(ingest))
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.error = ""
        self.session_present = False

    def __enter__(self) -> Visit:
        put = self._answers.put
        self._client.on_connect = lambda c, u, flags, code, p: put(("connack", (flags.session_present, code)))
        self._client.on_disconnect = lambda c, u, flags, code, p: put(("gone", code))
        self._client.on_publish = lambda c, u, mid, code, p: put(("puback", code))
        self._client.on_message = lambda c, u, message: put(("message", message))
        arguments = connect_arguments(self._ingest)
        if self._ingest.protocol == "5" and not self._keep:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = 0
            arguments |= {"clean_start": True, "properties": properties}
        self._client.connect(**arguments)
        self._client.loop_start()
        kind, answer = self._next(ANSWER_S)
        if kind == "connack":
            self.session_present, code = answer
            if code.is_failure:
                self.error = REFUSALS.get(code.value, str(code))
        else:
            self.error = "the broker closed the connection" if kind else f"no answer within {ANSWER_S:g} s"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def publish(self, topic: str) -> int | None:
        """The code of PUBACK for an empty message (0x87: not authorised, MQTT 5 3.4.2.1); None without one.

        Only MQTT 5 brokers say no; an older protocol acknowledges and forgets."""
        self._client.publish(topic, b"", qos=1)
        kind, code = self._next(ANSWER_S)
        return int(code.value) if kind == "puback" else None

    def retained(self, topics: Collection[str], seconds: float) -> dict[str, str]:
        """What the broker keeps under these topics; fewer if it does not say within ``seconds``."""
        self._client.subscribe([(topic, 0) for topic in topics])
        found: dict[str, str] = {}
        end_ns = self._clock.mono_ns() + round(seconds * 1e9)
        while len(found) < len(topics) and (left_ns := end_ns - self._clock.mono_ns()) > 0:
            kind, message = self._next(left_ns / 1e9)
            if kind == "message":
                found[message.topic] = message.payload.decode("utf-8", "replace")
        return found

    def _next(self, seconds: float) -> tuple[str, Any]:
        try:
            return self._answers.get(timeout=seconds)
        except queue.Empty:
            return "", None
