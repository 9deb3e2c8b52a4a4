"""``make crash N=``: kill -9 of core and delivery at named and random points, against a real mosquitto.

    python -m tests.crash.kill --n 200              # writes reports/crash.json
    python -m tests.crash.kill --n 12 --control     # only the negative control: must lose

Packets are published all the while; the witness is the publisher's log of what the broker acknowledged. After
each batch of kills everything is let drain, stopped cleanly, and verified: nothing acknowledged is missing,
each reading took effect once, replay equals the ledger, no alarm fired twice, every transition reached the
webhook in order. The control acknowledges before it journals, and must be caught.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen, TimeoutExpired

from standardwebhooks import Webhook, WebhookVerificationError

from gateway.alarms.events import AlarmEvent
from gateway.config import load
from gateway.crashpoint import NAMES
from gateway.ledger import LedgerReader
from gateway.verify import verify
from tests.support.gateway import WEBHOOK_SECRET, Gateway, webhook_table
from tests.support.mosquitto import Broker
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver, Reply, Request
from tests.support.report import Row, rule_of_three, write

DELIVERY_POINTS = ("sink-before-send", "sink-after-send", "after-cursor")
CORE_POINTS = tuple(name for name in NAMES if name not in DELIVERY_POINTS)
EVERY_ROUND = CORE_POINTS[:5]
BATCH = 25
"""Kills of one data folder before it is verified."""
DEVICES = 12
RATE = 200
"""Packets a second."""
NOTE = "x" * 1000
"""An ignored field that fills segments, so that rolls are reached."""
GIVE_UP_S = 60.0
"""By then a named point is reached, Python's own start on a busy machine included."""
CONTROL = [sys.executable, "-m", "tests.crash.ack_first"]


@dataclass
class Result:
    """What a number of kills gave."""

    kills: int = 0
    by_point: dict[str, int] = field(default_factory=dict)
    unreached: list[str] = field(default_factory=list)
    acknowledged: int = 0
    missing: int = 0
    failed: list[str] = field(default_factory=list)
    undelivered: int = 0
    disordered: int = 0
    restart_s: list[float] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Sum up."""
        self.kills += other.kills
        for point, count in other.by_point.items():
            self.by_point[point] = self.by_point.get(point, 0) + count
        for name in ("acknowledged", "missing", "undelivered", "disordered"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.failed += other.failed
        self.unreached += other.unreached
        self.restart_s += other.restart_s


class Traffic:
    """Gas readings that cross HH every few seconds, with boot and sequence, at a steady rate."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._seq = 0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.wait(0.02):
            for _ in range(RATE // 50):
                number = self._seq % DEVICES
                value = 60.0 if (self._seq // 400 + number) % 3 == 0 else 4.0 + number / 10
                payload = {
                    "time_ms": time.time_ns() / 1e6,
                    "value": value,
                    "boot": 1,
                    "seq": self._seq // DEVICES,
                    "note": NOTE,
                }
                self._publisher.publish(f"rg/acme/plant/GD-{number}/lel", json.dumps(payload))
                self._seq += 1


def batch(points: list[str], seed: int, *, control: bool = False) -> Result:
    """One data folder, one broker session: kill at each point in turn, then drain and verify."""
    result = Result()
    draw = random.Random(seed)
    receipts: list[str] = []
    with (
        tempfile.TemporaryDirectory(prefix="riskgate-crash-") as name,
        # the broker itself is never killed here, so it need not save its queue at every change
        Broker({"max_inflight_messages": "2000", "autosave_on_changes": "false"}) as broker,
        Receiver(partial(_take, receipts)) as receiver,
    ):
        folder = Path(name)
        fleet = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]
        with Gateway(folder, broker.port, fleet) as gateway:
            gateway.configure(sinks=webhook_table("hook", receiver.port), journal="segment_mib = 1")
            program = [*CONTROL, *gateway.command("process", "core")[3:]] if control else None
            core = gateway.start("process", "core", program=program)
            delivery = gateway.start("process", "delivery")
            gateway.connected()
            with Publisher(broker.port, folder / "published.jsonl") as publisher:
                traffic = Traffic(publisher)
                traffic.start()
                for point in points:
                    core, delivery = _kill(gateway, point, draw, (core, delivery), program, result)
                traffic.stop()
                try:
                    gateway.has_all_of(publisher)
                except AssertionError as late:
                    told = f"{publisher.acked} acked, {publisher.refused} refused"
                    raise AssertionError(f"{late}: {told}\n{broker.log()}") from late
            gateway.drained()
            for process in (core, delivery):
                if (status := gateway.stop(process)) != 0:
                    result.failed.append(f"seed {seed}: a clean stop ended with {status}: {gateway.log()}")
            _judge(gateway, folder, receipts, seed, result)
    return result


def _kill(
    gateway: Gateway,
    point: str,
    draw: random.Random,
    running: tuple[Popen[bytes], Popen[bytes]],
    program: list[str] | None,
    result: Result,
) -> tuple[Popen[bytes], Popen[bytes]]:
    """Restart the process that has this point so that it kills itself there, then start it anew."""
    core, delivery = running
    mine = point in DELIVERY_POINTS or point == "random-delivery"
    words = ("process", "delivery" if mine else "core")
    program = None if mine else program
    victim = delivery if mine else core
    victim.kill()
    victim.wait()
    environment = {}
    if not point.startswith("random"):
        # late enough to have traffic, soon enough to be quick: packets come in every round, events do not
        count = draw.randint(8, 40) if point in EVERY_ROUND else draw.randint(1, 2 if "roll" in point else 4)
        environment["RISKGATE_CRASH_AT"] = f"{point}:{count}"
    victim = gateway.start(*words, environment=environment, program=program)
    if point.startswith("random"):
        time.sleep(draw.uniform(0.0, 3.0))
        victim.kill()
    try:
        victim.wait(GIVE_UP_S)
    except TimeoutExpired:
        victim.kill()
        victim.wait()
        result.unreached.append(point)
    result.kills += 1
    result.by_point[point] = result.by_point.get(point, 0) + 1
    begun = time.monotonic()
    victim = gateway.start(*words, program=program)
    if not mine:
        gateway.connected()
        result.restart_s.append(time.monotonic() - begun)
    return (core, victim) if mine else (victim, delivery)


def _judge(gateway: Gateway, folder: Path, receipts: list[str], seed: int, result: Result) -> None:
    report = verify(gateway.data, folder / "published.jsonl", load(gateway.config, {}).sinks)
    for invariant, compared, held, figures in report.checks:
        if "acknowledged to the publisher" in compared:
            result.acknowledged += int(figures.split()[0])
            result.missing += int(figures.split("acknowledged, ")[1].split()[0])
        elif not held:
            result.failed.append(f"seed {seed}: {invariant} {compared}: {figures}")
    ledger, seq = LedgerReader(gateway.data.ledger), 0
    events: list[AlarmEvent] = []
    while page := ledger.events_after(seq):
        seq = page[-1][0]
        events += [event for _, event in page if isinstance(event, AlarmEvent)]
    first: dict[str, int] = {}
    for place, event_id in enumerate(receipts):
        first.setdefault(event_id, place)
    result.undelivered += sum(1 for event in events if event.id not in first)
    by_alarm: dict[str, list[int]] = {}
    for event in events:
        if event.id in first:
            by_alarm.setdefault(event.alarm, []).append(first[event.id])
    result.disordered += sum(1 for places in by_alarm.values() if places != sorted(places))


def _take(receipts: list[str], request: Request) -> Reply:
    """A receiver that takes nothing with a wrong signature; a message cut short by a kill has one."""
    try:
        Webhook(WEBHOOK_SECRET).verify(request.body, request.headers)
    except WebhookVerificationError:
        return Reply(400)
    receipts.append(request.headers["webhook-id"])
    return Reply(204)


def schedule(n: int, seed: int) -> Iterator[list[str]]:
    """Every named point in turn, each fourth kill at a random moment; in batches."""
    draw = random.Random(seed)
    named = itertools.cycle([*CORE_POINTS, *DELIVERY_POINTS])
    points = [
        draw.choice(("random-core", "random-core", "random-delivery")) if i % 4 == 3 else next(named)
        for i in range(n)
    ]
    for begin in range(0, n, BATCH):
        yield points[begin : begin + BATCH]


def run(n: int, seed: int = 1, workers: int = 2) -> Result:
    """n kills in batches, ``workers`` batches at a time."""
    total = Result()
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(batch, points, seed + i) for i, points in enumerate(schedule(n, seed))]
        for number, job in enumerate(jobs, 1):
            total.add(job.result())
            print(
                f"{number} of {len(jobs)} batches: {total.kills} kills, {total.missing} missing", flush=True
            )
    return total


