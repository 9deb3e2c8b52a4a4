"""Management of change by the command line: rules check, propose, list, show, backtest, approve and on."""

from __future__ import annotations

import difflib
import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gateway import terminal
from gateway.cli.common import State, looks, out, table
from gateway.cli.rules import progress, show, since_ns

if TYPE_CHECKING:
    from gateway.rulebook import Actor, Changing, Proposal

app = typer.Typer(no_args_is_help=True, help="Rules: other settings of alarms, proposed, tried, approved.")

RELOAD_S = 120.0
Number = Annotated[int, typer.Argument(help="The proposal's number.")]
Comment = Annotated[str, typer.Option(help="Kept with the proposal.")]


def _now_ns() -> int:
    from gateway.clock import SystemClock

    return SystemClock().wall_ns()


def _reload() -> dict[str, Any]:
    from gateway.commands import ask

    return ask(State.data.core_socket, {"op": "reload", "deadline_s": RELOAD_S}, timeout_s=RELOAD_S + 5)


def _record(step: dict[str, Any]) -> dict[str, Any]:
    from gateway.inspection import command
    from gateway.rulebook import RECORD

    return command(State.data, RECORD, step)


def _changing() -> Changing:
    from gateway.rulebook import Changing

    looks()
    return Changing(State.data, _now_ns, _reload, _record)


def _me() -> Actor:
    from gateway.rulebook import Actor

    return Actor(getpass.getuser(), "cli")


@app.command("check")
def check(file: Path) -> None:
    """Check a rules file against the configuration in force; changes nothing."""
    looks()
    from gateway.backtest import in_force, read_rules

    config = in_force(State.data)
    read = read_rules(file, config)
    count = sum(1 for d in config.devices if any(rule.concerns(d) for rule in read.rule))
    terminal.say(out, f"{file}: {len(read.rule)} rules for {count} devices; version {read.version}")
    for one in read.loosened(config):
        terminal.say(out, f"looser: {one}")


@app.command("propose")
def propose(file: Path) -> None:
    """Propose a rules file: it is checked and kept as a version, and changes nothing yet."""
    from gateway.backtest.rules import rules_text

    changing = _changing()
    made = changing.propose(rules_text(file), _me(), place=str(file))
    terminal.say(out, f"proposal {made.number}: {made.version}")
    for one in made.loosened:
        terminal.say(out, f"looser: {one}")
    terminal.say(out, f"next: riskgate rules backtest {made.number}")


@app.command("list")
def list_all() -> None:
    """Versions in force and proposals, the newest first; and the settings that devices have of their own."""
    from gateway.backtest import in_force

    changing = _changing()
    rows = [("number", "version", "state", "author", "reason", "proposed")]
    rows += [
        (str(p.number), p.version, p.state.replace("_", " "), p.author, p.reason, _when(p.made_ns))
        for p in changing.book.proposals()
    ]
    table("Rules", rows if len(rows) > 1 else [])
    own = [("device", "profile", "setting", "value")]
    for device in in_force(State.data).devices:
        own += [
            (device.key, device.profile, f"{s.channel}:{s.condition}", f"{s.value:g}")
            for s in device.overrides
        ]
    table("Settings of their own", own if len(own) > 1 else [])


@app.command("show")
def show_one(
    number: Number,
    against: Annotated[int | None, typer.Option(help="Compare with this proposal.")] = None,
) -> None:
    """One version: its text, who did what about it, and its newest back-test."""
    changing = _changing()
    one = changing.book.proposal(number)
    other = None if against is None else changing.book.proposal(against)
    if other is not None:
        names = (f"{other.number} {other.version}", f"{one.number} {one.version}")
        lines = difflib.unified_diff(other.text.splitlines(), one.text.splitlines(), *names, lineterm="")
        for line in [*lines] or ["the same text"]:
            terminal.say(out, line)
        return
    for line in one.text.strip().splitlines():
        terminal.say(out, line)
    for loose in one.loosened:
        terminal.say(out, f"looser: {loose}")
    rows = [("when", "what", "who", "by", "comment")]
    rows += [
        (_when(s.at_ns), s.what.replace("_", " "), s.person, s.via, s.comment)
        for s in changing.book.steps(number)
    ]
    table(f"Proposal {one.number}, {one.version}: {one.state.replace('_', ' ')}", rows)
    _show_trial(changing, one)


def _show_trial(changing: Changing, one: Proposal) -> None:
    import msgspec

    from gateway.backtest import Difference

    tried = changing.book.tried(one.number, _now_ns())
    if tried is None:
        terminal.say(out, f"no back-test yet: riskgate rules backtest {one.number}")
    elif tried.state != "done":
        terminal.say(out, f"back-test {tried.state}: {tried.done} of {tried.total} entries {tried.result}")
    else:
        show(msgspec.json.decode(tried.result, type=Difference), as_json=False)


@app.command("backtest")
def backtest_one(
    number: Number,
    since: Annotated[str, typer.Option(help="How far back: 90s, 30m, 12h, 7d.")] = "7d",
    begun: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Back-test a proposal; an approval needs this, of this very version."""
    from gateway.rulebook.trying import try_it

    changing = _changing()
    if begun is None:
        one = changing.book.proposal(number)
        begin_ns = since_ns(since)
        begun = changing.book.begin(one, _me().id, begin_ns, _now_ns())
    else:
        begin_ns = changing.book.trial(begun).since_ns
    with progress() as told:
        show(try_it(State.data, number, begun, begin_ns, _now_ns, told), as_json=False)


@app.command("approve")
def approve(number: Number, comment: Comment = "") -> None:
    """Approve a proposal and put it in force. A looser safety limit is approved in the console, by two."""
    made, told = _changing().approve(number, _me(), comment)
    terminal.say(out, f"proposal {made.number}, {made.version}: {told}")


@app.command("decline")
def decline(number: Number, reason: Annotated[str, typer.Option(help="Why not.")]) -> None:
    """Decline a proposal."""
    _changing().decline(number, _me(), reason)
    terminal.say(out, f"proposal {number}: declined")


@app.command("withdraw")
def withdraw(number: Number, comment: Comment = "") -> None:
    """Take back what was proposed by the command line."""
    _changing().withdraw(number, _me(), comment)
    terminal.say(out, f"proposal {number}: withdrawn")


def _when(at_ns: int) -> str:
    return datetime.fromtimestamp(at_ns / 1e9, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
