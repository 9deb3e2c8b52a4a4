"""Rules between the values of a profile: what no single key can show. Says what is wrong and the fix."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator

from device_profiles import _detectors
from device_profiles._model import LIMITS, AlarmDefinition, Point, Profile

MAX_DISCRETE_ALARMS = 4
"""Conditions a discrete point can have: the discrete detector's record holds four."""
MAX_DELAY_NS = 86_400_000_000_000
NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")


def check(profile: Profile, faulty: frozenset[str] = frozenset()) -> list[str]:
    """Every problem, as "<key>: <what>; <fix>".

    ``faulty`` names tables that already have a problem, such as "point[2]": what only follows from their
    missing values is left out.
    """
    unsure = {p.channel for n, p in enumerate(profile.points, 1) if f"point[{n}]" in faulty}
    kinds = {place.partition("[")[0] for place in faulty}
    problems = []
    found = (_times, _points, _alarms, limits_in_order, _keep_live, _suppress_when, _detectors.check)
    for problem in (p for rule in found for p in rule(profile)):
        place = problem.partition(":")[0].partition(".")[0]
        if place in faulty or place in kinds:
            continue
        if place.startswith(("alarm[", "detector[")):
            tables = profile.alarms if place.startswith("alarm") else profile.detectors
            channel = tables[int(place.partition("[")[2][:-1]) - 1].channel
            if channel in unsure or ("" in unsure and profile.point(channel) is None):
                continue
        problems.append(problem)
    if "example" not in kinds:
        problems += _examples(profile)
    return [*problems, *_streams(profile)]


def _keep_live(profile: Profile) -> Iterator[str]:
    seen: set[str] = set()
    judged = {alarm.channel for alarm in profile.alarms}
    for number, kept in enumerate(profile.keep_live, 1):
        if profile.point(kept.channel) is None:
            yield f"keep_live[{number}].channel: there is no point {kept.channel!r}; name one of this profile"
        elif kept.channel not in judged:
            yield f"keep_live[{number}].channel: {kept.channel!r} has no [[alarm]]; remove it"
        elif kept.channel in seen:
            yield f"keep_live[{number}].channel: {kept.channel!r} stands twice; keep one"
        seen.add(kept.channel)


def _suppress_when(profile: Profile) -> Iterator[str]:
    alarms = {(alarm.channel, alarm.condition): alarm for alarm in profile.alarms}
    for number, rule in enumerate(profile.suppress_when, 1):
        place = f"suppress_when[{number}]"
        alarm = alarms.get((rule.channel, rule.condition))
        point = profile.point(rule.state)
        if alarm is None:
            yield f"{place}.condition: {rule.channel}:{rule.condition} is no [[alarm]] here; name one"
        elif alarm.priority == 1 or alarm.condition in ("HH", "LL"):
            yield f"{place}.condition: {rule.condition} is a safety alarm (HH, LL, priority 1); remove it"
        elif rule.channel in {kept.channel for kept in profile.keep_live}:
            yield f"{place}.channel: {rule.channel} has to stay live ([[keep_live]]); remove one of the two"
        if not rule.states:
            yield f"{place}.is: is missing; list the states in which the alarm means nothing, such as [0]"
        if rule.of in ("", profile.id) and (point is None or point.kind != "discrete"):
            yield f"{place}.state: there is no discrete point {rule.state!r}; name one, or a profile in 'of'"


def _times(profile: Profile) -> Iterator[str]:
    if profile.upload_period_ns < profile.period_ns:
        yield "profile.upload_period_s: is shorter than period_s; make it at least the period"
    longest = max(profile.period_ns, profile.upload_period_ns)
    if profile.silent_after_ns < longest:
        yield (
            f"profile.silent_after_s: is shorter than the {longest / 1e9:g} s between uploads, so a healthy "
            "device would be called silent; make it about twice that"
        )
    if profile.late_after_ns < profile.upload_period_ns:
        yield "profile.late_after_s: is shorter than upload_period_s, so all is late; lengthen it"


def _points(profile: Profile) -> Iterator[str]:
    if not profile.points:
        yield "point: is missing; add a [[point]] for every channel"
    elif all(p.on_event for p in profile.points):
        yield "point: every channel is on_event, so nothing shows that the device lives; make one regular"
    yield from _twice("point", "channel", (p.channel for p in profile.points))
    for number, point in enumerate(profile.points, 1):
        where = f"point[{number}]"
        if point.kind == "discrete":
            if not point.states:
                yield f'{where}.states: is missing; list the states, such as {{ 0 = "closed", 1 = "open" }}'
            elif set(point.states) != set(point.states_zh):
                yield f"{where}.states_zh: names other states than states; give both languages for each"
        elif not point.low < point.high:
            yield f"{where}.high: {point.high:g} is not above low {point.low:g}; swap or correct them"


