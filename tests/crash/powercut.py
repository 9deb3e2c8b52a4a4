"""``make powercut``: disk images as a power cut at a random moment may leave them, from a recording of what
the real process wrote, flushed and acknowledged.

    python -m tests.crash.powercut --n 2000     # writes reports/powercut.json

Asked of every image: is each packet whose PUBACK had begun in the journal, does the hash chain hold, and is
the journal no shorter than the ledger's witness? Asked of the recording: was any PUBACK sent while a journal
write was not flushed? The same with synchronous=NORMAL must fail, or the questions have no teeth.
Not modelled: loss of directory entries, and a disk that lies about a flush.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.progress import track

from gateway.errors import JournalError, JournalTruncated
from gateway.journal import Journal, JournalReader
from gateway.ledger import Ledger, LedgerReader
from gateway.monitor.entries import Packets
from tests.crash import _scenario as scenario
from tests.crash._image import MODES, Disk
from tests.crash._mqtt import Session
from tests.crash._strace import Event, Received, Sent, events
from tests.support.report import Row, rule_of_three, write

Scenario = Callable[[Path, Path], None]
"""Given an empty data folder and a file for the trace: run a traced process to its end. The journal is
<data>/journal, the ledger, if any, <data>/ledger.db."""

MEMORY = Path("/dev/shm")
FINDINGS_KEPT = 5


@dataclass(slots=True)
class Report:
    """What the recording and its images showed."""

    events: int = 0
    acknowledged: int = 0
    puback_sends: int = 0
    violations: int = 0
    """PUBACK sends that began while a journal write was not flushed."""
    images: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    lossy: int = 0
    """Images without a packet whose PUBACK had begun."""
    broken: int = 0
    """Images whose journal or ledger cannot be opened, or whose chain does not hold."""
    findings: list[str] = field(default_factory=list)

    def find(self, sentence: str) -> None:
        """Keep the first few findings."""
        if len(self.findings) < FINDINGS_KEPT:
            self.findings.append(sentence)


@dataclass(slots=True)
class _Recording:
    events: list[Event]
    acknowledged: list[tuple[int, bytes]]
    """Index of the event from which on a payload counts as acknowledged, and the payload; in order."""


def run(images: int, seed: int, subject: Scenario, title: str = "") -> Report:
    """Record ``subject`` once and judge ``images`` random images; the same seed cuts at the same places of
    the same recording."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="riskgate-powercut-") as name:
        data, trace = Path(name).resolve() / "data", Path(name) / "trace"
        data.mkdir()
        subject(data, trace)
        recording = _read(trace)
        shutil.rmtree(data)
        report.events = len(recording.events)
        report.acknowledged = len(recording.acknowledged)
        _check_order(recording, data, report)
        memory = MEMORY if MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="riskgate-image-", dir=memory) as image:
            _check_images(recording, data, Path(image) / "data", images, seed, report, title)
    return report


def _read(trace: Path) -> _Recording:
    found = events(trace)
    sessions: dict[str, Session] = {}
    acknowledged: list[tuple[int, bytes]] = []
    for index, (_, event) in enumerate(found):
        match event:
            case Received(socket, data):
                sessions.setdefault(socket, Session()).received(data)
            case Sent(socket, data):
                payloads = sessions.setdefault(socket, Session()).sent(data)
                acknowledged += [(index, payload) for payload in payloads]
    assert acknowledged, "the recording holds no PUBACK: the subject did not run"
    return _Recording(found, acknowledged)


def _check_order(recording: _Recording, data: Path, report: Report) -> None:
    disk = Disk(data)
    sends = {index for index, _ in recording.acknowledged}
    report.puback_sends = len(sends)
    for index, (order, event) in enumerate(recording.events):
        disk.apply(order, event)
        if index in sends and (unsynced := disk.unsynced(data / "journal")):
            report.violations += 1
            report.find(f"PUBACK at event {index} while {unsynced[0]} was not flushed")


