"""``riskgate profiles``: check, list, show."""

from __future__ import annotations

import typer

from gateway import terminal
from gateway.cli.common import configuration, err, table

app = typer.Typer(no_args_is_help=True, help="Device profiles: check, list, show.")


@app.command("check")
def profiles_check() -> None:
    """Parse every profile and run all its examples."""
    from gateway.profiles_command import check

    rows, problems = check(configuration())
    table("Profiles", rows)
    terminal.tell(err, problems)
    raise SystemExit(1 if problems else 0)


@app.command("list")
def profiles_list() -> None:
    """Every profile known."""
    from gateway.profiles_command import listing

    table("Profiles", listing(configuration()))


@app.command("show")
def profiles_show(profile: str) -> None:
    """One profile's points and alarms."""
    from gateway.profiles_command import show

    for title, rows in show(configuration(), profile):
        table(title, rows)
