"""``riskgate devices``: the fleet list, from import to retirement."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import terminal
from gateway.cli.common import State, configuration, err, looks, out, table

if TYPE_CHECKING:
    from gateway.devices_command import Difference
    from gateway.fleet import Progress

app = typer.Typer(no_args_is_help=True, help="The fleet: import, list, show, quarantine, adopt, retire.")
SHOWN = 20
"""Devices of one kind told one by one."""

Enterprise = Annotated[str, typer.Option(help="Only of this enterprise.")]
County = Annotated[str, typer.Option(help="Only in this county.")]
Sector = Annotated[str, typer.Option(help="Only of this sector.")]
Site = Annotated[str, typer.Option(help="Only at this site.")]


def _today() -> date:
    from gateway.clock import SystemClock

    return datetime.fromtimestamp(SystemClock().wall_ns() / 1e9, UTC).astimezone().date()


@app.command("import")
def devices_import(
    file: Path,
    keep_missing: Annotated[
        bool, typer.Option("--keep-missing", help="Devices that FILE leaves out stay as they are.")
    ] = False,
    retire_missing: Annotated[
        bool, typer.Option("--retire-missing", help="Devices that FILE leaves out are retired today.")
    ] = False,
) -> None:
    """Make FILE (CSV or TOML) the fleet. Any mistake: all are told by line, and nothing is changed."""
    from gateway.devices_command import Left, import_list

    left = Left(keep=keep_missing, retire=retire_missing and not keep_missing)
    with _progress() as told:
        difference = import_list(configuration(), State.data, file, left, _today(), told)
    _tell(difference)


@app.command("list")
def devices_list(
    enterprise: Enterprise = "",
    county: County = "",
    sector: Sector = "",
    site: Site = "",
    profile: Annotated[str, typer.Option(help="Only of this profile, or of this family.")] = "",
    state: Annotated[str, typer.Option(help="Only: in service, planned, expired or retired.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 200,
) -> None:
    """The fleet's devices."""
    from gateway.devices_look import Which, listing

    which = Which(enterprise, county, sector, site, profile, state)
    rows, total = listing(configuration(), which, _today(), limit)
    table("Devices", rows)
    if total > limit:
        terminal.say(out, f"{limit} of {total}: use filters, or --limit {total}")


@app.command("show")
def devices_show(device: str) -> None:
    """One device: profile, limits in force, dates, and its last values when a core runs."""
    from gateway.devices_look import show

    for title, rows in show(configuration(), State.data, device, _today()):
        table(title, rows)


@app.command("quarantine")
def devices_quarantine() -> None:
    """Devices that speak but are not in the fleet."""
    looks()
    from gateway.devices_look import speakers

    table("Unknown devices", speakers(configuration(), State.data))


@app.command("adopt")
def devices_adopt(
    device: Annotated[str, typer.Argument(help="<enterprise>/<site>/<device>")],
    profile: Annotated[str, typer.Option(help="What it is: see 'riskgate profiles list'.")],
    asset: Annotated[str, typer.Option(help="What it guards.")],
    county: Annotated[str, typer.Option(help="Where it stands.")] = "",
    sector: Annotated[str, typer.Option(help="Whose oversight it is under.")] = "",
    unheard: Annotated[bool, typer.Option("--unheard", help="Even if it has not spoken yet.")] = False,
) -> None:
    """Put one unknown speaker into the fleet."""
    looks()
    from gateway.devices_command import adopt
    from gateway.inspection import unknown_speakers
    from gateway.monitor.channels import Device

    enterprise, site, name = device.split("/") if device.count("/") == 2 else ("", "", device)
    row = Device(enterprise, site, asset, name, profile, county, sector)
    heard = None if unheard else unknown_speakers(State.data)[0]
    _tell(adopt(configuration(), State.data, row, heard, _today()))


@app.command("retire")
def devices_retire(
    device: Annotated[str, typer.Argument(help="<enterprise>/<site>/<device>")],
    reason: Annotated[str, typer.Option(help="Why; it stays in the list.")],
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Its last day; today.")] = None,
) -> None:
    """End a device's time in the fleet: its open alarms end, and it is no longer listened to."""
    from gateway.devices_command import retire

    day = _today() if on is None else on.date()
    _tell(retire(configuration(), State.data, device, day, reason, _today()))


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        task = bar.add_task("rows", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _tell(difference: Difference) -> None:
    for warning in difference.warnings:
        terminal.say(err, f"warning: {warning}")
    if difference.expired:
        count, first = len(difference.expired), difference.expired[0]
        terminal.say(
            err, f"warning: {count} past their expiry date, {first} first; 'devices list --state expired'"
        )
    for what in ("added", "changed", "retired"):
        keys: list[str] = getattr(difference, what)
        for key in keys[:SHOWN]:
            terminal.say(out, f"{what}: {key}")
        if len(keys) > SHOWN:
            terminal.say(out, f"{what}: and {len(keys) - SHOWN} more")
    counts = ", ".join(f"{len(getattr(difference, what))} {what}" for what in ("added", "changed", "retired"))
    terminal.say(
        out, f"{counts}; {difference.devices} devices with {difference.channels} channels in the fleet"
    )
    terminal.say(out, difference.core)
