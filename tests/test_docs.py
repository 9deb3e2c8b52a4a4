"""What the documents name exists, and what exists is documented: commands, files, functions, settings."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import typer
from pydantic import BaseModel

import detectors
from device_profiles import codecs
from gateway import sinks
from gateway.cli import app
from gateway.config import Config

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands() -> Iterator[tuple[str, str]]:
    """(document, line) of every command shown: shell fences and `make ...`, `riskgate ...` in the text."""
    for path in DOCUMENTS:
        text = path.read_text(encoding="utf-8")
        lines = [line for block in FENCE.findall(text) for line in block.splitlines()]
        lines += re.findall(r"`((?:make|riskgate) [^`\n]+)`", text)
        for line in lines:
            yield path.name, line.partition("#")[0].strip()


def test_every_make_target_shown_exists() -> None:
    known = set(
        re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    shown = [(name, re.search(r"\bmake ([a-z-]+)", line)) for name, line in commands()]
    wrong = [f"{name}: make {found[1]}" for name, found in shown if found and found[1] not in known]
    assert not wrong
    assert {found[1] for _, found in shown if found} >= {
        "run",
        "test",
        "crash",
        "powercut",
        "broker-chaos",
        "sim",
    }


@pytest.mark.parametrize(("name", "line"), [c for c in commands() if re.match(r"riskgate\b", c[1])], ids=str)
def test_every_riskgate_command_shown_is_understood(name: str, line: str) -> None:
    words = shlex.split(line)[1:]
    command: Any = typer.main.get_command(app)
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            option = next((p for p in command.params if word in p.opts), None)
            assert option is not None, f"{name}: {line}: no option {word}"
            if not getattr(option, "is_flag", False):
                assert words, f"{name}: {line}: {word} needs a value"
                words.pop(0)
        elif isinstance(command, click.Group) or hasattr(command, "commands"):
            assert word in command.commands, f"{name}: {line}: no command {word}"
            command = command.commands[word]


def test_every_link_leads_somewhere() -> None:
    wrong = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
            if "://" not in target and not (path.parent / target).exists():
                wrong.append(f"{path.name}: {target}")
    assert not wrong


def test_every_file_named_exists() -> None:
    wrong = []
    pattern = re.compile(r"`((?:gateway|detectors|device_profiles|simulators|tests|grafana|docs)/[\w./-]*)`")
    for path in DOCUMENTS:
        wrong += [
            f"{path.name}: {name}"
            for name in pattern.findall(path.read_text(encoding="utf-8"))
            if not (ROOT / name).exists()
        ]
    assert not wrong


def names_in(path: Path) -> set[str]:
    """Functions, classes, methods (Class.method) and assigned names of a module."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{n.name}" for n in node.body if isinstance(n, ast.FunctionDef)}
        for target in [*getattr(node, "targets", []), getattr(node, "target", None)]:
            if isinstance(target, ast.Name):
                found.add(target.id)
    return found


def test_every_function_named_beside_a_file_is_in_it() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    pairs = re.findall(r"`([\w/]+\.py)`\s*\|?\s*`([A-Za-z_][\w.]*)`", text)
    assert len(pairs) >= 12, "ARCHITECTURE.md names the functions on a reading's path"
    wrong = [f"{file} {name}" for file, name in pairs if name not in names_in(ROOT / file)]
    assert not wrong


def documented() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in DOCUMENTS)


def test_every_plug_in_is_documented() -> None:
    text = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    profiles = [f"{f.parent.name}/{f.stem}" for f in (ROOT / "device_profiles").glob("*/*.toml")]
    plants = [f.stem for f in (ROOT / "simulators").glob("[a-z]*.py")]
    assert profiles
    assert plants
    missing = [
        kind
        for kind in (*detectors.kinds(), *codecs.kinds(), *sinks.kinds(), *profiles, *plants)
        if f"| `{kind}` |" not in text
    ]
    assert not missing, f"docs/plugins.md does not tell of {missing}"


def settings(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings(kind)
        else:
            yield name


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z0-9_]+)`", text))
    wanted = set(settings(Config)) - {"sinks"}
    for kind in sinks.kinds():
        # "folder" is put in by the loader, "kind" stands in the heading.
        wanted |= set(sinks.load(kind).Settings.model_fields) - {"folder", "kind"}
    assert wanted <= named, f"docs/configuration.md does not tell of {sorted(wanted - named)}"


def test_what_is_written_in_chinese_stays_readable() -> None:
    for path in DOCUMENTS:
        assert "�" not in path.read_text(encoding="utf-8"), path
