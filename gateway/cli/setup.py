"""Commands that set a gateway up and look it over: init, doctor, credentials for the broker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import terminal
from gateway.cli.common import OPERATE, State, compiles, configuration, err, out, refuse, table
from gateway.errors import ConfigError

if TYPE_CHECKING:
    from gateway.credentials import Credentials, Outcome

app = typer.Typer()
credentials_app = typer.Typer(
    no_args_is_help=True, help="Who may speak at the broker: mosquitto's password file and access list."
)

Folder = Annotated[
    Path | None, typer.Option("--folder", help="Where the files lie; DATA/credentials by default.")
]
SHOWN = 20
"""Names of one kind told one by one."""


@app.command(rich_help_panel=OPERATE)
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Findings as JSON.")] = False,
    broker_conf: Annotated[
        Path | None, typer.Option(help="mosquitto's own configuration file, if it lies on this machine.")
    ] = None,
) -> None:
    """Look everything over: broker, session, disk, clock, sinks, files; exit status 1 on a failure."""
    compiles()
    from gateway.clock import SystemClock
    from gateway.doctor import examine, examine_without

    compiled, clock = Path(os.environ["NUMBA_CACHE_DIR"]), SystemClock()
    try:
        config = configuration()
    except ConfigError as error:
        found = examine_without(error.problems, State.data, clock, compiled)
    else:
        found = examine(config, State.data, clock, compiled, broker_conf)
    if as_json:
        out.print_json(json.dumps([finding._asdict() for finding in found]))
    else:
        table("Doctor", [("check", "level", "found", "what to do"), *found])
    raise SystemExit(int(any(finding.level == "failure" for finding in found)))


@app.command(rich_help_panel=OPERATE)
def init(
    broker: Annotated[str | None, typer.Option(help="host, host:port or mqtts://host:port.")] = None,
    user: Annotated[str | None, typer.Option(help="The gateway's user at the broker.")] = None,
    password_file: Annotated[str | None, typer.Option(help="Its password; made if it is not there.")] = None,
    fleet: Annotated[str | None, typer.Option(help="The list of devices; made if it is not there.")] = None,
    influxdb: Annotated[
        str | None, typer.Option(help='URL of InfluxDB or VictoriaMetrics; "" = none.')
    ] = None,
    influxdb_bucket: Annotated[str, typer.Option(help="Its bucket.")] = "riskgate",
    influxdb_token_file: Annotated[str, typer.Option(help="Its token.")] = "",
    webhook: Annotated[str | None, typer.Option(help='URL that alarms are sent to; "" = none.')] = None,
    webhook_secret_file: Annotated[
        str, typer.Option(help="Signs the messages; made if it is not there.")
    ] = "webhook.secret",  # noqa: S107 - a file's name
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: defaults for what is not given.")] = False,
) -> None:
    """Write a commented riskgate.toml from five answers."""
    from gateway.init_command import Answers, address, write

    def asked(given: str | None, question: str, default: str) -> str:
        if given is not None or yes:
            return default if given is None else given
        answer: str = typer.prompt(question, default=default, show_default=bool(default), err=True)
        return answer.strip()

    def wanted(given: str | None, what: str, example: str) -> str:
        if given is not None or yes or not typer.confirm(f"{what}?", default=False, err=True):
            return given or ""
        return asked(None, "  its URL", example)

    path = State.config_path or State.data.root / "riskgate.toml"
    if path.exists():
        refuse([f"{path}: is there already and stays as it is; remove it or give another --config"])
    usual = Answers()
    where = asked(broker, "1. Broker (host, host:port, mqtts://host:port)", usual.broker)
    address(where)
    name = asked(user, "2. The gateway's user at the broker", usual.username)
    answers = Answers(
        broker=where,
        username=name,
        password_file=asked(password_file, "   and the file of its password", usual.password_file)
        if name
        else "",
        fleet=asked(fleet, "3. Fleet file", usual.fleet),
        influxdb=wanted(influxdb, "4. Send readings to InfluxDB or VictoriaMetrics", "http://127.0.0.1:8086"),
        influxdb_bucket=influxdb_bucket,
        influxdb_token_file=influxdb_token_file,
        webhook=wanted(webhook, "5. Send alarms to a webhook", "https://example.org/riskgate"),
        webhook_secret_file=webhook_secret_file,
    )
    for made in write(path, answers, os.urandom):
        terminal.say(out, f"made {made}")
    terminal.say(out, "next: fill the fleet; riskgate credentials write; riskgate doctor; riskgate run")


def _credentials(folder: Path | None) -> Credentials:
    from gateway.credentials import Credentials

    return Credentials(folder or State.data.root / "credentials", os.urandom)


@credentials_app.command("write")
def credentials_write(
    folder: Folder = None,
    remove_gone: Annotated[
        bool, typer.Option("--remove-gone", help="Devices that left the fleet lose their password.")
    ] = False,
) -> None:
    """A user and a password for each device of the fleet; existing passwords are kept."""
    from rich.progress import Progress

    from gateway.credentials import gateway_user
    from gateway.fleet import gather

    config = configuration()
    found = gather(config.fleet, config.profiles)
    made = _credentials(folder)
    gateway = gateway_user(config.ingest.username, config.ingest.password_file, made)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("passwords", total=None)
        outcome = made.write(
            found.devices,
            gateway,
            remove_gone,
            found.retired,
            found.profiles,
            lambda n: bar.advance(task, n),
        )
    table("Credentials", _counted(outcome))
    _warn(outcome)
    for path in outcome.handouts:
        terminal.say(out, f"passwords to hand out: {path}; delete the file when they are in the devices")
    if not (config.ingest.username and config.ingest.password_file):
        keys = f'username = "{gateway.name}", password_file = "{made.gateway_password}"'
        terminal.say(out, f"the gateway's own, for [ingest] in riskgate.toml: {keys}")
    _install(made)


@credentials_app.command("rotate")
def credentials_rotate(device: str, folder: Folder = None) -> None:
    """A new password for one device, revoked or not."""
    made = _credentials(folder)
    terminal.say(out, f"new password of {device}: {made.rotate(device)}")
    _install(made)


@credentials_app.command("revoke")
def credentials_revoke(user: str, folder: Folder = None) -> None:
    """Take one user's password away until it is rotated."""
    made = _credentials(folder)
    made.revoke(user)
    terminal.say(out, f"{user} is revoked; in force when the broker has been told:")
    _install(made)


