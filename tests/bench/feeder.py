"""A broker's stand-in with an exact window: sends prepared PUBLISH packets to one subscriber, counts PUBACKs.

It runs in a process of its own and keeps its one connection as long as it lives, so that a subscriber is
started once and measured in several rounds. Nothing but bytes: packets are made before the clock starts.
mosquitto 2.0.11 does not keep its in-flight window, so windows are not measured through it.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType

import numpy as np

from tests.ingest.wire import connack, packet, text

Make = Callable[[int, int], list[bytes]]
"""(round, packets) -> whole PUBLISH packets of QoS 1. A module's own function: it goes to another process."""

PIECE = 2000
"""Packets joined into one write at most."""
TICK_S = 0.001
PING, PONG = b"\xc0\x00", b"\xd0\x00"
ACK_BYTES, PUBACK = 4, b"\x40"
STALL_S = 60.0


@dataclass(slots=True)
class Fed:
    """One round: ``count`` packets, ``seconds`` from the first write to the last PUBACK."""

    count: int
    seconds: float
    sent_ns: list[int] = field(default_factory=list)
    """Paced rounds: monotonic clock when each packet was written."""
    acked_ns: list[int] = field(default_factory=list)
    """Paced rounds: when its PUBACK was read."""

    @property
    def rate(self) -> float:
        """Packets a second."""
        return self.count / self.seconds

    def took_ms(self) -> list[float]:
        """Paced rounds: from each packet's write to its PUBACK."""
        return [(b - a) / 1e6 for a, b in zip(self.sent_ns, self.acked_ns, strict=True)]


class Feeder:
    """``with Feeder(make) as feeder:`` listens on ``feeder.port`` for one subscriber."""

    def __init__(self, make: Make, *, five: bool = False, broker: tuple[int, str, str] | None = None) -> None:
        """broker: (port, user, password) of a real one, to which it publishes instead."""
        self._here, there = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        self._process = spawn.Process(target=_serve, args=(there, make, five, broker), daemon=True)
        self._process.start()
        there.close()
        self.port: int = self._here.recv()

    def __enter__(self) -> Feeder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()
        self._here.close()

    def subscribed(self, deadline_s: float = 90.0) -> None:
        """Wait for the subscriber; AssertionError if it does not come."""
        if not self._here.poll(deadline_s):
            raise AssertionError(f"nobody subscribed at the feeder within {deadline_s} s")
        self._here.recv()

    def prepare(self, turn: int, count: int) -> None:
        """Make a round's packets; returns when they are there. Only once somebody has subscribed."""
        self._ask(("make", turn, count))

    def send(self, window: int) -> Fed:
        """Send what was prepared, never more than ``window`` unacknowledged."""
        fed: Fed = self._ask(("send", window))
        return fed

    def pace(self, rate: int) -> Fed:
        """Send what was prepared at ``rate`` a second whatever comes back, and time every packet."""
        fed: Fed = self._ask(("pace", rate))
        return fed

    def begin(self, window: int) -> None:
        """``send`` without waiting; ``end`` gives its result."""
        self._here.send(("send", window))

    def end(self) -> Fed:
        """Wait for what ``begin`` began."""
        fed: Fed = self._answer()
        return fed

    def _ask(self, question: tuple[object, ...]) -> Fed:
        self._here.send(question)
        return self._answer()

    def _answer(self) -> Fed:
        said: Fed | None = self._here.recv()
        if said is None:
            raise AssertionError(f"feeder: {self._here.recv()}")
        return said


def _serve(report: Connection, make: Make, five: bool, broker: tuple[int, str, str] | None) -> None:
    """The process: accept one subscriber (or connect to a broker), then do what is asked."""
    if broker is None:
        link = _accept(report, five)
    else:
        link = _connect(*broker)
        report.send(broker[0])
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setblocking(False)
    report.send("ready")
    packets: list[bytes] = []
    while True:
        ready, _, _ = select.select([link, report], [], [])
        if link in ready:
            try:
                got = link.recv(4096)
            except ConnectionResetError:  # the subscriber was stopped with something unread
                got = b""
            if not got:
                return
            if got == PING:
                link.send(PONG)
        if report not in ready:
            continue
        verb, *args = report.recv()
        try:
            if verb == "make":
                packets = make(*args)
                report.send(Fed(len(packets), 0.0))
            else:
                report.send((_windowed if verb == "send" else _paced)(link, packets, *args))
        except AssertionError as error:
            report.send(None)
            report.send(str(error))


