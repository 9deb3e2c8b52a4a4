"""Commands that prove and export: replay, verify, export."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import PROVE, State, configuration, looks, refuse, table

app = typer.Typer()
export_app = typer.Typer(no_args_is_help=True, help="Readings and alarms as CSV or JSON lines.")
app.add_typer(export_app, name="export", rich_help_panel=PROVE)


class Form(StrEnum):
    """How an export is written."""

    csv = "csv"
    jsonl = "jsonl"


@app.command(rich_help_panel=PROVE)
def replay(
    since: Annotated[int, typer.Option(help="Start after this journal position (a snapshot is used).")] = 0,
    events: Annotated[bool, typer.Option("--events", help="Print every event as a JSON line.")] = False,
    what_if: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Print what would be otherwise over the whole journal instead: with a rules file, a profile "
            'file, a folder of profiles, or with the word "behaviour": this version beside the ledger.',
        ),
    ] = None,
) -> None:
    """Step the journal through the monitor again; compare with the ledger, change nothing."""
    looks()
    if what_if is not None:
        if since or events:
            refuse(["--what-if: goes over the whole journal; leave out --since and --events"])
        from gateway.cli.rules import show, what_would_be

        show(what_would_be(what_if), as_json=False)
        return
    from gateway.verify import replay as replay_journal

    result = replay_journal(State.data, since, print_event=print if events else None)
    table("Replay", result.rows())
    raise SystemExit(0 if result.ok else 1)


@app.command(rich_help_panel=PROVE)
def verify(
    published: Annotated[
        Path | None, typer.Option(help="JSON lines of what the broker acknowledged to a publisher.")
    ] = None,
) -> None:
    """Check invariants I1-I4 and I7 over journal, ledger and receipts, by count and hash."""
    looks()
    from gateway.verify import verify as verify_data

    report = verify_data(State.data, published, configuration().sinks)
    table("Verify", report.rows())
    raise SystemExit(0 if report.ok else 1)


@export_app.command("readings")
def export_readings(
    form: Annotated[Form, typer.Option("--format")] = Form.csv,
    channel: Annotated[str | None, typer.Option(help="<enterprise>/<site>/<device>/<channel>.")] = None,
) -> None:
    """Readings of the local history, to standard output."""
    looks()
    from gateway.export import readings

    readings(State.data, sys.stdout, form.value, channel)


@export_app.command("alarms")
def export_alarms(form: Annotated[Form, typer.Option("--format")] = Form.csv) -> None:
    """Every alarm event of the ledger, to standard output."""
    looks()
    from gateway.export import alarms as export

    export(State.data, sys.stdout, form.value)
