"""Runs the parts one after another; what cannot be measured is skipped with its reason, never silently."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from gateway import __version__, terminal
from gateway.clock import Clock, SystemClock
from gateway.evaluate import cost, drift, lines, nab, scorecard, tep
from gateway.evaluate.figures import BOUNDS, SEED, Doing, Figure, Part
from simulators._cases import plants

Measure = Callable[["Wanted"], Iterator[Doing | Part]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a run was asked for."""

    data_sets: Path | None = None
    """The folder of public data sets; None: no such part is measured."""
    full: bool = False
    """5,000 normal channel-days a family instead of 1,500."""
    peers: bool = True
    plants: tuple[str, ...] = ()
    """Of the scorecard; all when empty."""
    seed: int = SEED
    """What the simulated plants, leaks and bursts are drawn from."""


def _folder(name: str, wanted: Wanted) -> Path:
    if wanted.data_sets is None:
        raise FileNotFoundError("no folder of data sets was given: --data-sets DIR, or set RISKGATE_DATA")
    folder = wanted.data_sets / name
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not there; docs/evaluation.md says where the data comes from")
    return folder


def _nab(wanted: Wanted) -> Iterator[Doing | Part]:
    return nab.evaluate(_folder("nab", wanted), with_peers=wanted.peers)


def _tep(wanted: Wanted) -> Iterator[Doing | Part]:
    return tep.evaluate(_folder("tep", wanted), with_peers=wanted.peers)


def _scorecard(wanted: Wanted) -> Iterator[Doing | Part]:
    return scorecard.evaluate(full=wanted.full, kinds=wanted.plants, seed=wanted.seed)


PARTS: Mapping[str, Measure] = {
    "nab": _nab,
    "tep": _tep,
    "drift": lambda wanted: drift.evaluate(_folder("air_quality", wanted)),
    "leak": lambda wanted: lines.evaluate_leaks(seed=wanted.seed),
    "npw": lambda wanted: lines.evaluate_waves(seed=wanted.seed),
    "cost": lambda _: cost.evaluate(SystemClock()),
    "scorecard": _scorecard,
}
"""Every part, in the order in which it is measured."""


def chosen(only: str) -> list[str]:
    """The parts of a comma-separated list, "" = all; ValueError names the known ones."""
    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - set(PARTS))
    if unknown:
        raise ValueError(f"no part {', '.join(unknown)}; known: {', '.join(PARTS)}")
    return [name for name in PARTS if not names or name in names]


def chosen_plants(only: str) -> tuple[str, ...]:
    """The plants of a comma-separated list, "" = all; ValueError names the known ones."""
    names = tuple(name.strip() for name in only.split(",") if name.strip())
    unknown = sorted(set(names) - set(plants()))
    if unknown:
        raise ValueError(f"no plant {', '.join(unknown)}; known: {', '.join(plants())}")
    return names


def run(names: Sequence[str], wanted: Wanted, to: Console, clock: Clock) -> list[Part]:
    """Measure the parts, with a progress bar on ``to``; ``detail["seconds"]`` says how long each took."""
    found = []
    columns = (TextColumn("{task.fields[part]:>10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    with Progress(*columns, TimeElapsedColumn(), TextColumn("{task.description}"), console=to) as bar:
        for name in names:
            task = bar.add_task("", total=1.0, part=name)
            began = clock.mono_ns()
            part = Part(name)
            try:
                for given in PARTS[name](wanted):
                    if isinstance(given, Part):
                        part = given
                    else:
                        bar.update(task, completed=given.share, description=terminal.plain(given.text))
            except FileNotFoundError as error:
                part.skipped = error.strerror or str(error)
            bar.update(task, completed=1.0, description=f"skipped: {part.skipped}" if part.skipped else "")
            part.detail["seconds"] = round((clock.mono_ns() - began) / 1e9, 1)
            found.append(part)
    return found


def rows(parts: Sequence[Part]) -> list[list[str]]:
    """The table of figures for a person, its heading first."""
    table = [["id", "what", "measured", "must", "good", "best", "", "note"]]
    for part in parts:
        if part.skipped:
            table.append([part.name, "", "", "", "", "", "skipped", part.skipped])
        table += [_row(figure) for figure in part.figures]
    return table


def _row(figure: Figure) -> list[str]:
    bound = figure.bound
    bounds = ["" if b is None else f"{b:g}" for b in (bound.must, bound.good, bound.best)]
    measured = f"{figure.value:.4g} {bound.unit}".rstrip()
    return [figure.id, bound.what, measured, *bounds, bound.verdict(figure.value), figure.note]


def report(parts: Sequence[Part], seed: int = SEED) -> dict[str, Any]:
    """Everything as one JSON object: figures by id, the details of each part, what was skipped and why."""
    figures = [figure.plain() for part in parts for figure in part.figures]
    measured = {figure["id"] for figure in figures}
    return {
        "version": __version__,
        "seed": seed,
        "figures": figures,
        "not_measured": [name for name in BOUNDS if name not in measured],
        "skipped": {part.name: part.skipped for part in parts if part.skipped},
        "parts": {part.name: part.detail for part in parts},
    }


def write(file: Path, parts: Sequence[Part], seed: int = SEED) -> None:
    """The report as a JSON file; its folder is made."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report(parts, seed), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
