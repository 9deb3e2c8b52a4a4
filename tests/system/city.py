"""make city: a whole city of simulated devices through a real broker into a real gateway, held to its
labels.

Every rejection must be one that a fault on the wire asked for; every alarm that a label demands must come
within the label's time; nothing may be raised where all is well, nor before a plant's first fault; the
memory of core and delivery must stay flat after the warm-up; the simulator must hold its rate. Labels whose
time is not over when the run ends are told, not judged.

A table of alarms against labels goes to reports/city.csv too. Every detector of the shipped profiles is on;
afterwards the journal is judged once more to tell their share of the work, and must give the ledger.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from gateway.alarms.events import AlarmEvent
from gateway.ledger import LedgerReader
from simulators import Label
from simulators._labels import LAST_NS, read_events
from simulators._profiles import profile
from simulators._wire import WIRE
from tests.support.gateway import Gateway
from tests.support.mosquitto import Broker
from tests.support.report import REPORTS, Row, write
from tests.system._city_account import Account, Cost, accounts, cost_of_detection, costs, tell

PASSWORD = "city-secret"
PROCESSES = ("core", "delivery")
SAMPLE_S = 10.0
RAISED = frozenset({"raised", "re_raised"})
TWINS = "duplicate_identity"
GROWTH = 0.05
"""What memory may grow after the warm-up: the last third's median over the middle third's."""


@dataclass
class Measured:
    """One run."""

    summary: dict[str, object]
    labels: list[Label]
    events: list[AlarmEvent]
    turned_away: Counter[str]
    counts: dict[str, object]
    cpu_share: dict[str, float]
    memory: dict[str, list[float]] = field(default_factory=dict)
    """MB of each process, at every sample."""
    period_s: dict[str, float] = field(default_factory=dict)
    """Of each device, by its profile: by then it has spoken."""
    silent_s: dict[str, float] = field(default_factory=dict)
    """Of each device: after so many seconds without a reading it counts as silent."""
    families: dict[str, str] = field(default_factory=dict)
    """Of each device: its profile."""
    cost: Cost = field(default_factory=Cost)

    @property
    def end_ns(self) -> int:
        """When the last message was acknowledged."""
        return int(str(self.summary["end_ns"]))

    def asked(self) -> Counter[str]:
        """Rejections that faults on the wire asked for, by reason."""
        found: Counter[str] = Counter()
        for kind, count in dict(self.summary["spoiled"]).items():  # type: ignore[call-overload]
            if WIRE[kind]:
                found[WIRE[kind]] += count
        return found

    def unexplained(self) -> int:
        """Rejections too many, and too few."""
        reasons = {*self.asked(), *self.turned_away}
        return sum(abs(self.turned_away[reason] - self.asked()[reason]) for reason in reasons)

    def demanded(self) -> tuple[list[Label], int]:
        """(labels that a limit must see and whose time is over, how many are not over)."""
        wanted = [label for label in self.labels if label.condition]
        over = [x for x in wanted if x.start_ns + (x.must_detect_within_s or 0) * 1e9 <= self.end_ns]
        return over, len(wanted) - len(over)

    def seconds(self, label: Label) -> float | None:
        """From a label's begin to its alarm; None when there is none."""
        name = f"{label.device}/{label.channel}:{label.condition}"
        raised = [e.at_ns for e in self.events if e.alarm == name and e.at_ns >= label.start_ns]
        return (min(raised) - label.start_ns) / 1e9 if raised else None

    def account(self) -> list[Account]:
        """Alarms against labels, by family and fault."""
        took: dict[int, float | None] = {}
        for label in self.demanded()[0]:
            seconds = self.seconds(label)
            late = seconds is None or seconds > (label.must_detect_within_s or 0.0)
            took[id(label)] = None if late else seconds
        return accounts(self.labels, took, self.events, self.families)

    def missed(self) -> list[str]:
        """Demanded alarms that came late or not at all."""
        found = []
        for label in self.demanded()[0]:
            took, limit = self.seconds(label), label.must_detect_within_s or 0.0
            if took is None or took > limit:
                found.append(
                    f"{label.device}/{label.channel}:{label.condition} ({label.kind}): {took} s of {limit} s"
                )
        return found

    def false(self) -> list[str]:
        """Alarms of plants that have no fault, or only ordinary life, or none yet; and any that tells of two
        devices under one name: no city has such.

        The gateway is there before the devices: "never seen" until a device's first period is over is true.
        So is "silent" when the simulator fell so far behind that the device said nothing for that long, and
        after its end.
        """
        begun: dict[str, int] = {}
        for label in self.labels:
            if not label.must_not_alarm:
                plant = _plant(label.device)
                begun[plant] = min(begun.get(plant, label.start_ns), label.start_ns)
        found = []
        for e in self.events:
            key = f"{e.enterprise}/{e.site}/{e.device}"
            begun_ns = int(str(self.summary["start_ns"])) + round(self.period_s.get(key, 0.0) * 1e9)
            early = e.condition == "never_seen" and e.at_ns <= begun_ns
            still_s = self.period_s.get(key, 0.0) + float(str(self.summary["worst_behind_s"]))
            early = early or (e.condition == "silent" and e.at_ns > self.end_ns)
            early = early or (e.condition == "silent" and still_s > self.silent_s.get(key, float("inf")))
            if e.condition == TWINS or (e.at_ns < begun.get(_plant(key), LAST_NS) and not early):
                found.append(f"{e.alarm} {e.reason_en}")
        return found

    def growth(self, name: str) -> float:
        """The last third's median over the middle third's, less 1."""
        samples = self.memory[name]
        third = max(1, len(samples) // 3)
        return (
            statistics.median(samples[-third:]) / statistics.median(samples[third : 2 * third] or samples)
            - 1.0
        )


def _plant(device: str) -> str:
    return device.rpartition("/")[0]


def run(folder: Path, seconds: float, words: Sequence[str], sample_s: float = SAMPLE_S) -> Measured:
    """The city that ``words`` describe (options of ``riskgate simulate city``), for so many seconds."""
    fleet, events, summary = folder / "fleet.csv", folder / "events.csv", folder / "summary.json"
    common = ["simulate", "city", *words, "--for", str(seconds)]
    with Gateway(folder, 1, []) as planner:
        done = planner.run(*common, "--fleet", str(fleet), "--fleet-only")
        assert done.returncode == 0, done.stderr
    rows = [row.split(",") for row in fleet.read_text().splitlines()[1:]]
    users = dict.fromkeys(sorted({row[0] for row in rows}), PASSWORD)
    (folder / "credentials").write_text("".join(f"{name}:{word}\n" for name, word in users.items()))
    with Broker(users=users) as broker, Gateway(folder, broker.port, [tuple(row) for row in rows]) as gateway:
        process = gateway.start("run")
        gateway.connected(120.0)
        options = ("--credentials", str(folder / "credentials"), "--events", str(events))
        began, used = time.monotonic(), _used(process)
        city = gateway.start(*common, *options, "--summary", str(summary))
        memory = _watch(city, process, sample_s)
        shares = {name: (_used(process)[name] - used[name]) / (time.monotonic() - began) for name in used}
        assert city.returncode == 0, gateway.log()
        story = json.loads(summary.read_text())
        gateway.taken(story["acknowledged"])
        gateway.drained()
        status = gateway.status() or {}
        raised = _raised(gateway)
        assert gateway.stop(process) == 0, gateway.log()
    with events.open(encoding="utf-8") as file:
        labels = read_events(file)
    periods = {"/".join((row[0], row[1], row[3])): profile(row[4]).period_ns / 1e9 for row in rows}
    silent = {"/".join((row[0], row[1], row[3])): profile(row[4]).silent_after_ns / 1e9 for row in rows}
    away = Counter(status["counts"]["rejected"]) + Counter(status["counts"]["refused"])
    families = {"/".join((row[0], row[1], row[3])): row[4] for row in rows}
    cost = cost_of_detection(gateway.data)
    return Measured(
        story, labels, raised, away, status["counts"], shares, memory, periods, silent, families, cost
    )


def _raised(gateway: Gateway) -> list[AlarmEvent]:
    ledger, seq, found = LedgerReader(gateway.data.ledger), 0, []
    while page := ledger.events_after(seq):
        seq = page[-1][0]
        found += [e for _, e in page if isinstance(e, AlarmEvent) and e.cause in RAISED]
    return found


def _parts(process: subprocess.Popen[bytes]) -> dict[str, psutil.Process]:
    children = psutil.Process(process.pid).children(recursive=True)
    return {name: next(c for c in children if c.cmdline()[-1] == name) for name in PROCESSES}


def _used(process: subprocess.Popen[bytes]) -> dict[str, float]:
    """Processor seconds of each process so far."""
    return {name: sum(part.cpu_times()[:2]) for name, part in _parts(process).items()}


def _watch(
    city: subprocess.Popen[bytes], process: subprocess.Popen[bytes], sample_s: float
) -> dict[str, list[float]]:
    """Memory of each process at every sample, until the city has ended."""
    memory: dict[str, list[float]] = {name: [] for name in PROCESSES}
    while True:
        for name, part in _parts(process).items():
            memory[name].append(part.memory_info().rss / 1e6)
        try:
            city.wait(sample_s)
        except subprocess.TimeoutExpired:
            continue
        return memory


def rows(measured: Measured) -> list[Row]:
    """The report."""
    for text in (*measured.missed()[:20], *measured.false()[:20]):
        print("FAILED", text)
    row, story = Row.judged, measured.summary
    demanded, early = measured.demanded()
    took = [(measured.seconds(x) or 0.0) / (x.must_detect_within_s or 1.0) for x in demanded]
    away = ", ".join(f"{reason} {count}" for reason, count in sorted(measured.turned_away.items()))
    quiet = sum(label.must_not_alarm for label in measured.labels)
    sent, taken = int(str(story["messages"])), int(str(story["acknowledged"]))
    seconds, behind = float(str(story["seconds"])), float(str(story["worst_behind_s"]))
    found = [
        row("city.devices", "devices from one process", int(str(story["devices"])), "devices", "> 0",
            note=f"{sent:,} messages in {seconds:.0f} s, {sent / max(1.0, seconds):,.0f} a second"),
        row("city.unacknowledged", "messages that the broker did not take", sent - taken, "messages", "== 0"),
        row("city.unexplained", "rejections that no fault on the wire asked for, or missing ones",
            measured.unexplained(), "rejections", "== 0", note=away or "none at all"),
        row("city.missed", "demanded alarms late or absent", len(measured.missed()), "alarms", "== 0",
            note=f"of {len(demanded)}; {early} were not due by the end; the slowest took "
            f"{100 * max(took, default=0):.0f} % of its time"),
        row("city.judged", "demanded alarms judged", len(demanded), "alarms", "> 0"),
        row("city.false", "alarms where all is well", len(measured.false()), "alarms", "== 0",
            note=f"{quiet} labels of ordinary life"),
        row("city.behind_s", "farthest behind its own time", behind, "s", "<= 5", "<= 1",
            note="this machine was too slow or too busy: late and false alarms are the simulator's own"
            if behind > 5 else ""),
    ]  # fmt: skip
    found += costs(measured.cost, measured.cpu_share["core"] * seconds)
    for name, samples in measured.memory.items():
        note = f"{len(samples)} samples, {samples[0]:.0f} to {max(samples):.0f} MB"
        growth, share = 100 * measured.growth(name), 100 * measured.cpu_share[name]
        most = f"<= {100 * GROWTH:g}"
        found.append(
            row(f"city.memory_{name}", f"growth of {name} after the warm-up", growth, "%", most, note=note)
        )
        found.append(row(f"city.cpu_{name}", f"processor share of {name}", share, "%", "<= 100"))
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    words = ["--devices", str(chosen.devices), "--seed", str(chosen.seed)]
    with tempfile.TemporaryDirectory(prefix="riskgate-city-") as folder:
        measured = run(Path(folder), chosen.minutes * 60, words)
    tell(measured.account(), REPORTS / "city.csv")
    return 0 if write("city", rows(measured)) else 1


if __name__ == "__main__":
    sys.exit(main())