@credentials_app.command("list")
def credentials_list(folder: Folder = None) -> None:
    """Every user and whether it has a password."""
    from gateway.credentials import GATEWAY_USER
    from gateway.fleet import gather

    config = configuration()
    keys = (device.key for device in gather(config.fleet, config.profiles).devices)
    rows = _credentials(folder).state(keys, config.ingest.username or GATEWAY_USER)
    table("Users", [("user", "state"), *rows] if rows else [])


def _counted(outcome: Outcome) -> list[tuple[object, ...]]:
    return [
        ("devices", "count"),
        ("given a password now", len(outcome.made)),
        ("kept theirs", outcome.kept),
        ("revoked", len(outcome.revoked)),
        ("retired or left the fleet, removed", len(outcome.removed)),
        ("left the fleet, still able to connect", len(outcome.gone)),
    ]


def _warn(outcome: Outcome) -> None:
    for name in outcome.others[:SHOWN]:
        terminal.say(err, f"warning: {name} is no device and may publish all below rg/{name}/; known to you?")
    for name in outcome.gone[:SHOWN]:
        terminal.say(
            err, f"warning: {name} is not in the fleet and keeps its password; --remove-gone takes it"
        )


def _install(made: Credentials) -> None:
    """What a person does next; the files are private, so the broker gets copies."""
    terminal.say(out, "give the broker its copies and have it read them:")
    terminal.say(out, f"  install -o mosquitto -m 0600 {made.passwords} /etc/mosquitto/riskgate.passwd")
    terminal.say(out, f"  install -m 0644 {made.acl} /etc/mosquitto/riskgate.acl")
    terminal.say(out, "  kill -HUP $(pidof mosquitto)")
