"""``make powercut``: disk images as a power cut at a random moment may leave them, from a recording of what
the real process wrote, flushed and acknowledged.

    python -m tests.crash.powercut --n 2000     # writes reports/powercut.json

Asked of every image: is each packet whose PUBACK had begun in the journal, does the hash chain hold, and is
the journal no shorter than the ledger's witness? Asked of the recording, for each PUBACK: were the bytes
flushed by then enough to give the packet back? The same with synchronous=NORMAL must fail, or the questions
have no teeth. Its images are cut only where an acknowledged packet was not flushed: anywhere else (before the
first PUBACK, after the last flush) nothing can be lost, and how much of a recording that is says nothing
about the questions.
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
from tests.crash._strace import Event, Received, Rename, Sent, Sync, Unlink, events
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
    early: int = 0
    """PUBACKs that began to be sent before their packet was flushed."""
    images: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    lossy: int = 0
    """Images without a packet whose PUBACK had begun."""
    exposed: int = 0
    """Moments (between two events) at which an acknowledged packet was not flushed."""
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


def run(images: int, seed: int, subject: Scenario, title: str = "", *, control: bool = False) -> Report:
    """Record ``subject`` once and judge ``images`` random images; the same seed cuts at the same places of
    the same recording. A ``control`` is cut only where something acknowledged was not flushed: there is
    nothing to judge if it never was."""
    report = Report()
    with tempfile.TemporaryDirectory(prefix="riskgate-powercut-") as name:
        data, trace = Path(name).resolve() / "data", Path(name) / "trace"
        data.mkdir()
        subject(data, trace)
        recording = _read(trace)
        shutil.rmtree(data)
        report.events = len(recording.events)
        report.acknowledged = len(recording.acknowledged)
        memory = MEMORY if MEMORY.is_dir() else None
        with tempfile.TemporaryDirectory(prefix="riskgate-image-", dir=memory) as image:
            exposed = _check_order(recording, data, Path(image) / "data", report)
            places = exposed if control else list(range(1, len(recording.events) + 1))
            if places:
                chance = random.Random(seed)
                cuts = sorted(chance.choices(places, k=images))
                _check_images(recording, data, Path(image) / "data", cuts, seed, report, title)
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


def _check_order(recording: _Recording, data: Path, image: Path, report: Report) -> list[int]:
    """Would each packet survive if the power went at its PUBACK and nothing unflushed did? Returns after how
    many events an acknowledged packet would not.

    Other packets' writes may be under way then: the next commit runs while PUBACKs go out.
    """
    due: dict[int, list[bytes]] = {}
    for index, payload in recording.acknowledged:
        due.setdefault(index, []).append(payload)
    disk = Disk(data)
    kept: set[bytes] | None = None
    at_risk: set[bytes] = set()
    exposed = []
    for index, (order, event) in enumerate(recording.events):
        disk.apply(order, event)
        if isinstance(event, Sync | Rename | Unlink):
            kept = None
        if kept is None and (at_risk or index in due):
            kept = _flushed(image, disk)
            at_risk -= kept
        if index in due and kept is not None:
            early = sum(payload not in kept for payload in due[index])
            at_risk |= set(due[index]) - kept
            report.early += early
            if early:
                report.find(f"event {index}: {early} PUBACKs while the packet was not flushed")
        if at_risk:
            exposed.append(index + 1)
    report.exposed = len(exposed)
    return exposed


def _flushed(image: Path, disk: Disk) -> set[bytes]:
    """The payloads that what was flushed gives back; none if it does not open."""
    try:
        return _kept(_fresh(image, disk, "lost", random.Random(0)))
    except JournalError:
        return set()


def _fresh(image: Path, disk: Disk, mode: str, chance: random.Random) -> Path:
    shutil.rmtree(image, ignore_errors=True)
    image.mkdir()
    disk.build(image, mode, chance)
    return image


def _check_images(
    recording: _Recording, data: Path, image: Path, cuts: list[int], seed: int, report: Report, title: str
) -> None:
    starts = [index for index, _ in recording.acknowledged]
    disk = Disk(data)
    applied = 0
    for number, cut in enumerate(track(cuts, description=title, disable=not title)):
        while applied < cut:
            disk.apply(*recording.events[applied])
            applied += 1
        mode = MODES[number % len(MODES)]
        due = [payload for _, payload in recording.acknowledged[: bisect_left(starts, cut)]]
        report.images += 1
        report.modes[mode] += 1
        try:
            kept = _kept(_fresh(image, disk, mode, random.Random(f"{seed}/{number}")))
        except JournalTruncated as error:
            report.lossy += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {error}")
            continue
        except JournalError as error:
            report.broken += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {error}")
            continue
        if missing := sum(payload not in kept for payload in due):
            report.lossy += 1
            report.find(f"image {number} ({mode}, cut at {cut}): {missing} of {len(due)} packets lost")


def _kept(image: Path) -> set[bytes]:
    """Start on the image as the core would: the payloads that its journal holds.

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
    return kept


def figures(name: str, subject: str, full: Report, normal: Report) -> list[Row]:
    """The rows of one subject: what must be zero, and the control that must not be."""
    size = f"{full.acknowledged} packets, {full.events} events"
    wrong = normal.lossy + normal.broken
    return [
        Row.judged(
            f"powercut.{name}.order",
            f"{subject}: PUBACK sent before its packet was flushed",
            full.early,
            "PUBACKs",
            "== 0",
            note=f"{rule_of_three(full.acknowledged, full.early)}; {size}",
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
            f"{subject} with synchronous=NORMAL: PUBACK sent before its packet was flushed",
            100 * normal.early / normal.acknowledged,
            "%",
            "> 50",
            note="the control: it must fail",
        ),
        Row.judged(
            f"powercut.{name}.control_lost",
            f"{subject} with synchronous=NORMAL: images that lost an acknowledged packet",
            100 * wrong / max(normal.images, 1),
            "%",
            "> 50",
            note=f"the control: it must fail; {normal.images} images, cut where an acknowledged packet was "
            f"not flushed: {normal.exposed} of the recording's {normal.events} moments",
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
    for name, subject, full_subject, normal_subject in (
        ("core", "core under mosquitto", scenario.core("FULL"), scenario.core("NORMAL")),
        # The control rolls less: closing a segment flushes it, which is not what is asked here.
        (
            "writer",
            "journal with small segments",
            scenario.writer("FULL"),
            scenario.writer("NORMAL", segment_bytes=80_000),
        ),
    ):
        full = run(half, arguments.seed, full_subject, f"{subject}, FULL")
        normal = run(control, arguments.seed, normal_subject, f"{subject}, NORMAL", control=True)
        print(*full.findings, sep="\n")
        rows += figures(name, subject, full, normal)
    return 0 if write("powercut", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
