"""Commands that only look at what a gateway has."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from gateway.cli.common import LOOK, State, looks, out, table

app = typer.Typer()


@app.command(rich_help_panel=LOOK)
def rejections(limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50) -> None:
    """What gave no reading, and why; the raw bytes lie in the journal at (position, packet)."""
    looks()
    from gateway.inspection import rejections as list_rejections

    counts, rows = list_rejections(State.data, limit)
    table("Counts by reason", [("reason", "count"), *counts] if counts else [])
    table("Newest rejections", rows)


@app.command(rich_help_panel=LOOK)
def quarantine() -> None:
    """Devices that speak but are not in the fleet."""
    looks()
    from gateway.inspection import quarantine as list_quarantine

    table("Unknown devices", list_quarantine(State.data))


@app.command(rich_help_panel=LOOK)
def alarms() -> None:
    """Alarms that are not normal now."""
    looks()
    from gateway.inspection import open_alarms

    table("Alarms", open_alarms(State.data))


@app.command(rich_help_panel=LOOK)
def status() -> None:
    """What the running core says of itself, as JSON."""
    looks()
    from gateway.commands import ask

    out.print_json(json.dumps(ask(State.data.core_socket, {"op": "status"})))
