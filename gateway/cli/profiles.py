"""``riskgate profiles``: check, list, show, try."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from gateway import terminal
from gateway.cli.common import configuration, err, out, table

app = typer.Typer(no_args_is_help=True, help="Device profiles: check, list, show, try on a payload.")


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
    """Every profile known, by family."""
    from gateway.profiles_command import listing

    for title, rows in listing(configuration()):
        table(title, rows)


@app.command("show")
def profiles_show(profile: str) -> None:
    """One profile's points, alarms, streams and examples."""
    from gateway.profiles_command import show

    for title, rows in show(configuration(), profile):
        table(title, rows)


@app.command("try")
def profiles_try(
    profile: Annotated[str, typer.Argument(help="A profile's file, or the id of a known one.")],
    payload: Annotated[str, typer.Argument(help="The payload itself, its file, or - for standard input.")],
    stream: Annotated[str | None, typer.Option(help="The topic's last level.")] = None,
    topic: Annotated[
        str | None, typer.Option(help="The whole topic: the payload's device is compared too.")
    ] = None,
) -> None:
    """What a payload gives, which limits it passes; or why it is refused (exit code 1). Stores nothing."""
    from gateway.profiles_try import attempt, payload_of

    given = payload_of(payload, sys.stdin.buffer)
    tried = attempt(configuration().profiles, profile, given, stream, topic)
    terminal.say(out, tried.title)
    table("Readings", tried.readings)
    if tried.refused:
        table("Refused", tried.refused)
        raise SystemExit(1)
