"""Vendor topics that the fleet makes ambiguous: told at import, for at run time they would be nobody's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from device_profiles import Profile
from device_profiles._topics import filled
from gateway.monitor.channels import Device


def shared_topics(devices: Iterable[Device], profiles: Mapping[str, Profile]) -> Iterator[tuple[str, str]]:
    """(key, "column device: <what>; <fix>") of each device that would publish where another one does."""
    if not any(profile.topics for profile in profiles.values()):
        return
    owners: dict[str, Device] = {}
    for device in devices:
        profile = profiles.get(device.profile)
        for topic in () if profile is None else profile.topics:
            if topic.enterprise not in {"", device.enterprise} or topic.site not in {"", device.site}:
                continue
            known = {"enterprise": device.enterprise, "site": device.site, "device": device.device}
            place = filled(topic, known, "+")
            owner = owners.setdefault(place, device)
            if owner.key != device.key:
                fix = f"name {{enterprise}} and {{site}} in the pattern of {device.profile}, or rename one"
                yield device.key, f"column device: publishes at {place}, as {owner.key} does; {fix}"
