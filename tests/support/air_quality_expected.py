"""What the UCI air-quality recording must give, computed from the file and the profile's text alone.

Independent on purpose: imports nothing of gateway, detectors, device_profiles or simulators, reads the CSV
and the TOML itself and applies the written rules, so that one mistake cannot be made twice.

Rules. A value in the point's ``missing`` is bad; outside low..high it is uncertain; else good. A limit H is
raised by a reading >= setpoint (L: <=) that is not bad, once the excess has lasted the on-delay, counted
from reading to reading; a reading back within the limit breaks the wait off, a bad one does not. It is
cleared by N consecutive good readings beyond the deadband that span the off-delay; any other reading begins
the run anew. N is the profile's ``clear_readings``, else 3, or 1 for periods over 60 s. A device alarm
"sensor_fault" is raised by a bad reading, "out_of_range" by one outside the range; N good ones in a row
clear both.
"""

from __future__ import annotations

import csv
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

GOOD, UNCERTAIN, BAD = "good", "uncertain", "bad"
MS = 1_000_000


class Transition(NamedTuple):
    """A condition that began or ended."""

    channel: str
    condition: str
    change: str
    """ "raised" or "cleared"."""
    event_ns: int


@dataclass
class Limit:
    """One limit while it runs."""

    channel: str
    condition: str
    setpoint: float
    deadband: float
    on_ns: int
    off_ns: int
    active: bool = False
    over_since: int | None = None
    clear_since: int = 0
    clear_run: int = 0

    def over(self, value: float) -> bool:
        return value <= self.setpoint if self.condition.startswith("L") else value >= self.setpoint

    def beyond(self, value: float) -> bool:
        low = self.condition.startswith("L")
        return value > self.setpoint + self.deadband if low else value < self.setpoint - self.deadband

    def take(self, value: float, quality: str, at: int, needed: int) -> str:
        """ "raised", "cleared" or "" for one reading."""
        if quality == BAD:
            self.clear_run = 0
            return ""
        if not self.active:
            if not self.over(value):
                self.over_since = None
                return ""
            if self.over_since is None:
                self.over_since = at
            if at - self.over_since < self.on_ns:
                return ""
            self.active, self.over_since, self.clear_run = True, None, 0
            return "raised"
        if quality != GOOD or not self.beyond(value):
            self.clear_run = 0
            return ""
        if self.clear_run == 0:
            self.clear_since = at
        self.clear_run += 1
        if self.clear_run < needed or at - self.clear_since < self.off_ns:
            return ""
        self.active = False
        return "cleared"


def readings(csv_file: Path) -> Iterator[tuple[int, dict[str, float]]]:
    """(original time in ms, channel -> value) of every row."""
    with csv_file.open(encoding="utf-8-sig", newline="") as lines:
        head = lines.readline().strip()
        separator = ";" if ";" in head else ","
        names = [channel_name(name) for name in head.split(separator)]
        for cells in csv.reader(lines, delimiter=separator):
            if not "".join(cells):
                continue
            row = dict(zip(names, cells, strict=True))
            stamp = f"{row.pop('date')} {row.pop('time').replace('.', ':')}"
            form = "%d/%m/%Y %H:%M:%S" if "/" in stamp else "%Y-%m-%d %H:%M:%S"
            at = datetime.strptime(stamp, form).replace(tzinfo=UTC)
            yield (
                round(at.timestamp()) * 1000,
                {name: float(text.replace(",", ".")) for name, text in row.items() if name},
            )


def channel_name(column: str) -> str:
    """The profile's channel of a column: "PT08.S1(CO)" -> pt08_s1_co, "CO(GT)" -> co."""
    plain = re.sub(r"[^a-z0-9]+", "_", column.lower()).strip("_")
    return plain.removesuffix("_gt")


def expected_counts(csv_file: Path, toml_file: Path) -> dict[str, dict[str, int]]:
    """channel -> {"good": n, "uncertain": n, "bad": n}."""
    points = _points(toml_file)
    counts = {name: {GOOD: 0, UNCERTAIN: 0, BAD: 0} for name in points}
    for _, values in readings(csv_file):
        for name, value in values.items():
            counts[name][_quality(points[name], value)] += 1
    return counts


def expected_alarms(csv_file: Path, toml_file: Path, shift_ns: int) -> list[Transition]:
    """Every raise and clear of the profile's limits, in the order of the file's rows and columns."""
    profile = tomllib.loads(toml_file.read_text(encoding="utf-8"))
    points, needed = _points(toml_file), _needed(profile)
    limits = [
        Limit(
            alarm["channel"],
            alarm["condition"],
            float(alarm["setpoint"]),
            float(alarm.get("deadband", 0.0)),
            round(alarm.get("on_delay_s", 0) * 1e9),
            round(alarm.get("off_delay_s", 0) * 1e9),
        )
        for alarm in profile["alarm"]
    ]
    found = []
    for time_ms, values in readings(csv_file):
        at = time_ms * MS + shift_ns
        for name, value in values.items():
            quality = _quality(points[name], value)
            for limit in limits:
                if limit.channel == name:
                    change = limit.take(value, quality, at, needed)
                    if change:
                        found.append(Transition(name, limit.condition, change, at))
    return found


def expected_device_alarms(csv_file: Path, toml_file: Path, shift_ns: int) -> list[Transition]:
    """Every raise and clear of "sensor_fault" and "out_of_range", in the order of the file."""
    profile = tomllib.loads(toml_file.read_text(encoding="utf-8"))
    points, needed = _points(toml_file), _needed(profile)
    active: set[tuple[str, str]] = set()
    run: dict[str, int] = {}
    found = []
    for time_ms, values in readings(csv_file):
        at = time_ms * MS + shift_ns
        for name, value in values.items():
            quality = _quality(points[name], value)
            if quality != GOOD:
                run[name] = 0
                key = (name, "sensor_fault" if quality == BAD else "out_of_range")
                if key not in active:
                    active.add(key)
                    found.append(Transition(*key, "raised", at))
                continue
            run[name] = run.get(name, 0) + 1
            if run[name] >= needed:
                for condition in ("sensor_fault", "out_of_range"):
                    if (name, condition) in active:
                        active.remove((name, condition))
                        found.append(Transition(name, condition, "cleared", at))
    return found


def _points(toml_file: Path) -> dict[str, dict[str, Any]]:
    profile = tomllib.loads(toml_file.read_text(encoding="utf-8"))
    return {point["channel"]: point for point in profile["point"]}


def _needed(profile: dict[str, Any]) -> int:
    head = profile["profile"]
    return int(head.get("clear_readings", 3 if head["period_s"] <= 60 else 1))


def _quality(point: dict[str, Any], value: float) -> str:
    if value in point.get("missing", []):
        return BAD
    return GOOD if point["low"] <= value <= point["high"] else UNCERTAIN
