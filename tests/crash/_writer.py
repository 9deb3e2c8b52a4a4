"""A small MQTT client that keeps every message in a journal before its PUBACK: the power-cut tests' subject.

Arguments: folder, port, synchronous, segment bytes. Ends when the other side closes.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gateway.journal import Journal
from gateway.journal.compress import compress
from gateway.journal.segment import segments
from gateway.monitor.entries import Packets
from tests.crash._mqtt import Frames, connect, puback, published
from tests.support.entries import STAMP


def main() -> int:
    folder, port, synchronous, segment_bytes = sys.argv[1:5]
    level: Any = synchronous

    def close_and_compress(work: Callable[[], None]) -> None:
        work()
        for segment in segments(Path(folder))[:-1]:
            compress(segment)

    journal = Journal(
        Path(folder),
        synchronous=level,
        segment_bytes=int(segment_bytes),
        run=close_and_compress,
        ahead_bytes=64 << 10,
    )
    with socket.create_connection(("127.0.0.1", int(port))) as link:
        link.sendall(connect())
        frames = Frames()
        while data := link.recv(1 << 16):
            group = [published(first, body, 4) for first, body in frames.feed(data)]
            journal.append([Packets.of(STAMP, 1, [(b"t", payload, 0, 0) for _, payload in group])])
            link.sendall(b"".join(puback(mid) for mid, _ in group))
    journal.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