def _check_images(
    recording: _Recording, data: Path, image: Path, images: int, seed: int, report: Report, title: str
) -> None:
    chance = random.Random(seed)
    cuts = sorted(chance.randint(1, len(recording.events)) for _ in range(images))
    starts = [index for index, _ in recording.acknowledged]
    disk = Disk(data)
    applied = 0
    for number, cut in enumerate(track(cuts, description=title, disable=not title)):
        while applied < cut:
            disk.apply(*recording.events[applied])
            applied += 1
        mode = MODES[number % len(MODES)]
        shutil.rmtree(image, ignore_errors=True)
        image.mkdir()
        disk.build(image, mode, random.Random(f"{seed}/{number}"))
        due = [payload for _, payload in recording.acknowledged[: bisect_left(starts, cut)]]
        report.images += 1
        report.modes[mode] += 1
        try:
            missing = _judge(image, due)
        except JournalTruncated as error:
            report.lossy += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {error}")
            continue
        except JournalError as error:
            report.broken += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {error}")
            continue
        if missing:
            report.lossy += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {missing} of {len(due)} packets lost")


def _judge(image: Path, due: list[bytes]) -> int:
    """Start on the image as the core would, and count the acknowledged payloads that are missing.

    JournalError if something does not open or hold; JournalTruncated if the witness knows of more.
    """
    ledger = Ledger(image / "ledger.db")
    try:
        Journal(image / "journal", witness=ledger.witness()).close()
    finally:
        ledger.close()
    reader = JournalReader(image / "journal")
    for check in (LedgerReader(image / "ledger.db").check_chain(), reader.check_chain()):
        if not check.ok:
            raise JournalError(check.reason)
    kept: set[bytes] = set()
    for _, entry in reader.read():
        if isinstance(entry, Packets):
            kept.update(entry.packet(row)[1] for row in range(len(entry)))
    return sum(payload not in kept for payload in due)


def figures(name: str, subject: str, full: Report, normal: Report) -> list[Row]:
    """The rows of one subject: what must be zero, and the control that must not be."""
    size = f"{full.acknowledged} packets, {full.events} events"
    wrong = normal.lossy + normal.broken
    return [
        Row.judged(
            f"powercut.{name}.order",
            f"{subject}: PUBACK sent while a journal write was not flushed",
            full.violations,
            "sends",
            "== 0",
            note=f"{rule_of_three(full.puback_sends, full.violations)}; {size}",
        ),
        Row.judged(
            f"powercut.{name}.lost",
            f"{subject}: images that lost an acknowledged packet",
            full.lossy,
            "images",
            "== 0",
            note=rule_of_three(full.images, full.lossy),
        ),
        Row.judged(
            f"powercut.{name}.broken",
            f"{subject}: images whose journal or ledger does not open or whose chain breaks",
            full.broken,
            "images",
            "== 0",
            note=rule_of_three(full.images, full.broken),
        ),
        Row.judged(
            f"powercut.{name}.control_order",
            f"{subject} with synchronous=NORMAL: PUBACK sends before the flush",
            100 * normal.violations / normal.puback_sends,
            "%",
            "> 50",
            note="the control: it must fail",
        ),
        Row.judged(
            f"powercut.{name}.control_lost",
            f"{subject} with synchronous=NORMAL: images that lost an acknowledged packet",
            100 * wrong / normal.images,
            "%",
            "> 50",
            note=f"the control: it must fail; {normal.images} images",
        ),
    ]


def main() -> int:
    """Half of the images from the core under mosquitto, half from a writer that rolls its segments."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--n", type=int, default=2000, help="images")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    half = max(arguments.n // 2, 1)
    control = min(half, 200)
    rows: list[Row] = []
    for name, subject, make in (
        ("core", "core under mosquitto", scenario.core),
        ("writer", "journal with small segments", scenario.writer),
    ):
        full = run(half, arguments.seed, make("FULL"), f"{subject}, FULL")
        normal = run(control, arguments.seed, make("NORMAL"), f"{subject}, NORMAL")
        print(*full.findings, sep="\n")
        rows += figures(name, subject, full, normal)
    return 0 if write("powercut", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
