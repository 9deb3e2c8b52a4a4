"""Whose a vendor topic is: by the patterns of the profiles in force, and the fleet for what these leave out.

Guarantee: a pattern of a profile speaks for the devices of that profile alone, and what could be two devices'
is nobody's. Made once for a configuration and never changed, so any thread may ask.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from device_profiles import Profile
from device_profiles._model import Topic
from device_profiles._topics import covers, expression, levels, subscription
from gateway.monitor.channels import Device

UNKNOWN = "?"
"""Stands in the key of a device for what its topic does not tell."""


class Address(NamedTuple):
    """What a topic says. key: the device's, with ``?`` for what is not known of one in no fleet list."""

    key: str
    stream: str
    begin: int
    """Where the device's own id stands in the topic, in bytes."""
    end: int
    rivals: tuple[str, ...] = ()
    """The devices that it could be of, if these are several."""


class _Rule(NamedTuple):
    expression: re.Pattern[bytes]
    topic: Topic
    members: dict[tuple[str, str, str], tuple[str, ...]]
    """(enterprise or "", site or "", device) -> keys of the devices of the profile."""
    knows: tuple[bool, bool]
    """Whether the topic tells (the enterprise, the site)."""


class Addresses:
    """The patterns of these profiles, for these devices."""

    def __init__(self, profiles: Mapping[str, Profile], devices: Iterable[Device]) -> None:
        self._rules: list[_Rule] = []
        wanted: dict[str, dict[tuple[bool, bool], dict[tuple[str, str, str], tuple[str, ...]]]] = {}
        for name, profile in sorted(profiles.items()):
            for topic in profile.topics:
                knows = _knows(topic)
                members = wanted.setdefault(name, {}).setdefault(knows, {})
                self._rules.append(_Rule(expression(topic.pattern), topic, members, knows))
        if not self._rules:
            return
        for device in devices:
            for (enterprise, site), members in wanted.get(device.profile, {}).items():
                parts = (device.enterprise if enterprise else "", device.site if site else "", device.device)
                members[parts] = (*members.get(parts, ()), device.key)

    def find(self, topic: bytes) -> Address | None:
        """Whose this topic is; None if it has the shape of no pattern."""
        unknown: Address | None = None
        found: dict[str, Address] = {}
        for rule in self._rules:
            match = rule.expression.fullmatch(topic)
            if match is None:
                continue
            parts = {name: text.decode("ascii") for name, text in match.groupdict().items()}
            enterprise = parts.get("enterprise", rule.topic.enterprise)
            site = parts.get("site", rule.topic.site)
            stream = parts.get("stream", rule.topic.stream)
            begin, end = match.span("device")
            keys = rule.members.get((enterprise, site, parts["device"]), ())
            for key in keys:
                found.setdefault(key, Address(key, stream, begin, end))
            if unknown is None:
                key = f"{enterprise or UNKNOWN}/{site or UNKNOWN}/{parts['device']}"
                unknown = Address(key, stream, begin, end)
        if unknown is None or not found:
            return unknown
        return unknown._replace(rivals=tuple(found)) if len(found) > 1 else next(iter(found.values()))

    def key_of(self, topic: bytes) -> str | None:
        """The key of the device that a topic is of; None if it has the shape of no pattern."""
        address = self.find(topic)
        return None if address is None else address.key

    def subscriptions(self) -> list[str]:
        """MQTT topic filters that give all of it, none within another."""
        asked = sorted({subscription(rule.topic.pattern) for rule in self._rules})
        return [f for f in asked if not any(g != f and covers(g, f) for g in asked)]


def _knows(topic: Topic) -> tuple[bool, bool]:
    names = {level.name for level in levels(topic.pattern)}
    return bool(topic.enterprise or "enterprise" in names), bool(topic.site or "site" in names)


def like(key: str, wanted: str) -> bool:
    """Whether a key, perhaps with unknown parts, can be the wanted one."""
    ours, theirs = key.split("/"), wanted.split("/")
    return len(ours) == len(theirs) and all(a in {UNKNOWN, b} for a, b in zip(ours, theirs, strict=True))
