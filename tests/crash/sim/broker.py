"""A model broker with one persistent session: what it accepted it redelivers until it is acknowledged.

Only what MQTT 3.1.1 promises for QoS 1: packets keep their order, at most ``window`` are unacknowledged, and
after a reconnect the unacknowledged ones come first, flagged DUP, under the same packet ids.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED

WINDOW = 20
"""mosquitto's default max_inflight_messages."""


@dataclass(slots=True)
class Message:
    """One PUBLISH that the broker confirmed to its publisher."""

    number: int
    """Counts what the broker took, from 1: the witness's name for it."""
    topic: bytes
    payload: bytes
    flags: int = 0


@dataclass(slots=True)
class Sent:
    """One packet on the wire to the gateway."""

    mid: int
    message: Message
    flags: int


@dataclass(slots=True)
class Broker:
    """Its session with the gateway, and its own log of what was acknowledged."""

    window: int = WINDOW
    epoch: int = 0
    up: bool = False
    had_session: bool = False
    queue: deque[Message] = field(default_factory=deque)
    inflight: dict[int, Message] = field(default_factory=dict)
    resend: deque[int] = field(default_factory=deque)
    acked: list[Message] = field(default_factory=list)
    lost: list[Message] = field(default_factory=list)
    """What a lost session took along; the gateway cannot have it, and must say "possible gap"."""
    stale: int = 0
    taken: int = 0
    _mid: int = 0

    def publish(self, topic: bytes, payload: bytes) -> Message:
        """A device publishes; the broker confirms and queues."""
        self.taken += 1
        message = Message(self.taken, topic, payload)
        self.queue.append(message)
        return message

    def retain(self, topic: bytes, payload: bytes) -> None:
        """A copy of a retained message, sent at (re)subscription after what was queued."""
        self.queue.append(Message(0, topic, payload, FLAG_RETAINED))

    def connect(self, epoch: int) -> bool:
        """The gateway connects anew, calling the connection ``epoch``; says whether its session was there."""
        present = self.had_session
        self.had_session = True
        self.up = True
        self.epoch = epoch
        self.resend = deque(self.inflight)
        return present

    def disconnect(self) -> None:
        """The link is gone; the session stays."""
        self.up = False

    def lose_session(self) -> None:
        """As a broker without persistence does when it is killed."""
        self.disconnect()
        self.lost += [m for m in [*self.inflight.values(), *self.queue] if m.number]
        self.inflight.clear()
        self.queue.clear()
        self.resend.clear()
        self.had_session = False
        self._mid = 0

    def deliver(self) -> list[Sent]:
        """What goes over the wire now: redeliveries first, then as much as the window allows."""
        if not self.up:
            return []
        sent = []
        while self.resend:
            mid = self.resend.popleft()
            message = self.inflight[mid]
            sent.append(Sent(mid, message, message.flags | FLAG_DUP))
        while self.queue and len(self.inflight) < self.window:
            message = self.queue.popleft()
            mid = self._free_mid()
            self.inflight[mid] = message
            sent.append(Sent(mid, message, message.flags))
        return sent

    def acknowledge(self, epoch: int, mids: list[int]) -> None:
        """The gateway's receiver hands over acknowledgements; those of another connection go nowhere."""
        if not self.up or epoch != self.epoch:
            self.stale += len(mids)
            return
        for mid in mids:
            message = self.inflight.pop(mid, None)
            if message is None:
                raise AssertionError(f"packet id {mid} acknowledged twice in one connection")
            if message.number:
                self.acked.append(message)

    def idle(self) -> bool:
        """Whether everything accepted was acknowledged."""
        return not self.queue and not self.inflight

    def _free_mid(self) -> int:
        while True:
            self._mid = self._mid % 65535 + 1
            if self._mid not in self.inflight:
                return self._mid
