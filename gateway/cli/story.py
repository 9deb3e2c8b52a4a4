"""Commands about stories: what happens at a device, and every alarm event that must come of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import terminal
from gateway.cli.common import compiles, out, refuse, table

app = typer.Typer(
    no_args_is_help=True, help="Alarm stories: written by people, run through the real monitor."
)


@app.command("run")
def run(
    files: Annotated[list[Path], typer.Argument(help="Files of stories (docs/stories.md).")],
    events: Annotated[bool, typer.Option(help="Print every alarm event, for writing a story.")] = False,
) -> None:
    """Run stories: exit status 1 if one does not come true. Needs no gateway and writes nothing."""
    compiles()
    from gateway.errors import ConfigError
    from gateway.story import alarms, compare, read, shown, tell

    failed = 0
    for file in files:
        try:
            story = read(file)
        except ConfigError as error:
            refuse(error.problems)
        told = tell(story.entries)
        wrong = compare(story, told)
        failed += bool(wrong)
        terminal.say(out, f"{'FAILED' if wrong else 'true  '} {file.name}: {story.title}")
        for line in wrong:
            terminal.say(out, f"       {line}")
        if events:
            wanted = {"occurrence": 0, "cause": "", "reason": "\0"}
            rows = [tuple(shown(event, wanted)[name] for name in COLUMNS) for event in alarms(told)]
            table("", [COLUMNS, *rows])
    if failed:
        raise typer.Exit(1)


COLUMNS = ("at_s", "alarm", "occurrence", "state", "cause", "reason")
