"""Who is expected: devices, their profiles, and the slots and rules that follow from them.

Slots are given in journal order and never reused. A device keeps its slots as long as its profile's
points stay the same; else it gets a new run of slots, and the state of unchanged channels moves along.
"""

from __future__ import annotations

import hashlib
import zlib
from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from device_profiles import LIMITS, Profile, detector_settings, override, parse
from device_profiles._topics import has_topics
from gateway.monitor.addresses import Addresses
from gateway.monitor.channels import ChannelTable, Device, Setpoint, packed
from gateway.monitor.entries import ConfigChange, Stamp
from gateway.monitor.suppressing import AS_IS, Suppressing

MAX_DISCRETE_ALARMS = 4


class MonitorConfig(msgspec.Struct, frozen=True, array_like=True):
    """What a ConfigChange carries: the fleet and the profiles' own text."""

    devices: list[Device]
    profiles: dict[str, str]
    suppressing: Suppressing = AS_IS


def config_change(
    stamp: Stamp, devices: list[Device], profiles: dict[str, str], suppressing: Suppressing = AS_IS
) -> ConfigChange:
    """The entry that puts a fleet and its profiles in force."""
    return _entry(stamp, _config(devices, profiles, suppressing))


def _config(devices: list[Device], profiles: dict[str, str], suppressing: Suppressing) -> MonitorConfig:
    """What of the profiles counts: those of the devices, and those that are known by their topics."""
    used = {d.profile for d in devices}
    known = {k: v for k, v in sorted(profiles.items()) if k in used or has_topics(v)}
    return MonitorConfig(devices, known, suppressing)


def _entry(stamp: Stamp, config: MonitorConfig) -> ConfigChange:
    rest = (config.profiles, config.suppressing)
    small = (msgspec.msgpack.encode(part, order="deterministic") for part in rest)
    plain = b"".join([_THREE, *packed(config.devices), *small])
    return ConfigChange(stamp, hashlib.sha256(plain).hexdigest(), zlib.compress(plain, 1))


_THREE = b"\x93"
"""The head of a MonitorConfig in msgpack."""


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
    retold: list[int] = field(default_factory=list)
    """Device indices that stayed while their row in the fleet changed."""
    retexted: bool = False
    """Whether a profile that was in force has another text now, or is no longer in force."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A configuration made ready beside the core: what its entry carries, and the roster it leads to."""

    base: int
    """The version of the channel table that it was made from; void if that is another one by now."""
    digest: str
    content: bytes
    roster: Roster
    change: Change


class Roster:
    """Devices by key, their first slot, their profile; parallel arrays indexed by device."""

    def __init__(self) -> None:
        self.channels = ChannelTable()
        self.texts: dict[str, str] = {}
        self.profiles: dict[str, Profile] = {}
        self.index: dict[str, int] = {}
        self.first_slot = array("i")
        self.active = bytearray()
        self.digest = ""
        self.suppressing = AS_IS
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
        change = Change(retexted=any(self.texts.get(name) != text for name, text in texts_before.items()))
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
        self.digest, self.suppressing = digest, config.suppressing
        self.addresses = Addresses(self.profiles, config.devices)
        return change

    def slots_of(self, number: int) -> range:
        """The slots of a device, in its profile's point order."""
        first = self.first_slot[number]
        return range(first, first + self._width(number))

    def profile_of(self, number: int) -> Profile:
        """The profile of an active device."""
        return self.profiles[self.channels.devices[number].profile]

    def prepare(
        self, devices: list[Device], profiles: dict[str, str], suppressing: Suppressing = AS_IS
    ) -> Prepared:
        """What ``apply`` would do, done to a copy; in any thread, while others read this roster."""
        table = self.channels  # first: if ``become`` runs meanwhile, the version is an old one
        twin = Roster()
        twin.channels = table.copy()
        twin.texts, twin.profiles, twin.digest = self.texts, self.profiles, self.digest
        twin.index, twin.first_slot, twin.active = {**self.index}, self.first_slot[:], self.active[:]
        config = _config(devices, profiles, suppressing)
        entry = _entry(Stamp(0, 0, ""), config)
        change = twin.apply(config, entry.digest)
        twin.channels.export()  # kept by the table: nobody is to wait for it later
        return Prepared(table.version, entry.digest, entry.content, twin, change)

    def become(self, other: Roster) -> None:
        """Be what another one is, at once."""
        self.texts, self.profiles, self.digest = other.texts, other.profiles, other.digest
        self.index, self.first_slot, self.active = other.index, other.first_slot, other.active
        self.addresses, self.suppressing = other.addresses, other.suppressing
        self.channels = other.channels  # last: see ``prepare``

    def followers(self, profiles: set[str]) -> list[int]:
        """Indices of the active devices of these profiles, in order."""
        if not profiles:
            return []
        devices = self.channels.devices
        return [n for n, active in enumerate(self.active) if active and devices[n].profile in profiles]

    def by_profile(self, numbers: Iterable[int]) -> dict[str, list[int]]:
        """Profile -> those of the devices that follow it."""
        groups: dict[str, list[int]] = {}
        for number in numbers:
            groups.setdefault(self.channels.devices[number].profile, []).append(number)
        return groups

    def first_slots(self, numbers: list[int]) -> npt.NDArray[np.int64]:
        """The first slot of each device."""
        return np.array([self.first_slot[number] for number in numbers], np.int64)

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
                if known != device:  # the asset may differ
                    self.channels.devices[number] = device
                    change.retold.append(number)
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
        points: list[npt.NDArray[np.int32]] = []
        for number, _ in grown:
            name = self.channels.devices[number].profile
            if name not in layout:
                known = self.channels.points[name]
                layout[name] = np.array(
                    [known.index((p.channel, p.unit)) for p in self.profiles[name].points], np.int32
                )
            points.append(layout[name])
        table = self.channels
        numbers, counts = np.array(grown, np.int32).T
        table.device_of_slot = np.concatenate([table.device_of_slot, np.repeat(numbers, counts)])
        table.point_of_slot = np.concatenate([table.point_of_slot, *points])

    def export(self) -> dict[str, Any]:
        """Everything needed to stand here again."""
        return {
            "channels": self.channels.export(),
            "texts": self.texts,
            "first_slot": np.array(self.first_slot, "<i4").tobytes(),
            "active": bytes(self.active),
            "digest": self.digest,
            "suppressing": msgspec.to_builtins(self.suppressing),
        }

    @classmethod
    def load(cls, stored: dict[str, Any]) -> Roster:
        """The roster of exported data."""
        roster = cls()
        roster.channels = ChannelTable.load(stored["channels"])
        roster.texts = stored["texts"]
        roster.profiles = {name: parse(name, text) for name, text in roster.texts.items()}
        roster.first_slot = array("i", np.frombuffer(stored["first_slot"], "<i4").tolist())
        roster.active = bytearray(stored["active"])
        roster.index = {roster.channels.devices[n].key: n for n, active in enumerate(roster.active) if active}
        roster.digest = stored["digest"]
        roster.suppressing = msgspec.convert(stored.get("suppressing", []), Suppressing)
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
