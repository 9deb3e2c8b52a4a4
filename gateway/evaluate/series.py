"""Anybody's own series: a folder of CSV files in, one score a row out.

A file has a heading; one column is named ``time`` (ISO 8601, or a number), one may be named ``label`` (not
0, and not empty, where something is abnormal), every other one is a value. Out comes a file of the same
name with ``time``, ``score`` (the largest of all values), one ``score:<value>`` for each of several, and
the label again. A score is what detectors/novelty.py says, from the rows up to its own.

A value that is no finite number, or beyond 1e100, and a row whose time is not after the one before are not
judged: their score is empty, and how many there were is told.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detectors import FAR, novelty
from gateway.evaluate import nab
from gateway.evaluate.nab_score import F8

TIME, LABEL, SCORE = "time", "label", "score"


@dataclass(frozen=True, slots=True)
class Table:
    """One file: ``value`` [rows, columns], NaN where there is no number; ``judged`` [rows]: time in order."""

    name: str
    time: list[str]
    columns: list[str]
    value: F8
    label: npt.NDArray[np.bool_] | None
    judged: npt.NDArray[np.bool_]


@dataclass(slots=True)
class Told:
    """What scoring one file gave. ``delay_rows``: of each labelled stretch that was found."""

    name: str
    rows: int
    not_judged: int
    stretches: int = 0
    found: int = 0
    false: int = 0
    delay_rows: list[int] = field(default_factory=list)
    labelled: bool = False


class Scored(NamedTuple):
    """One file's scores: [rows, columns], NaN where not judged."""

    table: Table
    score: F8


def read(file: Path, root: Path) -> Table:
    """One file; ValueError names the file, the line and what is wrong."""
    name = file.relative_to(root).as_posix()
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            reader = csv.reader(opened)
            head = [cell.strip() for cell in next(reader, [])]
            lower = [cell.lower() for cell in head]
            numbered = [(reader.line_num, row) for row in reader if row]
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: is not UTF-8 text ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise ValueError(f"{name}: {error}") from error
    if TIME not in lower or len(set(lower)) != len(lower):
        raise ValueError(f"{name}: line 1: the columns must be {TIME}, values, perhaps {LABEL}; each once")
    body, lines = [row for _, row in numbered], [line for line, _ in numbered]
    for number, row in numbered:
        if len(row) != len(head):
            raise ValueError(f"{name}: line {number}: {len(row)} cells under {len(head)} columns")
    places = [i for i, cell in enumerate(lower) if cell not in (TIME, LABEL)]
    if not places or not body:
        raise ValueError(f"{name}: there is no {'value column' if body else 'row'}; add one")
    time = [row[lower.index(TIME)].strip() for row in body]
    value = np.array([[_number(row[i]) for i in places] for row in body])
    label = None
    if LABEL in lower:
        marks = [row[lower.index(LABEL)].strip().lower() for row in body]
        label = np.array([mark not in ("", "0", "0.0", "false", "no") for mark in marks])
    return Table(name, time, [head[i] for i in places], value, label, _in_order(name, lines, time))


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) < FAR else math.nan


def seconds(text: str) -> float:
    """A time of a row: a number as it is, ISO 8601 since 1970 (without a zone: UTC); ValueError on others."""
    try:
        return float(text)
    except ValueError:
        given = datetime.fromisoformat(text)
        return (given if given.tzinfo else given.replace(tzinfo=UTC)).timestamp()


def _in_order(name: str, lines: list[int], time: list[str]) -> npt.NDArray[np.bool_]:
    shown, newest = np.zeros(len(time), np.bool_), -math.inf
    for row, text in enumerate(time):
        try:
            at = seconds(text)
        except ValueError:
            raise ValueError(
                f"{name}: line {lines[row]}: {text!r} is no time: ISO 8601 or a number"
            ) from None
        shown[row] = at > newest
        newest = max(newest, at)
    return shown


def score(table: Table) -> Scored:
    """Scores of every value column."""
    shown = np.full(table.value.shape, math.nan)
    for column in range(table.value.shape[1]):
        good = table.judged & np.isfinite(table.value[:, column])
        shown[good, column] = nab.scores(np.ascontiguousarray(table.value[good, column]))
    return Scored(table, shown)


def tell(scored: Scored, limit: float = novelty.LIMIT) -> Told:
    """Labelled stretches found (a row of one reaches the limit), rows until then, detections outside."""
    table = scored.table
    whole = largest(scored.score)
    told = Told(table.name, len(whole), int(np.isnan(whole).sum()), labelled=table.label is not None)
    over = np.nan_to_num(whole) >= limit
    if table.label is None:
        told.false = int(over.sum())
        return told
    edges = np.flatnonzero(np.diff(table.label.astype(np.int8), prepend=0, append=0))
    told.stretches = len(edges) // 2
    for begin, end in edges.reshape(-1, 2).tolist():
        rows = np.flatnonzero(over[begin:end])
        told.found += bool(len(rows))
        told.delay_rows += rows[:1].tolist()
    told.false = int((over & ~table.label).sum())
    return told


def largest(shown: F8) -> F8:
    """The largest score of each row; NaN where no value was judged."""
    best: F8 = np.where(np.isnan(shown), -math.inf, shown).max(axis=1)
    return np.where(np.isfinite(best), best, math.nan)


def write(folder: Path, scored: Scored) -> None:
    """The scores as a CSV file of the same name under ``folder``."""
    table = scored.table
    several = len(table.columns) > 1
    head = [TIME, SCORE, *(f"{SCORE}:{name}" for name in table.columns if several)]
    head += [LABEL] if table.label is not None else []
    file = folder / table.name
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = largest(scored.score)
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(head)
        for row, time in enumerate(table.time):
            cells = [time, _cell(whole[row]), *(_cell(x) for x in scored.score[row] if several)]
            writer.writerow(cells if table.label is None else [*cells, int(table.label[row])])


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def evaluate(folder: Path, out: Path, limit: float = novelty.LIMIT) -> Iterator[Told]:
    """Score every CSV file under ``folder``, in order of name. ValueError when there is none, or for one that
    cannot be read; files before it are written."""
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise ValueError(f"{folder}: there is no CSV file in it")
    if out.resolve().is_relative_to(folder.resolve()):
        raise ValueError(f"{out} lies in {folder}: scores would be read as series; choose another folder")
    for file in files:
        scored = score(read(file, folder))
        write(out, scored)
        yield tell(scored, limit)
