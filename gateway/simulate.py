"""``riskgate simulate``: recorded devices over MQTT to the configured broker, with a progress bar."""

from __future__ import annotations

import asyncio
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gateway.clock import SystemClock
from gateway.config import Config
from gateway.errors import RiskgateError
from gateway.simulate_address import broker_address
from simulators import air_quality as recording


def air_quality(
    config: Config,
    file: Path,
    *,
    speed: float = 1.0,
    published: Path | None = None,
    device: str = recording.DEVICE,
    username: str | None = None,
    password_file: Path | None = None,
) -> int:
    """Publish the file as one device; returns how many rows. RiskgateError says what is wrong with file,
    device or broker.

    With a password file the user is ``username`` or else the device's key, as the shipped access list wants
    it; without one, the gateway's own user, which that list lets only read.
    """
    if len(device.split("/")) != 3 or speed < 0:
        raise RiskgateError(f"device {device!r} must be <enterprise>/<site>/<device>, and speed 0 or more")
    try:
        rows = recording.read(file.read_text(encoding="utf-8").splitlines())
    except ValueError as error:
        raise RiskgateError(f"{file}: {error}") from error
    address = broker_address(config, device, username, password_file)
    log = published.open("a", encoding="utf-8", buffering=1) if published is not None else None
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns) as bar:
            task = bar.add_task(f"{device} at {speed:g}x", total=len(rows))
            asyncio.run(
                recording.publish(
                    rows,
                    address,
                    SystemClock().wall_ns,
                    speed=speed,
                    device=device,
                    log=log,
                    progress=lambda done, _: bar.update(task, completed=done),
                )
            )
    except ConnectionError as error:
        raise RiskgateError(str(error)) from error
    finally:
        if log is not None:
            log.close()
    return len(rows)
