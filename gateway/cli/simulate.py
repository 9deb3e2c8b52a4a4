"""``riskgate simulate``: simulated and recorded devices."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from gateway.cli.common import configuration

app = typer.Typer(no_args_is_help=True, help="Publish simulated or recorded devices over MQTT.")


@app.command("air-quality")
def simulate_air_quality(
    file: Path,
    speed: Annotated[float, typer.Option(help="1 = as recorded; 0 = as fast as the broker takes it.")] = 1.0,
    published: Annotated[Path | None, typer.Option(help="Log every broker acknowledgement here.")] = None,
    device: Annotated[str, typer.Option(help="<enterprise>/<site>/<device>.")] = "demo/field/AQ-1",
    user: Annotated[str | None, typer.Option(help="MQTT user; the device by default.")] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="That user's password; without it the gateway's own user is used.")
    ] = None,
) -> None:
    """Publish the UCI air-quality field recording as one gas device."""
    from gateway.simulate import air_quality

    air_quality(
        configuration(), file, speed=speed, published=published,
        device=device, username=user, password_file=password_file,
    )  # fmt: skip
