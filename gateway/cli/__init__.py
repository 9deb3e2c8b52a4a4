"""The command line: ``riskgate --data DIR --config FILE COMMAND``; any number side by side.

One module a group of commands; what a command does stands outside this package.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway import terminal
from gateway.cli import (
    accounts,
    change,
    devices,
    duty,
    evaluate,
    look,
    lookback,
    maintenance,
    operate,
    profiles,
    prove,
    rules,
    setup,
    simulate,
    story,
    train,
)
from gateway.cli.common import DEVICES, LOOK, OPERATE, PROVE, State, refuse
from gateway.errors import ConfigError, RiskgateError
from gateway.paths import DataFolder

app = typer.Typer(
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    help="IoT risk monitoring and alerting gateway. Not a safety instrumented function; claims no SIL.",
)
app.add_typer(operate.app)
app.add_typer(look.app)
app.add_typer(duty.app)
app.add_typer(maintenance.app, name="maintenance", rich_help_panel=LOOK)
app.add_typer(lookback.app)
app.add_typer(prove.app)
app.add_typer(rules.app)
app.add_typer(change.app, name="rules", rich_help_panel=PROVE)
app.add_typer(evaluate.app)
app.add_typer(story.app, name="story", rich_help_panel=PROVE)
app.add_typer(train.app, name="train", rich_help_panel=DEVICES)
app.add_typer(devices.app, name="devices", rich_help_panel=DEVICES)
app.add_typer(profiles.app, name="profiles", rich_help_panel=DEVICES)
app.add_typer(simulate.app, name="simulate", rich_help_panel=DEVICES)
app.add_typer(simulate.record_app)
app.add_typer(setup.app)
app.add_typer(accounts.app, name="accounts", rich_help_panel=OPERATE)
app.add_typer(accounts.tokens_app, name="tokens", rich_help_panel=OPERATE)
app.add_typer(setup.credentials_app, name="credentials", rich_help_panel=DEVICES)


@app.callback()
def common(
    data: Annotated[Path, typer.Option(help="Folder that holds this gateway's files.")] = Path("data"),
    config: Annotated[
        Path | None, typer.Option(help="riskgate.toml; defaults to DATA/riskgate.toml.")
    ] = None,
) -> None:
    """Options for every command."""
    State.data = DataFolder(data)
    beside = data / "riskgate.toml"
    State.config_path = config if config is not None else (beside if beside.exists() else None)


def main() -> None:
    """Entry point: every RiskgateError, and what the system refuses, becomes a line a person can act on."""
    try:
        app()
    except ConfigError as error:
        refuse(error.problems)
    except RiskgateError as error:
        refuse([str(error)])
    except OSError as error:
        if State.supervised:
            raise
        refuse([terminal.of_system(error)])
