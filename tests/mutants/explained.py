"""Mutants that nobody could tell from the code: ``explained.toml`` names each by its change and says why.

Guarantee: an explanation holds for one change of one function, and no longer than that line stands there.
"""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import NamedTuple

from tests.support.report import ROOT

FILE = Path(__file__).with_name("explained.toml")


class Change(NamedTuple):
    """What a mutant changes: the lines that go and those that come, without the blanks around them."""

    module: str
    """e.g. "gateway/alarms/flow.py"."""
    function: str
    """ "Flow.sweep", or "cause_of"."""
    was: str
    now: str

    def __str__(self) -> str:
        """For a person."""
        lines = [f"- {line}" for line in self.was.splitlines()] + [
            f"+ {line}" for line in self.now.splitlines()
        ]
        return "\n".join([f"{self.module}: {self.function}", *lines])


def of_diff(module: str, name: str, diff: str) -> Change:
    """The change of a mutant that mutmut calls so ("gateway.alarms.flow.xǁFlowǁsweep__mutmut_7")."""
    function = name.rpartition(".")[2].rpartition("__mutmut_")[0]
    function = ".".join(function.split("ǁ")[1:]) if "ǁ" in function else function.removeprefix("x_")
    sides: dict[str, list[str]] = {"-": [], "+": []}
    for line in diff.splitlines():
        if line[:1] in sides and line[:3] not in ("---", "+++"):
            sides[line[0]].append(line[1:].strip())
    return Change(module, function, "\n".join(sides["-"]), "\n".join(sides["+"]))


def explained() -> dict[Change, str]:
    """Change -> why nobody can tell. ValueError if one is explained twice or lacks a word."""
    found: dict[Change, str] = {}
    for row in tomllib.loads(FILE.read_text(encoding="utf-8"))["equivalent"]:
        for now in row["now"]:
            change = Change(row["module"], row["function"], row["was"], now)
            if change in found or not row["why"]:
                raise ValueError(f"{change}: stands twice, or without a reason")
            found[change] = row["why"]
    return found


def stale() -> list[Change]:
    """Explained changes whose function no longer has these lines."""
    return [change for change in explained() if not _stands(change)]


def _stands(change: Change) -> bool:
    text = (ROOT / change.module).read_text(encoding="utf-8")
    body: list[ast.stmt] = ast.parse(text).body
    for part in change.function.split("."):
        nodes = [n for n in body if isinstance(n, ast.ClassDef | ast.FunctionDef) and n.name == part]
        if not nodes:
            return False
        body, node = nodes[-1].body, nodes[-1]
    lines = [line.strip() for line in text.splitlines()[node.lineno - 1 : node.end_lineno]]
    wanted = change.was.splitlines()
    return any(lines[at : at + len(wanted)] == wanted for at in range(len(lines)))
