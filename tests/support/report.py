"""One shape for every measured figure: ``reports/<target>.json`` and the same rows as a printed table.

A row is {id, figure, measured (a number), unit, must, good, pass (true or false), note}. ``must`` is what
the release has to reach, ``good`` what we aim at. Nothing is written that was not measured in this run.
"""

from __future__ import annotations

import json
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "reports"

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. ``id`` is "<target>.<name>", stable over releases; ``must`` and ``good`` are text such as
    "<= 50" or "== 0" in the row's unit, or prose when ``passed`` was decided elsewhere."""

    id: str
    figure: str
    measured: float
    unit: str
    must: str
    good: str
    passed: bool
    note: str = ""

    @classmethod
    def judged(
        cls, row_id: str, figure: str, measured: float, unit: str, must: str, good: str = "", note: str = ""
    ) -> Row:
        """A row that passes when ``measured`` meets ``must``, e.g. "<= 50"."""
        return cls(row_id, figure, measured, unit, must, good or must, meets(measured, must), note)

    @classmethod
    def zero(cls, row_id: str, figure: str, failures: int, unit: str, trials: int) -> Row:
        """A row that passes when nothing failed in at least one trial: a zero of nothing shows nothing."""
        passed = failures == 0 and trials > 0
        return cls(row_id, figure, failures, unit, "== 0", "== 0", passed, rule_of_three(trials, failures))

    def plain(self) -> dict[str, object]:
        """The row as it stands in the file."""
        return {
            "id": self.id,
            "figure": self.figure,
            "measured": self.measured,
            "unit": self.unit,
            "must": self.must,
            "good": self.good,
            "pass": self.passed,
            "note": self.note,
        }


def meets(measured: float, bound: str) -> bool:
    """Whether a number meets a bound such as "<= 50"; NaN meets none. ValueError for an unreadable bound."""
    sign, _, limit = bound.partition(" ")
    if sign not in _COMPARE:
        raise ValueError(f"{bound!r}: write the bound as one of {', '.join(_COMPARE)}, a space, a number")
    return not math.isnan(measured) and _COMPARE[sign](measured, float(limit))


def rule_of_three(trials: int, failures: int = 0) -> str:
    """The note beside a zero: what N trials without a failure bound the true rate to, at 95 %."""
    if trials <= 0:
        return "no trial was run"
    if failures:
        return f"{failures} of {trials}"
    return f"0 of {trials}: below 3/{trials} = {3 / trials:.2g} at 95 %"


def write(target: str, rows: list[Row], folder: Path | None = None) -> bool:
    """Write ``reports/<target>.json``, print the table, and say whether every row passed.

    ValueError if there is no row, an id comes twice, or a measured value is not a finite number.
    """
    if not rows:
        raise ValueError(f"{target}: nothing was measured, so there is nothing to report")
    ids = [row.id for row in rows]
    if len(set(ids)) != len(ids):
        raise ValueError(f"{target}: a row id comes twice in {ids}")
    for row in rows:
        if isinstance(row.measured, bool) or not math.isfinite(row.measured):
            raise ValueError(f"{target}: {row.id} measured {row.measured!r}, which is not a finite number")
    folder = REPORTS if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    body = json.dumps([row.plain() for row in rows], indent=1, ensure_ascii=False)
    (folder / f"{target}.json").write_text(body + "\n", encoding="utf-8")
    print_table(target, rows)
    return all(row.passed for row in rows)


def print_table(target: str, rows: list[Row]) -> None:
    """The rows for a person."""
    table = Table(title=target, title_justify="left")
    for heading in ("id", "figure", "measured", "must", "good", "", "note"):
        table.add_column(heading, justify="right" if heading == "measured" else "left", overflow="fold")
    for row in rows:
        verdict = "[green]PASS[/]" if row.passed else "[red]FAIL[/]"
        measured = f"{row.measured:,.6g} {row.unit}".rstrip()
        table.add_row(row.id, row.figure, measured, row.must, row.good, verdict, row.note)
    console = Console()
    # A log file has no width of its own; 80 columns would fold every word.
    Console(width=max(console.width, 140) if not console.is_terminal else None).print(table)
