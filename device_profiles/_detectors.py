"""``[[detector]]``: which anomaly detectors judge a channel, and with what numbers. They advise; the values
that an operator must act on are limits. What a table may say stands in the detector's own module."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import detectors
from detectors import Setting
from detectors._settings import name
from device_profiles import _inputs
from device_profiles._model import DetectorInput, DetectorRule, Point, Profile
from device_profiles._tables import Table


def detector(table: Table) -> DetectorRule:
    """One ``[[detector]]`` table; what is wrong is noted there."""
    kind = _kind(table)
    settings: dict[str, Any] = {}
    for key, setting in (detectors.load(kind).SETTINGS if kind else {}).items():
        if table.has(key):
            settings[name(key, setting)] = _read(table, key, setting)
        elif setting.required:
            table.note(key, "is missing; add it")
    inputs: tuple[DetectorInput, ...] = ()
    scope: _inputs.Scope = "device"
    joins = bool(kind) and detectors.roles(detectors.load(kind)) > 0
    if joins:
        inputs, scope = _inputs.read(table, detectors.load(kind))
    rule = DetectorRule(
        channel="" if joins else table.identifier("channel"),
        kind=kind,
        settings=settings,
        priority=table.integer("priority", 1, 4, 4),
        consequence_en=table.text("consequence_en"),
        consequence_zh=table.text("consequence_zh"),
        response_en=table.text("response_en"),
        response_zh=table.text("response_zh"),
        clause=table.text("clause"),
        source_verified=table.boolean("source_verified"),
        inputs=inputs,
        scope=scope,
    )
    if kind:
        table.close()
    return rule


def _kind(table: Table) -> str:
    """The kind of a detector that advises, or "" after a note. Only its own module is loaded."""
    kind = table.text("kind")
    if kind in detectors.kinds() and detectors.advises(detectors.load(kind)):
        return kind
    return table.choice("kind", tuple(detectors.advising())) and ""


def _read(table: Table, key: str, setting: Setting) -> Any:
    if setting.unit == "switch":
        return table.boolean(key)
    if setting.unit == "text":
        return table.text(key)
    if setting.unit == "count":
        return table.integer(key, int(setting.low), int(setting.high))
    if setting.unit == "seconds":
        return table.seconds_ns(key, above_zero=setting.low > 0)
    given = table.numbers(key) if setting.unit == "numbers" else (table.number(key),)
    for value in given:
        if not setting.low <= value <= setting.high:
            table.note(key, f"is {value:g}; give a number from {setting.low:g} to {setting.high:g}")
    return given if setting.unit == "numbers" else given[0]


def detector_settings(rule: DetectorRule, point: Point, profile: Profile) -> dict[str, Any]:
    """What a per-channel detector's ``configure`` is given: the table's numbers, the point's range and the
    profile's pace, alike for every kind."""
    return {
        "channel": point.channel,
        "low": point.low,
        "high": point.high,
        "span": point.span,
        "clear_readings": profile.clear_readings,
        "period_ns": profile.period_ns,
        "limits": {a.condition: a.setpoint for a in profile.alarms if a.channel == point.channel},
        **rule.settings,
    }


def check(profile: Profile) -> Iterator[str]:
    """What is wrong between a detector and the rest of the profile, as "<key>: <what>; <fix>"."""
    first: dict[tuple[str, str], int] = {}
    for number, rule in enumerate(profile.detectors, 1):
        where = f"detector[{number}]"
        place = rule.inputs[0].text if rule.inputs else rule.channel
        known = first.setdefault((place, rule.kind), number)
        if known != number:
            told = f"{rule.kind} on {place!r}"
            yield f"{where}.kind: {told} already stands in detector[{known}]; keep one"
        if rule.kind and detectors.roles(detectors.load(rule.kind)):
            if rule.inputs:
                yield from _inputs.check(where, rule, profile)
                yield from _configured(where, rule, _inputs.settings(rule, profile))
            continue
        point = profile.point(rule.channel)
        if point is None:
            channels = ", ".join(p.channel for p in profile.points)
            yield f"{where}.channel: {rule.channel!r} is no channel; choose from {channels}"
        elif point.kind == "discrete":
            yield f"{where}.channel: {rule.channel!r} is discrete; detectors judge analog channels only"
        elif rule.kind:
            yield from _numbers(where, point, rule, profile)


def _numbers(where: str, point: Point, rule: DetectorRule, profile: Profile) -> Iterator[str]:
    module = detectors.load(rule.kind)
    for key, setting in module.SETTINGS.items():
        value = rule.settings.get(key)
        if value is None:
            continue
        if setting.unit == "level" and not point.low <= value <= point.high:
            yield f"{where}.{key}: is outside the range {point.low:g}..{point.high:g}; give a value inside"
        if setting.unit == "value" and value >= point.span > 0:
            yield f"{where}.{key}: {value:g} is not below the span {point.span:g}; lessen it"
    yield from _configured(where, rule, detector_settings(rule, point, profile))


def _configured(where: str, rule: DetectorRule, settings: dict[str, Any]) -> Iterator[str]:
    try:
        detectors.load(rule.kind).configure(settings)
    except ValueError as problem:
        yield f"{where}.{problem}"
