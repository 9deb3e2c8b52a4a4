"""Commands that set a gateway up: credentials for the broker."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import terminal
from gateway.cli.common import State, configuration, err, out, table

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
    devices = gather(config.fleet, config.profiles).devices
    made = _credentials(folder)
    gateway = gateway_user(config.ingest.username, config.ingest.password_file, made)
    with Progress(console=err, transient=True) as bar:
        task = bar.add_task("passwords", total=None)
        outcome = made.write(devices, gateway, remove_gone, lambda n: bar.advance(task, n))
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
        ("left the fleet, removed", len(outcome.removed)),
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
