"""A rules file: which settings of which alarms are to be others, by whom and why. TOML, checked as a whole.

Guarantee: a file that is taken names only devices, channels and limits that are in force, and leaves every
device's limits in order (hi above lo). What is wrong is told all at once, with file, rule and fix.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from device_profiles import Profile, loosenings, override_problems, parse
from gateway.errors import ConfigError
from gateway.journal import JournalReader
from gateway.monitor.channels import Device, Setpoint
from gateway.monitor.entries import ConfigChange
from gateway.monitor.monitor import BEHAVIOUR
from gateway.monitor.roster import MonitorConfig, unpack, with_setpoints
from gateway.paths import DataFolder
from gateway.restore import partition_of, restore
from gateway.snapshots import SnapshotStore

MAX_BYTES = 8 << 20
HEADER = re.compile(r"\s*\[\[\s*rule\s*\]\]")


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Other settings of one alarm, of one device or of all devices of a profile."""

    channel: str
    condition: str
    """LL, L, H or HH; or another alarm of the profile, of which delays may be set."""
    device: str = ""
    """ "<enterprise>/<site>/<device>"; either this or ``profile``."""
    profile: str = ""
    setpoint: float | None = None
    deadband: float | None = None
    """Setpoint and deadband in the point's unit."""
    on_delay_s: float | None = None
    off_delay_s: float | None = None

    def setpoints(self) -> list[Setpoint]:
        """The rule as a device's own settings."""
        given = {
            "": self.setpoint,
            ".deadband": self.deadband,
            ".on_delay_s": self.on_delay_s,
            ".off_delay_s": self.off_delay_s,
        }
        return [Setpoint(self.channel, self.condition + k, v) for k, v in given.items() if v is not None]

    def concerns(self, device: Device) -> bool:
        """Whether the device is to follow it."""
        return device.key == self.device if self.device else device.profile == self.profile


class RuleSet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one rules file says."""

    version: str
    author: str
    reason: str
    rule: tuple[Rule, ...]

    def amended(self, device: Device) -> Device:
        """The device with these settings over its own; a later rule wins over an earlier one."""
        mine = [s for rule in self.rule if rule.concerns(device) for s in rule.setpoints()]
        if not mine:
            return device
        both = {(s.channel, s.condition): s for s in (*device.overrides, *mine)}
        return msgspec.structs.replace(device, overrides=tuple(both[key] for key in sorted(both)))

    def concerns(self, device: Device) -> bool:
        """Whether any of the rules is for this device."""
        return any(rule.concerns(device) for rule in self.rule)

    def tried(self, config: MonitorConfig) -> tuple[MonitorConfig, set[str]]:
        """A configuration with these rules, and the keys of the devices that they concern."""
        concerned = {d.key for d in config.devices if self.concerns(d)}
        devices = [self.amended(device) for device in config.devices]
        return MonitorConfig(devices, config.profiles, config.suppressing), concerned

    def loosened(self, config: MonitorConfig) -> list[str]:
        """ "<device>: <channel>:<limit>: ..." of every safety limit that becomes looser than its profile has
        it, or than it is in force."""
        found = []
        profiles = {name: parse(name, text) for name, text in config.profiles.items()}
        for device in config.devices:
            amended = self.amended(device)
            if amended is not device:
                profile, asked = profiles[device.profile], named(amended)
                told = loosenings(profile, asked)
                known = {one.partition(" loosens")[0] for one in told}
                more = loosenings(with_setpoints(profile, device.overrides), asked)
                told += [one for one in more if one.partition(" loosens")[0] not in known]
                found += [f"{device.key}: {one}" for one in told]
        return found


def read_rules(path: Path, config: MonitorConfig) -> RuleSet:
    """The rules of a file, checked against a configuration; ConfigError with every problem."""
    text = rules_text(path)
    rules = parse_rules(text, str(path))
    checked(rules, config, text, str(path))
    return rules


def rules_text(path: Path) -> str:
    """A rules file as it is; ConfigError when it cannot be read or is no text."""
    try:
        body = path.read_bytes()
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror}; check the path"]) from None
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: byte {error.start} is not UTF-8; save the file as UTF-8"]) from None


def parse_rules(text: str, place: str) -> RuleSet:
    """The rules of a text, of this form; ConfigError names ``place``."""
    if len(text.encode()) > MAX_BYTES:
        raise ConfigError([f"{place}: has {len(text.encode())} bytes; split the change"])
    try:
        tables: Any = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError([f"{place}: not TOML: {error}; correct it there"]) from None
    try:
        rules = msgspec.convert(tables, RuleSet, strict=True)
    except msgspec.ValidationError as error:
        fix = "give version, author, reason and [[rule]] tables as docs/rules.md shows"
        raise ConfigError([f"{place}: {error}; {fix}"]) from None
    problems = [
        f"{place}: {name} is empty; write it, it is kept with the change"
        for name in ("version", "author", "reason")
        if not getattr(rules, name).strip()
    ]
    if not rules.rule:
        problems.append(f"{place}: has no [[rule]]; there is nothing to try")
    if problems:
        raise ConfigError(problems)
    return rules


def checked(rules: RuleSet, config: MonitorConfig, text: str, place: str) -> None:
    """ConfigError unless all of it can be in force; each problem with its line in the text."""
    begins = [number for number, row in enumerate(text.splitlines(), 1) if HEADER.match(row)]
    places = [f"{place}: rule {count}" for count in range(1, len(rules.rule) + 1)]
    if len(begins) == len(places):  # else it was written in another way
        places = [f"{place}: line {line}" for line in begins]
    problems = _problems(rules, config, places)
    if problems:
        raise ConfigError(problems)


def together(rules: RuleSet, config: MonitorConfig) -> list[str]:
    """What is wrong with rules beside the devices' other settings; rules for what is not there are none."""
    profiles = {name: parse(name, text) for name, text in config.profiles.items()}
    return _together(rules, config, profiles, [f"rule {n}" for n in range(1, len(rules.rule) + 1)])


