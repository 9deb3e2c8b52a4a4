"""Commands about planned work: the maintenance windows that the configuration's list names."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from gateway.cli.common import configuration, out, refuse, table

HEADINGS = ("state", "from (UTC)", "to (UTC)", "window", "where", "safety alarms", "order")

app = typer.Typer(no_args_is_help=True, help="Maintenance windows, as planned.")


@app.callback()
def group() -> None:
    """Maintenance windows, as planned."""


@app.command("list")
def windows(
    over: Annotated[bool, typer.Option("--over", help="Those that are over, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Which windows are open now and which come; exit code 78 with every problem in the list."""
    from gateway.clock import SystemClock
    from gateway.fleet import gather
    from gateway.maintenance_list import read_windows, standing

    config = configuration()
    if config.maintenance is None:
        refuse(['the configuration names no list: add maintenance = "maintenance.toml" to riskgate.toml'])
    now = SystemClock().wall_ns()
    devices = gather(config.fleet, config.profiles).devices
    found = [(window, standing(window, now)) for window in read_windows(config.maintenance, devices)]
    found = [(window, stands) for window, stands in found if over or stands.state != "over"]
    found.sort(key=lambda pair: (pair[1].state != "open", pair[1].begin_ns, pair[0].name))
    if as_json:
        out.print_json(json.dumps([_plain(window, stands) for window, stands in found]))
        return
    rows = [HEADINGS]
    rows += [_row(window, stands) for window, stands in found]
    table("Maintenance windows", rows if len(rows) > 1 else [])


def _plain(window: Any, stands: Any) -> dict[str, Any]:
    return {
        "window": window.name,
        "state": stands.state,
        "begin_ns": stands.begin_ns,
        "end_ns": stands.end_ns,
        "scope": window.scope,
        "asset": window.asset,
        "safety_by": list(window.safety_by),
        "work_order": window.work_order,
        "author": window.author,
        "reason": window.reason,
    }


def _row(window: Any, stands: Any) -> tuple[str, str, str, str, str, str, str]:
    from gateway.inspection import when

    safety = "suppressed" if window.safety_by else "told"
    where = f"{window.scope}, {window.asset}" if window.asset else window.scope
    begin, end = (when(at_ns)[:16] for at_ns in (stands.begin_ns, stands.end_ns))
    return stands.state, begin, end, window.name, where, safety, window.work_order
