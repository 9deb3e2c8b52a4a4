"""The fleet list and the profiles' texts, read from files. Everything wrong is told at once, with file, line,
column and fix; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from device_profiles import Profile
from gateway.errors import ConfigError
from gateway.fleet._columns import ALL_COLUMNS, COLUMNS, ID, Checks, Retired
from gateway.fleet._problems import Problems
from gateway.fleet._profiles import check_profile, check_profiles, read_profiles
from gateway.fleet._rows import rows_of
from gateway.fleet._topics import shared_topics
from gateway.fleet._upstreams import wrong_upstreams
from gateway.fleet._write import text_of
from gateway.monitor.channels import Device

__all__ = [
    "ALL_COLUMNS",
    "COLUMNS",
    "ID",
    "MAX_TOLD",
    "Also",
    "Fleet",
    "Gathered",
    "Retired",
    "check_profile",
    "check_profiles",
    "gather",
    "read_fleet",
    "read_list",
    "read_profiles",
    "shared_topics",
    "text_of",
    "wrong_upstreams",
]

MAX_TOLD = 200
"""Problems of one file told one by one, where nobody asked for all."""
TOLD_EVERY = 5000

Also = Callable[[Device, Retired | None], list[str]]
"""More to ask of a row: what is wrong, each "column <name>: <what>; <fix>"."""
Progress = Callable[[int, int], None]
"""Told (rows read, rows in all)."""


@dataclass(slots=True)
class Fleet:
    """What one fleet list holds."""

    devices: list[Device] = field(default_factory=list)
    """Those that are expected to speak, in the list's order."""
    retired: dict[str, Retired] = field(default_factory=dict)
    """Key -> who left, since when and why."""
    warnings: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Gathered:
    """What the configuration's files hold."""

    devices: list[Device] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Profile id -> its TOML text."""
    profiles: dict[str, Profile] = field(default_factory=dict)
    retired: dict[str, Retired] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def gather(
    fleet: Path,
    folders: list[Path],
    *,
    today: date | None = None,
    told: int | None = MAX_TOLD,
    progress: Progress | None = None,
    also: Also | None = None,
) -> Gathered:
    """Profiles (parsed, examples run) and fleet; ConfigError with the problems of all of them together.

    today: also refuse what lies after it and cannot. told: how many of the list's problems one by one.
    """
    found = Gathered()
    places: dict[str, str] = {}
    problems: list[str] = []
    try:
        found.texts = read_profiles(folders, places)
    except ConfigError as error:
        problems += error.problems
    try:
        found.profiles = check_profiles(found.texts, places)
    except ConfigError as error:
        problems += error.problems
    try:
        read = read_list(
            fleet, found.texts, parsed=found.profiles, today=today, told=told, progress=progress, also=also
        )
    except ConfigError as error:
        problems += error.problems
    else:
        found.devices, found.retired, found.warnings = read.devices, read.retired, read.warnings
    if problems:
        raise ConfigError(problems)
    return found


def read_fleet(path: Path, profiles: Collection[str], warnings: list[str] | None = None) -> list[Device]:
    """The devices of a fleet list that are expected to speak; ``warnings`` is told what is odd."""
    fleet = read_list(path, profiles)
    if warnings is not None:
        warnings += fleet.warnings
    return fleet.devices


def read_list(
    path: Path,
    profiles: Collection[str],
    *,
    parsed: Mapping[str, Profile] | None = None,
    today: date | None = None,
    told: int | None = MAX_TOLD,
    progress: Progress | None = None,
    also: Also | None = None,
) -> Fleet:
    """A fleet list: CSV with the columns of ALL_COLUMNS (those of COLUMNS at least), or TOML with the same
    keys in [[device]] tables if the name ends so.

    UTF-8 with or without a byte order mark, or GBK (as Excel saves in China). Setpoints are checked against
    the profiles in ``parsed`` (only there); ``also`` may find more in a row. Raises ConfigError with every
    problem, "<file>: line n, column c: <what>; <fix>", or with the first ``told`` and how many more.
    """
    fleet = Fleet()
    rows = rows_of(path, fleet.warnings)
    checks = Checks(profiles, parsed or {}, today)
    problems = Problems(path, told)
    first: dict[str, int] = {}
    for count, (line, values, broken) in enumerate(rows):
        if progress is not None and count % TOLD_EVERY == 0:
            progress(count, rows.total)
        if broken:
            problems.add([f"{path}: line {line}: {broken}"])
            continue
        device, retired, faults = checks.row(values)
        before = first.setdefault(device.key, line)
        if before != line and all(map(ID.fullmatch, device.key.split("/", 2))):
            faults.append(
                f"column device: {device.key} already stands in line {before}; remove one or rename it"
            )
        if also is not None:
            faults += also(device, retired)
        if faults:
            problems.add(f"{path}: line {line}, {fault}" for fault in faults)
        elif retired is None:
            fleet.devices.append(device)
        else:
            fleet.retired[device.key] = retired
    shared = shared_topics(fleet.devices, parsed or {})
    problems.add(f"{path}: line {first[key]}, {fault}" for key, fault in shared)
    rings = wrong_upstreams(fleet.devices, fleet.retired)
    problems.add(f"{path}: line {first[key]}, {fault}" for key, fault in rings)
    if progress is not None:
        progress(rows.total, rows.total)
    problems.tell()
    if not fleet.devices:
        fleet.warnings.append(f"{path}: holds no device: everything that speaks will be listed as unknown")
    return fleet