def _accept(report: Connection, five: bool) -> socket.socket:
    with socket.create_server(("127.0.0.1", 0)) as server:
        report.send(server.getsockname()[1])
        link, _ = server.accept()
    link.recv(4096)
    link.sendall(connack(five))
    asked = link.recv(4096)
    link.sendall(packet(0x90, asked[2:4] + (b"\x00" if five else b"") + b"\x01"))
    return link


def _connect(port: int, user: str, password: str) -> socket.socket:
    """MQTT 3.1.1, clean session, no keep-alive."""
    link = socket.create_connection(("127.0.0.1", port))
    names = [text(part.encode()) for part in ("MQTT", "bench", user, password)]
    link.sendall(packet(0x10, names[0] + b"\x04\xc2\x00\x00" + b"".join(names[1:])))
    if (said := link.recv(4)) != b"\x20\x02\x00\x00":
        raise AssertionError(f"the broker answered CONNECT with {said.hex()}")
    return link


def _windowed(link: socket.socket, packets: list[bytes], window: int) -> Fed:
    count, sent, acks, out = len(packets), 0, Acks(link), memoryview(b"")
    begin = time.perf_counter()
    while acks.count < count or out or acks.asked:
        free = window - sent + acks.count
        if not out and sent < count and free > 0:
            take = min(free, count - sent, PIECE)
            out = memoryview(acks.pongs() + b"".join(packets[sent : sent + take]))
            sent += take
        out = out or memoryview(acks.pongs())
        readable, writable, _ = select.select([link], [link] if out else [], [], STALL_S)
        if writable:
            out = out[link.send(out) :]
        if readable:
            acks.read()
        if not readable and not writable:
            raise AssertionError(f"nothing moved for {STALL_S} s: {acks.count} of {sent} acknowledged")
    return Fed(count, time.perf_counter() - begin)


def _paced(link: socket.socket, packets: list[bytes], rate: int) -> Fed:
    """PUBACKs come in the order of the packets, so the n-th is the n-th packet's."""
    count, sent, acks, out = len(packets), 0, Acks(link), memoryview(b"")
    sent_ns, acked_ns = np.zeros(count, np.int64), np.zeros(count, np.int64)
    begin = time.monotonic_ns()
    while acks.count < count or out or acks.asked:
        now = time.monotonic_ns()
        due = min(count, (now - begin) * rate // 1_000_000_000)
        if not out and sent < due:
            out = memoryview(acks.pongs() + b"".join(packets[sent:due]))
            sent_ns[sent:due] = now
            sent = due
        out = out or memoryview(acks.pongs())
        wait_s = STALL_S if sent == count and not out else TICK_S
        readable, _, _ = select.select([link], [], [], wait_s)
        if out:
            try:
                out = out[link.send(out) :]
            except BlockingIOError:
                continue
        if readable:
            before = acks.count
            acks.read()
            acked_ns[before : acks.count] = time.monotonic_ns()
        elif wait_s == STALL_S:
            raise AssertionError(f"{acks.count} of {sent} acknowledged, then nothing for {STALL_S} s")
    seconds = (time.monotonic_ns() - begin) / 1e9
    return Fed(count, seconds, sent_ns.tolist(), acked_ns.tolist())


class Acks:
    """PUBACKs of one round, counted. A PINGREQ between them is to be answered, or the subscriber would give
    up: by whoever writes, who alone knows where a packet ends."""

    def __init__(self, link: socket.socket) -> None:
        self.count = 0
        self.asked = 0
        self._link = link
        self._rest = b""

    def read(self) -> None:
        """Take what has come; AssertionError when nothing more will, or when it is something else."""
        data = self._link.recv(1 << 16)
        if not data:
            raise AssertionError("the subscriber closed the connection")
        data = self._rest + data
        at = 0
        while len(data) - at >= ACK_BYTES or data[at:] == PING:
            if data[at] == PING[0]:
                self.asked += 1
                at += len(PING)
                continue
            run = data[at : at + (len(data) - at) // ACK_BYTES * ACK_BYTES : ACK_BYTES]
            acks = len(run) - len(run.lstrip(PUBACK))
            if not acks:
                raise AssertionError(f"neither PUBACK nor PINGREQ: {data[at : at + 8].hex()}")
            self.count += acks
            at += acks * ACK_BYTES
        self._rest = data[at:]

    def pongs(self) -> bytes:
        """The answers to all PINGREQs read and not answered yet; to be written before another packet."""
        asked, self.asked = self.asked, 0
        return PONG * asked
