"""The groups of which some channels stay live, by the profiles and fleet in force."""

from __future__ import annotations

from device_profiles import KeepLive, Profile
from gateway.alarms.keeping import Kept, Member
from gateway.monitor.roster import Roster

FAULTS = ("sensor_fault", "silent", "never_seen")


class KeptGroups:
    """Made once a configuration, and only of profiles that have ``[[keep_live]]``."""

    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._devices: dict[tuple[str, ...], list[str]] = {}
        named = {name for name, profile in roster.profiles.items() if profile.keep_live}
        for number in roster.followers(named):
            row = roster.channels.devices[number]
            for within in {kept.within for kept in roster.profiles[row.profile].keep_live}:
                self._devices.setdefault(self._place(number, within), []).append(row.key)

    def of(self, alarm: str) -> Kept | None:
        """The group of a process alarm's channel; None when its profile asks for none."""
        channel_key, _, condition = alarm.rpartition(":")
        key, _, channel = channel_key.rpartition("/")
        number = self._roster.index.get(key) if self._devices else None
        if number is None:
            return None
        profile = self._roster.profile_of(number)
        rule = next((kept for kept in profile.keep_live if kept.channel == channel), None)
        if rule is None or condition not in {a.condition for a in profile.alarms if a.channel == channel}:
            return None
        devices = self._devices[self._place(number, rule.within)]
        return Kept(rule.at_least, tuple(_member(device, profile, rule) for device in devices))

    def _place(self, number: int, within: str) -> tuple[str, ...]:
        row = self._roster.channels.devices[number]
        asset = (row.asset,) if within == "asset" else ()
        return (within, row.profile, row.enterprise, row.site, *asset)


def _member(device: str, profile: Profile, rule: KeepLive) -> Member:
    channel = f"{device}/{rule.channel}"
    conditions = [a.condition for a in profile.alarms if a.channel == rule.channel]
    faults = [f"{place}:{name}" for place in (channel, f"{device}/") for name in FAULTS]
    return Member(channel, tuple(f"{channel}:{name}" for name in conditions), tuple(faults))
