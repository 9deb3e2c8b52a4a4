"""What ``riskgate devices list|show|quarantine`` print: tables as rows, the first of them the heading."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import date
from typing import Any

from device_profiles import LIMITS, Profile, is_safety, override
from gateway.commands import ask
from gateway.config import Config
from gateway.devices_command import expired
from gateway.errors import CoreUnreachable, RiskgateError
from gateway.fleet import Gathered, Retired, gather
from gateway.inspection import quarantine, when
from gateway.monitor.channels import Device
from gateway.paths import DataFolder

Rows = list[tuple[Any, ...]]
QUALITY = ("good", "uncertain", "bad")


@dataclass(frozen=True, slots=True)
class Which:
    """Filters; "" takes all."""

    enterprise: str = ""
    county: str = ""
    sector: str = ""
    site: str = ""
    profile: str = ""
    state: str = ""
    """in service, planned, expired or retired."""

    def takes(self, device: Device, state: str) -> bool:
        """Whether a device is asked for; a profile's family alone takes all of the family."""
        pairs = (
            (self.enterprise, device.enterprise),
            (self.county, device.county),
            (self.sector, device.sector),
            (self.site, device.site),
            (self.state, state),
        )
        if any(asked and asked != has for asked, has in pairs):
            return False
        return not self.profile or self.profile in (device.profile, device.profile.partition("/")[0])


def state_of(device: Device, today: date) -> str:
    """What a day makes of a device that is in the fleet."""
    if expired(device, today):
        return "expired"
    return "planned" if device.commissioned > today.isoformat() else "in service"


def listing(config: Config, which: Which, today: date, limit: int) -> tuple[Rows, int]:
    """(one row a device, how many there are in all): at most ``limit`` of them."""
    fleet = gather(config.fleet, config.profiles)
    found: Rows = [("device", "profile", "state", "county", "sector", "asset")]
    total = 0
    for device, state in _all(fleet, today):
        if not which.takes(device, state):
            continue
        total += 1
        if total <= limit:
            found.append(
                (
                    device.key, device.profile, _with_day(device, state, fleet.retired),
                    device.county, device.sector, device.asset,
                )
            )  # fmt: skip
    return (found if total else []), total


def show(config: Config, data: DataFolder, key: str, today: date) -> list[tuple[str, Rows]]:
    """Tables (title, rows) of one device; RiskgateError if the fleet has none of that key."""
    fleet = gather(config.fleet, config.profiles)
    gone = fleet.retired.get(key)
    device = gone.device if gone else next((d for d in fleet.devices if d.key == key), None)
    if device is None:
        known = [d.key for d in fleet.devices] if len(fleet.devices) <= 10_000 else []
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean {near[0]}?" if near else "see 'riskgate devices list'"
        raise RiskgateError(f"{key} is not in the fleet; {hint}")
    profile = fleet.profiles[device.profile]
    return [
        (f"Device {key}", _facts(device, profile, gone, today)),
        ("Limits in force" if gone is None else "Limits until then", _limits(device, profile)),
        *([] if gone else [("Last values", _values(data, key))]),
    ]


def speakers(config: Config, data: DataFolder) -> Rows:
    """Unknown devices, busiest first; a retired one that still speaks is named so."""
    rows = quarantine(data)
    if not rows:
        return rows
    retired = gather(config.fleet, config.profiles).retired
    notes = (
        f"retired on {retired[row[0]].on}: {retired[row[0]].reason}" if row[0] in retired else ""
        for row in rows[1:]
    )
    return [(*rows[0], "note"), *((*row, note) for row, note in zip(rows[1:], notes, strict=True))]


def _with_day(device: Device, state: str, retired: dict[str, Retired]) -> str:
    day = {
        "retired": lambda: retired[device.key].on,
        "planned": lambda: device.commissioned,
        "in service": lambda: device.expires and f"until {device.expires}",
    }.get(state, lambda: device.expires)()
    return f"{state} {day}".rstrip()


def _all(fleet: Gathered, today: date) -> list[tuple[Device, str]]:
    found = [(device, state_of(device, today)) for device in fleet.devices]
    return found + [(gone.device, "retired") for gone in fleet.retired.values()]


def _facts(device: Device, profile: Profile, gone: Retired | None, today: date) -> Rows:
    rows: Rows = [
        ("what", "value"),
        ("asset", device.asset),
        ("profile", f"{device.profile}: {profile.title_en} / {profile.title_zh}"),
        ("state", "retired" if gone else state_of(device, today)),
    ]
    if gone:
        rows.append(("retired", f"{gone.on}: {gone.reason}"))
    if device.latitude is not None:
        rows.append(("location", f"{device.latitude}, {device.longitude}"))
    optional = (
        ("county", device.county),
        ("sector", device.sector),
        ("commissioned", device.commissioned),
        ("expires", device.expires),
    )
    return rows + [(name, value) for name, value in optional if value]


def _limits(device: Device, profile: Profile) -> Rows:
    own = override(profile, {(s.channel, s.condition): s.value for s in device.overrides})
    rows: Rows = [
        ("channel", "limit", "in force", "profile's", "unit", "deadband", "delays s", "priority", "safety")
    ]
    for alarm, mine in zip(profile.alarms, own.alarms, strict=True):
        point = profile.point(alarm.channel)
        if point is None or (alarm.condition not in LIMITS and alarm == mine):
            continue
        limit = alarm.condition in LIMITS
        rows.append(
            (
                alarm.channel,
                alarm.condition,
                f"{mine.setpoint:g}" if limit else "",
                f"{alarm.setpoint:g}" if limit else "",
                point.unit,
                _changed(alarm.deadband, mine.deadband) if limit else "",
                (
                    f"{_changed(alarm.on_delay_ns / 1e9, mine.on_delay_ns / 1e9)} / "
                    f"{_changed(alarm.off_delay_ns / 1e9, mine.off_delay_ns / 1e9)}"
                ),
                alarm.priority,
                "yes" if is_safety(alarm) else "",
            )
        )
    return rows if len(rows) > 1 else []


def _changed(profiles: float, own: float) -> str:
    return f"{own:g}" if own == profiles else f"{own:g} (profile {profiles:g})"


def _values(data: DataFolder, key: str) -> Rows:
    try:
        values = ask(data.core_socket, {"op": "values", "device": key})["values"]
    except CoreUnreachable:
        return []
    rows: Rows = [("channel", "value", "quality", "at (UTC)")]
    for value in values:
        heard = value["event_ns"] > 0
        quality = QUALITY[value["quality"]] if heard else ""
        rows.append(
            (value["channel"], value["value"], quality, when(value["event_ns"]) if heard else "never")
        )
    return rows if len(rows) > 1 else []
