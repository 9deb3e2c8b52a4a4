"""What the receiver asks the broker for: the topics of the house, and those that profiles name for vendors.

Guarantee: one SUBSCRIBE holds all of it, so that a session is whole or told to be not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Protocol

from paho.mqtt import client as mqtt
from paho.mqtt.subscribeoptions import SubscribeOptions

SHARED = "$share/"


class Settings(Protocol):
    """What of [ingest] counts here."""

    @property
    def topic(self) -> str:
        """The house's topic filter."""
        ...

    @property
    def protocol(self) -> str:
        """ "3.1.1" or "5"."""
        ...

    @property
    def username(self) -> str:
        """Who asks."""
        ...


class Subscriptions:
    """May be used by the core thread and by the network thread at once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._more: list[str] = []
        self._asked: dict[int, list[str]] = {}
        self._answered = False
        self.error = ""
        """Why the broker does not give all of it, or ""."""

    @property
    def filters(self) -> list[str]:
        """All topic filters."""
        return [self._settings.topic, *self._more]

    @property
    def granted(self) -> bool:
        """Whether the broker has answered the last question, and gives all of it."""
        with self._lock:
            return self._answered and not self.error

    def also(self, filters: Iterable[str], client: mqtt.Client | None) -> None:
        """From now on these too, no earlier ones. ``client`` None: at the next connection.

        Within a shared subscription they are shared in the same group.
        """
        topic = self._settings.topic
        group = "/".join(topic.split("/", 2)[:2]) + "/" if topic.startswith(SHARED) else ""
        before, self._more = self._more, [group + one for one in filters]
        gone = [one for one in before if one not in self._more]
        if client is None or not client.is_connected() or before == self._more:
            return
        if gone:
            client.unsubscribe(gone)
        self.ask(client)

    def ask(self, client: mqtt.Client) -> None:
        """Subscribe to all of it. Doing so again is harmless and repairs a session that lost some."""
        # QoS 1 at most: at QoS 2 paho sends PUBREC before on_message (trap T8). MQTT 5 can ask not to get the
        # retained ones again.
        with self._lock:
            filters = self.filters
            if self._settings.protocol == "5":
                options = SubscribeOptions(qos=1, retainHandling=1)
                code, mid = client.subscribe([(one, options) for one in filters])
            else:
                code, mid = client.subscribe([(one, 1) for one in filters])
            if code or mid is None:
                self.error = f"could not subscribe to {', '.join(filters)}: {mqtt.error_string(code)}"
                return
            self._answered = False
            self._asked = {mid: filters}  # only the newest answer counts

    def answered(self, mid: int, reasons: list[Any]) -> None:
        """The broker's answer to a SUBSCRIBE."""
        with self._lock:
            filters = self._asked.pop(mid, [])
            if not filters:
                return
            self._answered, self.error = True, ""
            for topic, reason in zip(filters, reasons, strict=False):
                if reason.is_failure or reason.value != 1:
                    self.error = (
                        f"the broker did not grant {topic} at QoS 1 ({reason}). Give the user "
                        f"{self._settings.username or '(anonymous)'} read access in the broker's ACL"
                    )
