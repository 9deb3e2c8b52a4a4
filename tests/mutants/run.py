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
from dataclasses import replace

from tests.mutants.explained import explained
from tests.mutants.workspace import NOT_RUN, Result, changes, environment, names_of, prepare, results, run
from tests.support.report import REPORTS, ROOT, Row, write

MUST = 85.0
"""Percent of the mutants run."""
MODULE_MUST, ENOUGH = 75.0, 15
"""Percent of a module's mutants, where so many were run; modules with fewer are judged together."""
TABLE = "the table of transitions"
MODULES = (
    *(
        f"gateway/alarms/{name}.py"
        for name in (
            "lifecycle",
            "shelves",
            "shelving",
            "keeping",
            "requests",
            "taking",
            "flow",
            "flow_notes",
            "flow_urgency",
            "engine",
            "commands",
            "refusals",
            "roles",
            "openalarm",
            "definition",
            "reasons",
            "advice",
            "events",
        )
    ),
    *(f"gateway/monitor/{name}.py" for name in ("judgement", "suppressing", "device_alarms")),
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
    left = [result for result in found if not result.found and result.how != NOT_RUN]
    known, new = judged(left)
    text = "\n".join(["Not explained:", *new, "", "Explained:", *known]) + "\n"
    print(text)
    REPORTS.mkdir(exist_ok=True)
    (REPORTS / "mutants.txt").write_text(text, encoding="utf-8")
    return write("mutants", rows(counts, found, new, seed, time.monotonic() - began))


def judged(left: list[Result]) -> tuple[list[str], list[str]]:
    """What survived, told with its change: (what explained.toml has, what it does not have)."""
    why = explained()
    known, new = [], []
    of_functions = [result for result in left if result.module != TABLE]
    for result, change in zip(of_functions, changes(of_functions) if of_functions else [], strict=True):
        told = f"{result.how}: {result.name}\n{change}"
        if change in why:
            known.append(f"{told}\n  {why[change]}")
        else:
            new.append(told)
    return known, new + [f"{result.how}: {result.name}" for result in left if result.module == TABLE]


def rows(counts: dict[str, int], found: list[Result], new: list[str], seed: int, took_s: float) -> list[Row]:
    """Killed of those run, by module and over all; what is explained counts as not killed. counts: module ->
    how many mutants it has; new: survivors that nothing explains."""

    def row(row_id: str, figure: str, results: list[Result], every: int, must: float) -> Row:
        ran = [result for result in results if result.how != NOT_RUN]
        killed = sum(result.found for result in ran)
        rate = 100 * killed / len(ran) if ran else 0.0
        share = "all" if len(ran) == every else f"{len(ran)} of {every} drawn with seed {seed}"
        note = f"{killed} of {len(ran)} run; {share}"
        return Row.judged(f"mutants.{row_id}", figure, rate, "%", f">= {must:g}", note=note)

    table, few = [], []
    for module, every in counts.items():
        own = [result for result in found if result.module == module]
        if sum(result.how != NOT_RUN for result in own) < ENOUGH:
            few.append(module)
            continue
        name = "table" if module == TABLE else module.rpartition("/")[2].removesuffix(".py")
        table.append(row(name, f"killed: {module}", own, every, MODULE_MUST))
    if few:
        own = [result for result in found if result.module in few]
        names = ", ".join(module.rpartition("/")[2].removesuffix(".py") for module in few)
        table.append(row("few", f"killed: {names}", own, sum(counts[module] for module in few), MODULE_MUST))
    total = row("killed", "killed: all", found, sum(counts.values()), MUST)
    took = f"; {took_s:.0f} s on this machine"
    table.append(replace(total, note=total.note + took))
    first = new[0].splitlines()[0] if new else ""
    table.append(
        Row.judged("mutants.unexplained", "survived unexplained", len(new), "mutants", "== 0", note=first)
    )
    cut = sum(result.how == NOT_RUN for result in found)
    more = "give more LIMIT" if cut else ""
    table.append(
        Row.judged("mutants.not_run", "drawn, but the time was over", cut, "mutants", "== 0", note=more)
    )
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
