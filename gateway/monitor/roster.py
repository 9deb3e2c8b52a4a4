"""Who is expected: devices, their profiles, and the slots and rules that follow from them.

Slots are given in journal order and never reused. A device keeps its slots as long as its profile's
points stay the same; else it gets a new run of slots, and the state of unchanged channels moves along.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from device_profiles import LIMITS, Profile, detector_settings, override, parse
from device_profiles._topics import has_topics
from gateway.monitor.addresses import Addresses
from gateway.monitor.channels import ChannelTable, Device, Setpoint
from gateway.monitor.entries import ConfigChange, Stamp

MAX_DISCRETE_ALARMS = 4


class MonitorConfig(msgspec.Struct, frozen=True, array_like=True):
    """What a ConfigChange carries: the fleet and the profiles' own text."""

    devices: list[Device]
    profiles: dict[str, str]


def config_change(stamp: Stamp, devices: list[Device], profiles: dict[str, str]) -> ConfigChange:
    """The entry that puts a fleet and its profiles in force."""
    used = {d.profile for d in devices}
    plain = msgspec.msgpack.encode(
        MonitorConfig(devices, {k: v for k, v in sorted(profiles.items()) if k in used or has_topics(v)}),
        order="deterministic",
    )
    return ConfigChange(stamp, hashlib.sha256(plain).hexdigest(), zlib.compress(plain, 1))


def unpack(entry: ConfigChange) -> MonitorConfig:
    """The configuration inside the entry."""
    return msgspec.msgpack.decode(zlib.decompress(entry.content), type=MonitorConfig)


@dataclass(slots=True)
class Change:
    """What a configuration change did to the roster."""

    added: list[int] = field(default_factory=list)
    """Device indices that are new (or got new slots)."""
    retired: list[int] = field(default_factory=list)
    """Device indices no longer expected."""
    moved: list[tuple[int, int]] = field(default_factory=list)
    """(old slot, new slot) of channels whose state goes along."""
    reruled: set[str] = field(default_factory=set)
    """Profiles whose text changed while their points stayed."""
    reset: list[int] = field(default_factory=list)
    """Device indices that stayed and got other setpoints of their own."""


