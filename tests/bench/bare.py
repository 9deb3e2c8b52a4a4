"""The least that keeps the promise: one loop that receives, journals (FULL and chain) and acknowledges.

No paho, no intake, no decoding, no detector, no alarm, no delivery, no second thread: what the disk, the
sockets and the journal alone leave of a rate. It is no peer; it says how far a row can be from here.

``python -m tests.bench.bare PORT FOLDER`` prints a line when it has subscribed.
"""

from __future__ import annotations

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from gateway.coreprocess import AHEAD_BYTES
from gateway.grouping import of_run
from gateway.ingest import Run
from gateway.ingest._scan import FOREIGN, compile_scan, empty_rows, scan
from gateway.journal import Journal
from gateway.monitor.entries import Stamp
from tests.ingest.wire import packet, text

CAPACITY, ROWS = 1 << 18, 8192
PUBACK = np.uint32(0x40020000)
CONNECT = packet(0x10, text(b"MQTT") + b"\x04\x02\x00\x00" + text(b"bare"))
SUBSCRIBE = packet(0x82, b"\x00\x01" + text(b"#") + b"\x01")


def main(port: int, folder: Path) -> None:
    """Until the broker closes."""
    compile_scan()
    writer = ThreadPoolExecutor(1)
    journal = Journal(folder, run=writer.submit, ahead_bytes=AHEAD_BYTES)
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(CONNECT)
    link.recv(4)
    link.sendall(SUBSCRIBE)
    link.recv(5)
    print("subscribed", flush=True)
    take(link, journal)
    writer.shutdown()
    journal.close()


def take(link: socket.socket, journal: Journal) -> None:
    """The loop."""
    buffer, rows, stop = np.zeros(CAPACITY, np.uint8), empty_rows(ROWS), 0
    while got := link.recv_into(buffer[stop:].data):
        stop += got
        count, after, why, _ = scan(buffer, 0, stop, False, ROWS, CAPACITY, *rows)
        if why == FOREIGN:
            raise SystemExit("bare: something else than QoS 1 packets")
        if count:
            cuts, mids, flags, _ = rows
            run = Run(
                buffer[:after].tobytes(), cuts[:count], mids[:count], flags[:count], time.monotonic_ns(), 1
            )
            entry, ids = of_run(Stamp(time.time_ns(), time.monotonic_ns(), "bare"), run)
            journal.append([entry])
            link.sendall((np.asarray(ids) + PUBACK).astype(">u4").tobytes())
        rest = stop - after
        buffer[:rest] = buffer[after:stop].copy()
        stop = rest


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
