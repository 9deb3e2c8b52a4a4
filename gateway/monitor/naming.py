"""Which alarm a finding is about: from (slot, detector, condition) to the alarm's definition."""

from __future__ import annotations

from collections.abc import Container

from device_profiles import AlarmDefinition, DetectorRule, Profile
from gateway.alarms import advice, definition
from gateway.alarms.definition import Category, Definition, Place
from gateway.alarms.keeping import Kept
from gateway.alarms.texts import DEVICE
from gateway.monitor.bank import ChannelDetector
from gateway.monitor.channels import Device
from gateway.monitor.kept import KeptGroups
from gateway.monitor.roster import MAX_DISCRETE_ALARMS, Roster, with_setpoints

ID_PARTS = 4
"""Of "<enterprise>/<site>/<device>/<channel>"."""


class Naming:
    """Definitions are made when first needed: alarms are rare, channels are many."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._known: dict[tuple[int, str], Definition] = {}
        self._device_known: dict[tuple[int, str], Definition] = {}
        self._kept: KeptGroups | None = None
        self.concentrators: Container[str] = ()
        """Keys of the devices that others report through."""

    def of_channel(self, slot: int, detector: ChannelDetector, condition: int) -> Definition:
        """The alarm of one finding of a detector."""
        name = detector.module.FINDINGS[condition]
        if detector.kind == "discrete":
            name = self._discrete(slot)[condition].condition
        key = (slot, name)
        if key not in self._known:
            self._known[key] = self._make(slot, detector.kind, name)
        return self._known[key]

    def silence(self, slot: int, name: str) -> Definition:
        """ "silent" or "never_seen" of one channel under a live device."""
        key = (slot, name)
        if key not in self._known:
            self._known[key] = self._make(slot, "silent", name)
        return self._known[key]

    def of_device(self, device: int, condition: str) -> Definition:
        """An alarm about a whole device."""
        key = (device, condition)
        if key not in self._device_known:
            profile = self._profile(device)
            named = next((a for a in profile.device_alarms if a.condition == condition), None)
            self._device_known[key] = definition.device(condition, named, self._place(device))
        return self._device_known[key]

    def ids_of_channel(self, slot: int, kind: str) -> list[str]:
        """Every alarm id that a detector may raise at a slot."""
        place = self._place(int(self._roster.channels.device_of_slot[slot]), slot)
        if kind == "discrete":
            names = [a.condition for a in self._discrete(slot)]
        elif advice.conditions(kind):
            names = advice.conditions(kind)
        else:
            names = {"limits": ["LL", "L", "H", "HH"], "out_of_range": ["sensor_fault", "out_of_range"]}.get(
                kind, ["silent", "never_seen"]
            )
        return [definition.alarm_id(place, name) for name in names]

    def again(self, known: Definition) -> Definition | None:
        """The same alarm as the configuration in force defines it; None for one it does not know."""
        number = self._roster.index.get(f"{known.enterprise}/{known.site}/{known.device}")
        if number is None:
            return None
        if not known.channel:
            return self.of_device(number, known.condition)
        profile = self._profile(number)
        places = [place for place, point in enumerate(profile.points) if point.channel == known.channel]
        if places and advice.is_advice(known):
            slot, kind = self._roster.slots_of(number)[places[0]], advice.advice_texts()[known.condition].kind
            rule = _detector_of(profile, known.channel, kind)
            return self._make(slot, kind, known.condition) if rule else None
        rules = [a for a in _alarms_of(profile, known.channel) if a.condition == known.condition]
        if not places or (known.category == "process" and not rules):
            return None
        slot = self._roster.slots_of(number)[places[0]]
        return self._make(slot, "limits" if known.category == "process" else "silent", known.condition)

    def of_id(self, name: str) -> Definition | None:
        """The alarm of an id, as the configuration in force defines it; None for one it does not know."""
        place, _, condition = name.rpartition(":")
        parts = place.split("/")
        if len(parts) != ID_PARTS:
            return None
        enterprise, site, device, channel = parts
        categories: tuple[Category, ...] = ("process", "device") if channel else ("device",)
        for category in categories:
            if category == "device" and condition not in DEVICE:
                return None
            asked = Definition(
                id=name, condition=condition, category=category, priority=1, enterprise=enterprise,
                site=site, device=device, channel=channel,
            )  # fmt: skip
            found = self.again(asked)
            if found is not None and found.id == name:
                return found
        return None

    def forget(self) -> None:
        """The configuration changed: texts and priorities may differ."""
        self._known.clear()
        self._device_known.clear()
        self._kept = None

    def kept(self, alarm: str) -> Kept | None:
        """The group of the alarm's channel of which some stay live; None for one in no such group."""
        if self._kept is None:
            self._kept = KeptGroups(self._roster)
        return self._kept.of(alarm)

    def ids_of_device(self, key: str) -> list[str]:
        """Every alarm of a device and its channels, as defined now; a doubled identity stays watched."""
        number = self._roster.index.get(key)
        if number is None:
            return []
        profile = self._profile(number)
        names = [(a.channel, a.condition) for a in profile.alarms]
        names += [(d.channel, name) for d in profile.detectors for name in advice.conditions(d.kind)]
        of_channel = ("sensor_fault", "out_of_range", "silent", "never_seen")
        names += [(point.channel, name) for point in profile.points for name in of_channel]
        never = {*of_channel[:2], "duplicate_identity"}
        never |= set() if key in self.concentrators else {"upstream_down"}
        names += [("", name) for name in DEVICE if name not in never]
        return [name for place in names if self.of_id(name := f"{key}/{place[0]}:{place[1]}") is not None]

    def _make(self, slot: int, kind: str, name: str) -> Definition:
        device = int(self._roster.channels.device_of_slot[slot])
        profile = self._profile(device)
        place = self._place(device, slot)
        point = profile.point(place.channel)
        if kind in {"limits", "discrete"} and point is not None:
            alarm = next(a for a in _alarms_of(profile, place.channel) if a.condition == name)
            return definition.process(alarm, point, place, clear_readings=profile.clear_readings)
        rule = _detector_of(profile, place.channel, kind)
        if rule is not None and point is not None:
            return advice.advice(name, rule, point, place, clear_readings=profile.clear_readings)
        named = next((a for a in profile.device_alarms if a.condition == name), None)
        return definition.device(name, named, place, point=point, clear_readings=profile.clear_readings)

    def _discrete(self, slot: int) -> list[AlarmDefinition]:
        device = int(self._roster.channels.device_of_slot[slot])
        channel = self._roster.channels.channel(slot).channel
        return _alarms_of(self._profile(device), channel)[:MAX_DISCRETE_ALARMS]

    def _profile(self, device: int) -> Profile:
        """The profile as the device follows it: reasons tell its own deadbands and delays."""
        row = self._roster.channels.devices[device]
        return with_setpoints(self._roster.profiles[row.profile], row.overrides)

    def _place(self, device: int, slot: int | None = None) -> Place:
        row = self._roster.channels.devices[device]
        channel = "" if slot is None else self._roster.channels.channel(slot).channel
        return place_of(row, channel)


def place_of(row: Device, channel: str) -> Place:
    """Where an alarm of a device, or of one of its channels, stands."""
    return Place(
        row.enterprise,
        row.site,
        row.asset,
        row.device,
        row.profile.partition("/")[0],
        channel,
        row.county,
        row.sector,
        row.latitude,
        row.longitude,
    )


def _alarms_of(profile: Profile, channel: str) -> list[AlarmDefinition]:
    return [a for a in profile.alarms if a.channel == channel]


def _detector_of(profile: Profile, channel: str, kind: str) -> DetectorRule | None:
    return next((d for d in profile.detectors if d.channel == channel and d.kind == kind), None)
