"""The command that tries new rules on what was recorded: backtest, and how its answer is shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway import terminal
from gateway.cli.common import PROVE, State, err, looks, out, refuse, table

if TYPE_CHECKING:
    from gateway.backtest import Difference
    from gateway.backtest.stepping import Progress

app = typer.Typer()

SPAN = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NS = 1_000_000_000


@app.command(rich_help_panel=PROVE)
def backtest(
    rules: Annotated[Path, typer.Option(help="The rules file to try (docs/rules.md).")],
    since: Annotated[str, typer.Option(help="How far back: 90s, 30m, 12h, 7d.")] = "7d",
    kpi: Annotated[
        bool, typer.Option("--kpi", help="Alarm figures of the plant before and after too.")
    ] = False,
    operators: Annotated[int, typer.Option(min=1, help="Who share the alarms, for --kpi.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the difference as JSON.")] = False,
) -> None:
    """Which alarms new rules would have given, and which not; changes nothing."""
    looks()
    show(tried(rules, since_ns(since), kpi=kpi, operators=operators), as_json=as_json)


def since_ns(since: str) -> int:
    """The wall clock that long ago."""
    from gateway.clock import SystemClock

    found = SPAN.fullmatch(since)
    if not found:
        refuse([f"--since {since}: is no length of time; write 90s, 30m, 12h or 7d"])
    return max(0, SystemClock().wall_ns() - int(found[1]) * SECONDS[found[2]] * NS)


def tried(file: Path, since_ns: int, *, kpi: bool = False, operators: int = 1) -> Difference:
    """Back-test a rules file, with a progress bar on standard error."""
    from gateway.backtest import backtest as run
    from gateway.backtest import in_force, read_rules

    read = read_rules(file, in_force(State.data))
    with progress() as told:
        return run(State.data, read, since_ns, None, told, kpi=kpi, operators=operators)


def what_would_be(what: str) -> Difference:
    """The whole journal with a rules file, other profiles, or this version's behaviour."""
    from gateway.backtest import in_force
    from gateway.backtest import what_if as other

    if what == "behaviour":
        with progress() as told:
            return other.with_this_behaviour(State.data, told)
    path = Path(what)
    if not path.is_dir() and "[profile]" not in _text(path):
        return tried(path, 0)
    profiles = other.read_other_profiles(path, in_force(State.data))
    with progress() as told:
        return other.with_profiles(State.data, profiles, told)


def _text(path: Path) -> str:
    from gateway.backtest.rules import rules_text

    return rules_text(path)


def show(found: Difference, *, as_json: bool) -> None:
    """Print the difference for people, or as JSON."""
    import msgspec

    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    table("Back-test", found.rows())
    table("Alarms that differ", found.alarm_rows())
    if found.figures is not None:
        table("Alarm figures", found.figures.rows())
    for example in found.examples:
        sign = "+" if example.added else "-"
        when = datetime.fromtimestamp(example.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        terminal.say(out, f"{sign} {when} {example.alarm}: {example.reason_en} / {example.reason_zh}")
    for one in found.loosened:
        terminal.say(out, f"looser: {one}")


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on standard error."""
    from rich.progress import Progress as Bar

    with Bar(console=err, transient=True) as bar:
        task = bar.add_task("entries", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
