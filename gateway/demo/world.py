"""The demonstration's little city: which devices there are, in which plants, and what goes wrong when.

Faults begin within the first seconds and every one shows itself within half a minute, so that whoever looks
sees each kind of alarm. Slow physics (polarisation, a filter's cake) runs faster than life: see ``scale``.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import Literal

from simulators import Fault

PERIOD_S = 1.0
"""Every device sends once a second, whatever its profile's period."""
LAST_LABEL_S = 34.0
"""Every fault must have shown itself by then (tested)."""
NEVER_SEEN = "tankfarm-co/terminal-1/GD-99"
"""In the fleet, never there."""
UNKNOWN = "tankfarm-co/terminal-1/GD-77"
"""Speaks, but is not in the fleet."""
RAMBLER = "tankfarm-co/terminal-1/GD-14"
"""Sends something unreadable now and then, beside its readings."""


@dataclass(frozen=True)
class Site:
    """One plant of the demonstration."""

    kind: str
    asset: str
    devices: tuple[str, ...]
    form: Literal["json", "json_batch", "json_columns"]
    faults: tuple[Fault, ...] = ()
    scale: float = 1.0


def _named(place: str, prefix: str, first: int, count: int) -> tuple[str, ...]:
    return tuple(f"{place}/{prefix}-{number:02d}" for number in range(first, first + count))


_TERMINAL = "tankfarm-co/terminal-1"
_HOMES = "city-gas/riverside"
_LINE = "pipeline-co/north-line"
_PIPE = "city-gas/ring-main"
_WOOD = "woodworks/mill-2"

WHERE = {
    _TERMINAL: ("harbour", 34.742, 113.588),
    _HOMES: ("riverside", 34.757, 113.640),
    _LINE: ("north", 34.781, 113.611),
    _PIPE: ("riverside", 34.748, 113.655),
    _WOOD: ("north", 34.772, 113.668),
}
"""Place -> its county, and about where it lies: invented, for overview and map."""
STEP_DEG = 0.0015
"""Devices of one plant stand so far apart."""

SITES = (
    Site("gas_room", "pump room", _named(_TERMINAL, "GD", 11, 4), "json", (Fault("leak", 5),)),
    Site(
        "gas_room",
        "compressor room",
        _named(_TERMINAL, "GD", 21, 4),
        "json",
        (Fault("dropout", 4, device=1), Fault("sensor_fault", 7, device=2, channel="lel")),
    ),
    Site(
        "gas_room",
        "boiler house",
        _named(_TERMINAL, "GD", 31, 4),
        "json_batch",
        (Fault("wrong_clock", 8, device=0), Fault("bad_quality", 9, device=3, channel="lel")),
    ),
    Site(
        "household_set",
        "kitchens",
        _named(_HOMES, "HS", 1, 14),
        "json_columns",
        (Fault("leak", 4, device=2),),
    ),
    Site("pipeline_segment", "line A", _named(_LINE, "RTU-A", 1, 2), "json_batch", (Fault("rupture", 3),)),
    Site(
        "pipeline_segment",
        "line B",
        _named(_LINE, "RTU-B", 1, 2),
        "json_batch",
        (Fault("pump_trip", 12), Fault("sensor_fault", 6, device=1, channel="pressure")),
    ),
    Site(
        "cp_post",
        "east",
        _named(_PIPE, "TP-E", 1, 4),
        "json_columns",
        (Fault("rectifier_out", 3),),
        scale=720.0,
    ),
    Site(
        "cp_post",
        "west",
        _named(_PIPE, "TP-W", 1, 4),
        "json_columns",
        (Fault("ac_interference", 10, device=1),),
    ),
    Site(
        "dust_filter",
        "sanding",
        _named(_WOOD, "FD-S", 1, 3),
        "json_batch",
        (Fault("blocked", 3, device=0),),
        scale=120.0,
    ),
    Site(
        "dust_filter",
        "chipping",
        _named(_WOOD, "FD-C", 1, 3),
        "json_batch",
        (Fault("vent_burst", 13, device=1),),
    ),
)


def profile_of(site: Site) -> str:
    """The profile of a plant's devices."""
    from simulators import load  # noqa: PLC0415 - the gateway's own start needs no simulator

    return str(load(site.kind).PROFILE)


def fleet() -> str:
    """fleet.csv of the demonstration."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("enterprise", "site", "asset", "device", "profile", "county", "latitude", "longitude"))
    listed = [(key, site.asset, profile_of(site)) for site in SITES for key in site.devices]
    listed.append((NEVER_SEEN, "not built yet", "gas/combustible_point"))
    known: dict[str, int] = {}
    for key, asset, profile in listed:
        enterprise, place, device = key.split("/")
        county, latitude, longitude = WHERE[f"{enterprise}/{place}"]
        row, column = divmod(known.setdefault(f"{enterprise}/{place}", 0), 4)
        known[f"{enterprise}/{place}"] += 1
        at = (f"{latitude - row * STEP_DEG:.4f}", f"{longitude + column * STEP_DEG:.4f}")
        writer.writerow((enterprise, place, asset, device, profile, county, *at))
    return text.getvalue()


def configuration(broker: int, http: int, console: int, webhook: int) -> str:
    """riskgate.toml of the demonstration; paths are relative to the file."""
    return f"""# {MARK}: written anew at every start of riskgate demo
fleet = "fleet.csv"

[ingest]
port = {broker}
username = "gateway"
password_file = "gateway.password"
client_id = "riskgate-demo"

[http]
port = {http}

[console]
port = {console}

[sinks.webhook]
kind = "webhook"
url = "http://127.0.0.1:{webhook}/alarms"
allow = ["127.0.0.1:{webhook}"]
secret_file = "webhook.secret"
"""


MARK = "riskgate demonstration"
"""In the first line of the file; a folder whose configuration does not carry it is never touched."""
