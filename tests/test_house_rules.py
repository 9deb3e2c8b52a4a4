"""The rules of the house, as tests: what CONTRIBUTING.md asks of code is checked here and nowhere by eye."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("gateway", "detectors", "device_profiles", "simulators")
SHIPPED = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PYTHON = [*SHIPPED, *sorted((ROOT / "tests").rglob("*.py"))]

MODULE_LINES_MAX = 350
FUNCTION_LINES_MAX = 60

FORBIDDEN = {
    "alert": "a detector says abnormal, an alarm says act, a hazard says fix",
    "incident": "name the alarm, the hazard or the event",
    "manager": "name what it does",
    "handler": "name what it does with what",
    "util": "name the idea, or put it where it is used",
}
IMPOSED: set[tuple[str, str]] = set()
"""(file, name) pairs whose name a framework dictates."""

# Written in two parts, or this file would break its own rule.
MACHINE = [
    "/" + "work/",
    "/" + "tmp/rv",
    "/" + "opt/pypi",
    "/" + "root/",
    "/" + "home/",
    "/" + "Users/",
    "pypi" + ".org",
    "files.python" + "hosted.org",
]


def rel(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), rel(path))


def words(name: str) -> set[str]:
    return {word.lower().rstrip("s") for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)}


def tracked() -> Iterator[Path]:
    """Every file that belongs to the project: what git tracks or would track, or all in an unpacked sdist."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0")
        yield from (ROOT / name for name in names if name and (ROOT / name).is_file())
    else:
        yield from (path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in str(path))


def test_there_is_something_to_check() -> None:
    assert len(SHIPPED) > 20


@pytest.mark.parametrize("path", [path for path in PYTHON if path.stat().st_size], ids=rel)
def test_every_module_says_what_it_guarantees(path: Path) -> None:
    docstring = ast.get_docstring(tree(path))
    assert docstring, f"{rel(path)}:1: no module docstring; its first line says what the module guarantees"


@pytest.mark.parametrize("path", SHIPPED, ids=rel)
def test_a_module_is_one_idea(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES_MAX, (
        f"{rel(path)}: {lines} lines, {MODULE_LINES_MAX} at most; make it a folder, importers do not notice"
    )
    long = [
        f"{rel(path)}:{node.lineno}: {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES_MAX
    ]
    assert not long, f"functions have {FUNCTION_LINES_MAX} lines at most: {long}"


def test_names_are_the_control_rooms() -> None:
    wrong = []
    for path in PYTHON:
        names = [(1, path.stem)]
        names += [(n.lineno, n.name) for n in ast.walk(tree(path)) if isinstance(n, ast.ClassDef)]
        for line, name in names:
            for word in sorted(words(name) & FORBIDDEN.keys()):
                if (rel(path), name) not in IMPOSED:
                    wrong.append(f"{rel(path)}:{line}: {name} says {word!r}: {FORBIDDEN[word]}")
    assert not wrong, "\n".join(wrong)


def test_the_name_rule_has_teeth() -> None:
    assert words("AlertManager") & FORBIDDEN.keys() == {"alert", "manager"}
    assert words("string_utils") & FORBIDDEN.keys() == {"util"}
    assert not words("Utility_meter") & {"handler", "manager"}


def test_nothing_knows_the_machine_it_was_written_on() -> None:
    wrong = []
    for path in tracked():
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            wrong += [f"{rel(path)}:{number}: {place}" for place in MACHINE if place in line]
    assert not wrong, "\n".join(wrong[:20])


def test_unfinished_code_is_not_shipped() -> None:
    mark = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b|NotImplementedError")
    wrong = [
        f"{rel(path)}:{number}: {line.strip()}"
        for path in PYTHON
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if mark.search(line) and path != Path(__file__).resolve()
    ]
    assert not wrong, "\n".join(wrong)


def test_no_exception_is_swallowed() -> None:
    wrong = []
    for path in SHIPPED:
        for node in ast.walk(tree(path)):
            if not isinstance(node, ast.ExceptHandler):
                continue
            broad = node.type is None or (
                isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")
            )
            if broad and all(isinstance(step, ast.Pass | ast.Continue) for step in node.body):
                wrong.append(f"{rel(path)}:{node.lineno}")
    assert not wrong, f"an exception vanishes at {wrong}"


def test_every_test_asserts_something() -> None:
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        helpers = _asserting(path)
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                source = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
                source |= {n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)}
                plain = any(isinstance(n, ast.Assert | ast.Raise) for n in ast.walk(node))
                if not (plain or source & {"raises", "warns", "fail", "expect"} or source & helpers):
                    wrong.append(f"{rel(path)}:{node.lineno}: {node.name}")
    assert not wrong, "a test that asserts nothing proves nothing:\n" + "\n".join(wrong)


def _asserting(path: Path) -> set[str]:
    """Functions that assert for their callers: those of this file, and those imported from tests.*."""
    found = {name for source in [path] for name in _functions_with_assert(source)}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            source = ROOT / (str(node.module).replace(".", "/") + ".py")
            if source.exists():
                found |= _functions_with_assert(source) & {alias.name for alias in node.names}
    return found


def _functions_with_assert(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(isinstance(n, ast.Assert | ast.Raise) for n in ast.walk(node))
    }


def test_imports_run_one_way() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_only_the_clock_module_is_excused_from_the_clock_rule() -> None:
    excused = [
        f"{rel(path)}:{number}"
        for path in SHIPPED
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if "noqa" in line and "TID251" in line
    ]
    assert not excused, f"time and randomness are arguments: {excused}"
