"""The bench of the drain measures what it says: one row, and an account that notices a wrong line."""

from __future__ import annotations

from pathlib import Path

from tests.bench._backlog import missing_and_foreign, value_of
from tests.bench.drain import measure


def test_its_row_has_its_shape_and_nothing_is_missing() -> None:
    (row,) = measure(rounds=1, rows=3_000, live_rate=1_000)
    assert row.id == "drain"
    assert row.measured > 0
    assert "0 missing, foreign or double" in row.note


def test_the_account_sees_missing_foreign_and_double_lines(tmp_path: Path) -> None:
    lines = [f"reading,device=GD-{n},unit=x value={value_of(0, n)!r},quality=0i 1" for n in range(3)]
    kept = tmp_path / "kept.lines"
    kept.write_text("\n".join(lines) + "\n")
    assert missing_and_foreign(kept, 3, 3) == (0, 0, 3)
    assert missing_and_foreign(kept, 4, 3) == (1, 0, 3)
    assert missing_and_foreign(kept, 2, 3) == (0, 1, 3)
    kept.write_text("\n".join([*lines, lines[0]]) + "\n")
    assert missing_and_foreign(kept, 3, 3) == (0, 0, 4)
