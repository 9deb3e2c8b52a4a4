"""Setpoints of one device that differ from its profile's: what may differ, and the profile that follows.

Guarantee: no override makes a safety limit looser. Higher is looser for H and HH, lower for L and LL. A limit
is a safety limit if its alarm has priority 1 or its condition is HH or LL: to loosen one is management of
change and begins with the profile, never with one device's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from device_profiles import _rules
from device_profiles._model import LIMITS, AlarmDefinition, Profile

Setpoints = Mapping[tuple[str, str], float]
"""(channel, condition) -> setpoint in the point's unit."""


def loosens(condition: str, before: float, after: float) -> bool:
    """Whether a limit acts later than before."""
    return after > before if condition.startswith("H") else after < before


def is_safety(alarm: AlarmDefinition) -> bool:
    """Whether a limit may only be made stricter by one device."""
    return alarm.priority == 1 or alarm.condition in {"LL", "HH"}


def override(profile: Profile, setpoints: Setpoints) -> Profile:
    """The profile with these setpoints; one that names no limit of the profile is without effect."""
    if not setpoints:
        return profile
    alarms = tuple(
        msgspec.structs.replace(alarm, setpoint=setpoints[alarm.channel, alarm.condition])
        if (alarm.channel, alarm.condition) in setpoints and alarm.condition in LIMITS
        else alarm
        for alarm in profile.alarms
    )
    return msgspec.structs.replace(profile, alarms=alarms)


def override_problems(profile: Profile, setpoints: Setpoints) -> list[str]:
    """Everything wrong with a device's setpoints: "<channel>:<condition>: <what>; <what to do>"."""
    problems: list[str] = []
    for (channel, condition), setpoint in setpoints.items():
        problems += _one(profile, channel, condition, setpoint)
    if not problems:
        changed = {channel for channel, _ in setpoints}
        points = tuple(p for p in profile.points if p.channel in changed)
        shown = msgspec.structs.replace(override(profile, setpoints), points=points)
        problems += [p.removeprefix("alarm: on ") for p in _rules.limits_in_order(shown)]
    return problems


def _one(profile: Profile, channel: str, condition: str, setpoint: float) -> Iterator[str]:
    where = f"{channel}:{condition}"
    point = profile.point(channel)
    if point is None:
        yield f"{where}: no channel {channel!r}; choose from {', '.join(p.channel for p in profile.points)}"
        return
    alarm = next((a for a in profile.alarms if (a.channel, a.condition) == (channel, condition)), None)
    if alarm is None or condition not in LIMITS:
        limits = [a.condition for a in profile.alarms if a.channel == channel and a.condition in LIMITS]
        fix = f"choose from {', '.join(limits)}" if limits else "it has no limit at all; leave it out"
        yield f"{where}: {channel!r} has no limit {condition!r}; {fix}"
        return
    if is_safety(alarm) and loosens(condition, alarm.setpoint, setpoint):
        looser = "higher" if condition.startswith("H") else "lower"
        yield (
            f"{where}: {setpoint:g} loosens a safety limit ({looser} is looser; {profile.id} has "
            f"{alarm.setpoint:g} {point.unit}); that is management of change: have the profile changed"
        )
        return
    yield from _rules.limit_in_range(where, point, msgspec.structs.replace(alarm, setpoint=setpoint))
