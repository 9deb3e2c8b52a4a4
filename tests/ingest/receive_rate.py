"""What a received packet costs in processor time, by receiver: ``python -m tests.ingest.receive_rate``.

A feeder in its own process stands in for the broker and keeps an exact window of unacknowledged packets.
Measured is this process: socket, intake, assembling journal entries (without writing them) and acknowledging.
"""

from __future__ import annotations

import argparse
import multiprocessing
import select
import socket
import statistics
import time
from multiprocessing.connection import Connection

from gateway.clock import SystemClock
from gateway.grouping import assemble
from gateway.ingest.admission import UNKNOWN_LIMIT, Admission
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from gateway.monitor.entries import Packets, Stamp
from tests.ingest.bench import RECEIVERS, Settings
from tests.ingest.wire import connack, packet, publish

BLOCK = 20
MIDS = 60_000
PAYLOAD = b'{"time_ms":1764035198123,"value":4.2,"unit":"%LEL","quality":"good","boot":3,"seq":101,"note":"'


def feed(report: Connection, count: int, window: int, five: bool) -> None:
    """Accept one client and send ``count`` packets of 120 bytes payload."""
    body = PAYLOAD.ljust(118, b"x") + b'"}'
    blocks = [
        b"".join(
            publish(
                b"rg/acme/plant/GD-%d/lel" % (mid % 1000), body, mid=mid, properties=b"" if five else None
            )
            for mid in range(first, first + BLOCK)
        )
        for first in range(1, MIDS + 1, BLOCK)
    ]
    with socket.create_server(("127.0.0.1", 0)) as server:
        report.send(server.getsockname()[1])
        link, _ = server.accept()
    link.recv(4096)
    link.sendall(connack(five))
    asked = link.recv(4096)
    link.sendall(packet(0x90, asked[2:4] + (b"\x00" if five else b"") + b"\x01"))
    link.setblocking(False)
    sent = acked = 0
    out = memoryview(b"")
    while acked < 4 * count:
        free = sent < count and sent - acked // 4 + BLOCK <= window
        if not out and free:
            take = min((window - sent + acked // 4) // BLOCK, 50, (count - sent) // BLOCK)
            at = sent // BLOCK
            out = memoryview(b"".join(blocks[(at + n) % len(blocks)] for n in range(take)))
            sent += take * BLOCK
        readable, writable, _ = select.select([link], [link] if out else [], [])
        if writable:
            out = out[link.send(out) :]
        if readable:
            acked += len(link.recv(1 << 16))
    report.send("done")
    report.recv()


def measure(kind: str, five: bool, count: int, window: int) -> tuple[float, float]:
    """(microseconds of processor time a packet, packets a second)."""
    here, there = multiprocessing.Pipe()
    feeder = multiprocessing.get_context("spawn").Process(target=feed, args=(there, count, window, five))
    feeder.start()
    port = here.recv()
    settings = Settings(
        port, "", receiver=kind, username="", keepalive_s=60, protocol="5" if five else "3.1.1"
    )
    intake = Intake(200_000, 128 << 20)
    admission = Admission(lambda _: UNKNOWN_LIMIT)
    admission.floor = UNKNOWN_LIMIT
    receiver = Receiver(settings, intake, admission, SystemClock(), had_session=False)
    receiver.start()
    stamp = Stamp(0, 0, "rate")
    rows = before = 0
    start, used = time.perf_counter(), time.process_time()
    while rows < count:
        group = assemble(stamp, intake.next_group(20_000, 8 << 20, 1), [])
        for epoch, mids in group.acks:
            receiver.acknowledge(epoch, mids)
        rows += sum(len(entry) for entry in group.entries if isinstance(entry, Packets))
        if not before:  # from the first group on
            before, start, used = rows, time.perf_counter(), time.process_time()
    here.recv()
    cpu, wall = time.process_time() - used, time.perf_counter() - start
    here.send("end")
    receiver.stop(1)
    feeder.join()
    return cpu / (count - before) * 1e6, (count - before) / wall


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=40_000, help="through paho; bulk gets 10 times more")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    print("receiver  mqtt   window   us/packet  packets/s   (medians)")
    for five in (False, True):
        for window in (20, 500, 20_000):
            for kind in RECEIVERS:
                count = arguments.count * (10 if kind == "bulk" and window > 20 else 1)
                runs = [measure(kind, five, count, window) for _ in range(arguments.runs)]
                cpu, rate = (statistics.median(column) for column in zip(*runs, strict=True))
                version = "5" if five else "3.1.1"
                print(f"{kind:8}  {version:5}  {window:6}  {cpu:9.2f}  {rate:10,.0f}", flush=True)


if __name__ == "__main__":
    main()
