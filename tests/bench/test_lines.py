"""The bench of lines measures what it says: equal lines, one row."""

from __future__ import annotations

from tests.bench.lines import differing, measure, parts, readings


def test_its_row_has_its_shape_and_no_line_differs() -> None:
    (row,) = measure(rounds=1, rows=300, point_rows=100)
    assert row.id == "lines"
    assert row.measured > 0
    assert "100 lines compared, 0 differ" in row.note


def test_a_line_that_says_something_else_would_be_seen() -> None:
    batch = readings(50)
    assert differing(batch, 50) == 0
    assert parts("reading,b=2,a=1 quality=0i,value=20 5") == parts("reading,a=1,b=2 value=20.0,quality=0i 5")
    for other in ("reading,a=1 value=1,quality=0i 5", "reading,a=2 value=1.5,quality=0i 5"):
        assert parts(other) != parts("reading,a=1 value=1.5,quality=0i 5")
