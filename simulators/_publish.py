"""Publishes messages at QoS 1: bounded in number under way, each with a time limit, sent again after a lost
connection until the broker has acknowledged it. Written to the log only then.

The log holds one JSON line {"topic", "payload", "ack_ns"} per acknowledged publish: the outside witness that
``riskgate verify --published FILE`` compares the journal with.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from typing import IO, Any

import aiomqtt

from simulators._payloads import Message, Raw

NowNs = Callable[[], int]
Sendable = Message | Raw
Tasks = set[asyncio.Task[None]]
BACK_OFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where and as whom to publish."""

    host: str
    port: int
    username: str = ""
    password: str = ""
    client_id: str = "riskgate-simulator"
    protocol: str = "3.1.1"
    tls: ssl.SSLContext | None = None
    """Whom to trust and what to prove; None = no TLS."""

    def __repr__(self) -> str:
        return f"BrokerAddress({self.host}:{self.port} as {self.username or 'anonymous'})"

    def client(self, **more: Any) -> aiomqtt.Client:
        """A connection to be, as this user; ``more`` goes to aiomqtt."""
        return aiomqtt.Client(
            self.host,
            self.port,
            username=self.username or None,
            password=self.password or None,
            identifier=self.client_id,
            protocol=aiomqtt.ProtocolVersion.V5 if self.protocol == "5" else aiomqtt.ProtocolVersion.V311,
            tls_context=self.tls,
            **more,
        )

    def why(self, error: BaseException) -> str:
        """What a person can do about a connection that failed."""
        if _untrusted(error):
            advice = "ca_file under [ingest] must hold the authority that signed the broker's certificate"
        else:
            advice = "Is it running, do both sides speak TLS or neither, are user and password right?"
        return f"the broker at {self.host}:{self.port} cannot be used: {error}. {advice}"


class Publisher:
    """One connection that is made again as often as needed. ``publish`` runs until the source ends and
    everything is acknowledged; ConnectionError after ``give_up`` failed connections in a row, and at once for
    a broker whose certificate is not trusted."""

    def __init__(
        self,
        address: BrokerAddress,
        now_ns: NowNs,
        *,
        log: IO[str] | None = None,
        window: int = 200,
        timeout_s: float = 10.0,
        give_up: int = 20,
        on_ack: Callable[[Any], None] | None = None,
    ) -> None:
        self._address = address
        self._now_ns = now_ns
        self._log = log
        self._window = window
        self._timeout_s = timeout_s
        self._give_up = give_up
        self._on_ack = on_ack
        self._waiting: dict[int, Sendable] = {}
        """Taken from the source, not acknowledged; in order."""
        self._taken = 0
        self.acknowledged = 0
        self.reconnects = 0

    async def publish(self, source: AsyncIterable[Sendable]) -> int:
        """Publish everything; returns how many the broker has acknowledged."""
        messages = aiter(source)
        failures = 0
        while True:
            before = self.acknowledged
            try:
                async with self._client() as client:
                    await self._session(client, messages)
                return self.acknowledged
            except (aiomqtt.MqttError, TimeoutError) as error:
                failures = 0 if self.acknowledged > before else failures + 1
                if _untrusted(error) or failures >= self._give_up:
                    raise ConnectionError(self._address.why(error)) from error
                self.reconnects += 1
                await asyncio.sleep(BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)])

    def _client(self) -> aiomqtt.Client:
        client = self._address.client(
            timeout=self._timeout_s,
            max_inflight_messages=self._window,
            max_queued_outgoing_messages=2 * self._window,
        )
        client.pending_calls_threshold = 2 * self._window
        return client

    async def _session(self, client: aiomqtt.Client, messages: AsyncIterator[Sendable]) -> None:
        """One connection: first what an earlier one left open, then new messages as the window allows."""
        under_way: Tasks = set()
        try:
            for number in list(self._waiting):
                under_way.add(asyncio.ensure_future(self._one(client, number)))
            async for message in messages:
                self._taken += 1
                self._waiting[self._taken] = message
                under_way.add(asyncio.ensure_future(self._one(client, self._taken)))
                under_way = await self._room(under_way)
            while under_way:
                under_way = await self._room(under_way, 1)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _room(self, under_way: Tasks, limit: int | None = None) -> Tasks:
        """Collect what is done; wait while the window is full. Raises what a publish raised."""
        limit = self._window if limit is None else limit
        while True:
            done = {task for task in under_way if task.done()}
            under_way -= done
            for task in done:
                task.result()
            if len(under_way) < limit:
                return under_way
            await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)

    async def _one(self, client: aiomqtt.Client, number: int) -> None:
        message = self._waiting[number]
        await client.publish(message.topic, message.payload, qos=1, timeout=self._timeout_s)
        del self._waiting[number]
        self.acknowledged += 1
        if self._log is not None:
            payload = message.payload if isinstance(message, Message) else message.payload.decode()
            line = {"topic": message.topic, "payload": payload, "ack_ns": self._now_ns()}
            self._log.write(json.dumps(line, ensure_ascii=False) + "\n")
        if self._on_ack is not None:
            self._on_ack(message)


def _untrusted(error: BaseException) -> bool:
    """Whether the broker's certificate is the reason; aiomqtt leaves it as the context of its own error."""
    return isinstance(error.__context__, ssl.SSLCertVerificationError)


async def paced(
    groups: Iterable[tuple[int, list[Message]]], now_ns: NowNs, speed: float = 1.0
) -> AsyncIterator[Message]:
    """Messages of (time_ns, messages) groups when their time comes; ``speed`` times faster than their own
    time; 0 = as fast as they are taken. Groups are made when they are due, not before."""
    begin_ns = now_ns()
    first_ns: int | None = None
    for time_ns, messages in groups:
        if first_ns is None:
            first_ns = time_ns
        if speed > 0:
            due_ns = begin_ns + round((time_ns - first_ns) / speed)
            while (left_ns := due_ns - now_ns()) > 0:
                await asyncio.sleep(left_ns / 1e9)
        for message in messages:
            yield message
