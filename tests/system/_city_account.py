"""What a run of the city tells beside its bounds: alarms against labels by family and fault, and what share
of the core's work detection is."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gateway.alarms import advice
from gateway.alarms.events import AlarmEvent
from gateway.monitor.bank import Bank
from gateway.monitor.groups import Groups
from gateway.paths import DataFolder
from gateway.verify.replaying import replay
from simulators import Label
from tests.support.report import Row


@dataclass(slots=True)
class Account:
    """All labels of one fault in one family of devices."""

    family: str
    fault: str
    ordinary: bool
    """Ordinary life: nothing may be raised."""
    labels: int = 0
    due: int = 0
    """Demanded alarms whose time was over."""
    seconds: list[float] = field(default_factory=list)
    """Of those that came in time."""
    told: int = 0
    """Labels during which anything told of the plant, be it demanded or not."""
    advised: int = 0
    """Labels during which a detector that only advises told of the plant."""
    raised: int = 0
    """Alarms of the plants while the labels lasted, demanded or not."""

    def row(self) -> tuple[str, ...]:
        """As the table shows it."""
        middle = f"{statistics.median(self.seconds):.0f}" if self.seconds else ""
        in_time = f"{len(self.seconds)} of {self.due}" if self.due else ""
        kind = "ordinary" if self.ordinary else ""
        return (
            self.family, self.fault, kind, str(self.labels), in_time, middle,
            str(self.told), str(self.advised), str(self.raised),
        )  # fmt: skip


HEADINGS = ("family", "fault", "", "labels", "in time", "median s", "told", "advised", "alarms meanwhile")


def accounts(
    labels: Iterable[Label],
    took: dict[int, float | None],
    events: Sequence[AlarmEvent],
    families: dict[str, str],
) -> list[Account]:
    """One for each family and fault, in that order.

    ``took``: by ``id`` of each label that was due, the seconds until its alarm, None when it missed its time.
    ``families``: of each device.
    """
    found: dict[tuple[str, str], Account] = {}
    for label in labels:
        family = families[label.device]
        own = found.setdefault((family, label.kind), Account(family, label.kind, bool(label.must_not_alarm)))
        own.labels += 1
        if id(label) in took:
            own.due += 1
            seconds = took[id(label)]
            own.seconds += [] if seconds is None else [seconds]
        plant = label.device.rpartition("/")[0]
        meanwhile = [e for e in events if f"{e.enterprise}/{e.site}" == plant and within(e, label)]
        own.raised += len(meanwhile)
        own.told += bool(meanwhile)
        own.advised += any(e.condition in advice.advice_texts() for e in meanwhile)
    return [found[key] for key in sorted(found)]


def within(event: AlarmEvent, label: Label) -> bool:
    """Raised while the fault lasted, or in the time that its alarm has."""
    last_ns = max(label.end_ns, label.start_ns + round((label.must_detect_within_s or 0.0) * 1e9))
    return label.start_ns <= event.at_ns <= last_ns


def tell(found: Sequence[Account], file: Path) -> None:
    """Print the table and write the same rows as CSV."""
    shown = Table(title="alarms against labels", title_justify="left")
    for heading in HEADINGS:
        shown.add_column(heading)
    for one in found:
        shown.add_row(*one.row())
    console = Console()
    Console(width=max(console.width, 140) if not console.is_terminal else None).print(shown)
    file.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(row) for row in (HEADINGS, *(one.row() for one in found))]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


@dataclass(slots=True)
class Cost:
    """Processor seconds of judging a recorded run once more."""

    detection: float = 0.0
    """In the detectors, their lookups and the collecting of what they found."""
    whole: float = 0.0
    difference: str = ""
    """Where the replay differs from the ledger; "" when it does not."""


def cost_of_detection(data: DataFolder) -> Cost:
    """Replay the journal with a clock around the detectors; nothing else runs in this process meanwhile."""
    cost = Cost()
    with _timed(Bank, "judge", cost), _timed(Groups, "judge", cost), _timed(Groups, "weigh", cost):
        began = time.process_time()
        cost.difference = replay(data).difference
        cost.whole = time.process_time() - began
    return cost


def costs(cost: Cost, live_s: float) -> list[Row]:
    """Two rows of the report. ``live_s``: the core's processor seconds while the city ran."""
    share = 100 * cost.detection / cost.whole if cost.whole else 100.0
    row = Row.judged
    return [
        row("city.replay", "differences between the journal judged again and the ledger",
            int(bool(cost.difference)), "lines", "== 0", note=cost.difference),
        row("city.detection", "share of the detectors in judging the journal again", share, "%", "<= 50",
            note=f"{cost.detection:.1f} of {cost.whole:.1f} s, loading compiled loops counted; "
            f"the core used {live_s:.1f} s live"),
    ]  # fmt: skip


@contextmanager
def _timed(owner: type[Any], name: str, cost: Cost) -> Iterator[None]:
    plain = getattr(owner, name)

    @wraps(plain)
    def timed(*given: Any, **named: Any) -> Any:
        began = time.process_time()
        try:
            return plain(*given, **named)
        finally:
            cost.detection += time.process_time() - began

    setattr(owner, name, timed)
    try:
        yield
    finally:
        setattr(owner, name, plain)
