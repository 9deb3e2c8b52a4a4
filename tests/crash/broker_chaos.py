"""``make broker-chaos N=``: what a broker and a network can do to the gateway while packets flow.

    python -m tests.crash.broker_chaos --n 20        # writes reports/broker-chaos.json

Rounds of: session lost, link half-open, broker killed, broker restarted, link reset. Two outside witnesses:
the publisher's log of what the broker acknowledged, and the wire between gateway and broker. Every second
batch runs a core whose acknowledgements come 4 s late, so that they meet the next connection; the negative
control does the same without the epoch check and must be caught.

What counts as lost: a packet that the *gateway* acknowledged and did not journal, whatever happened; and in
rounds that leave the broker's memory alone (restart, half-open, reset) any packet that the *broker*
acknowledged to the publisher. What a killed broker forgets by itself is measured and told, not judged.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from gateway.alarms.events import AlarmEvent
from gateway.journal import JournalReader
from gateway.ledger import LedgerReader
from gateway.monitor.entries import Packets
from gateway.paths import DataFolder
from gateway.verify import verify
from tests.crash._traffic import DEVICES, Traffic
from tests.crash._wire import Wire
from tests.crash.late_ack import LATE_S
from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.proxy import Proxy
from tests.support.publisher import Publisher, published
from tests.support.report import Row, rule_of_three, write
from tests.support.wait import until

HARMS = ("session", "half_open", "kill", "restart", "reset")
FORGETFUL = frozenset({"session", "kill"})
"""Harms after which mosquitto itself may have forgotten what it had acknowledged."""
BATCH = 5
"""Rounds of one data folder before it is verified."""
GAP = "gateway:possible_gap"
SETTLE_S = 60.0


@dataclass
class Result:
    """What a number of rounds gave."""

    rounds: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: int = 0
    strays: int = 0
    missing: Counter[str] = field(default_factory=Counter)
    """By harm: acknowledged by the broker to the publisher, not in the journal."""
    offered: Counter[str] = field(default_factory=Counter)
    sessions_lost: int = 0
    gaps: int = 0
    untold: int = 0
    """Lost sessions without an alarm of their own, or alarms without a lost session."""
    failed: list[str] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)

    def add(self, other: Result) -> None:
        """Sum up."""
        for name in vars(self):
            mine, theirs = getattr(self, name), getattr(other, name)
            setattr(self, name, mine + theirs)


def program(gateway: Gateway, *, late: bool, careless: bool) -> list[str]:
    """The core's command line."""
    words = gateway.command("process", "core")
    if not late:
        return words
    return [sys.executable, "-m", "tests.crash.late_ack", *(["--careless"] if careless else []), *words[3:]]


def batch(harms: list[str], seed: int, *, late: bool = False, careless: bool = False) -> Result:
    """One data folder: do each harm in turn while packets flow, then drain, stop and judge."""
    result, wire, draw = Result(), Wire(), random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="riskgate-chaos-") as name,
        Broker() as broker,
        Proxy(broker.port, wire.connection) as proxy,
    ):
        folder = Path(name)
        fleet = [("acme", "plant", "hall", f"GD-{n}", "gas/combustible_point") for n in range(DEVICES)]
        with Gateway(folder, proxy.port, fleet) as gateway:
            gateway.configure(ingest="keepalive_s = 5")
            core = gateway.start(program=program(gateway, late=late, careless=careless))
            gateway.connected()
            with Publisher(broker.port, folder / "published.jsonl") as publisher:
                traffic = Traffic(publisher)
                for number, harm in enumerate(harms):
                    traffic.round = number
                    traffic.flow()
                    _round(harm, gateway, broker, proxy, draw, result)
                    # so that the old connection's acknowledgements come while the new one has packets open
                    time.sleep(LATE_S + 0.5 if late else 0.3)
                    traffic.hold()
                    _quiet(gateway, publisher, traffic, wire)
                traffic.stop()
            if (status := gateway.stop(core)) != 0:
                result.failed.append(f"seed {seed}: a clean stop ended with {status}: {gateway.log()}")
            _judge(gateway.data, folder / "published.jsonl", harms, wire, seed, result)
    return result


def _round(
    harm: str, gateway: Gateway, broker: Broker, proxy: Proxy, draw: random.Random, result: Result
) -> None:
    time.sleep(draw.uniform(0.2, 0.9))
    connects = _connects(gateway)
    begun = time.monotonic()
    if harm == "kill":
        broker.restart(rudely=True)
    elif harm == "restart":
        broker.restart()
    elif harm == "session":
        broker.lose_session()
    elif harm == "reset":
        proxy.reset()
    else:
        proxy.stall()
        until(
            lambda: not (gateway.status() or {"link_up": True})["link_up"], 30, "the half-open link noticed"
        )
        begun = time.monotonic()
        proxy.flow()
    until(lambda: _connects(gateway) > connects, 30, f"connected again after {harm}; {gateway.log()}")
    gateway.connected()  # and given the topics: a lost session gets nothing before
    result.rounds[harm] += 1
    result.back_s.append(time.monotonic() - begun)


def _connects(gateway: Gateway) -> int:
    status = gateway.status()
    return -1 if status is None else int(status["link"]["reconnects"])


def _quiet(gateway: Gateway, publisher: Publisher, traffic: Traffic, wire: Wire) -> None:
    """Wait until a last reading has gone all the way: what was before it came before it, or not at all."""
    publisher.settle(SETTLE_S)
    last = traffic.publish().encode()
    try:
        until(lambda: last in wire.acknowledged, SETTLE_S, "the last reading acknowledged by the gateway")
    except AssertionError as late:
        raise AssertionError(f"{late}; {gateway.status()}; {gateway.log()}") from late