def _problems(rules: RuleSet, config: MonitorConfig, places: list[str]) -> list[str]:
    profiles = {name: parse(name, text) for name, text in config.profiles.items()}
    devices = {device.key: device for device in config.devices}
    followed = {device.profile for device in config.devices}
    problems: list[str] = []
    for place, rule in zip(places, rules.rule, strict=True):
        if bool(rule.device) == bool(rule.profile):
            problems.append(f"{place}: names both or none of device and profile; give one of them")
        elif rule.device and rule.device not in devices:
            problems.append(f"{place}: no device {rule.device!r} in force{_near(rule.device, devices)}")
        elif rule.profile and rule.profile not in followed:
            problems.append(f"{place}: no device follows {rule.profile!r}{_near(rule.profile, followed)}")
        elif not rule.setpoints():
            problems.append(f"{place}: changes nothing; give setpoint, deadband, on_delay_s or off_delay_s")
        else:
            profile = profiles[rule.profile or devices[rule.device].profile]
            alone = {(s.channel, s.condition): s.value for s in rule.setpoints()}
            problems += [f"{place}: {one}" for one in override_problems(profile, alone, may_loosen=True)]
    return problems or _together(rules, config, profiles, places)


def _together(
    rules: RuleSet, config: MonitorConfig, profiles: dict[str, Profile], places: list[str]
) -> list[str]:
    """What is wrong only beside a device's other settings; equal settings are judged once."""
    told: dict[tuple[str, tuple[Setpoint, ...]], list[str]] = {}
    problems: list[str] = []
    for device in config.devices:
        amended = rules.amended(device)
        key = (device.profile, amended.overrides)
        if amended is device or key in told:
            continue
        told[key] = override_problems(profiles[device.profile], named(amended), may_loosen=True)
        first = next(place for place, rule in zip(places, rules.rule, strict=True) if rule.concerns(device))
        problems += [f"{first}: {device.key}: {one}" for one in told[key]]
    return problems


def named(device: Device) -> dict[tuple[str, str], float]:
    """A device's own settings by (channel, condition)."""
    return {(s.channel, s.condition): s.value for s in device.overrides}


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    return f"; did you mean {near[0]!r}?" if near else "; see 'riskgate devices list'"


def in_force(data: DataFolder) -> MonitorConfig:
    """The configuration of the journal's end; ConfigError if there is none yet."""
    found = restore(SnapshotStore(data.snapshots), partition_of(data.ledger), behaviour=BEHAVIOUR)
    roster = found.monitor.roster
    devices = [roster.channels.devices[number] for number in roster.active_devices()]
    config = MonitorConfig(devices, roster.texts, roster.suppressing)
    for _, entry in JournalReader(data.journal).read(found.position):
        if isinstance(entry, ConfigChange):
            config = unpack(entry)
    if not config.profiles:
        raise ConfigError([f"{data.root}: no configuration was ever in force; run the gateway first"])
    return config
