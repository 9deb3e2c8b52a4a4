"""``make day``: a simulated day of alarm management, twice, and the proof that the ledger is its replay.

    python -m tests.day.run --hours 24 --seed 1     # writes reports/day.json

Devices, people at the desk, rules that change, restarts, floods, lost links, late data and set clocks, on a
virtual clock. Every kind of them must have happened; the same seed must give the same ledger; and the
command that checks it must find a forged line or byte and name it.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from gateway.alarms.commands import ACTIONS
from gateway.alarms.events import AlarmEvent, CommandEvent, NoteEvent
from gateway.ledger import LedgerReader
from gateway.monitor.monitor import Monitor
from gateway.paths import DataFolder
from gateway.verify.replaying import events_of
from tests.crash.sim.verdict import Verdict, judge
from tests.crash.simulation import MEMORY, profiles
from tests.day.people import CAUSES, WISHES
from tests.day.plant import PER_HOUR, Day
from tests.day.proof import FORGERIES, found_out, verified
from tests.support.report import Row, write

DEVICES = 200
NOTES = (
    "started",
    "configuration",
    "clock_jump",
    "flood_began",
    "flood_ended",
    "request_expired",
    "late_alarm",
)
RULES = (
    "proposed",
    "approval without a back-test refused",
    "back-tested",
    "in force, stricter",
    "loosened by one person refused",
    "in force, looser by two people",
    "declined",
    "withdrawn",
)
RESTARTS = ("from a snapshot", "the whole journal", "a damaged snapshot passed over")
READINGS = ("late", "duplicates", "suspect", "disordered", "rejected", "refused")


@dataclass(slots=True)
class Lived:
    """One day that is over."""

    data: str
    verdict: Verdict
    happened: Counter[str] = field(default_factory=Counter)
    took_s: float = 0.0


def live(seed: int, folder: str, hours: float, devices: int, say: str = "") -> Lived:
    """Run one day in a folder and judge it; ``say``: what its progress lines begin with."""
    began = time.perf_counter()
    day = Day(seed, Path(folder), profiles(), hours=hours, devices=devices)

    def tell(hour: int) -> None:
        print(
            f"{say}{hour:2d} h: {day.core_position():6d} entries, {len(day.commands):4d} commands, "
            f"{len(day.core.monitor.engine):3d} open alarms, {day.boots - 1:2d} restarts, "
            f"{time.perf_counter() - began:3.0f} s",
            flush=True,
        )

    if say:
        day.tell_hour = tell
    day.run()
    verdict = judge(day, causes=False)
    happened = day.happened + recorded(day.data) + received(day.core.monitor)
    return Lived(str(day.data.root), verdict, happened, time.perf_counter() - began)


def recorded(data: DataFolder) -> Counter[str]:
    """What the ledger tells of, by kind."""
    found: Counter[str] = Counter()
    for _, event in events_of(LedgerReader(data.ledger)):
        match event:
            case AlarmEvent():
                found[f"alarm: {event.cause}"] += 1
                found["alarm: shelf over by itself"] += event.cause == "unshelved" and not event.actor
                found["alarm: taken away by two persons"] += ", confirmed by " in event.reason_en
            case CommandEvent():
                answer = "accepted" if event.accepted else "refused"
                found[f"command: {event.action} {answer}"] += 1
                found[f"wish: {event.command.partition(':')[0]} {answer}"] += 1
            case NoteEvent():
                found[f"note: {event.kind}"] += 1
    return found


def received(monitor: Monitor) -> Counter[str]:
    """What came of the readings, by kind."""
    counts = monitor.counts
    figures = {name: getattr(counts, name) for name in READINGS}
    return Counter(
        {f"reading: {n}": sum(v.values()) if isinstance(v, dict) else v for n, v in figures.items()}
    )


def demanded() -> list[str]:
    """Every kind that a day must have; changes of accounts are the console's, which is not there."""
    return [
        *(f"alarm: {cause}" for cause in sorted(CAUSES)),
        "alarm: shelf over by itself",
        "alarm: taken away by two persons",
        *(f"command: {action} accepted" for action in ACTIONS if action != "access_change"),
        *(f"command: {action} refused" for action in ACTIONS),
        *(f"wish: {n} {'accepted' if granted else 'refused'}" for n, (_, granted, _) in WISHES.items()),
        *(f"note: {kind}" for kind in NOTES),
        *(f"fault: {what}" for what in PER_HOUR),
        *(f"restart: {kind}" for kind in RESTARTS),
        *(f"rules: {kind}" for kind in RULES),
        *(f"reading: {kind}" for kind in READINGS),
    ]


