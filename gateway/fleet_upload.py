"""A fleet list sent by somebody who may change only a part of the fleet: looked at, or put in force.

Guarantee: whoever is of one county or enterprise adds, changes and retires devices of that only; all others
stay as they are, in their order, and are not named to him. What is put in force goes the same way as
``riskgate devices import``: the list is written whole with the old one kept, the running core reads it and
journals the change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from gateway.devices_command import (
    Difference,
    Files,
    Left,
    channels_of,
    compare,
    expired,
    locked,
    put,
    take_along,
)
from gateway.errors import ConfigError, RiskgateError
from gateway.fleet import MAX_TOLD, Gathered, Retired, gather, shared_topics, wrong_upstreams
from gateway.monitor.channels import Device
from gateway.paths import DataFolder

FORMULA = ("=", "+", "-", "@")
"""How a cell begins that a spreadsheet would carry out."""
Sees = Callable[[str, str], bool]
"""(enterprise, county) -> whether its devices are the sender's own."""


class StaleError(RiskgateError):
    """The fleet is another one than the sender looked at."""


@dataclass(frozen=True, slots=True)
class FleetFiles:
    """Where the fleet list and profiles of one's own lie."""

    fleet: Path
    profiles: list[Path]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends a list. whole: of the whole city. sees: whose devices are his."""

    whole: bool
    sees: Sees

    def own(self, device: Device) -> bool:
        """Whether a device is the sender's to change."""
        return self.whole or self.sees(device.enterprise, device.county)


def state_of(fleet: Path) -> str:
    """Names the fleet list as it is now; "" when there is none."""
    return hashlib.sha256(fleet.read_bytes()).hexdigest() if fleet.exists() else ""


def upload(
    files: Files, data: DataFolder, file: Path, left: Left, today: date, sender: Sender, *, apply: bool,
    expect: str = "",
) -> tuple[Difference, str]:  # fmt: skip
    """(what the list changes, or changed with ``apply``; the state of the fleet after it). ConfigError with
    what is wrong with it by line, StaleError unless the fleet is as ``expect`` says ("" asks for nothing)."""
    with locked(files.fleet):
        if expect and expect != state_of(files.fleet):
            raise StaleError("the fleet was changed since: look at what the list would change once more")
        try:
            old = gather(files.fleet, files.profiles) if files.fleet.exists() else Gathered()
        except ConfigError as error:
            reason = f": {error.problems[0]}" if sender.whole else ""
            raise RiskgateError(f"the fleet in force is wrong{reason}; correct it first") from None
        new = gather(file, files.profiles, today=today, told=MAX_TOLD, also=_more(sender, old))
        others = _parts(old, sender)[1]
        take_along(file, _parts(old, sender)[0], new, left, today)
        new.devices = others.devices + new.devices
        new.retired = others.retired | new.retired
        _fits_all(file, new, sender)
        found = compare(old, new)
        if apply:
            found = put(files, data, old, new, today)
        return _for(sender, found, new, today), state_of(files.fleet)


def _parts(fleet: Gathered, sender: Sender) -> tuple[Gathered, Gathered]:
    """(the sender's own, all others')."""
    parts = Gathered(), Gathered()
    for device in fleet.devices:
        parts[not sender.own(device)].devices.append(device)
    for key, gone in fleet.retired.items():
        parts[not sender.own(gone.device)].retired[key] = gone
    return parts


def _more(sender: Sender, old: Gathered) -> Callable[[Device, Retired | None], list[str]]:
    taken = {device.key for device in old.devices if not sender.own(device)}
    taken |= {key for key, gone in old.retired.items() if not sender.own(gone.device)}

    def asked(device: Device, retired: Retired | None) -> list[str]:
        faults = []
        if not sender.own(device):
            column = "county" if sender.sees(device.enterprise, "") or not device.county else "enterprise"
            faults.append(f"column {column}: is not of your organisation; leave this row out")
        elif device.key in taken:
            faults.append("column device: this name is taken at this site; choose another one")
        texts = {"asset": device.asset, "county": device.county, "sector": device.sector}
        if retired is not None:
            texts["retired_reason"] = retired.reason
        faults += [
            f"column {column}: begins with {text[0]!r}, which a spreadsheet carries out; write it otherwise"
            for column, text in texts.items()
            if text.startswith(FORMULA)
        ]
        return faults

    return asked


def _fits_all(file: Path, new: Gathered, sender: Sender) -> None:
    faults = [*shared_topics(new.devices, new.profiles), *wrong_upstreams(new.devices, new.retired)]
    unnamed = "column device: publishes where somebody else's does, or somebody else's reports through it"
    if faults:
        told = [f"{key}: {fault}" if sender.whole else unnamed for key, fault in faults[:MAX_TOLD]]
        raise ConfigError([f"{file}: {one}" for one in told])


def _for(sender: Sender, found: Difference, new: Gathered, today: date) -> Difference:
    """Counts and names of the sender's own devices alone."""
    own = [device for device in new.devices if sender.own(device)]
    found.devices, found.channels = len(own), channels_of(own, new.profiles)
    found.expired = [device.key for device in own if expired(device, today)]
    return found
