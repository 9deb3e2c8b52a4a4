"""``riskgate train``: models that detectors need, from recorded data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import PROVE, compiles, out, refuse
from gateway.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Train a detector's model from recorded normal running.")


@app.callback()
def models() -> None:
    """Train a detector's model from recorded normal running."""


@app.command(rich_help_panel=PROVE)
def pca(
    file: Annotated[Path, typer.Argument(help="CSV of normal running: time, a column a channel, label.")],
    to: Annotated[Path, typer.Option(help="Write the [[detector]] table here, to be put into the profile.")],
    columns: Annotated[str, typer.Option(help="Columns to take, comma-separated; all.")] = "",
    inputs: Annotated[
        str, typer.Option(help="What the profile calls them, such as flow or flow#2; the same names.")
    ] = "",
    components: Annotated[int, typer.Option(help="Leading axes; 0 = 90 % of the variance.")] = 0,
    weight: Annotated[float, typer.Option(help="Of the newest sample in the smoothing.")] = 0.1,
) -> None:
    """A model of how channels go together, with its digest: see docs/plugins.md, detector pca."""
    compiles()
    from gateway.training import train

    try:
        text, model = train(file, _names(columns), _names(inputs), components=components, weight=weight)
        to.write_text(text, encoding="utf-8")
    except ConfigError as problem:
        refuse(problem.problems)
    except OSError as problem:
        refuse([f"{problem.filename}: {problem.strerror}; choose another file or folder"])
    told = f"{len(model['mean'])} channels, {model['components']} components, digest {model['digest'][:12]}"
    out.print(f"{to}: {told}. Write its texts, and put the table into the profile.")


@app.command(rich_help_panel=PROVE)
def seasonal(
    file: Annotated[
        Path, typer.Argument(help="CSV of normal running, two weeks or longer: time, value, label.")
    ],
    to: Annotated[Path, typer.Option(help="Write the [[detector]] table here, to be put into the profile.")],
    column: Annotated[str, typer.Option(help="Column to take, where there are several.")] = "",
    channel: Annotated[str, typer.Option(help="What the profile calls it; the column's name.")] = "",
    utc_offset: Annotated[float, typer.Option(help="Hours that local time is ahead of UTC.")] = 8.0,
) -> None:
    """A model of the 168 hours of the week of one channel, with its digest: see docs/plugins.md, seasonal."""
    compiles()
    from gateway.training import train_week

    try:
        text, model = train_week(file, column, channel, utc_offset_s=utc_offset * 3600.0)
        to.write_text(text, encoding="utf-8")
    except ConfigError as problem:
        refuse(problem.problems)
    except OSError as problem:
        refuse([f"{problem.filename}: {problem.strerror}; choose another file or folder"])
    hours = sum(spread >= 0.0 for spread in model["spread"])
    told = f"{hours} of 168 hours of the week, digest {model['digest'][:12]}"
    out.print(f"{to}: {told}. Write its texts, and put the table into the profile.")


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
