"""The command line: ``riskgate --data DIR --config FILE COMMAND``; any number side by side."""

from __future__ import annotations

import json
import os
import sys
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from gateway import __version__, terminal
from gateway.errors import ConfigError, RiskgateError
from gateway.paths import DataFolder

EXIT_REFUSED = 78

OPERATE, LOOK, PROVE, DEVICES = "Operate", "Look", "Prove and export", "Devices"
"""Groups of commands in --help."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="IoT risk monitoring and alerting gateway. Not a safety instrumented function; claims no SIL.",
)
profiles_app = typer.Typer(no_args_is_help=True, help="Device profiles: check, list, show.")
simulate_app = typer.Typer(no_args_is_help=True, help="Publish simulated or recorded devices over MQTT.")
export_app = typer.Typer(no_args_is_help=True, help="Readings and alarms as CSV or JSON lines.")
deadletters_app = typer.Typer(no_args_is_help=True, help="What a sink refused for good: list, send again.")
app.add_typer(profiles_app, name="profiles", rich_help_panel=DEVICES)
app.add_typer(simulate_app, name="simulate", rich_help_panel=DEVICES)
app.add_typer(export_app, name="export", rich_help_panel=PROVE)
app.add_typer(deadletters_app, name="deadletters", rich_help_panel=OPERATE)

out = Console()
err = Console(stderr=True)
_table = partial(terminal.tabulate, out)


class Form(StrEnum):
    """How an export is written."""

    csv = "csv"
    jsonl = "jsonl"


class ClockChoice(StrEnum):
    """What gateway time is."""

    wall = "wall"
    stream = "stream"


class State:
    """The options before the command."""

    data = DataFolder(Path("data"))
    config_path: Path | None = None
    supervised = False
    """This is a process of a running gateway: its supervisor's log wants the whole story of an error."""


def _config(**overrides: Any) -> Any:
    from gateway.config import load

    return load(State.config_path, overrides)


def _refuse(problems: list[str]) -> NoReturn:
    terminal.tell(err, problems)
    raise SystemExit(EXIT_REFUSED)


def _compiles() -> None:
    """Compiled loops are kept in the data folder; for commands that step the monitor, before they load it."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(State.data.compiled))


def _looks() -> None:
    """For commands that only read: a mistyped folder must not look like an idle gateway."""
    if not State.data.journal.is_dir():
        _refuse([f"no gateway has run in {State.data.root}: is --data right?"])
    _compiles()


@app.callback()
def common(
    data: Annotated[Path, typer.Option(help="Folder that holds this gateway's files.")] = Path("data"),
    config: Annotated[
        Path | None, typer.Option(help="riskgate.toml; defaults to DATA/riskgate.toml.")
    ] = None,
) -> None:
    """Options for every command."""
    State.data = DataFolder(data)
    beside = data / "riskgate.toml"
    State.config_path = config if config is not None else (beside if beside.exists() else None)


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
    arguments = ["--data", str(State.data.root)]
    if State.config_path is not None:
        arguments += ["--config", str(State.config_path)]
    if clock is not None:
        overrides["clock"] = clock.value
        os.environ["RISKGATE_CLOCK"] = clock.value
    if port is not None:
        overrides["http"] = {"port": port}
    config = _config(**overrides)
    State.data.create()
    _compiles()
    from gateway.service import run as run_service

    raise SystemExit(run_service(config, State.data, arguments))


@app.command(hidden=True)
def process(name: str) -> None:
    """One supervised process: core or delivery."""
    State.supervised = True
    State.data.create()
    _compiles()
    from gateway.service import run_process

    raise SystemExit(run_process(name, _config(), State.data))


@app.command(rich_help_panel=OPERATE)
def console(port: Annotated[int | None, typer.Option(help="Port of the console page.")] = None) -> None:
    """Serve the operators' page (loopback only until accounts exist)."""
    overrides = {} if port is None else {"console": {"port": port}}
    config = _config(**overrides)
    State.data.create()
    _compiles()
    from gateway import console as console_process
    from gateway.clock import SystemClock

    raise SystemExit(console_process.run(config, State.data, SystemClock()))


@app.command(rich_help_panel=OPERATE)
def demo(
    for_s: Annotated[
        float | None, typer.Option("--for", help="End by itself after this many seconds.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port of the console page; free one by default.")] = None,
) -> None:
    """Broker, simulated devices with faults, gateway, console and webhook receiver, in one go."""
    State.data.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    _compiles()
    from gateway.demo import run as run_demo

    raise SystemExit(run_demo(State.data, for_s=for_s, console_port=port))


@app.command(rich_help_panel=PROVE)
def replay(
    since: Annotated[int, typer.Option(help="Start after this journal position (a snapshot is used).")] = 0,
    events: Annotated[bool, typer.Option("--events", help="Print every event as a JSON line.")] = False,
) -> None:
    """Step the journal through the monitor again; compare with the ledger, change nothing."""
    _looks()
    from gateway.verify import replay as replay_journal

    result = replay_journal(State.data, since, print_event=print if events else None)
    _table("Replay", result.rows())
    raise SystemExit(0 if result.ok else 1)


