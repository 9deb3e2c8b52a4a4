"""Run a profile's own examples through its codecs and quality rules, as the gateway will. Pure."""

from __future__ import annotations

import math

from device_profiles import codecs, quality
from device_profiles._model import Example, Profile
from device_profiles._reader import codec_of, take

__all__ = ["check", "codec_of"]

RELATIVE = 1e-9
"""How close an example's decimal value must be: it is written by hand, the gateway's is float64."""


def check(profile: Profile) -> list[str]:
    """What every example gives otherwise than it says, as "<profile>: example[n]: <what>; <fix>"."""
    problems = []
    for number, example in enumerate(profile.examples, 1):
        what = _compare(profile, example)
        if what:
            problems.append(
                f"{profile.id}: example[{number}]: {what}; correct the payload, its readings or refused"
            )
    return problems


Told = tuple[str, int | float | None, float, str]


def _run(profile: Profile, example: Example) -> tuple[list[Told], list[str]]:
    """(channel, time ms, value, quality) of each reading, and the reasons of what was refused."""
    payload = example.payload.encode("utf-8", "surrogatepass")
    try:
        taken, refused = take(profile, example.stream, payload)
    except codecs.Refusal as refusal:
        return [], [refusal.reason]
    readings = [(t.point.channel, t.time_ms, t.value, quality.NAMES[t.grade]) for t in taken]
    return readings, [reason for _, reason, _ in refused]


def _compare(profile: Profile, example: Example) -> str:
    readings, reasons = _run(profile, example)
    wanted = {example.refused} if example.refused else set()
    if set(reasons) != wanted:
        return f"expected {_told(wanted)}, got {_told(set(reasons))}"
    if len(readings) != len(example.readings):
        return f"expected {len(example.readings)} readings, got {len(readings)}"
    for number, (got, want) in enumerate(zip(readings, example.readings, strict=True), 1):
        if (got[0], got[1], got[3]) != (want[0], want[1], want[3]) or not _equal(got[2], want[2]):
            return f"reading {number}: expected {_plain(want)}, got {_plain(got)}"
    return ""


def _equal(got: float, want: float | None) -> bool:
    if want is None:
        return math.isnan(got)
    return math.isclose(got, want, rel_tol=RELATIVE, abs_tol=RELATIVE)


def _told(reasons: set[str]) -> str:
    return f"refused by {', '.join(sorted(reasons))}" if reasons else "nothing refused"


def _plain(reading: tuple[str, int | float | None, float | None, str]) -> str:
    channel, at, value, grade = reading
    told = "no value" if value is None or math.isnan(value) else f"{value:g}"
    return f"{channel} {told} ({grade}) at {at}"
