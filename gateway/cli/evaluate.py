"""``riskgate evaluate``: how good detection is, on public data, labelled plants and anybody's own series."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from gateway import terminal
from gateway.cli.common import PROVE, compiles, err, out, refuse, table
from gateway.evaluate.figures import SEED

if TYPE_CHECKING:
    from gateway.evaluate.figures import Part

app = typer.Typer()


@app.command(rich_help_panel=PROVE)
def evaluate(
    only: Annotated[str, typer.Option(help="Parts to measure, comma-separated; all.")] = "",
    data_sets: Annotated[
        Path | None,
        typer.Option(envvar="RISKGATE_DATA", help="Folder of the public data sets: nab, tep, air_quality."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="5,000 normal channel-days a family; takes long.")
    ] = False,
    peers: Annotated[bool, typer.Option(help="Other detectors in the same table.")] = True,
    report: Annotated[Path, typer.Option(help="Write every figure here, as JSON.")] = Path(
        "reports/evaluate.json"
    ),
    plots: Annotated[Path | None, typer.Option(help="Draw the figures into this folder, as SVG.")] = None,
    golden: Annotated[
        Path | None,
        typer.Option(help="What a run before gave; tell what differs (docs/evaluation/golden.json)."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Write this run to --golden.")] = False,
    plants: Annotated[str, typer.Option(help="Plants of the scorecard, comma-separated; all.")] = "",
    seed: Annotated[
        int, typer.Option(min=0, help="Of the simulated plants; another one than the report's is never kept.")
    ] = SEED,
    series: Annotated[
        Path | None, typer.Option(help="Score every CSV file of this folder instead: time, values, label.")
    ] = None,
    scores: Annotated[Path, typer.Option(help="With --series: where the scores go.")] = Path("build/scores"),
    limit: Annotated[
        float | None, typer.Option(help="With --series: a score from here on is a detection.")
    ] = None,
) -> None:
    """Measure detection: a table, a JSON report, plots. Exit code 1 when a figure misses its bound."""
    compiles()
    if series is not None:
        _series(series, scores, limit)
        return
    if keep and seed != SEED:
        refuse([_other_seed(golden, seed)])
    from gateway.clock import SystemClock
    from gateway.evaluate import run

    try:
        names, kinds = run.chosen(only), run.chosen_plants(plants)
    except ValueError as error:
        refuse([str(error)])
    parts = run.run(names, run.Wanted(data_sets, full, peers, kinds, seed), err, SystemClock())
    _tell(parts, report, seed, plots)
    if golden is not None:
        _compare(golden, parts, keep=keep)
    missed = any(figure.plain()["verdict"] == "missed" for part in parts for figure in part.figures)
    raise SystemExit(1 if missed else 0)


def _tell(parts: list[Part], report: Path, seed: int, plots: Path | None) -> None:
    from gateway.evaluate import run

    # a log has no width of its own; 80 columns would fold every word
    wide = out if out.is_terminal else Console(width=max(out.width, 140))
    terminal.tabulate(wide, "Evaluation", run.rows(parts))
    run.write(report, parts, seed)
    terminal.say(out, f"report: {report}")
    if plots is not None:
        from gateway.evaluate.plots import draw

        for file in draw(plots, parts):
            terminal.say(out, f"plot: {file}")


def _other_seed(golden: Path | None, seed: int) -> str:
    kept = golden or "the golden file"
    return f"--keep: {kept} holds seed {SEED}; leave out --keep, or --seed {seed}"


def _compare(file: Path, parts: list[Part], *, keep: bool) -> None:
    from gateway.evaluate import golden

    rows = golden.differences(golden.read(file), parts)
    table(f"Differs from {file}", [["what", "before", "now"], *rows] if rows else [])
    if keep:
        golden.write(file, parts)
        terminal.say(out, f"kept: {file}")


def _series(folder: Path, scores: Path, limit: float | None) -> None:
    from detectors import novelty
    from gateway.evaluate import series

    rows: list[list[object]] = [
        ["series", "rows", "not judged", "stretches", "found", "median delay, rows", "outside"]
    ]
    try:
        for told in series.evaluate(folder, scores, novelty.LIMIT if limit is None else limit):
            delays = sorted(told.delay_rows)
            delay: object = delays[len(delays) // 2] if delays else ""
            stretches = (told.stretches, told.found, delay) if told.labelled else ("", "", "")
            rows.append([told.name, told.rows, told.not_judged, *stretches, told.false])
    except ValueError as error:
        refuse([str(error)])
    table("Series", rows)
    terminal.say(out, f"scores: {scores}")
