"""Commands that operate the gateway: run, console, demo, dead letters."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated, Any

import typer

from gateway import __version__, terminal
from gateway.cli.common import OPERATE, State, compiles, configuration, looks, out, table

app = typer.Typer()
deadletters_app = typer.Typer(no_args_is_help=True, help="What a sink refused for good: list, send again.")
app.add_typer(deadletters_app, name="deadletters", rich_help_panel=OPERATE)


class ClockChoice(StrEnum):
    """What gateway time is."""

    wall = "wall"
    stream = "stream"


def _options() -> list[str]:
    """The options before this command, for processes that it starts."""
    found = ["--data", str(State.data.root)]
    return found if State.config_path is None else [*found, "--config", str(State.config_path.absolute())]


@app.command(rich_help_panel=OPERATE)
def version() -> None:
    """Print the version."""
    terminal.say(out, f"riskgate {__version__}")


@app.command(rich_help_panel=OPERATE)
def run(
    clock: Annotated[
        ClockChoice | None, typer.Option(help="stream: gateway time follows the readings.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of /health and /metrics.")] = None,
) -> None:
    """Run the gateway: core and delivery, supervised; /health and /metrics."""
    overrides: dict[str, Any] = {}
    if clock is not None:
        overrides["clock"] = clock.value
        os.environ["RISKGATE_CLOCK"] = clock.value
    if port is not None:
        overrides["http"] = {"port": port}
    config = configuration(**overrides)
    State.data.create()
    compiles()
    from gateway.service import run as run_service

    raise SystemExit(run_service(config, State.data, _options()))


@app.command(hidden=True)
def process(name: str) -> None:
    """One supervised process: core or delivery."""
    State.supervised = True
    State.data.create()
    compiles()
    from gateway.service import run_process

    raise SystemExit(run_process(name, configuration(), State.data))


@app.command(rich_help_panel=OPERATE)
def console(port: Annotated[int | None, typer.Option(help="Port of the console page.")] = None) -> None:
    """Serve the operators' page; at the first start it prints the link to the first account."""
    overrides = {} if port is None else {"console": {"port": port}}
    config = configuration(**overrides)
    State.data.create()
    compiles()
    from gateway import console as console_process
    from gateway.clock import SystemClock

    raise SystemExit(console_process.run(config, State.data, SystemClock(), _options()))


@app.command(rich_help_panel=OPERATE)
def demo(
    for_s: Annotated[
        float | None, typer.Option("--for", help="End by itself after this many seconds.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the console page; free one by default.")] = None,
) -> None:
    """Broker, simulated devices with faults, gateway, console and webhook receiver, in one go."""
    State.data.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    compiles()
    from gateway.demo import run as run_demo

    raise SystemExit(run_demo(State.data, for_s=for_s, console_port=port))


@deadletters_app.command("list")
def deadletters_list() -> None:
    """What sinks refused for good."""
    looks()
    from gateway.inspection import deadletters

    table("Dead letters", deadletters(State.data))


@deadletters_app.command("resend")
def deadletters_resend(
    sink: str,
    ids: Annotated[list[str] | None, typer.Argument(help="Event ids; none = all of this sink.")] = None,
) -> None:
    """Send dead letters again: a command that the core journals and delivery carries out."""
    looks()
    from gateway.inspection import resend

    answer = resend(State.data, sink, ids or [])
    terminal.say(out, answer["reason_en"] if answer["accepted"] else f"refused: {answer['reason_en']}")
    raise SystemExit(0 if answer["accepted"] else 1)
