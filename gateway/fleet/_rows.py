"""From a file's bytes to rows of texts in the order of ALL_COLUMNS, each with its line: CSV or TOML."""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from gateway.errors import ConfigError
from gateway.fleet._columns import ALL_COLUMNS, CHINESE, COLUMNS

MAX_FLEET_BYTES = 256 << 20
MAX_COLUMNS = 200
NEAR = 0.75
"""A column this like one of ours is a slip of the pen, not a column of the reader's own."""
HEADER = re.compile(r"\s*\[\[\s*device\s*\]\]")


class Row(NamedTuple):
    """One row: its line, its texts, and what is wrong with it as a whole, or ""."""

    line: int
    values: list[str]
    broken: str = ""


class Rows:
    """Rows one after another, and about how many there are."""

    def __init__(self, rows: Iterator[Row], total: int) -> None:
        self._rows = rows
        self.total = total

    def __iter__(self) -> Iterator[Row]:
        return self._rows


def rows_of(path: Path, told: list[str]) -> Rows:
    """The rows of a file; ConfigError when nothing of it can be read. ``told`` hears what is odd."""
    text = _text(path, told)
    if path.suffix == ".toml":
        return _toml(path, text)
    return Rows(_csv(path, text, told), max(0, text.count("\n") - 1))


def _text(path: Path, told: list[str]) -> str:
    try:
        body = path.read_bytes()
    except OSError as error:
        fix = "create it with the columns " + ",".join(COLUMNS) + ", or correct 'fleet' in the configuration"
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; {fix}"]) from None
    if len(body) > MAX_FLEET_BYTES:
        raise ConfigError([f"{path}: has {len(body)} bytes; split the fleet over partitions"])
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ConfigError([f"{path}: line 1: is UTF-16; save the file as CSV UTF-8"])
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


def _csv(path: Path, text: str, told: list[str]) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    places: list[int] = []
    width = 0
    begins = 1
    try:
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            if len(cells) == width:
                values = [cells[place].strip() if place >= 0 else "" for place in places]
                if any(values):
                    yield Row(line, values)
            elif not any(cell.strip() for cell in cells):
                continue
            elif not width:
                names = _header(path, line, cells, told)
                width = len(names)
                places = [names.index(name) if name in names else -1 for name in ALL_COLUMNS]
            else:
                yield Row(
                    line, [], f"has {len(cells)} cells, the header has {width}; check commas and quotes"
                )
    except csv.Error as error:
        yield Row(reader.line_num, [], f"{error}; check the quotes there")
    else:
        if not width:
            raise ConfigError([f"{path}: is empty; begin it with the line {','.join(COLUMNS)}"])


def _header(path: Path, line: int, cells: list[str], told: list[str]) -> list[str]:
    if len(cells) > MAX_COLUMNS:
        raise ConfigError([f"{path}: line {line}: {len(cells)} columns; {MAX_COLUMNS} are read at most"])
    names = [CHINESE.get(cell.strip(), cell.strip().lower()) for cell in cells]
    missing = [name for name in COLUMNS if name not in names]
    problems = []
    if missing:
        hint = " (is it separated by commas?)" if len(cells) == 1 else ""
        problems.append(f"no column {', '.join(missing)}{hint}; begin with {','.join(COLUMNS)}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        problems.append(f"column {', '.join(twice)} stands twice; keep one")
    extra = [name for name in names if name not in ALL_COLUMNS]
    for name in [] if missing else extra:
        for near in difflib.get_close_matches(name, ALL_COLUMNS, 1, NEAR):
            problems.append(f"column {name!r} is none of ours; write {near!r}, or give it another name")
    if problems:
        raise ConfigError([f"{path}: line {line}: {problem}" for problem in problems])
    if extra:
        told.append(f"{path}: line {line}: columns not used: {', '.join(extra)}")
    return names


def _toml(path: Path, text: str) -> Rows:
    try:
        found = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{path}: not TOML: {error}; correct it there"]) from None
    tables = found.pop("device", [])
    wrong = [f"{path}: {name}: is no [[device]] table; remove it" for name in found]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        wrong.append(f"{path}: device: is no list of tables; begin each with [[device]]")
    if wrong:
        raise ConfigError(wrong)
    begins = [number for number, row in enumerate(text.splitlines(), 1) if HEADER.match(row)]
    if len(begins) != len(tables):  # written in another way: count them instead
        begins = list(range(1, len(tables) + 1))
    return Rows((_table(line, table) for line, table in zip(begins, tables, strict=True)), len(tables))


def _table(line: int, table: dict[str, Any]) -> Row:
    unknown = [key for key in table if key not in ALL_COLUMNS]
    if unknown:
        near = difflib.get_close_matches(unknown[0], ALL_COLUMNS, 1)
        fix = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(ALL_COLUMNS)}"
        return Row(line, [], f"key {', '.join(unknown)} is none of ours; {fix}")
    odd = [
        key
        for key, value in table.items()
        if key != "overrides" and not isinstance(value, str | int | float | date)
    ]
    if odd:
        return Row(line, [], f"key {', '.join(odd)} is no single value; write it in quotes")
    values = {key: _plain(value) for key, value in table.items()}
    return Row(line, [values.get(name, "").strip() for name in ALL_COLUMNS])


def _plain(value: Any) -> str:
    """A TOML value as the text that CSV would have."""
    if isinstance(value, dict):
        parts = []
        for name, inner in value.items():
            limits = inner.items() if isinstance(inner, dict) else [("", inner)]
            parts += [f"{name}{':' if limit else ''}{limit}={_plain(number)}" for limit, number in limits]
        return ";".join(parts)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    return str(value)
