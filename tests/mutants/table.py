"""Mutants of the table of transitions, which is data that mutmut does not change: one cell at a time.

    python -m tests.mutants.table --count 60 --seed 1    # a line a mutant: name, tab, what became of it

Each mutant is a process of its own, forked after everything was imported, in which one cell is another and
the tests of the alarms and the stories run until one fails.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from gateway.alarms import lifecycle
from gateway.alarms.lifecycle import SITUATIONS, Situation, Transition
from tests.mutants.workspace import SLOW

Table = dict[tuple[Situation, str], Transition]
TESTS = ("tests/alarms/test_lifecycle.py", "tests/alarms", "tests/stories/test_stories.py")


class Cell(NamedTuple):
    """One mutant: its name and how it is made."""

    name: str
    apply: Callable[[], object]


def _put(table: Table, key: tuple[Situation, str], step: Transition) -> Callable[[], object]:
    return lambda: table.__setitem__(key, step)


def _refuse(table: Table, key: tuple[Situation, str]) -> Callable[[], object]:
    def change() -> None:
        del table[key]
        lifecycle.REFUSED.setdefault(key, lifecycle.Refusal("this alarm does not do that", "不允许"))

    return change


def cells() -> list[Cell]:
    """Every mutant: for a legal step another goal, another cause, the occurrence miscounted, a refusal or, of
    a latched alarm, the step of others; for a refusal a step."""
    found = []
    for title, table in (("TABLE", lifecycle.TABLE), ("LATCHED", lifecycle.LATCHED)):
        for key, step in table.items():
            at = f"{title}[{key[0].state} {'active' if key[0].process_active else 'over'}, {key[1]}]"
            goal = SITUATIONS[(SITUATIONS.index(step.to) + 1) % len(SITUATIONS)]
            cause = lifecycle.RESET if step.cause != lifecycle.RESET else lifecycle.CLEARED
            found += [
                Cell(f"{at} leads to {goal.state}", _put(table, key, step._replace(to=goal))),
                Cell(f"{at} is caused by {cause}", _put(table, key, step._replace(cause=cause))),
                Cell(f"{at} counts otherwise",
                    _put(table, key, step._replace(new_occurrence=not step.new_occurrence))),
                Cell(f"{at} is gone", _refuse(table, key)),
            ]  # fmt: skip
    for stands, what in lifecycle.REFUSED:
        place = f"REFUSED[{stands.state} {'active' if stands.process_active else 'over'}, {what}]"
        found.append(
            Cell(f"{place} is a step", _put(lifecycle.TABLE, (stands, what), Transition(lifecycle.B, what)))
        )
    return found


def _tests() -> int:
    """Exit status of the tests; says nothing."""
    words = ["-x", "-q", "--tb=no", "-p", "no:cacheprovider", "-W", "ignore::RuntimeWarning"]
    deselected = [word for name in SLOW for word in ("--deselect", name)]
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        return int(pytest.main([*words, *TESTS, *deselected]))


def tried(cell: Cell) -> str:
    """killed or survived."""
    child = os.fork()
    if not child:
        cell.apply()
        os._exit(_tests())
    _, status = os.waitpid(child, 0)
    return "killed" if os.waitstatus_to_exitcode(status) == 1 else "survived"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    if _tests():
        print("the tests fail without any mutant: run them first", file=sys.stderr)
        return 1
    every = cells()
    print(len(every), flush=True)
    for cell in random.Random(chosen.seed).sample(every, min(chosen.count, len(every))):
        print(f"{cell.name}\t{tried(cell)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
