"""``make mutants``: small changes of the alarm code, one at a time; a test must fail of each.

    python -m tests.mutants.run --minutes 20 --each 30 --seed 1    # reports/mutants.json, reports/mutants.txt

The table of transitions is changed cell by cell (table.py), functions by mutmut. Of each module ``--each``
mutants are drawn by the seed (0: all). Sentences that people read are left alone.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable

from tests.mutants.workspace import Result, environment, names_of, prepare, results, run, shown
from tests.support.report import REPORTS, ROOT, Row, write

MUST = 85.0
"""Percent of the mutants run."""
TABLE = "the table of transitions"
MODULES = tuple(
    f"gateway/alarms/{name}.py"
    for name in (
        "lifecycle",
        "shelves",
        "shelving",
        "keeping",
        "requests",
        "taking",
        "flow",
        "flow_urgency",
        "engine",
        "commands",
        "refusals",
        "roles",
        "openalarm",
    )
)
AT_IMPORT = ("x__add_live__", "x__add_quiet__")
"""They run at the import, before mutmut chooses a mutant; table.py changes what they make."""


def of_table(count: int, seed: int, limit_s: float, tell: Callable[[str], None]) -> tuple[int, list[Result]]:
    """(how many mutants there are, what became of those drawn)."""
    command = [
        sys.executable,
        "-m",
        "tests.mutants.table",
        "--seed",
        str(seed),
        "--count",
        str(count or 10_000),
    ]
    environ = {**environment(), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    timer = threading.Timer(limit_s, process.kill)
    timer.start()
    assert process.stdout is not None
    every, found = 0, []
    for line in process.stdout:
        name, tab, how = line.rstrip("\n").partition("\t")
        if tab:
            found.append(Result(TABLE, name, how))
            tell(f"{TABLE}: {len(found)} run, {sum(r.found for r in found)} killed")
        elif line.strip().isdigit():
            every = int(line)
    if process.wait() > 0:
        raise RuntimeError("the tests fail without any mutant: run them first")
    timer.cancel()
    return every, found


def drawn(module: str, each: int, seed: int) -> tuple[int, list[str]]:
    """(how many mutants a module has, those drawn)."""
    names = [name for name in names_of(module) if not any(mark in name for mark in AT_IMPORT)]
    return len(names), random.Random(f"{seed} {module}").sample(names, min(each or len(names), len(names)))


def measure(modules: tuple[str, ...], each: int, seed: int, limit_s: float) -> bool:
    """Run, tell and report."""
    began = time.monotonic()
    told_s = began

    def tell(what: str) -> None:
        nonlocal told_s
        now = time.monotonic()
        if now - told_s >= 5:
            told_s = now
            print(f"{now - began:4.0f} s  {what}", flush=True)

    every, found = of_table(2 * each, seed, limit_s / 2, tell)
    counts = {TABLE: every}
    prepare(list(modules))
    names: dict[str, list[str]] = {}
    for module in modules:
        counts[module], names[module] = drawn(module, each, seed)
    left_s = limit_s - (time.monotonic() - began)
    run([name for some in names.values() for name in some], left_s, tell)
    for module, some in names.items():
        found += results(module, some)
    left = survivors(found)
    print(left)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "mutants.txt").write_text(left, encoding="utf-8")
    return write("mutants", rows(counts, found, seed, time.monotonic() - began))


def survivors(found: list[Result]) -> str:
    """Each surviving mutant with its change."""
    lines = []
    for result in found:
        if not result.found and result.how != "not run":
            lines.append(f"{result.how}: {result.name}")
            if result.module != TABLE:
                lines.append(shown(result.name))
    return "\n".join(lines) + "\n"


def rows(counts: dict[str, int], found: list[Result], seed: int, took_s: float) -> list[Row]:
    """Killed of those run, by module and over all."""

    def row(row_id: str, figure: str, results: list[Result], every: int, must: str) -> Row:
        ran = [result for result in results if result.how != "not run"]
        killed = sum(result.found for result in ran)
        rate = 100 * killed / len(ran) if ran else 0.0
        drawn = "all" if len(ran) == every else f"{len(ran)} of {every} drawn with seed {seed}"
        return Row.judged(
            f"mutants.{row_id}", figure, rate, "%", must, note=f"{killed} of {len(ran)} run; {drawn}"
        )

    table = []
    for module, every in counts.items():
        own = [result for result in found if result.module == module]
        name = "table" if module == TABLE else module.rpartition("/")[2].removesuffix(".py")
        table.append(row(name, f"killed: {module}", own, every, ">= 0"))
    table.append(row("killed", "killed: all", found, sum(counts.values()), f">= {MUST:g}"))
    cut = sum(result.how == "not run" for result in found)
    table.append(Row.judged("mutants.not_run", "drawn, but the time was over", cut, "mutants", ">= 0"))
    table.append(Row.judged("mutants.took", "time on this machine", took_s, "s", "> 0"))
    return table


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="the time is over then")
    parser.add_argument("--each", type=int, default=30, help="mutants of a module; 0: all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="modules, e.g. shelving,flow")
    chosen = parser.parse_args()
    only = chosen.only.split(",") if chosen.only else None
    modules = tuple(m for m in MODULES if only is None or m.rpartition("/")[2].removesuffix(".py") in only)
    return 0 if measure(modules, chosen.each, chosen.seed, chosen.minutes * 60) else 1


if __name__ == "__main__":
    sys.exit(main())
