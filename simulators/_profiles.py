"""The shipped profile of an id, from the installed package: simulators take delays and ranges from it."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from device_profiles import Profile, parse


@cache
def profile(profile_id: str) -> Profile:
    """The parsed profile; FileNotFoundError for an id that is not shipped."""
    text = files("device_profiles").joinpath(f"{profile_id}.toml").read_text(encoding="utf-8")
    return parse(profile_id, text)


def on_delay_s(profile_id: str, channel: str, condition: str) -> float:
    """On-delay of an alarm in seconds; KeyError when the profile has no such alarm."""
    for alarm in profile(profile_id).alarms:
        if (alarm.channel, alarm.condition) == (channel, condition):
            return alarm.on_delay_ns / 1e9
    raise KeyError(f"{profile_id} has no alarm {condition!r} on {channel!r}")