@app.command(rich_help_panel=PROVE)
def verify(
    published: Annotated[
        Path | None, typer.Option(help="JSON lines of what the broker acknowledged to a publisher.")
    ] = None,
) -> None:
    """Check invariants I1-I4 and I7 over journal, ledger and receipts, by count and hash."""
    _looks()
    from gateway.verify import verify as verify_data

    report = verify_data(State.data, published, _config().sinks)
    _table("Verify", report.rows())
    raise SystemExit(0 if report.ok else 1)


@app.command(rich_help_panel=LOOK)
def rejections(limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50) -> None:
    """What gave no reading, and why; the raw bytes lie in the journal at (position, packet)."""
    _looks()
    from gateway.inspection import rejections as list_rejections

    counts, rows = list_rejections(State.data, limit)
    _table("Counts by reason", [("reason", "count"), *counts] if counts else [])
    _table("Newest rejections", rows)


@app.command(rich_help_panel=LOOK)
def quarantine() -> None:
    """Devices that speak but are not in the fleet."""
    _looks()
    from gateway.inspection import quarantine as list_quarantine

    _table("Unknown devices", list_quarantine(State.data))


@app.command(rich_help_panel=LOOK)
def alarms() -> None:
    """Alarms that are not normal now."""
    _looks()
    from gateway.inspection import open_alarms

    _table("Alarms", open_alarms(State.data))


@profiles_app.command("check")
def profiles_check() -> None:
    """Parse every profile and run all its examples."""
    from gateway.profiles_command import check

    rows, problems = check(_config())
    _table("Profiles", rows)
    terminal.tell(err, problems)
    raise SystemExit(1 if problems else 0)


@profiles_app.command("list")
def profiles_list() -> None:
    """Every profile known."""
    from gateway.profiles_command import listing

    _table("Profiles", listing(_config()))


@profiles_app.command("show")
def profiles_show(profile: str) -> None:
    """One profile's points and alarms."""
    from gateway.profiles_command import show

    for title, rows in show(_config(), profile):
        _table(title, rows)


@simulate_app.command("air-quality")
def simulate_air_quality(
    file: Path,
    speed: Annotated[float, typer.Option(help="1 = as recorded; 0 = as fast as the broker takes it.")] = 1.0,
    published: Annotated[Path | None, typer.Option(help="Log every broker acknowledgement here.")] = None,
    device: Annotated[str, typer.Option(help="<enterprise>/<site>/<device>.")] = "demo/field/AQ-1",
    user: Annotated[str | None, typer.Option(help="MQTT user; the device by default.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="That user's password; without it the gateway's own user is used.")
    ] = None,
) -> None:
    """Publish the UCI air-quality field recording as one gas device."""
    from gateway.simulate import air_quality

    air_quality(
        _config(), file, speed=speed, published=published,
        device=device, username=user, password_file=password_file,
    )  # fmt: skip


@export_app.command("readings")
def export_readings(
    form: Annotated[Form, typer.Option("--format")] = Form.csv,
    channel: Annotated[str | None, typer.Option(help="<enterprise>/<site>/<device>/<channel>.")] = None,
) -> None:
    """Readings of the local history, to standard output."""
    _looks()
    from gateway.export import readings

    readings(State.data, sys.stdout, form.value, channel)


@export_app.command("alarms")
def export_alarms(form: Annotated[Form, typer.Option("--format")] = Form.csv) -> None:
    """Every alarm event of the ledger, to standard output."""
    _looks()
    from gateway.export import alarms as export

    export(State.data, sys.stdout, form.value)


@deadletters_app.command("list")
def deadletters_list() -> None:
    """What sinks refused for good."""
    _looks()
    from gateway.inspection import deadletters

    _table("Dead letters", deadletters(State.data))


@deadletters_app.command("resend")
def deadletters_resend(
    sink: str,
    ids: Annotated[list[str] | None, typer.Argument(help="Event ids; none = all of this sink.")] = None,
) -> None:
    """Send dead letters again: a command that the core journals and delivery carries out."""
    _looks()
    from gateway.inspection import resend

    answer = resend(State.data, sink, ids or [])
    terminal.say(out, answer["reason_en"] if answer["accepted"] else f"refused: {answer['reason_en']}")
    raise SystemExit(0 if answer["accepted"] else 1)


@app.command(rich_help_panel=LOOK)
def status() -> None:
    """What the running core says of itself, as JSON."""
    _looks()
    from gateway.commands import ask

    out.print_json(json.dumps(ask(State.data.core_socket, {"op": "status"})))


def main() -> None:
    """Entry point: every RiskgateError, and what the system refuses, becomes a line a person can act on."""
    try:
        app()
    except ConfigError as error:
        _refuse(error.problems)
    except RiskgateError as error:
        _refuse([str(error)])
    except OSError as error:
        if State.supervised:
            raise
        _refuse([terminal.of_system(error)])


if __name__ == "__main__":
    main()
