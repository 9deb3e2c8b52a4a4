"""Anybody's own series: what is read, what is refused with its line, what comes out, and the command."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gateway.cli import app
from gateway.evaluate import series


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def course(jump_at: int = 400, rows: int = 500) -> str:
    lines = ["time,value,label"]
    for n in range(rows):
        value = np.sin(n / 4.0) + (6.0 if n >= jump_at else 0.0)
        lines.append(f"2026-01-01T{n // 60 % 24:02d}:{n % 60:02d}:00+00:00,{value:.4f},{int(n >= jump_at)}")
    return "\n".join(lines) + "\n"


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def test_a_labelled_stretch_is_found_and_scores_come_out_row_by_row(tmp_path: Path) -> None:
    written(tmp_path / "in", "plant/pump.csv", course())
    (told,) = series.evaluate(tmp_path / "in", tmp_path / "out")
    assert (told.name, told.rows, told.not_judged) == ("plant/pump.csv", 500, 0)
    assert (told.stretches, told.found, told.delay_rows) == (1, 1, [0])
    found = rows_of(tmp_path / "out" / "plant" / "pump.csv")
    assert [row["time"] for row in found][:2] == ["2026-01-01T00:00:00+00:00", "2026-01-01T00:01:00+00:00"]
    assert float(found[400]["score"]) > 2.0
    assert list(found[0]) == ["time", "score", "label"]


def test_each_of_several_values_has_its_score(tmp_path: Path) -> None:
    lines = ["Time,a,b", *(f"{n},{n % 7},{5 if n == 300 else n % 3}" for n in range(400))]
    written(tmp_path / "in", "two.csv", "\n".join(lines))
    (told,) = series.evaluate(tmp_path / "in", tmp_path / "out")
    row = rows_of(tmp_path / "out" / "two.csv")[300]
    assert list(row) == ["time", "score", "score:a", "score:b"]
    assert float(row["score"]) == float(row["score:b"]) > float(row["score:a"])
    assert not told.labelled


def test_what_is_no_number_or_not_in_order_is_not_judged_and_counted(tmp_path: Path) -> None:
    lines = ["time,value", "1,1.0", "2,", "3,nan", "4,inf", "5,1e300", "6,n/a", "6,1.0", "5.5,1.0", "7,1.0"]
    written(tmp_path / "in", "odd.csv", "\n".join(lines))
    (told,) = series.evaluate(tmp_path / "in", tmp_path / "out")
    assert (told.rows, told.not_judged) == (9, 7)
    scores = [row["score"] for row in rows_of(tmp_path / "out" / "odd.csv")]
    assert scores == ["0", "", "", "", "", "", "", "", "0"]


def test_bad_rows_change_no_score_of_the_others(tmp_path: Path) -> None:
    clean = course().splitlines()
    spoiled = [*clean[:200], "2026-01-01T03:18:30+00:00,nan,0", *clean[200:]]
    written(tmp_path / "a", "s.csv", "\n".join(clean))
    written(tmp_path / "b", "s.csv", "\n".join(spoiled))
    for name in "ab":
        list(series.evaluate(tmp_path / name, tmp_path / f"out-{name}"))
    left, right = (rows_of(tmp_path / f"out-{name}" / "s.csv") for name in "ab")
    assert left == [row for row in right if row["score"]]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("value\n1\n", "line 1: the columns must be time"),
        ("time,a,A\n1,1,1\n", "line 1"),
        ("time,value\n1,2\n\n2\n", "line 4: 1 cells under 2 columns"),
        ("time,value\nyesterday,2\n", "line 2: 'yesterday' is no time"),
        ("time,label\n1,0\n", "no value column"),
        ("time,value\n", "no row"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    written(tmp_path / "in", "bad.csv", text)
    with pytest.raises(ValueError, match=r"bad\.csv") as raised:
        list(series.evaluate(tmp_path / "in", tmp_path / "out"))
    assert problem in str(raised.value)


def test_the_command_scores_a_folder_prepared_by_hand(tmp_path: Path) -> None:
    written(tmp_path / "in", "pump.csv", course())
    asked = ["--data", str(tmp_path / "d"), "evaluate", "--series", str(tmp_path / "in")]
    answer = CliRunner().invoke(app, [*asked, "--scores", str(tmp_path / "out")])
    assert answer.exit_code == 0, answer.output
    assert "pump.csv" in answer.output
    assert len(rows_of(tmp_path / "out" / "pump.csv")) == 500
    inside = CliRunner().invoke(app, [*asked, "--scores", str(tmp_path / "in" / "out")])
    assert inside.exit_code == 78
    empty = ["--data", str(tmp_path / "d"), "evaluate", "--series", str(tmp_path / "none")]
    assert CliRunner().invoke(app, empty).exit_code == 78
