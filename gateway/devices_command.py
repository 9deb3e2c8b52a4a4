"""What ``riskgate devices`` does: the fleet list is read whole, changed whole, and a running core takes it.

Guarantee: a list with any mistake changes nothing. The list before the last change is kept beside it with
``.old`` added. No device leaves the fleet but by a person's word, and who left stays in the list with day
and reason.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Protocol

from device_profiles import Profile
from gateway import private_files
from gateway.commands import ask
from gateway.config import Config
from gateway.errors import ConfigError, CoreUnreachable, RiskgateError
from gateway.fleet import (
    ID,
    Gathered,
    Progress,
    Retired,
    gather,
    shared_topics,
    text_of,
    wrong_upstreams,
)
from gateway.monitor.addresses import like
from gateway.monitor.channels import Device
from gateway.paths import DataFolder

MODE = 0o640
RELOAD_S = 120.0
LISTED = 20
"""Devices told one by one where nothing must be looked up."""


class Files(Protocol):
    """Where the fleet list and profiles of one's own lie."""

    @property
    def fleet(self) -> Path: ...  # noqa: D102
    @property
    def profiles(self) -> list[Path]: ...  # noqa: D102


@dataclass(slots=True)
class Difference:
    """What a change of the fleet did, by key."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    retired: list[str] = field(default_factory=list)
    devices: int = 0
    """Expected to speak now."""
    channels: int = 0
    expired: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    core: str = ""
    """What the running core said, or that none runs."""


@dataclass(frozen=True, slots=True)
class Left:
    """Devices that a new list leaves out."""

    keep: bool = False
    """They stay as they are: the list adds to the fleet."""
    retire: bool = False
    """They are retired today."""


def import_list(
    config: Config, data: DataFolder, file: Path, left: Left, today: date, progress: Progress | None = None
) -> Difference:
    """Make ``file`` the gateway's fleet. ConfigError with all of its problems, told line by line; then
    nothing was changed."""
    new = gather(file, config.profiles, today=today, told=None, progress=progress)
    with locked(config.fleet):
        try:
            old = gather(config.fleet, config.profiles) if config.fleet.exists() else Gathered()
        except ConfigError as error:
            if not left.retire:
                fix = "correct it, or say --retire-missing to replace it by this list"
                raise ConfigError(
                    [*error.problems, f"{config.fleet}: the fleet in force is wrong: {fix}"]
                ) from None
            old = Gathered()
        take_along(file, old, new, left, today)
        return put(config, data, old, new, today)


def adopt(
    config: Config, data: DataFolder, device: Device, heard: Collection[str] | None, today: date
) -> Difference:
    """Put one unknown speaker into the fleet. heard: who is unknown and speaks; None: it need not have."""
    for name in ("enterprise", "site", "device"):
        if not ID.fullmatch(getattr(device, name)):
            raise RiskgateError(f"{device.key!r}: {name} is no id; write <enterprise>/<site>/<device>")
    if heard is not None and not any(like(key, device.key) for key in heard):
        raise RiskgateError(
            f"{device.key} is not among the unknown speakers ('riskgate devices quarantine'); "
            "say --unheard to register it all the same"
        )
    with locked(config.fleet):
        old = gather(config.fleet, config.profiles)
        if any(d.key == device.key for d in old.devices):
            raise RiskgateError(f"{device.key} is in the fleet already; change its row with 'devices import'")
        if device.key in old.retired:
            on = old.retired[device.key].on
            raise RiskgateError(
                f"{device.key} was retired on {on}; empty its retired cells in {config.fleet}"
            )
        if device.profile not in old.profiles:
            raise RiskgateError(f"profile {device.profile!r} is not known; see 'riskgate profiles list'")
        new = _copy(old)
        new.devices.append(device)
        return put(config, data, old, new, today)


def retire(config: Config, data: DataFolder, key: str, on: date, reason: str, today: date) -> Difference:
    """End one device's time in the fleet; its open alarms end with it, and it is no longer listened to."""
    with locked(config.fleet):
        old = gather(config.fleet, config.profiles)
        device = next((d for d in old.devices if d.key == key), None)
        if device is None:
            told = f"was retired on {old.retired[key].on}" if key in old.retired else "is not in the fleet"
            raise RiskgateError(f"{key} {told}; see 'riskgate devices list'")
        if on > today:
            raise RiskgateError(f"{on} lies in the future; retire the device on its last day")
        new = _copy(old)
        new.devices.remove(device)
        new.retired[key] = Retired(device, on.isoformat(), reason)
        return put(config, data, old, new, today)