def _alarms(profile: Profile) -> Iterator[str]:
    yield from _twice("alarm", "condition", (f"{a.channel}:{a.condition}" for a in profile.alarms))
    for number, alarm in enumerate(profile.alarms, 1):
        where = f"alarm[{number}]"
        point = profile.point(alarm.channel)
        if point is None:
            known = ", ".join(p.channel for p in profile.points)
            yield f"{where}.channel: {alarm.channel!r} is no channel; choose from {known}"
        elif point.kind == "discrete":
            yield from _discrete(where, point, alarm)
        else:
            yield from limit_in_range(where, point, alarm)
        for key, delay in (("on_delay_s", alarm.on_delay_ns), ("off_delay_s", alarm.off_delay_ns)):
            if delay > MAX_DELAY_NS:
                yield f"{where}.{key}: is longer than a day; give seconds"
    for point in profile.points:
        count = sum(a.channel == point.channel for a in profile.alarms)
        if point.kind == "discrete" and count > MAX_DISCRETE_ALARMS:
            yield f"alarm: {count} on discrete {point.channel!r}; {MAX_DISCRETE_ALARMS} at most, join states"


def _discrete(where: str, point: Point, alarm: AlarmDefinition) -> Iterator[str]:
    if alarm.condition in LIMITS:
        yield f"{where}.condition: {alarm.condition} is a limit, but {point.channel!r} is discrete; name it"
    elif not NAME.fullmatch(alarm.condition):
        yield f"{where}.condition: {alarm.condition!r} is no name; use small letters, digits and _"
    if not alarm.in_states:
        yield f"{where}.in_states: is missing; list the states that are abnormal"
    unknown = [str(s) for s in alarm.in_states if str(s) not in point.states]
    if unknown:
        known = ", ".join(point.states)
        yield f"{where}.in_states: {', '.join(unknown)} not among the states {known}; correct it"
    if point.states and not set(point.states) - {str(s) for s in alarm.in_states}:
        yield f"{where}.in_states: holds every state, so it could never clear; leave the normal ones out"


def limit_in_range(where: str, point: Point, alarm: AlarmDefinition) -> Iterator[str]:
    """What is wrong with one limit by itself."""
    unit = point.unit
    if alarm.condition not in LIMITS:
        yield f"{where}.condition: {alarm.condition!r} is no limit; use {', '.join(LIMITS)}"
        return
    if not point.low <= alarm.setpoint <= point.high:
        yield (
            f"{where}.setpoint: {alarm.setpoint:g} is outside the range {point.low:g}..{point.high:g} "
            f"{unit}; give a value inside"
        )
    if alarm.deadband < 0 or alarm.deadband >= point.span:
        yield f"{where}.deadband: {alarm.deadband:g} is not in 0..{point.span:g} {unit}; take 1 to 5 % of it"
        return
    rising = alarm.condition.startswith("H")
    clears_at = alarm.setpoint - alarm.deadband if rising else alarm.setpoint + alarm.deadband
    if clears_at <= point.low if rising else clears_at >= point.high:
        yield f"{where}.deadband: it would clear only beyond {clears_at:g} {unit}, the range's end; lessen it"


def limits_in_order(profile: Profile) -> Iterator[str]:
    """What is wrong between the limits of each point."""
    for point in profile.points:
        found = {a.condition: a.setpoint for a in profile.alarms if a.channel == point.channel}
        for lower, upper in itertools.pairwise(name for name in LIMITS if name in found):
            if found[lower] >= found[upper]:
                yield (
                    f"alarm: on {point.channel!r} {lower} {found[lower]:g} is not below "
                    f"{upper} {found[upper]:g} {point.unit}; keep LL < L < H < HH"
                )


def _streams(profile: Profile) -> Iterator[str]:
    for stream in profile.streams:
        if profile.point(stream.name) is not None:
            yield f"stream: {stream.name!r} is also a channel's name; rename the channel or the stream"


def _examples(profile: Profile) -> Iterator[str]:
    if not any(e.readings and not e.refused for e in profile.examples):
        yield "example: none gives readings; add an [[example]] with a good payload and its readings"
    if not any(e.refused for e in profile.examples):
        yield 'example: none is refused; add an [[example]] with a bad payload and refused = "<reason>"'


def _twice(table: str, key: str, names: Iterable[str]) -> Iterator[str]:
    first: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in first:
            yield f"{table}[{number}].{key}: {name!r} already stands in {table}[{first[name]}]; keep one"
        first.setdefault(name, number)
