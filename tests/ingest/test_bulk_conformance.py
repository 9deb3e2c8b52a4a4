"""The bulk receiver against the plain one: the same stream, cut at the same places, gives the same journal
entries, refusals, links and counts, the same return codes and the same bytes to the broker.

RISKGATE_STREAMS sets how many streams (a few hundred take seconds); a failing seed is in the message.
"""

from __future__ import annotations

import os
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from paho.mqtt.enums import MQTTErrorCode

from gateway.clock import SystemClock
from gateway.grouping import Group, assemble
from gateway.ingest import Item
from gateway.ingest._scan import has_shape
from gateway.ingest.admission import Admission
from gateway.ingest.bulk import LONGEST, BulkClient, BulkSocket
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from gateway.monitor.entries import Link, Packets, Stamp, SystemFact
from tests.ingest.bench import Settings
from tests.ingest.test_admission import oracle, topics
from tests.ingest.wire import ScriptedSocket, connack, pieces, publish, sent_packets, stream

STREAMS = int(os.environ.get("RISKGATE_STREAMS", "120"))
STAMP = Stamp(0, 0, "boot")
LIMITS = {"acme/plant/GD-1": 100, "acme/plant/GD-2": 299}


class Wire:
    """One receiver on a scripted socket, driven as paho's loop and the core would, without a thread."""

    def __init__(self, kind: str, five: bool, bound: int, floor: int, slow: int | None) -> None:
        settings = Settings(1, "", username="", receiver=kind, protocol="5" if five else "3.1.1")
        self.intake = Intake(bound, 1 << 30)
        admission = Admission(lambda device: LIMITS.get(device, 30_000))
        admission.floor = floor
        self.receiver = Receiver(settings, self.intake, admission, SystemClock(), had_session=True)
        self.socket = ScriptedSocket(None if slow is None else Random(slow))
        self.client: Any = self.receiver._build()
        self.client._create_socket_connection = lambda: self.socket
        self.receiver._client = self.client
        self.client.reconnect()
        self.link = self.client.socket()
        self.verdict: object = None

    def step(self, chunk: bytes) -> Group:
        """Read a chunk, as far as it is whole, commit and acknowledge."""
        self.socket.fed += chunk
        items: list[Item] = []
        while self.verdict is None and (self.socket.fed or self.waiting()):
            if not self.intake.room:
                items += self.intake.next_group(10**6, 1 << 30, 0)
            try:
                self.verdict = self.client.loop_read() or None
            except Exception as error:
                self.verdict = type(error)
            self.client.loop_write()
        items += self.intake.next_group(10**6, 1 << 30, 0)
        group = assemble(STAMP, items, [])
        for epoch, mids in group.acks:
            self.receiver.acknowledge(epoch, mids)
            self.client.loop_write()
        return group

    def waiting(self) -> bool:
        return isinstance(self.link, BulkSocket) and self.link.pending() > 0

    def finish(self) -> dict[str, Any]:
        for _ in range(10_000):
            if not self.client.want_write():
                break
            self.client.loop_write()
        status = self.receiver.status()
        status.pop("receiver")
        status.pop("last_packet_age_s")
        return status


def told(group: Group) -> list[Any]:
    """A group as both must give it."""
    out: list[Any] = [[(epoch, list(map(int, mids))) for epoch, mids in group.acks]]
    for entry in group.entries:
        if isinstance(entry, Packets):
            flags = entry.flag_array().tolist()
            assert len(entry) == len(entry.received_array()) == len(entry.cut_array())
            out.append((entry.epoch, [(*entry.packet(row), flags[row]) for row in range(len(entry))]))
        elif isinstance(entry, SystemFact | Link):
            out.append(entry)
    return out


def compare(seed: int, *, corrupt: bool) -> None:
    draw = Random(seed)
    five = draw.random() < 0.5 and not corrupt
    data = bytearray(stream(draw, five, draw.choice((5, 30, 150)), LONGEST + draw.randrange(10)))
    if corrupt:
        for _ in range(draw.randint(1, 3)):
            data[draw.randrange(len(data))] = draw.randrange(256)
    slow = draw.choice((None, None, seed))
    arguments = (five, draw.choice((1, 3, 10**6)), draw.choice((0, 100)), slow)
    bulk, plain = Wire("bulk", *arguments), Wire("paho", *arguments)
    assert isinstance(bulk.link, BulkSocket)
    assert not isinstance(plain.link, BulkSocket)
    for number, chunk in enumerate(pieces(draw, bytes(data))):
        got, expected = bulk.step(chunk), plain.step(chunk)
        where = f"seed {seed}, corrupt {corrupt}, piece {number}"
        assert told(got) == told(expected), where
        assert bulk.verdict == plain.verdict, where
        if slow is None:
            assert bulk.socket.sent == plain.socket.sent, where
        if plain.verdict is not None:
            break
    if plain.verdict is None:
        assert bulk.finish() == plain.finish(), f"seed {seed}, corrupt {corrupt}"
        assert sent_packets(bulk.socket.sent) == sent_packets(plain.socket.sent), f"seed {seed}"
        bulk.socket.ended = plain.socket.ended = True
        plain.verdict = plain.client.loop_read()
        bulk.verdict = bulk.client.loop_read()
        assert bulk.verdict == plain.verdict != 0, "the end of the stream is seen"
    assert bulk.finish() == plain.finish(), f"seed {seed}, corrupt {corrupt}"


