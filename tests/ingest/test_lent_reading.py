"""While little arrives the core thread reads for itself: who reads when, and that nothing changes by it."""

from __future__ import annotations

import select
import socket
import threading
from random import Random
from typing import Any

import pytest
from paho.mqtt.enums import MQTTErrorCode

from gateway.clock import SystemClock
from gateway.ingest import Packet, Run
from gateway.ingest.admission import Admission
from gateway.ingest.bulk import BulkSocket
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from tests.ingest.bench import Settings
from tests.ingest.wire import connack, packet, publish, sent_packets
from tests.support.wait import until

HOLD_S = 30.0
"""Longer than any test: a loan that ends earlier was given back."""


def one(number: int) -> Packet:
    return Packet(b"", b"x", number, number, 1, 0)


class Lender:
    """A thread that lends once."""

    def __init__(self, intake: Intake, read: Any, hold_s: float = HOLD_S) -> None:
        self.thread = threading.Thread(target=intake.lend, args=(read, 0, hold_s), daemon=True)
        self.thread.start()

    @property
    def back(self) -> bool:
        self.thread.join(2 * HOLD_S)
        return not self.thread.is_alive()


def test_the_taker_reads_by_itself_until_there_is_no_more() -> None:
    intake, readers = Intake(100, 1000), []

    def read(_most_s: float) -> bool:
        readers.append(threading.current_thread())
        if len(readers) < 3:
            intake.put(one(len(readers)))
        return len(readers) < 3

    lender = Lender(intake, read)
    taken = [intake.next_group(10, 1000, HOLD_S) for _ in range(3)]
    assert taken == [[one(1)], [one(2)], []]
    assert readers == [threading.current_thread()] * 3
    assert lender.back


def test_what_waits_is_taken_before_anything_is_read() -> None:
    intake, calls = Intake(100, 1000), []

    def read(_most_s: float) -> bool:
        calls.append(len(calls))
        return False

    lender = Lender(intake, read)
    until(lambda: intake._lent is not None, 5, "lent")
    intake.put(one(1))
    assert intake.next_group(10, 1000, HOLD_S) == [one(1)]
    assert calls == []
    assert intake.next_group(10, 1000, HOLD_S) == []
    assert calls == [0]
    assert lender.back


def test_a_drain_without_waiting_reads_nothing() -> None:
    intake, calls = Intake(100, 1000), []
    lender = Lender(intake, lambda _: bool(calls.append(1)))
    until(lambda: intake._lent is not None, 5, "lent")
    assert intake.next_group(10, 1000, 0) == []
    assert calls == []
    assert intake.next_group(10, 1000, HOLD_S) == []
    assert calls == [1], "it was there to be read"
    assert lender.back


def test_whoever_asks_what_comes_soon_reads_by_itself() -> None:
    intake, waits = Intake(100, 1000), []

    def read(most_s: float) -> bool:
        waits.append(most_s)
        if len(waits) == 2:
            intake.put(one(2))
        return len(waits) < 3

    lender = Lender(intake, read)
    until(lambda: intake._lent is not None, 5, "lent")
    assert not intake.soon(0.001)
    assert intake.soon(0.002)
    assert intake.soon(0.003), "it is there: nothing is read"
    assert intake.next_group(10, 1000, HOLD_S) == [one(2)]
    assert intake.next_group(10, 1000, HOLD_S) == []
    assert waits == [0.001, 0.002, HOLD_S]
    assert lender.back


def test_a_taker_that_does_not_come_does_not_keep_the_lender() -> None:
    intake = Intake(100, 1000)
    lender = Lender(intake, lambda _: pytest.fail("read"), 0.01)
    assert lender.back
    assert intake.next_group(10, 1000, 0.01) == []


def test_the_lender_waits_for_a_read_that_has_begun() -> None:
    intake, begun, go = Intake(100, 1000), threading.Event(), threading.Event()

    def read(_most_s: float) -> bool:
        begun.set()
        assert go.wait(HOLD_S)
        intake.put(one(7))
        return True

    lender = Lender(intake, read, 1.0)
    taken: list[Any] = []
    taker = threading.Thread(target=lambda: taken.extend(intake.next_group(10, 1000, HOLD_S)), daemon=True)
    taker.start()
    assert begun.wait(HOLD_S)
    lender.thread.join(1.5)
    assert lender.thread.is_alive(), "longer than it lends"
    go.set()
    assert lender.back
    taker.join(HOLD_S)
    assert taken == [one(7)]


def test_a_taker_that_is_behind_is_lent_nothing() -> None:
    intake = Intake(100, 1000)
    for number in range(3):
        intake.put(one(number))
    assert not intake.lend(lambda _: pytest.fail("read"), 2, HOLD_S)
    assert intake.lend(lambda _: pytest.fail("read"), 3, 0.01)


def test_a_failing_read_gives_the_loan_back() -> None:
    intake = Intake(100, 1000)

    def read(_most_s: float) -> bool:
        raise RuntimeError("broken")

    lender = Lender(intake, read)
    with pytest.raises(RuntimeError, match="broken"):
        intake.next_group(10, 1000, HOLD_S)
    assert lender.back


