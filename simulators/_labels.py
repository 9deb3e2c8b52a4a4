"""The formula of the labels, and ``events.csv``.

Severity s is in (0..1]; a scorecard uses its three levels: 1 slight (0.2, no demand), 2 clear (0.6), 3 full
(1.0). A plant makes a fault of severity s so large that from s = MUST_FROM on its limits
are crossed, and never slower than in crossing_s / s seconds of physics (crossing_s: Expected, for s = 1).
Written out::

    within_s             = crossing_s / (s * scale) + on_delay_s + 2 * period_s + wait_s + SWEEP_S
    must_detect_within_s = within_s   if s >= MUST_FROM and the fault is one
                         = none       if s <  MUST_FROM, or must_not_alarm

wait_s: how long a device keeps its readings before it uploads them, 0 for most. MUST_FROM is 0.4: of faults
whose severity is drawn evenly from (0..1], 60 % must be detected, and of the three levels two.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import IO

from simulators import Fault, Label

MUST_FROM = 0.4
LEVELS = (0.2, 0.6, 1.0)
"""Severity of levels 1, 2 and 3."""
SWEEP_S = 1.0
"""Slack for the gateway's own rounds."""
COLUMNS = (
    "start", "end", "kind", "severity", "must_detect_within_s", "must_not_alarm", "device", "channel",
    "condition", "reason",
)  # fmt: skip
LAST_NS = 4_000_000_000_000_000_000
"""An end later than this is "until further notice": the column stays empty."""


def within_s(
    crossing_s: float,
    severity: float,
    period_s: float,
    scale: float = 1.0,
    on_delay_s: float = 0.0,
    wait_s: float = 0.0,
) -> float:
    """Seconds from the fault's begin to its alarm, at most."""
    return crossing_s / (severity * scale) + on_delay_s + 2 * period_s + wait_s + SWEEP_S


def severity_of(level: int) -> float:
    """The severity of level 1, 2 or 3; ValueError for another one."""
    if level not in range(1, len(LEVELS) + 1):
        raise ValueError(f"level {level}: there are 1 (slight), 2 (clear) and 3 (full)")
    return LEVELS[level - 1]


def must(severity: float) -> bool:
    """Whether a fault of this severity must be detected."""
    return severity >= MUST_FROM


def label(
    fault: Fault,
    device: str,
    channel: str,
    condition: str,
    start_ns: int,
    limit_s: float,
    *,
    quiet: bool = False,
    reason: str = "",
) -> Label:
    """The truth about one fault of a plant that started at ``start_ns``."""
    begin = start_ns + round(fault.at_s * 1e9)
    end = begin + round(fault.for_s * 1e9)
    demanded = limit_s if must(fault.severity) and not quiet else None
    shown = condition if demanded is not None else ""
    return Label(
        fault.kind, device, channel, shown, begin, end, limit_s if shown else 0.0, fault.severity, demanded,
        quiet, reason,
    )  # fmt: skip


def check_severity(fault: Fault) -> None:
    """ValueError unless the severity is in (0..1]."""
    if not 0.0 < fault.severity <= 1.0:
        raise ValueError(f"fault {fault.kind!r}: the severity must be in (0..1], not {fault.severity}")


def write_events(file: IO[str], labels: Iterable[Label]) -> int:
    """``events.csv`` with one line for each label; how many."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for row in labels:
        end = "" if row.end_ns > LAST_NS else _iso(row.end_ns)
        demanded = "" if row.must_detect_within_s is None else f"{row.must_detect_within_s:.3f}"
        writer.writerow(
            (
                _iso(row.start_ns), end, row.kind, f"{row.severity:g}", demanded,
                int(row.must_not_alarm), row.device, row.channel, row.condition, row.reason,
            )
        )  # fmt: skip
        count += 1
    return count


def read_events(file: IO[str]) -> list[Label]:
    """What ``write_events`` wrote; ValueError names the line that is not one."""
    rows = csv.reader(file)
    head = next(rows, [])
    if tuple(head) != COLUMNS:
        raise ValueError(f"line 1: not an events.csv: the columns must be {', '.join(COLUMNS)}")
    found = []
    for number, row in enumerate(rows, 2):
        try:
            start, end, kind, severity, demanded, quiet, device, channel, condition, reason = row
            limit = float(demanded) if demanded else None
            found.append(
                Label(
                    kind, device, channel, condition, _ns(start), _ns(end) if end else LAST_NS + 1,
                    limit or 0.0 if condition else 0.0, float(severity), limit, quiet == "1", reason,
                )
            )  # fmt: skip
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    return found


def _iso(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


def _ns(text: str) -> int:
    whole, _, rest = text.rstrip("Z").partition(".")
    seconds = int(datetime.fromisoformat(whole).replace(tzinfo=UTC).timestamp())
    return seconds * 1_000_000_000 + int(rest.ljust(9, "0") or 0)
