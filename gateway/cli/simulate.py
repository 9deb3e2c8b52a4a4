"""``riskgate simulate`` and ``riskgate record``: simulated and recorded devices."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_type_hints

import typer

from gateway import terminal
from gateway.cli.common import DEVICES, configuration, err, out, table
from simulators import kinds
from simulators._sources import Plan

RECORDED = frozenset({"air_quality"})
"""Sources that are recordings, with commands of their own."""

app = typer.Typer(no_args_is_help=True, help="Publish simulated or recorded devices over MQTT.")
record_app = typer.Typer()


class PayloadForm(StrEnum):
    """How readings are packed."""

    json = "json"
    json_batch = "json_batch"
    json_columns = "json_columns"


User = Annotated[str | None, typer.Option(help="MQTT user.")]
PasswordFile = Annotated[
    Path | None, typer.Option(help="That user's password; without it the gateway's own user is used.")
]
Published = Annotated[Path | None, typer.Option(help="Log every broker acknowledgement here.")]


class Options(NamedTuple):
    """What every simulated plant and city may be told: one list for all commands."""

    seed: Annotated[int, typer.Option(help="The same seed gives the same devices, faults and noise.")] = 1
    speed: Annotated[float, typer.Option(help="1 = real time; 0 = as fast as the broker takes it.")] = 1.0
    for_s: Annotated[
        float | None, typer.Option("--for", help="End after so many seconds of the devices' time.")
    ] = None
    events: Annotated[
        Path | None, typer.Option(help="Write the truth about the faults here (events.csv).")
    ] = None
    fleet: Annotated[Path | None, typer.Option(help="Write the fleet list that the gateway needs here.")] = (
        None
    )
    fleet_only: Annotated[
        bool, typer.Option("--fleet-only", help="Write the fleet list and publish nothing.")
    ] = False
    summary: Annotated[Path | None, typer.Option(help="Write what the run was here, as JSON.")] = None
    published: Published = None
    to: Annotated[Path | None, typer.Option(help="Write a recording here at once, without a broker.")] = None
    user: User = None
    password_file: PasswordFile = None


def _with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes ``options: Options`` becomes one that takes each of them by itself."""
    own = inspect.signature(command, eval_str=True).parameters.values()
    kinds_of = get_type_hints(Options, include_extras=True)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds_of[name])
        for name, default in Options._field_defaults.items()
    ]

    @functools.wraps(command)
    def apart(**given: Any) -> None:
        options = Options(**{name: given.pop(name) for name in Options._fields})
        command(**given, options=options)

    every = [p.replace(kind=p.KEYWORD_ONLY) for p in (*own, *shared) if p.name != "options"]
    apart.__signature__ = inspect.Signature(every)  # type: ignore[attr-defined]
    return apart


def _simulate(made: list[Plan], options: Options, credentials: Path | None = None, speaker: str = "") -> None:
    """Publish these plants, or only write what is known of them beforehand."""
    from gateway import simulate_plants as plants
    from gateway.simulate_address import addresses

    if options.fleet_only:
        if options.fleet is None:
            raise typer.BadParameter("--fleet-only needs --fleet FILE")
        count = plants.write_fleet(options.fleet, made)
        terminal.say(out, f"{options.fleet}: {count:,} devices")
        return
    files = plants.Files(options.events, options.fleet, options.summary, options.published, options.to)
    address_of = addresses(configuration(), options.user, options.password_file, credentials, speaker)
    result = plants.run(
        made, address_of, err, seed=options.seed, speed=options.speed, for_s=options.for_s, files=files
    )
    plants.told(result, out)


@app.command("air-quality")
def simulate_air_quality(
    file: Path,
    speed: Annotated[float, typer.Option(help="1 = as recorded; 0 = as fast as the broker takes it.")] = 1.0,
    published: Published = None,
    device: Annotated[str, typer.Option(help="<enterprise>/<site>/<device>.")] = "demo/field/AQ-1",
    user: Annotated[str | None, typer.Option(help="MQTT user; the device by default.")] = None,
    password_file: PasswordFile = None,
) -> None:
    """Publish the UCI air-quality field recording as one gas device."""
    from gateway.simulate import air_quality

    air_quality(
        configuration(), file, speed=speed, published=published,
        device=device, username=user, password_file=password_file,
    )  # fmt: skip


@app.command("city")
@_with_options
def simulate_city(
    options: Options,
    devices: Annotated[int | None, typer.Option(min=1, help="How many; the scenario's own number.")] = None,
    scenario: Annotated[Path | None, typer.Option(help="A scenario file; the shipped city.")] = None,
    credentials: Annotated[
        Path | None, typer.Option(help='Lines "user:password", one for each enterprise of the city.')
    ] = None,
) -> None:
    """A whole city from one process: one connection an enterprise, faults by the scenario, labels."""
    from gateway.simulate_plants import city_plans

    _simulate(city_plans(scenario, devices, options.seed, options.for_s), options, credentials)


@app.command("recording")
def simulate_recording(
    file: Path,
    speed: Annotated[
        float, typer.Option(help="1 = as it arrived; 0 = as fast as the broker takes it.")
    ] = 1.0,
    as_recorded: Annotated[
        bool, typer.Option("--as-recorded", help="Send the very bytes; else times are moved to now.")
    ] = False,
    user: User = None,
    password_file: PasswordFile = None,
) -> None:
    """Publish a recording again, at any speed."""
    from gateway.recording import replay
    from gateway.simulate_address import broker_address

    address = broker_address(configuration(), user or "replay", user, password_file)
    table("Replayed", replay(address, file, err, speed=speed, as_recorded=as_recorded).rows())


@record_app.command("record", rich_help_panel=DEVICES)
def record(
    file: Path,
    topic: Annotated[str, typer.Option(help="An MQTT topic filter.")] = "rg/#",
    for_s: Annotated[float | None, typer.Option("--for", help="End after so many seconds.")] = None,
    messages: Annotated[int | None, typer.Option(min=1, help="End after so many messages.")] = None,
    user: User = None,
    password_file: PasswordFile = None,
) -> None:
    """Record a live stream to a file: JSON lines, one a message."""
    from gateway.recording import record as record_stream
    from gateway.simulate_address import broker_address

    address = broker_address(configuration(), user or "recorder", user, password_file, "record")
    counted = record_stream(address, file, err, topic=topic, for_s=for_s, messages=messages)
    table("Recorded", counted.rows())


def _add(kind: str) -> None:
    """The command of one plant."""

    @_with_options
    def command(
        options: Options,
        devices: Annotated[int, typer.Option(min=1, help="How many.")] = 3,
        site: Annotated[str, typer.Option(help="<enterprise>/<site>.")] = "demo/simulated",
        fault: Annotated[
            list[str] | None,
            typer.Option(help="KIND@T[,for=S][,severity=X][,device=N][,channel=C]; may come several times."),
        ] = None,
        period: Annotated[float, typer.Option(help="Seconds between readings; the profile's.")] = 0.0,
        scale: Annotated[float, typer.Option(help="Seconds of physics in one second of time.")] = 1.0,
        form: Annotated[
            PayloadForm, typer.Option(help="How readings are packed.")
        ] = PayloadForm.json_columns,
    ) -> None:
        from gateway.simulate_plants import one_plan

        plan = one_plan(kind, site, devices, fault or (), form=form.value, period_s=period, scale=scale)
        _simulate([plan], options, speaker=site)

    app.command(kind.replace("_", "-"), help=f"Publish devices of the plant {kind}; see docs/plugins.md.")(
        command
    )


for _kind in kinds():
    if _kind not in RECORDED:
        _add(_kind)
