"""Commands that try new rules on what was recorded: backtest, rules."""

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
rules_app = typer.Typer(no_args_is_help=True, help="Rules files: other settings of alarms, tried first.")
app.add_typer(rules_app, name="rules", rich_help_panel=PROVE)

SPAN = re.compile(r"(\d{1,6})([smhd])")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
NS = 1_000_000_000


@app.command(rich_help_panel=PROVE)
def backtest(
    rules: Annotated[Path, typer.Option(help="The rules file to try (docs/rules.md).")],
    since: Annotated[str, typer.Option(help="How far back: 90s, 30m, 12h, 7d.")] = "7d",
    as_json: Annotated[bool, typer.Option("--json", help="Print the difference as JSON.")] = False,
) -> None:
    """Which alarms new rules would have given, and which not; changes nothing."""
    looks()
    from gateway.clock import SystemClock

    found = SPAN.fullmatch(since)
    if not found:
        refuse([f"--since {since}: is no length of time; write 90s, 30m, 12h or 7d"])
    span_ns = int(found[1]) * SECONDS[found[2]] * NS
    show(tried(rules, max(0, SystemClock().wall_ns() - span_ns)), as_json=as_json)


@rules_app.command("check")
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


@rules_app.command("list")
def list_own() -> None:
    """Devices that have settings of their own, as they are in force."""
    looks()
    from gateway.backtest import in_force

    rows = [("device", "profile", "setting", "value")]
    for device in in_force(State.data).devices:
        rows += [
            (device.key, device.profile, f"{s.channel}:{s.condition}", f"{s.value:g}")
            for s in device.overrides
        ]
    table("Settings of their own", rows if len(rows) > 1 else [])


def tried(file: Path, since_ns: int) -> Difference:
    """Back-test a rules file, with a progress bar on standard error."""
    from gateway.backtest import backtest as run
    from gateway.backtest import in_force, read_rules

    read = read_rules(file, in_force(State.data))
    with _progress() as told:
        return run(State.data, read, since_ns, None, told)


def show(found: Difference, *, as_json: bool) -> None:
    """Print the difference for people, or as JSON."""
    import msgspec

    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
        return
    table("Back-test", found.rows())
    table("Alarms that differ", found.alarm_rows())
    for example in found.examples:
        sign = "+" if example.added else "-"
        when = datetime.fromtimestamp(example.at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        terminal.say(out, f"{sign} {when} {example.alarm}: {example.reason_en} / {example.reason_zh}")
    for one in found.loosened:
        terminal.say(out, f"looser: {one}")


@contextmanager
def _progress() -> Iterator[Progress]:
    from rich.progress import Progress as Bar

    with Bar(console=err, transient=True) as bar:
        task = bar.add_task("entries", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
