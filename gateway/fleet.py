"""The fleet list and the profiles' texts, read from files. Everything wrong is told at once, with file, line
and fix; nothing is guessed.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import device_profiles
from device_profiles import Profile, ProfileError, parse
from gateway.errors import ConfigError
from gateway.monitor.channels import Device

COLUMNS = ("enterprise", "site", "asset", "device", "profile")
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
MAX_ASSET = 128
MAX_FLEET_BYTES = 256 << 20
MAX_PROFILE_BYTES = 1 << 20
MAX_TOLD = 200
"""Problems of one file told one by one."""


@dataclass(slots=True)
class Gathered:
    """What the configuration's files hold."""

    devices: list[Device] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    """Profile id -> its TOML text."""
    profiles: dict[str, Profile] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def gather(fleet: Path, folders: list[Path]) -> Gathered:
    """Profiles (parsed, examples run) and fleet; ConfigError with the problems of all of them together."""
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
        found.devices = read_fleet(fleet, found.texts, found.warnings)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)
    return found


def read_profiles(folders: list[Path], places: dict[str, str] | None = None) -> dict[str, str]:
    """Profile id ("<family>/<model>") -> text: the packaged ones and those of further folders.

    ``places`` is told each one's file: its path, or device_profiles/<family>/<model>.toml for a packaged one.
    Raises ConfigError for unreadable files, files outside a family folder, and an id that is taken.
    """
    texts: dict[str, str] = {}
    problems: list[str] = []
    found = {} if places is None else places
    _collect(resources.files(device_profiles), device_profiles.__name__, texts, found, problems)
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: is no folder; create it, or correct 'profiles' in the configuration")
            continue
        for stray in sorted(folder.glob("*.toml")):
            problems.append(f"{stray}: lies outside a family; move it to {folder}/<family>/{stray.name}")
        _collect(folder, str(folder), texts, found, problems)
    if problems:
        raise ConfigError(problems)
    return texts