def granted_wrongly(happened: Counter[str]) -> list[str]:
    """What nobody may ever be granted, and was."""
    never = [f"wish: {name} accepted" for name, (_, granted, _) in WISHES.items() if not granted]
    return [name for name in never if happened[name]]


def run(hours: float, seed: int, devices: int) -> bool:
    """The day twice at once, then every check; the report is written and printed."""
    began = time.perf_counter()
    place = MEMORY if os.access(MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="riskgate-day-", dir=place) as folder:
        with ProcessPoolExecutor(2) as pool:
            again = pool.submit(live, seed, f"{folder}/b", hours, devices)
            first = pool.submit(live, seed, f"{folder}/a", hours, devices, "day ").result()
            second = again.result()
        data = DataFolder(Path(first.data))
        print("day verify, and three forgeries of it", flush=True)
        with ThreadPoolExecutor(2) as threads:
            sound = threads.submit(verified, data)
            forged = [threads.submit(found_out, data, Path(folder) / f"f{n}", n) for n in FORGERIES]
            status, said = sound.result()
            missed = [why for one in forged if (why := one.result())]
    print(said)
    return write("day", rows(first, second, status, missed, time.perf_counter() - began, hours))


def rows(
    first: Lived, second: Lived, status: int, missed: list[str], took_s: float, hours: float
) -> list[Row]:
    """The report; every kind with its count."""
    one, two = first.verdict, second.verdict
    absent = [kind for kind in demanded() if not first.happened[kind]]
    wrong = [*one.findings, *two.findings, *granted_wrongly(first.happened)]
    for text in (*wrong, *(f"never happened: {kind}" for kind in absent), *missed):
        print("FAILED", text)
    for kind in sorted(first.happened):
        print(f"{first.happened[kind]:7d}  {kind}")
    print(f"SHA-256 of the ledger's events  {one.recorded}\nSHA-256 of the replay's events  {one.replayed}")
    print(f"the same seed again             {two.recorded}")
    same = one.recorded == one.replayed == two.recorded
    figures = one.figures
    amounts = ", ".join(f"{figures[name]:,} {name}" for name in ("packets", "readings", "events"))
    return [
        Row.judged("day.hours", "plant time simulated", figures["seconds"] / 3600, "h", f">= {hours:g}",
            note=f"{amounts}; twice, with its checks: {took_s:.0f} s on this machine"),
        Row.judged("day.kinds", "kinds of things that never happened", len(absent), "kinds", "== 0",
            note=f"of {len(demanded())}; {figures['commands']} commands, {figures['restarts']} restarts"),
        Row.judged("day.findings", "promises broken", len(wrong), "findings", "== 0"),
        Row.judged("day.verify", "exit status of riskgate verify", status, "", "== 0"),
        Row.judged("day.hash", "ledger, replay and the same seed again: different hashes", int(not same), "",
            "== 0", note=one.recorded[:16]),
        Row.judged("day.forgeries", "forgeries that verify did not name", len(missed), "", "== 0",
            note="; ".join(FORGERIES)),
    ]  # fmt: skip


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--devices", type=int, default=DEVICES)
    chosen = parser.parse_args()
    return 0 if run(chosen.hours, chosen.seed, chosen.devices) else 1


if __name__ == "__main__":
    sys.exit(main())
