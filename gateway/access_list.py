"""mosquitto's access list: a device publishes at its own topics and nowhere else, only the gateway reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from device_profiles import Profile
from device_profiles._topics import filled
from gateway.monitor.addresses import Addresses
from gateway.monitor.channels import Device


def user_of(key: str) -> str:
    """The MQTT user of a device key. ":" ends a name in a password file: it becomes "~", which no id has."""
    return key.replace(":", "~")


def topics_of(device: Device, profiles: Mapping[str, Profile], other: str) -> list[str]:
    """Where a device publishes beside the topic of the house, by its profile; ``other``: an open level."""
    profile = profiles.get(device.profile)
    known = {"enterprise": device.enterprise, "site": device.site, "device": device.device}
    return [
        filled(topic, known, other)
        for topic in (() if profile is None else profile.topics)
        if topic.enterprise in {"", device.enterprise} and topic.site in {"", device.site}
    ]


def access_list(devices: Iterable[Device], gateway: str, profiles: Mapping[str, Profile] = {}) -> str:
    """The acl file: lines for single devices only where a user's name is not the device's key, or its vendor
    publishes elsewhere."""
    reads = "".join(f"topic read {topic}\n" for topic in Addresses(profiles, ()).subscriptions())
    text = f"""# Made by 'riskgate credentials write'; changes are lost at its next run.
# The gateway reads everything and publishes nothing.
user {gateway}
topic read rg/#
{reads}topic read $SYS/#

# A device's user name is its key: it publishes below its own topic and nowhere else, and reads nothing.
pattern write rg/%u/#
"""
    parts = [text]
    for device in devices:
        topics = [f"rg/{device.key}/#"] if ":" in device.key else []
        topics += topics_of(device, profiles, "+")
        if topics:
            parts.append(f"\nuser {user_of(device.key)}\n" + "".join(f"topic write {t}\n" for t in topics))
    return "".join(parts)
