"""What one device may have of its own: setpoints, deadbands and delays; and the profile that follows from it.

Guarantee: no override makes a safety alarm looser. Higher is looser for H and HH, lower for L and LL; so is a
longer delay, and a larger deadband, for both join what happens again to what happened before. An alarm is a
safety alarm if it has priority 1 or is HH or LL: to loosen one is management of change and begins with the
profile, never with one device's row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from device_profiles import _rules
from device_profiles._model import LIMITS, AlarmDefinition, Profile

Setpoints = Mapping[tuple[str, str], float]
"""(channel, condition) -> setpoint in the point's unit; (channel, "<condition>.<setting>") -> that one."""

SETTINGS = ("deadband", "on_delay_s", "off_delay_s")
NS = 1_000_000_000


def loosens(condition: str, before: float, after: float) -> bool:
    """Whether a limit acts later than before."""
    return after > before if condition.startswith("H") else after < before


def is_safety(alarm: AlarmDefinition) -> bool:
    """Whether an alarm may only be made stricter by one device."""
    return alarm.priority == 1 or alarm.condition in {"LL", "HH"}


def override(profile: Profile, setpoints: Setpoints) -> Profile:
    """The profile with these settings; one that names no alarm of the profile is without effect."""
    if not setpoints:
        return profile
    alarms = tuple(_altered(alarm, setpoints) for alarm in profile.alarms)
    return msgspec.structs.replace(profile, alarms=alarms)


def _altered(alarm: AlarmDefinition, setpoints: Setpoints) -> AlarmDefinition:
    own: dict[str, Any] = {}
    if alarm.condition in LIMITS:
        own |= _found(alarm, setpoints, alarm.condition, "setpoint", 1)
        own |= _found(alarm, setpoints, f"{alarm.condition}.deadband", "deadband", 1)
    own |= _found(alarm, setpoints, f"{alarm.condition}.on_delay_s", "on_delay_ns", NS)
    own |= _found(alarm, setpoints, f"{alarm.condition}.off_delay_s", "off_delay_ns", NS)
    return msgspec.structs.replace(alarm, **own) if own else alarm


def _found(
    alarm: AlarmDefinition, setpoints: Setpoints, named: str, field: str, scale: int
) -> dict[str, float | int]:
    value = setpoints.get((alarm.channel, named))
    if value is None:
        return {}
    return {field: value if scale == 1 else round(value * scale)}


def override_problems(profile: Profile, setpoints: Setpoints, *, may_loosen: bool = False) -> list[str]:
    """Everything wrong with a device's own settings: "<channel>:<condition>: <what>; <what to do>".

    may_loosen: a looser safety limit is not told, for a back-test only asks what would have been.
    """
    problems: list[str] = []
    for (channel, condition), value in setpoints.items():
        problems += _one(profile, channel, condition, value)
        if not may_loosen:
            problems += loosenings(profile, {(channel, condition): value})
    if problems:
        return problems
    changed = {channel for channel, _ in setpoints}
    points = tuple(p for p in profile.points if p.channel in changed)
    shown = msgspec.structs.replace(override(profile, setpoints), points=points)
    named = {(channel, condition.partition(".")[0]) for channel, condition in setpoints}
    for alarm in shown.alarms:
        point = shown.point(alarm.channel)
        if point is not None and (alarm.channel, alarm.condition) in named and alarm.condition in LIMITS:
            problems += _rules.limit_in_range(f"{alarm.channel}:{alarm.condition}", point, alarm)
    return problems or [p.removeprefix("alarm: on ") for p in _rules.limits_in_order(shown)]


def _one(profile: Profile, channel: str, condition: str, value: float) -> Iterator[str]:
    where = f"{channel}:{condition}"
    name, _, setting = condition.partition(".")
    point = profile.point(channel)
    if point is None:
        yield f"{where}: no channel {channel!r}; choose from {', '.join(p.channel for p in profile.points)}"
        return
    alarm = next((a for a in profile.alarms if (a.channel, a.condition) == (channel, name)), None)
    if alarm is None or (name not in LIMITS and setting in {"", "deadband"}):
        limits = [a.condition for a in profile.alarms if a.channel == channel and a.condition in LIMITS]
        fix = f"choose from {', '.join(limits)}" if limits else "it has no limit at all; leave it out"
        yield f"{where}: {channel!r} has no limit {name!r}; {fix}"
    elif setting and setting not in SETTINGS:
        yield f"{where}: {setting!r} is no setting; choose from {', '.join(SETTINGS)}"
    elif setting.endswith("_s") and not 0 <= value <= _rules.MAX_DELAY_NS / NS:
        yield f"{where}: {value:g} s is no delay; give 0 to {_rules.MAX_DELAY_NS // NS} s"


def loosenings(profile: Profile, setpoints: Setpoints) -> list[str]:
    """The settings that make a safety alarm looser than the profile has it, told as by override_problems."""
    problems: list[str] = []
    for (channel, condition), value in setpoints.items():
        name, _, setting = condition.partition(".")
        for alarm in profile.alarms:
            known = setting in SETTINGS or (not setting and name in LIMITS)
            if (alarm.channel, alarm.condition) == (channel, name) and known and is_safety(alarm):
                problems += _loosened(profile, f"{channel}:{condition}", alarm, setting, value)
    return problems


def _loosened(
    profile: Profile, where: str, alarm: AlarmDefinition, setting: str, value: float
) -> Iterator[str]:
    before = {
        "": alarm.setpoint,
        "deadband": alarm.deadband,
        "on_delay_s": alarm.on_delay_ns / NS,
        "off_delay_s": alarm.off_delay_ns / NS,
    }[setting]
    if setting:
        looser, how = value > before, "larger" if setting == "deadband" else "longer"
    else:
        looser = loosens(alarm.condition, before, value)
        how = "higher" if alarm.condition.startswith("H") else "lower"
    if looser:
        point = profile.point(alarm.channel)
        unit = "s" if setting.endswith("_s") else "" if point is None else point.unit
        yield (
            f"{where}: {value:g} loosens a safety limit ({how} is looser; {profile.id} has "
            f"{before:g} {unit}); that is management of change: have the profile changed"
        )