class Roster:
    """Devices by key, their first slot, their profile; parallel arrays indexed by device."""

    def __init__(self) -> None:
        self.channels = ChannelTable()
        self.texts: dict[str, str] = {}
        self.profiles: dict[str, Profile] = {}
        self.index: dict[str, int] = {}
        self.first_slot: list[int] = []
        self.active: list[bool] = []
        self.digest = ""
        self.addresses = Addresses({}, ())

    def apply(self, config: MonitorConfig, digest: str) -> Change:
        """Put a configuration in force; devices that stay keep their index and slots."""
        before = self.profiles
        texts_before = self.texts
        self.texts = config.profiles
        self.profiles = {
            name: before[name] if texts_before.get(name) == text else parse(name, text)
            for name, text in config.profiles.items()
        }
        change = Change()
        for name, profile in self.profiles.items():
            self._extend_points(profile)
            if (
                name in before
                and texts_before[name] != self.texts[name]
                and _same_points(before[name], profile)
            ):
                change.reruled.add(name)
        wanted = {device.key: device for device in config.devices}
        for key, number in list(self.index.items()):
            if key not in wanted:
                self._retire(number, change)
        grown: list[tuple[int, int]] = []
        same = {
            name for name in before.keys() & self.profiles if _same_points(before[name], self.profiles[name])
        }
        for key, device in wanted.items():
            self._place(key, device, same, change, grown)
        self._grow(grown)
        self.channels.version += 1
        self.digest = digest
        self.addresses = Addresses(self.profiles, config.devices)
        return change

    def slots_of(self, number: int) -> range:
        """The slots of a device, in its profile's point order."""
        first = self.first_slot[number]
        return range(first, first + self._width(number))

    def profile_of(self, number: int) -> Profile:
        """The profile of an active device."""
        return self.profiles[self.channels.devices[number].profile]

    def active_devices(self) -> list[int]:
        """Indices of the devices expected now, in order."""
        return [number for number, active in enumerate(self.active) if active]

    def _width(self, number: int) -> int:
        following = self.first_slot[number + 1] if number + 1 < len(self.first_slot) else len(self.channels)
        return following - self.first_slot[number]

    def _place(
        self,
        key: str,
        device: Device,
        same: set[str],
        change: Change,
        grown: list[tuple[int, int]],
    ) -> None:
        number = self.index.get(key)
        if number is not None:
            known = self.channels.devices[number]
            if known.profile == device.profile and device.profile in same:
                self.channels.devices[number] = device  # the asset may differ
                if known.overrides != device.overrides:
                    change.reset.append(number)
                return
            self._retire(number, change)
        fresh = len(self.channels.devices)
        self.channels.devices.append(device)
        first = self._next_slot(grown)
        self.first_slot.append(first)
        self.active.append(True)
        self.index[key] = fresh
        points = self.profiles[device.profile].points
        grown.append((fresh, len(points)))
        change.added.append(fresh)
        if number is not None:
            old = {name: slot for slot, name in self._names(number)}
            change.moved += [
                (old[point.channel], first + place)
                for place, point in enumerate(points)
                if point.channel in old
            ]

    def _next_slot(self, grown: list[tuple[int, int]]) -> int:
        if not grown:
            return len(self.channels)
        last, count = grown[-1]
        return self.first_slot[last] + count

    def _names(self, number: int) -> list[tuple[int, str]]:
        return [(slot, self.channels.channel(slot).channel) for slot in self.slots_of(number)]

    def _retire(self, number: int, change: Change) -> None:
        self.active[number] = False
        self.index.pop(self.channels.devices[number].key, None)
        change.retired.append(number)

    def _extend_points(self, profile: Profile) -> None:
        known = self.channels.points.setdefault(profile.id, [])
        for point in profile.points:
            if (point.channel, point.unit) not in known:
                known.append((point.channel, point.unit))

    def _grow(self, grown: list[tuple[int, int]]) -> None:
        if not grown:
            return
        layout: dict[str, npt.NDArray[np.int32]] = {}
        devices: list[npt.NDArray[np.int32]] = []
        points: list[npt.NDArray[np.int32]] = []
        for number, count in grown:
            name = self.channels.devices[number].profile
            if name not in layout:
                known = self.channels.points[name]
                layout[name] = np.array(
                    [known.index((p.channel, p.unit)) for p in self.profiles[name].points], np.int32
                )
            devices.append(np.full(count, number, np.int32))
            points.append(layout[name])
        table = self.channels
        table.device_of_slot = np.concatenate([table.device_of_slot, *devices])
        table.point_of_slot = np.concatenate([table.point_of_slot, *points])

    def export(self) -> dict[str, Any]:
        """Everything needed to stand here again."""
        return {
            "channels": self.channels.export(),
            "texts": self.texts,
            "first_slot": np.array(self.first_slot, "<i4").tobytes(),
            "active": bytes(self.active),
            "digest": self.digest,
        }

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Roster:
        """The roster of exported data."""
        roster = cls()
        roster.channels = ChannelTable.load(stored["channels"])
        roster.texts = stored["texts"]
        roster.profiles = {name: parse(name, text) for name, text in roster.texts.items()}
        roster.first_slot = np.frombuffer(stored["first_slot"], "<i4").tolist()
        roster.active = [bool(b) for b in stored["active"]]
        roster.index = {roster.channels.devices[n].key: n for n, active in enumerate(roster.active) if active}
        roster.digest = stored["digest"]
        active = (roster.channels.devices[number] for number in roster.active_devices())
        roster.addresses = Addresses(roster.profiles, active)
        return roster


def with_setpoints(profile: Profile, setpoints: tuple[Setpoint, ...]) -> Profile:
    """The profile as one device follows it."""
    return override(profile, {(s.channel, s.condition): s.value for s in setpoints})


def _same_points(old: Profile, new: Profile) -> bool:
    return [(p.channel, p.unit) for p in old.points] == [(p.channel, p.unit) for p in new.points]


def settings_of(profile: Profile, place: int) -> dict[str, dict[str, Any]]:
    """Detector kind -> settings of one point of a profile: what detectors.configure is given."""
    point = profile.points[place]
    alarms = [a for a in profile.alarms if a.channel == point.channel]
    timing = {"clear_readings": profile.clear_readings}
    settings: dict[str, dict[str, Any]] = {
        "out_of_range": dict(timing),
        "silent": {
            "silent_after_ns": 0 if point.on_event else profile.silent_after_ns,
            "period_ns": profile.period_ns,
        },
    }
    if point.kind == "analog":
        limits = {
            a.condition: {
                "setpoint": a.setpoint,
                "deadband": a.deadband,
                "on_delay_ns": a.on_delay_ns,
                "off_delay_ns": a.off_delay_ns,
            }
            for a in alarms
            if a.condition in LIMITS
        }
        settings["limits"] = {"limits": limits, **timing}
        for rule in profile.detectors:
            if rule.channel == point.channel:
                settings[rule.kind] = detector_settings(rule, point, profile)
    else:
        conditions = [
            {"states": list(a.in_states), "on_delay_ns": a.on_delay_ns, "off_delay_ns": a.off_delay_ns}
            for a in alarms[:MAX_DISCRETE_ALARMS]
        ]
        settings["discrete"] = {"conditions": conditions, **timing}
    return settings
