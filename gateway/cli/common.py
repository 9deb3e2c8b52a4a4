"""What every command shares: the options before it, how it reports, how it refuses."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from rich.console import Console

from gateway import terminal
from gateway.paths import DataFolder

EXIT_REFUSED = 78

OPERATE, LOOK, PROVE, DEVICES = "Operate", "Look", "Prove and export", "Devices"
"""Groups of commands in --help."""

out = Console()
err = Console(stderr=True)
table = partial(terminal.tabulate, out)


class State:
    """The options before the command."""

    data = DataFolder(Path("data"))
    config_path: Path | None = None
    supervised = False
    """This is a process of a running gateway: its supervisor's log wants the whole story of an error."""


def configuration(**overrides: Any) -> Any:
    """The configuration file with what the command line overrides."""
    from gateway.config import load

    return load(State.config_path, overrides)


def refuse(problems: list[str]) -> NoReturn:
    """End with exit code 78, telling each problem."""
    terminal.tell(err, problems)
    raise SystemExit(EXIT_REFUSED)


def compiles() -> None:
    """Compiled loops are kept in the data folder; for commands that step the monitor, before they load it."""
    os.environ.setdefault("NUMBA_CACHE_DIR", str(State.data.compiled))


def looks() -> None:
    """For commands that only read: a mistyped folder must not look like an idle gateway."""
    if not State.data.journal.is_dir():
        refuse([f"no gateway has run in {State.data.root}: is --data right?"])
    compiles()
