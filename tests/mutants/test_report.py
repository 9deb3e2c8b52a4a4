"""Each row of the report of the mutants can fail, for its own reason; no explanation outlives its line."""

from __future__ import annotations

import pytest

from tests.mutants.explained import Change, explained, of_diff, stale
from tests.mutants.run import ENOUGH, MODULES, TABLE, rows
from tests.mutants.workspace import NOT_RUN, Result
from tests.support.report import ROOT, Row

DIFF = """--- gateway/alarms/flow.py
+++ gateway/alarms/flow.py
@@ -1,3 +1,3 @@
 def floods(self):
-    return 1
+    return 2
"""


def told(found: list[Result], new: tuple[str, ...] = ()) -> dict[str, Row]:
    counts = dict.fromkeys((result.module for result in found), 100)
    return {row.id.removeprefix("mutants."): row for row in rows(counts, found, list(new), 1, 3.2)}


def some(module: str, killed: int, survived: int, not_run: int = 0) -> list[Result]:
    hows = ["killed"] * killed + ["survived"] * survived + [NOT_RUN] * not_run
    return [Result(module, f"{module}.{n}", how) for n, how in enumerate(hows)]


def failed(table: dict[str, Row]) -> set[str]:
    return {name for name, row in table.items() if not row.passed}


def test_where_all_is_killed_every_row_passes() -> None:
    table = told([*some(TABLE, 20, 0), *some("gateway/alarms/flow.py", 30, 0)])
    assert failed(table) == set()
    assert set(table) == {"table", "flow", "killed", "unexplained", "not_run"}
    assert table["flow"].note == "30 of 30 run; 30 of 100 drawn with seed 1"
    assert "3 s on this machine" in table["killed"].note


@pytest.mark.parametrize(
    ("found", "new", "rows_that_fail"),
    [
        ([*some("a/flow.py", 14, 6), *some(TABLE, 200, 0)], (), {"flow"}),
        ([*some("a/flow.py", 30, 10), *some(TABLE, 16, 4)], (), {"killed"}),
        (some("a/flow.py", 40, 1), ("survived: a.flow.x\nits change",), {"unexplained"}),
        (some("a/flow.py", 40, 0, 1), (), {"not_run"}),
        (some("a/flow.py", 0, 0, 20), (), {"few", "killed", "not_run"}),
        ([*some("a/b.py", 3, 1), *some("a/c.py", 2, 2), *some(TABLE, 50, 0)], (), {"few"}),
    ],
)
def test_each_row_fails_for_its_own_reason(
    found: list[Result], new: tuple[str, ...], rows_that_fail: set[str]
) -> None:
    assert failed(told(found, new)) == rows_that_fail


def test_a_module_of_few_mutants_is_judged_with_the_others() -> None:
    few = [*some("a/b.py", ENOUGH - 1, 0), *some("a/c.py", 1, 1)]
    table = told([*few, *some(TABLE, ENOUGH, 0)])
    assert table["few"].figure == "killed: b, c"
    assert table["few"].note == f"{ENOUGH} of {ENOUGH + 1} run; {ENOUGH + 1} of 200 drawn with seed 1"
    assert table["table"].passed


def test_what_survived_unexplained_is_named() -> None:
    table = told(some("a/flow.py", 40, 1), ("survived: a.flow.x\nits change",))
    assert table["unexplained"].note == "survived: a.flow.x"


def test_a_change_is_known_by_its_lines_and_not_by_its_number() -> None:
    name = "gateway.alarms.flow.xǁFlowǁfloods__mutmut_{}"
    one, other = (of_diff("gateway/alarms/flow.py", name.format(n), DIFF) for n in (3, 14))
    assert one == other == Change("gateway/alarms/flow.py", "Flow.floods", "return 1", "return 2")
    assert of_diff("m.py", "m.x_cause_of__mutmut_1", DIFF).function == "cause_of"
    assert of_diff("m.py", "m.x__forget__mutmut_1", DIFF).function == "_forget"


def test_every_explanation_is_of_a_line_that_stands_there() -> None:
    assert stale() == []
    assert {change.module for change in explained()} <= set(MODULES)


def test_every_module_of_the_alarms_is_changed_but_its_texts() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / "gateway" / "alarms").glob("[a-z]*.py")}
    assert there - {module for module in MODULES if "/alarms/" in module} == {"gateway/alarms/texts.py"}
    assert all((ROOT / module).is_file() for module in MODULES)