def control() -> Result:
    """A core that acknowledges before it journals, killed between the two."""
    return batch(["before-append"] * 4, 99, control=True)


def rows(total: Result, lossy: Result) -> list[Row]:
    """The report."""
    restarts = sorted(total.restart_s) or [0.0]
    note = rule_of_three(total.kills, min(total.missing, total.kills))
    points = ", ".join(f"{point} {count}" for point, count in sorted(total.by_point.items()))
    for text in total.failed:
        print("FAILED", text)
    zero = partial(Row.judged, must="== 0", note=note)
    lost = f"of {total.acknowledged}; kills that lost any: {note}"
    return [
        Row.judged(
            "crash.kills", "kill -9 at named and random points", total.kills, "kills", ">= 1", note=points
        ),
        Row.judged(
            "crash.unreached",
            f"named points not reached within {GIVE_UP_S:g} s, killed where it was",
            len(total.unreached),
            "kills",
            f"<= {total.kills // 10}",
            "== 0",
            ", ".join(total.unreached),
        ),
        Row.judged(
            "crash.lost", "packets acknowledged, not journalled", total.missing, "packets", "== 0", note=lost
        ),
        zero("crash.broken", "I1-I4, I7, chains, clean stops that did not hold", len(total.failed), "checks"),
        zero(
            "crash.undelivered", "transitions without a verified webhook receipt", total.undelivered, "events"
        ),
        zero("crash.disordered", "alarms whose first receipts are out of order", total.disordered, "alarms"),
        Row.judged(
            "crash.restart",
            "start to broker link, median",
            restarts[len(restarts) // 2],
            "s",
            "<= 30",
            "<= 5",
            "Python's own start included; two batches share two cores",
        ),
        Row.judged(
            "crash.control",
            "negative control: packets lost by a core that acknowledges first",
            lossy.missing,
            "packets",
            ">= 1",
            note=f"{lossy.kills} kills between acknowledging and journalling",
        ),
    ]


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--control", action="store_true")
    chosen = parser.parse_args()
    lossy = control()
    if chosen.control:
        print(lossy)
        return 0 if lossy.missing else 1
    return 0 if write("crash", rows(run(chosen.n, chosen.seed), lossy)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
