"""Commands about who is called: escalation, rosters."""

from __future__ import annotations

import getpass
import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from zoneinfo import ZoneInfo

import typer

from gateway import terminal
from gateway.cli.common import LOOK, OPERATE, State, configuration, looks, out, refuse, table

if TYPE_CHECKING:
    from gateway.rosters import Roster

app = typer.Typer()
rosters_app = typer.Typer(no_args_is_help=True, help="Who is on duty, from iCalendar files.")
escalation_app = typer.Typer(no_args_is_help=True, help="Who was called about unanswered alarms.")
app.add_typer(rosters_app, name="rosters", rich_help_panel=LOOK)
app.add_typer(escalation_app, name="escalation", rich_help_panel=LOOK)

drill_app = typer.Typer(no_args_is_help=True, help="Fire drill: one reading through the whole path.")
app.add_typer(drill_app, name="drill", rich_help_panel=OPERATE)

Days = Annotated[int | None, typer.Option(help="How many days ahead; default: as configured, else 14.")]
Zone = Annotated[str, typer.Option(help="Time zone of a FILE's times that name none.")]


@rosters_app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="An .ics file; none: all of the configuration.")] = None,
    days: Days = None,
    zone: Zone = "Asia/Shanghai",
) -> None:
    """Gaps and overlaps of the days ahead; exit code 1 when there is a gap or a file is unusable."""
    rosters, now = _rosters(file, days, zone)
    bad = False
    for roster in rosters.values():
        gaps, overlaps = roster.gaps(now), roster.overlaps(now)
        if roster.problem:
            bad = True
            terminal.say(out, f"{roster.name}: {roster.problem}")
            continue
        bad = bad or bool(gaps)
        rows = [("what", "from", "to", "who")]
        rows += [
            ("gap", _when(s.start_ns, roster.zone), _when(s.end_ns, roster.zone), "nobody") for s in gaps
        ]
        rows += [
            ("overlap", _when(s.start_ns, roster.zone), _when(s.end_ns, roster.zone), ", ".join(s.persons))
            for s in overlaps
        ]
        title = (
            f"{roster.name}: {roster.file}, {roster.days} days, {len(gaps)} gaps, {len(overlaps)} overlaps"
        )
        table(title, rows if len(rows) > 1 else [])
    raise SystemExit(1 if bad else 0)


@rosters_app.command("show")
def show(
    file: Annotated[Path | None, typer.Argument(help="An .ics file; none: all of the configuration.")] = None,
    at: Annotated[str, typer.Option(help="2026-11-26T08:00, in the roster's zone; default: now.")] = "",
    zone: Zone = "Asia/Shanghai",
) -> None:
    """Who is on duty now, or at a time."""
    rosters, now = _rosters(file, None, zone)
    rows = [("roster", "at", "person", "contact", "until")]
    for roster in rosters.values():
        moment = _moment(at, roster.zone) if at else now
        shifts = roster.on_duty(moment)
        if roster.problem:
            refuse([f"{roster.name}: {roster.problem}"])
        told = _when(moment, roster.zone)
        rows += [(roster.name, told, s.person, s.contact, _when(s.end_ns, roster.zone)) for s in shifts]
        if not shifts:
            rows.append((roster.name, told, "NOBODY", "", ""))
    table("On duty", rows if len(rows) > 1 else [])