def _judge(data: DataFolder, log: Path, harms: list[str], wire: Wire, seed: int, result: Result) -> None:
    journalled: set[bytes] = set()
    for _, entry in JournalReader(data.journal).read():
        if isinstance(entry, Packets):
            journalled.update(entry.packet(row)[1] for row in range(len(entry)))
    result.acknowledged += len(wire.acknowledged)
    result.lost += len(wire.acknowledged - journalled)
    result.strays += len(wire.strays)
    for _, payload in published(log):
        harm = harms[json.loads(payload)["round"]]
        result.offered[harm] += 1
        result.missing[harm] += payload.encode() not in journalled
    lost_sessions, gaps = wire.lost_sessions(), _gap_alarms(data)
    result.sessions_lost += lost_sessions
    result.gaps += gaps
    result.untold += abs(lost_sessions - gaps)
    for invariant, compared, held, figures in verify(data).checks:
        if not held:
            result.failed.append(f"seed {seed}: {invariant} {compared}: {figures}")


def _gap_alarms(data: DataFolder) -> int:
    """How often the ledger says that readings may be missing."""
    ledger, seq, raised = LedgerReader(data.ledger), 0, 0
    while page := ledger.events_after(seq):
        seq = page[-1][0]
        raised += sum(
            isinstance(event, AlarmEvent) and event.alarm == GAP and event.cause in {"raised", "re_raised"}
            for _, event in page
        )
    return raised


def run(n: int, seed: int = 1) -> Result:
    """n rounds, each harm in turn."""
    total = Result()
    harms = [HARMS[i % len(HARMS)] for i in range(n)]
    for number, begin in enumerate(range(0, n, BATCH)):
        total.add(batch(harms[begin : begin + BATCH], seed + number, late=number % 2 == 1))
        print(f"{sum(total.rounds.values())} of {n} rounds, {total.lost} lost", flush=True)
    return total


def control() -> Result:
    """A core that acknowledges late and on any connection: caught on the wire when a session is lost."""
    return batch(["session"], 99, late=True, careless=True)


def rows(total: Result, careless: Result) -> list[Row]:
    """The report."""
    for text in total.failed:
        print("FAILED", text)
    return [*_promises(total), *_times(total), *_forgotten(total), _caught(careless)]


def _row(name: str, figure: str, measured: float, unit: str, note: str, must: str = "== 0") -> Row:
    return Row.judged(f"broker-chaos.{name}", figure, measured, unit, must, note=note)


def _bound(failures: int, trials: int) -> str:
    return rule_of_three(trials, min(failures, trials))


def _promises(total: Result) -> list[Row]:
    """What must not happen, each with what it was counted over."""
    count = sum(total.rounds.values())
    kept = sum(lost for harm, lost in total.missing.items() if harm not in FORGETFUL)
    kept_of = sum(of for harm, of in total.offered.items() if harm not in FORGETFUL)
    kept_rounds = sum(rounds for harm, rounds in total.rounds.items() if harm not in FORGETFUL)
    by_harm = ", ".join(f"{harm} {rounds}" for harm, rounds in sorted(total.rounds.items()))
    told = f"{total.gaps} alarms, {total.sessions_lost} lost sessions seen on the wire: "
    return [
        _row("rounds", "harms done while packets flowed", count, "rounds", by_harm, ">= 1"),
        _row(
            "lost",
            "packets the gateway acknowledged and did not journal",
            total.lost,
            "packets",
            f"of {total.acknowledged}; rounds: {_bound(total.lost, count)}",
        ),
        _row(
            "missing",
            "packets the broker acknowledged to the publisher, not in the journal, in rounds that leave the "
            "broker's memory alone",
            kept,
            "packets",
            f"of {kept_of}; rounds: {_bound(kept, kept_rounds)}",
        ),
        _row(
            "stale",
            "PUBACKs on the wire that answer no packet of their connection",
            total.strays,
            "packets",
            _bound(total.strays, count),
        ),
        _row(
            "untold",
            "lost sessions without their own alarm gateway:possible_gap",
            total.untold,
            "sessions",
            told + _bound(total.untold, total.sessions_lost),
        ),
        _row(
            "broken",
            "I1-I3, I7, chains, clean stops that did not hold",
            len(total.failed),
            "checks",
            _bound(len(total.failed), count),
        ),
    ]


def _times(total: Result) -> list[Row]:
    back = sorted(total.back_s) or [0.0]
    note = f"median {back[len(back) // 2]:.1f} s; includes the broker's own start"
    return [_row("back", "from the harm's end to connected again, slowest", back[-1], "s", note, "<= 15")]


def _forgotten(total: Result) -> list[Row]:
    return [
        Row(
            f"broker-chaos.forgotten-{harm}",
            f"packets mosquitto forgot by itself ({text})",
            total.missing[harm],
            "packets",
            "told, not judged: the promise begins at the gateway's PUBACK",
            "== 0",
            True,
            f"of {total.offered[harm]} it had acknowledged to the publisher in {total.rounds[harm]} rounds",
        )
        for harm, text in (("session", "killed, its store removed"), ("kill", "killed, its store kept"))
    ]


def _caught(careless: Result) -> Row:
    return _row(
        "control",
        "stale PUBACKs of a core without the epoch check (negative control)",
        careless.strays,
        "packets",
        "one lost session, PUBACKs 4 s late",
        ">= 1",
    )


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    return 0 if write("broker-chaos", rows(run(chosen.n, chosen.seed), control())) else 1


if __name__ == "__main__":
    raise SystemExit(main())