def expired(device: Device, today: date) -> bool:
    """Whether its sensor is past its life."""
    return bool(device.expires) and device.expires <= today.isoformat()


def channels_of(devices: list[Device], profiles: dict[str, Profile]) -> int:
    """How many channels these devices have."""
    points = {name: len(profile.points) for name, profile in profiles.items()}
    return sum(points[device.profile] for device in devices)


def _copy(fleet: Gathered) -> Gathered:
    return Gathered([*fleet.devices], fleet.texts, fleet.profiles, {**fleet.retired}, [*fleet.warnings])


def take_along(file: Path, old: Gathered, new: Gathered, left: Left, today: date) -> None:
    """What the old fleet has and the new list has not."""
    here = {device.key for device in new.devices} | new.retired.keys()
    for key, gone in old.retired.items():
        if key not in here:
            new.retired[key] = gone
    for device in new.devices:
        if device.key in old.retired:
            new.warnings.append(f"{device.key} was retired on {old.retired[device.key].on}: it is back")
    missing = [device for device in old.devices if device.key not in here]
    if left.keep:
        new.devices += missing
    elif left.retire:
        on, reason = today.isoformat(), f"left out of {file.name}"
        new.retired |= {device.key: Retired(device, on, reason) for device in missing}
    elif missing:
        shown = [f"{file}: leaves out {device.key}, which is in the fleet" for device in missing[:LISTED]]
        more = [f"{file}: and {len(missing) - LISTED} more"] if len(missing) > LISTED else []
        fix = "nothing was changed: say --keep-missing to keep them, --retire-missing to retire them"
        raise ConfigError([*shown, *more, f"{file}: {fix}"])


def put(config: Files, data: DataFolder, old: Gathered, new: Gathered, today: date) -> Difference:
    """Write the fleet list, the old one kept beside it, and have a running core take it. ConfigError, and
    nothing is changed, when two devices would publish at one topic."""
    shared = [f"{config.fleet}: {key}: {fault}" for key, fault in shared_topics(new.devices, new.profiles)]
    lost = wrong_upstreams(new.devices, new.retired)
    shared += [f"{config.fleet}: {key}: {fault}" for key, fault in lost]
    if shared:
        raise ConfigError(shared)
    difference = compare(old, new)
    difference.expired = [device.key for device in new.devices if expired(device, today)]
    text = text_of(config.fleet, new.devices, new.retired.values())
    if config.fleet.exists():
        if config.fleet.read_bytes() != text.encode():
            shutil.copy2(config.fleet, config.fleet.with_name(config.fleet.name + ".old"))
            private_files.replace(config.fleet, text, MODE)
    else:
        config.fleet.parent.mkdir(parents=True, exist_ok=True)
        private_files.create(config.fleet, text, MODE)
    difference.core = _tell_core(data)
    return difference


def compare(old: Gathered, new: Gathered) -> Difference:
    """What a new fleet changes."""
    before = {device.key: device for device in old.devices}
    found = Difference(devices=len(new.devices), warnings=new.warnings)
    for device in new.devices:
        known = before.pop(device.key, None)
        if known is None:
            found.added.append(device.key)
        elif known != device:
            found.changed.append(device.key)
    found.retired = [*before]
    found.channels = channels_of(new.devices, new.profiles)
    return found


def _tell_core(data: DataFolder) -> str:
    try:
        answer = ask(data.core_socket, {"op": "reload", "deadline_s": RELOAD_S}, timeout_s=RELOAD_S + 5)
    except CoreUnreachable:
        return "no core runs on this data folder: the fleet takes effect at its start"
    if not answer["accepted"]:
        raise RiskgateError(
            f"the list is written, but the running core did not take it: {answer['reason_en']}"
        )
    if "devices" not in answer:
        raise RiskgateError(f"the running core answered something else: {answer}; is it another version?")
    return f"the running core has it: {answer['devices']} devices"


@contextmanager
def locked(fleet: Path) -> Iterator[None]:
    """One change of the fleet at a time."""
    fleet.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(fleet.with_name(f".{fleet.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RiskgateError(f"{fleet}: another command changes it right now; try again") from None
        yield
    finally:
        os.close(descriptor)