@escalation_app.command("show")
def calls(
    alarm: Annotated[str, typer.Option(help="Only calls about this alarm.")] = "",
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Who was called about which alarms, when, and what became of it."""
    looks()
    from gateway.commands import ask
    from gateway.inspection import when

    found = ask(State.data.delivery_socket, {"op": "calls", "alarm": alarm, "limit": limit})["calls"]
    if as_json:
        out.print_json(json.dumps(found))
        return
    rows = [("called (UTC)", "step", "who", "alarm", "alarms", "by", "state", "outcome")]
    for call in found:
        body = call["body"]
        persons = ", ".join(f"{p['person']} {p['contact']}".strip() for p in body["on_duty"])
        nobody = "NOBODY ON DUTY" if body["nobody_on_duty"] else ""
        rows.append(
            (
                when(call["at_ns"]), f"{body['level']} {call['step']}", persons or nobody or body["who"],
                call["subject"], str(body["alarms_total"]), call["sink"], call["state"], call["outcome"],
            )
        )  # fmt: skip
    table("Calls", rows if len(rows) > 1 else [])


@drill_app.command("run")
def drill_run(
    wait_s: Annotated[float, typer.Option(help="How long to wait for the result.")] = 300.0,
) -> None:
    """Run a fire drill now in the running gateway; exit code 1 when it failed. The ledger has who asked."""
    looks()
    from gateway.clock import SystemClock
    from gateway.commands import ask
    from gateway.inspection import command

    clock = SystemClock()
    end_ns = clock.mono_ns() + round(wait_s * 1e9)
    before = _drills(ask(State.data.delivery_socket, {"op": "drill", "limit": 1}))
    said = command(State.data, "drill", {})
    if not said["accepted"]:
        refuse([said["reason_en"]])
    by = f"cli {getpass.getuser()}"
    ask(State.data.delivery_socket, {"op": "drill", "run": True, "by": by, "limit": 1})
    while clock.mono_ns() < end_ns:
        clock.sleep(0.2)
        newest = _drills(ask(State.data.delivery_socket, {"op": "drill", "limit": 1}))
        if newest and newest != before:
            _show_drills(newest)
            raise SystemExit(1 if newest[0]["problem"] else 0)
    refuse([f"no result within {wait_s:g} s; see 'riskgate drill show' later"])


@drill_app.command("show")
def drill_show(
    limit: Annotated[int, typer.Option(help="How many, newest first.")] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Fire drills: latency to the alarm and to each sink's receipt, and what failed."""
    looks()
    from gateway.commands import ask

    found = _drills(ask(State.data.delivery_socket, {"op": "drill", "limit": limit}))
    if as_json:
        out.print_json(json.dumps(found))
    else:
        _show_drills(found)


def _drills(answer: dict[str, Any]) -> list[dict[str, Any]]:
    if "drills" not in answer:
        refuse(['this gateway runs no drills: it is an exercise (clock = "stream")'])
    found: list[dict[str, Any]] = answer["drills"]
    return found


def _show_drills(found: list[dict[str, Any]]) -> None:
    from gateway.inspection import when

    rows = [("began (UTC)", "why", "step", "outcome", "after s")]
    for drill in found:
        first = (when(drill["began_ns"]), " ".join(filter(None, (drill["why"], drill.get("by")))))
        rows += [(*first, name, "done", f"{s:.3f}") for name, s in drill["latency_s"].items()]
        rows += [
            (*first, f"receipt: {name}", sink["outcome"], f"{sink['latency_s']:.3f}")
            for name, sink in sorted(drill["sinks"].items())
        ]
        rows.append((*first, "result", drill["problem"] or "all reached", ""))
    table("Fire drills", rows if len(rows) > 1 else [])


def _rosters(file: Path | None, days: int | None, zone: str) -> tuple[dict[str, Roster], int]:
    from gateway.clock import SystemClock
    from gateway.rosters import Roster, rosters_of

    if file is not None:
        found = {file.stem: Roster(file.stem, str(file), _zone(zone).key, days or 14)}
    else:
        found = rosters_of(configuration().rosters)
        if not found:
            refuse(["the configuration has no roster: add [rosters.<name>], or name an .ics file"])
        for roster in found.values():
            roster.days = days or roster.days
    return found, SystemClock().wall_ns()


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError):
        refuse([f"--zone {name}: is no time zone; take a name like Asia/Shanghai"])


def _moment(text: str, zone: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        refuse([f"--at {text}: is no time; write 2026-11-26T08:00"])
    return round((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp()) * 10**9


def _when(at_ns: int, zone: str) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M %Z")