class Link:
    """A receiver on a socket pair whose network thread is a plain loop of paho's reads and writes."""

    def __init__(self) -> None:
        self.intake = Intake(10_000, 1 << 30)
        self.admission = Admission(lambda _: 30_000)
        self.receiver = Receiver(
            Settings(1, "", username=""), self.intake, self.admission, SystemClock(), had_session=True
        )
        ours, self.broker = socket.socketpair()
        ours.setblocking(False)
        self.client: Any = self.receiver._build()
        self.client._create_socket_connection = lambda: ours
        # a socket pair is not TCP
        self.client.on_socket_open = lambda _client, _data, sock: self._opened(sock)
        self.receiver._client = self.client
        self.stop = threading.Event()

    def _opened(self, sock: Any) -> None:
        with self.receiver._lock:
            self.receiver._change_epoch(sock)

    def __enter__(self) -> Link:
        self.client.reconnect()
        self.thread = threading.Thread(target=self._loop, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop.set()
        self.thread.join(HOLD_S)
        self.broker.close()

    def _loop(self) -> None:
        link = self.client.socket()
        assert isinstance(link, BulkSocket)
        while not self.stop.is_set():
            if link.pending() or select.select([link.raw], [], [], 0.01)[0]:
                if self.client.loop_read() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    return
                self.client.loop_write()


@pytest.mark.parametrize("seed", range(8))
def test_every_packet_comes_once_in_order_whoever_reads(seed: int) -> None:
    draw = Random(seed)
    count = 400
    sent = [b'{"value":%d}' % number for number in range(count)]
    packets = [
        publish(b"rg/acme/plant/GD-1/lel", body, mid=number + 1)
        + (packet(0xD0, b"") if draw.random() < 0.05 else b"")  # PINGRESP: for paho
        for number, body in enumerate(sent)
    ]
    taken: list[bytes] = []
    said = bytearray()
    with Link() as link:
        link.broker.sendall(connack(False))
        readers = _spy(link)

        def send() -> None:
            """Some packets, torn anywhere; more when they were taken, as with a window at the broker."""
            first = 0
            while first < count:
                last = first + draw.randint(1, 20)
                some = b"".join(packets[first:last])
                first, tear = min(last, count), draw.randrange(len(some))
                link.broker.sendall(some[:tear])
                link.broker.sendall(some[tear:])
                until(lambda upto=first: len(taken) == upto, 20, "they were taken")  # type: ignore[misc]

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        while len(taken) < count and sender.is_alive():
            for item in link.intake.next_group(1000, 1 << 20, 0.05):
                if isinstance(item, Run):
                    taken += [item.packet(row).payload for row in range(len(item))]
                    link.receiver.acknowledge(item.epoch, item.mids)
        sender.join(HOLD_S)
        link.broker.settimeout(HOLD_S)
        while len(pubacks := sent_packets(bytes(said)).get(0x40, [])) < count:
            said += link.broker.recv(1 << 16)
    assert taken == sent
    assert pubacks == [b"\x40\x02" + (number + 1).to_bytes(2, "big") for number in range(count)]
    assert threading.current_thread() in readers


def test_a_look_that_is_too_short_for_anything_keeps_the_loan() -> None:
    with Link() as link:
        link.broker.sendall(connack(False))
        link.broker.sendall(publish(b"rg/acme/plant/GD-1/lel", b"{}", mid=1))
        until(lambda: bool(link.intake.next_group(10, 1 << 20, 0.05)), 20, "it was taken")
        link.broker.sendall(publish(b"rg/acme/plant/GD-1/lel", b"{}", mid=2))
        until(lambda: bool(link.intake.next_group(10, 1 << 20, 0.05)), 20, "this one was read by ourselves")
        until(lambda: link.intake._lent is not None, 20, "lent")
        read = link.intake._lent
        assert read is not None
        assert read(0.0001), "nothing came yet, which says nothing"
        assert not read(HOLD_S), "nothing came for long: it is the network thread's again"


def test_a_look_lifts_nothing_that_may_gather() -> None:
    ours, broker = socket.socketpair()
    ours.setblocking(False)
    lifted: list[int] = []
    link = BulkSocket(ours, False, lambda run: lifted.append(len(run.mids)), lambda: 10, lambda *_: False)
    for mid in (1, 2, 3):
        broker.sendall(publish(b"rg/acme/plant/GD-1/lel", b"{}", mid=mid))
        assert link._more_came(0.0001), "whoever looks has something to do meanwhile"
    assert lifted == []
    assert link._more_came(HOLD_S)
    assert lifted == [3]
    link._eager = 1
    broker.sendall(publish(b"rg/acme/plant/GD-1/lel", b"{}", mid=4))
    assert link._more_came(0.0001)
    assert lifted == [3, 1], "where gathering was in vain, at once"
    ours.close()
    broker.close()


def test_a_look_at_a_socket_that_was_closed_gives_it_back() -> None:
    ours, broker = socket.socketpair()
    link = BulkSocket(ours, False, lambda _: pytest.fail("lifted"), lambda: 10, lambda *_: False)
    ours.close()
    assert not link._more_came(0.0001)
    with pytest.raises(OSError, match="descriptor"):
        link.recv(1)
    broker.close()


def _spy(link: Link) -> set[threading.Thread]:
    """The threads on which packets are lifted."""
    readers: set[threading.Thread] = set()
    lifted = link.receiver._arrivals.lifted

    def spy(*arguments: Any) -> None:
        readers.add(threading.current_thread())
        lifted(*arguments)

    link.receiver._arrivals.lifted = spy  # type: ignore[method-assign]
    return readers