@pytest.mark.parametrize("block", range(4))
def test_the_same_as_plain_paho(block: int) -> None:
    for seed in range(block * STREAMS // 4, (block + 1) * STREAMS // 4):
        compare(seed, corrupt=False)


def test_the_same_verdict_on_broken_streams() -> None:
    """MQTT 3.1.1 only: of MQTT 5 properties paho judges the content, which we leave to the decoder."""
    for seed in range(STREAMS):
        compare(seed, corrupt=True)


@pytest.mark.parametrize("five", [False, True])
def test_a_length_of_five_bytes_ends_the_connection(five: bool) -> None:
    """And what looks like a packet behind it is not taken for one."""
    good = publish(b"rg/a/b/c/d", b"12", mid=7, properties=b"" if five else None)
    data = connack(five) + good + b"\x32\xff\xff\xff\xff" + good
    bulk, plain = Wire("bulk", five, 100, 0, None), Wire("paho", five, 100, 0, None)
    assert told(bulk.step(data)) == told(plain.step(data))
    assert bulk.verdict == plain.verdict == MQTTErrorCode.MQTT_ERR_PROTOCOL
    assert bulk.finish() == plain.finish()
    assert bulk.receiver.status()["received"] == 1


@given(topics | st.binary(max_size=80))
@example(b"rg/a/b/c/" + b"x" * 64)
@example(b"rg/a/b/c/" + b"x" * 65)
@example(b"rg/a/b/c/d/")
@example(b"rg/a/b//d")
def test_the_compiled_shape_is_admissions(topic: bytes) -> None:
    buffer = np.frombuffer(bytearray(b"/" + topic + b"/"), np.uint8)
    assert has_shape(buffer, 1, 1 + len(topic)) == oracle(topic)


def test_half_a_packet_is_not_pending() -> None:
    """Else paho's select would turn at timeout 0 until the rest comes."""
    wire = Wire("bulk", False, 100, 0, None)
    wire.step(connack(False))
    whole = publish(b"rg/a/b/c/d", b"12", mid=7)
    for end in range(1, len(whole)):
        wire.link._start = wire.link._stop = 0
        wire.step(whole[:end])
        assert wire.link.pending() == 0
        assert wire.intake.depth == 0


def test_a_closed_link_swallows_acknowledgements() -> None:
    wire = Wire("bulk", False, 100, 0, None)
    wire.step(connack(False))
    sent = bytes(wire.socket.sent)
    wire.link.close()
    assert not wire.link.acknowledge(np.array([1, 2], np.uint16))
    assert wire.link.acknowledge(np.array([], np.uint16)) is False
    assert wire.socket.sent == sent


def test_a_broker_that_does_not_read_gets_everything_later_in_order() -> None:
    wire = Wire("bulk", False, 100, 0, 1)
    wire.step(connack(False))
    wire.finish()
    before = len(wire.socket.sent)

    def full(_data: bytes) -> int:
        raise BlockingIOError

    take, wire.socket.send = wire.socket.send, full  # type: ignore[method-assign]
    wire.link.acknowledge(np.array([1, 2], np.uint16))
    assert wire.client.want_write()
    with pytest.raises(BlockingIOError):
        wire.link.send(b"\xc0\x00")
    wire.link.acknowledge(np.array([0x0304], np.uint16))
    wire.socket.send = take  # type: ignore[method-assign]
    wire.finish()
    assert wire.socket.sent[before:] == bytes.fromhex("400200014002000240020304")
    assert not wire.client.want_write()


@pytest.mark.parametrize("changed", ["version", "hook"])
def test_another_paho_is_used_plainly(monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    """Another version is not trusted; nor one that no longer asks its client for a socket."""
    if changed == "version":
        monkeypatch.setattr("paho.mqtt.__version__", "3.0.0")
    else:
        monkeypatch.delattr(BulkClient, "_create_socket")
    wire = Wire("bulk", False, 100, 0, None)
    assert wire.receiver.status()["receiver"] == "paho"
    assert wire.receiver.status()["plain_links"] == 1
    assert told(wire.step(connack(False) + publish(b"rg/a/b/c/d", b"12", mid=7)))[0] == [(1, [7])]
    assert wire.receiver.status()["acked"] == 1