def _collect(
    root: Traversable, where: str, texts: dict[str, str], places: dict[str, str], problems: list[str]
) -> None:
    families = sorted((f for f in root.iterdir() if f.is_dir()), key=lambda f: f.name)
    for family in families:
        for file in sorted(family.iterdir(), key=lambda f: f.name):
            if not file.name.endswith(".toml"):
                continue
            name = f"{family.name}/{file.name.removesuffix('.toml')}"
            place = f"{where}/{family.name}/{file.name}"
            if name in texts:
                problems.append(f"{place}: profile {name} exists already in {places[name]}; rename this file")
                continue
            try:
                body = file.read_bytes()[: MAX_PROFILE_BYTES + 1]
                texts[name] = body.decode("utf-8-sig")
                places[name] = place
            except OSError as error:
                problems.append(f"{place}: cannot be read: {error.strerror}; check it")
            except UnicodeDecodeError as error:
                problems.append(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8")


def check_profiles(texts: Mapping[str, str], places: Mapping[str, str]) -> dict[str, Profile]:
    """Every profile parsed and its examples run; ConfigError with the problems of all, each with its file
    (``places``: as ``read_profiles`` tells them)."""
    profiles: dict[str, Profile] = {}
    problems: list[str] = []
    for name, text in texts.items():
        profile, told = check_profile(name, text, places[name])
        problems += told
        if profile is not None:
            profiles[name] = profile
    if problems:
        raise ConfigError(problems)
    return profiles


def check_profile(name: str, text: str, place: str) -> tuple[Profile | None, list[str]]:
    """One profile (None if it cannot be read) and its problems: "<file>: <key>: <what>; <fix>"."""
    profile = None
    try:
        profile = parse(name, text)
        problems = device_profiles.check(profile)
    except ProfileError as error:
        problems = error.problems
    return profile, [f"{place}: {problem.removeprefix(f'{name}: ')}" for problem in problems]


def read_fleet(path: Path, profiles: Collection[str], warnings: list[str] | None = None) -> list[Device]:
    """The devices of a CSV file with the columns enterprise, site, asset, device, profile, in its order.

    UTF-8 with or without a byte order mark, or GBK (as Excel saves in China). Further columns are not
    used; ``warnings`` is told so. Raises ConfigError with every problem: "<file>: line n: <what>; <fix>".
    """
    told: list[str] = []
    rows = _rows(path, _text(path, told), told)
    found: list[Device] = []
    problems: list[str] = []
    first: dict[str, int] = {}
    for line, row in rows:
        values = {name: row.get(name, "") for name in COLUMNS}
        faults = [*_faults(values, profiles)]
        device = Device(**values)
        if not faults and device.key in first:
            faults.append(
                f"device {device.key} already stands in line {first[device.key]}; remove one or rename it"
            )
        first.setdefault(device.key, line)
        problems += [f"{path}: line {line}: {fault}" for fault in faults]
        found.append(device)
    if problems:
        more = len(problems) - MAX_TOLD
        raise ConfigError(problems[:MAX_TOLD] + ([f"{path}: and {more} more problems"] if more > 0 else []))
    if not found:
        told.append(f"{path}: holds no device: everything that speaks will be listed as unknown")
    if warnings is not None:
        warnings += told
    return found


def _text(path: Path, told: list[str]) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        fix = "create it with the columns " + ",".join(COLUMNS) + ", or correct 'fleet' in the configuration"
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; {fix}"]) from None
    if len(body) > MAX_FLEET_BYTES:
        raise ConfigError([f"{path}: has {len(body)} bytes; split the fleet over partitions"])
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
    try:
        text = body.decode("gbk")
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: line {line}: neither UTF-8 nor GBK; save the file as UTF-8"]) from None
    told.append(f"{path}: read as GBK (line {line} is not UTF-8); better save it as UTF-8")
    return text


def _rows(path: Path, text: str, told: list[str]) -> list[tuple[int, dict[str, str]]]:
    """(line, column -> value) of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, dict[str, str]]] = []
    names: list[str] = []
    problems: list[str] = []
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if not names:
                names = _header(path, line, cells, told)
            elif len(cells) != len(names):
                problems.append(
                    f"{path}: line {line}: has {len(cells)} cells, the header has {len(names)}; "
                    "check commas and quotes"
                )
            else:
                rows.append((line, dict(zip(names, (cell.strip() for cell in cells), strict=True))))
    except csv.Error as error:
        problems.append(f"{path}: line {reader.line_num}: {error}; check the quotes there")
    if not names and not problems:
        problems.append(f"{path}: is empty; begin it with the line {','.join(COLUMNS)}")
    if problems:
        raise ConfigError(problems[:MAX_TOLD])
    return rows


def _header(path: Path, line: int, cells: list[str], told: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        hint = " (is it separated by commas?)" if len(cells) == 1 else ""
        raise ConfigError(
            [f"{path}: line {line}: no column {', '.join(missing)}{hint}; begin with {','.join(COLUMNS)}"]
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ConfigError([f"{path}: line {line}: column {', '.join(twice)} stands twice; keep one"])
    extra = [name for name in names if name not in COLUMNS]
    if extra:
        told.append(f"{path}: line {line}: columns not used: {', '.join(extra)}")
    return names


def _faults(values: Mapping[str, str], profiles: Collection[str]) -> list[str]:
    faults = [
        f"{name} {values[name][:80]!r} is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -"
        for name in ("enterprise", "site", "device")
        if not ID.fullmatch(values[name])
    ]
    asset, profile = values["asset"], values["profile"]
    if not asset or len(asset) > MAX_ASSET or not asset.isprintable():
        faults.append(
            f"asset {asset[:80]!r} is empty or too long; give 1 to {MAX_ASSET} printable characters"
        )
    if profile not in profiles:
        near = difflib.get_close_matches(profile, profiles, 1)
        hint = f"did you mean {near[0]!r}?" if near else "see 'riskgate profiles list'"
        faults.append(f"profile {profile[:80]!r} is not known; {hint}")
    return faults
