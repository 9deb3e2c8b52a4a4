"""What a received packet costs in processor time, by receiver: ``python -m tests.ingest.receive_rate``.

A feeder in its own process stands in for the broker and keeps an exact window of unacknowledged packets.
Measured is this process: socket, intake, assembling journal entries (without writing them) and acknowledging.
"""

from __future__ import annotations

import argparse
import statistics
import time
from functools import partial

from gateway.clock import SystemClock
from gateway.grouping import assemble
from gateway.ingest.admission import UNKNOWN_LIMIT, Admission
from gateway.ingest.intake import Intake
from gateway.ingest.mqtt import Receiver
from gateway.monitor.entries import Packets, Stamp
from tests.bench.feeder import Feeder
from tests.ingest.bench import RECEIVERS, Settings
from tests.ingest.wire import publish

MIDS = 60_000
PAYLOAD = b'{"time_ms":1764035198123,"value":4.2,"unit":"%LEL","quality":"good","boot":3,"seq":101,"note":"'


def make(five: bool, _turn: int, count: int) -> list[bytes]:
    """Packets of 120 bytes payload."""
    body = PAYLOAD.ljust(118, b"x") + b'"}'
    properties = b"" if five else None
    ring = [
        publish(b"rg/acme/plant/GD-%d/lel" % (mid % 1000), body, mid=mid, properties=properties)
        for mid in range(1, MIDS + 1)
    ]
    return [ring[n % MIDS] for n in range(count)]


def measure(kind: str, five: bool, count: int, window: int) -> tuple[float, float]:
    """(microseconds of processor time a packet, packets a second)."""
    with Feeder(partial(make, five), five=five) as feeder:
        return _measure(feeder, kind, five, count, window)


def _measure(feeder: Feeder, kind: str, five: bool, count: int, window: int) -> tuple[float, float]:
    settings = Settings(
        feeder.port, "", receiver=kind, username="", keepalive_s=60, protocol="5" if five else "3.1.1"
    )
    intake = Intake(200_000, 128 << 20)
    admission = Admission(lambda _: UNKNOWN_LIMIT)
    admission.floor = UNKNOWN_LIMIT
    receiver = Receiver(settings, intake, admission, SystemClock(), had_session=False)
    receiver.start()
    feeder.subscribed()
    feeder.prepare(0, count)
    feeder.begin(window)
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
    feeder.end()
    cpu, wall = time.process_time() - used, time.perf_counter() - start
    receiver.stop(1)
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
