"""What ``riskgate profiles check|list|show`` print: tables as rows, the first of them the heading."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from device_profiles import AlarmDefinition, DetectorRule, Example, Point, Profile
from device_profiles._conversions import SAME
from device_profiles.codecs._mapped import Mapping
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.fleet import check_profile, check_profiles, read_profiles

Rows = list[tuple[Any, ...]]
MAX_SHOWN = 200
"""Characters of an example's payload that are shown."""


def check(config: Config) -> tuple[Rows, list[str]]:
    """One row a profile, and every problem of all of them; all examples are run."""
    rows: Rows = [("profile", "points", "alarms", "good examples", "bad examples", "result")]
    told: list[str] = []
    places: dict[str, str] = {}
    for name, text in sorted(read_profiles(config.profiles, places).items()):
        profile, problems = check_profile(name, text, places[name])
        told += problems
        result = f"{len(problems)} problem{'s' * (len(problems) > 1)}" if problems else "ok"
        if profile is None:
            rows.append((name, "", "", "", "", result))
            continue
        bad = sum(bool(e.refused) for e in profile.examples)
        rows.append(
            (name, len(profile.points), len(profile.alarms), len(profile.examples) - bad, bad, result)
        )
    return rows, told


def listing(config: Config) -> list[tuple[str, Rows]]:
    """A table (family, rows) for each family; ConfigError if a profile is wrong."""
    places: dict[str, str] = {}
    families: dict[str, Rows] = {}
    for name, profile in sorted(check_profiles(read_profiles(config.profiles, places), places).items()):
        rows = families.setdefault(name.partition("/")[0], [("profile", "title / 名称", "points", "alarms")])
        title = f"{profile.title_en} / {profile.title_zh}"
        rows.append((name, title, len(profile.points), len(profile.alarms)))
    return list(families.items())


def text_of(folders: list[Path], name: str) -> tuple[str, str]:
    """(text, place) of a known profile; ConfigError if there is none of that id."""
    found: dict[str, str] = {}
    texts = read_profiles(folders, found)
    if name not in texts:
        near = difflib.get_close_matches(name, texts, 1)
        hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(sorted(texts))}"
        raise ConfigError([f"profile {name}: is not known; {hint}"])
    return texts[name], found[name]


def show(config: Config, name: str) -> list[tuple[str, Rows]]:
    """Tables (title, rows) of one profile; ConfigError if there is none of that id."""
    text, place = text_of(config.profiles, name)
    profile = check_profiles({name: text}, {name: place})[name]
    return [
        (f"{profile.id}: {profile.title_en} / {profile.title_zh}", _facts(profile)),
        (
            "Points",
            [
                ("channel", "title", "名称", "unit", "on the wire", "range or states"),
                *map(_point, profile.points),
            ],
        ),
        ("Alarms", [_ALARM_HEADING, *(_alarm(profile, a) for a in profile.alarms)]),
        (
            "Detectors",
            [
                ("channel", "kind", "settings", "priority", "response", "处置", "clause", "verified"),
                *map(_detector, profile.detectors),
            ],
        ),
        (
            "Device alarms",
            [
                ("condition", "priority", "response", "处置"),
                *((a.condition, a.priority, a.response_en, a.response_zh) for a in profile.device_alarms),
            ],
        ),
        ("Streams", [("stream", "codec"), *((s.name, s.codec) for s in profile.streams)]),
        *(
            (f"Stream {s.name}: mapping", _mapping(s.settings))
            for s in profile.streams
            if s.codec == "mapping"
        ),
        ("Examples", [("stream", "payload", "gives"), *map(_example, profile.examples)]),
    ]


_ALARM_HEADING = (
    "channel",
    "condition",
    "limit or states",
    "deadband",
    "on / off delay s",
    "priority",
    "latch",
    "response",
    "处置",
    "clause",
    "verified",
)


def _detector(rule: DetectorRule) -> tuple[str, ...]:
    numbers = (
        ", ".join(f"{key} {_shown(value)}" for key, value in sorted(rule.settings.items())) or "defaults"
    )
    joined = ", ".join(f"{one.role} = {one.text}" for one in rule.inputs)
    place = f"{rule.scope}: {joined}" if joined else rule.channel
    verified = "yes" if rule.source_verified else "no"
    texts = (str(rule.priority), rule.response_en, rule.response_zh, rule.clause, verified)
    return (place, rule.kind, numbers, *texts)


def _shown(value: float | str | tuple[float, ...]) -> str:
    if isinstance(value, str):
        return value[:16]
    if not isinstance(value, tuple):
        return f"{value:g}"
    return " ".join(f"{v:g}" for v in value) if len(value) <= 8 else f"{len(value)} numbers"


def _mapping(mapping: Mapping) -> Rows:
    rows: Rows = [("channel", "called", "value at", "time at", "on the wire", "x factor + offset")]
    for reading in mapping.readings:
        scale = reading.linear
        told = "" if scale == SAME else f"x {scale.num / scale.den:g} + {scale.add / scale.den:g}"
        codes = ", ".join(f"{code} = {number:g}" for code, number in (reading.values or {}).items())
        called = reading.called if mapping.name is not None else ""
        at = "arrival" if reading.time is None else reading.time.text
        rows.append((reading.channel, called, reading.value.text, at, reading.unit or codes, told))
    return rows


def _example(example: Example) -> tuple[str, ...]:
    given = " ".join(example.payload.split())
    payload = (
        given if len(given) <= MAX_SHOWN else f"{given[:MAX_SHOWN]}... ({len(example.payload)} characters)"
    )
    count = len(example.readings)
    gives = [f"{count} reading{'s' * (count > 1)}"] if count else []
    gives += [f"refused by {example.refused}"] if example.refused else []
    return (example.stream, payload, ", ".join(gives))


def _facts(profile: Profile) -> Rows:
    return [
        ("", ""),
        ("edition", profile.edition),
        ("period s", _seconds(profile.period_ns)),
        ("upload period s", _seconds(profile.upload_period_ns)),
        ("readings a period at most", str(profile.max_per_period)),
        ("silent after s", _seconds(profile.silent_after_ns)),
        ("late after s", _seconds(profile.late_after_ns)),
        ("future beyond s", _seconds(profile.max_future_ns)),
        ("readings to clear", str(profile.clear_readings)),
        ("largest payload", f"{profile.max_payload_bytes} bytes"),
    ]


def _point(point: Point) -> tuple[str, ...]:
    span = f"{point.low:g} .. {point.high:g}"
    if point.kind == "discrete":
        span = ", ".join(f"{n} {text} {point.states_zh[n]}" for n, text in point.states.items())
    return (point.channel, point.title_en, point.title_zh, point.unit, point.wire_unit or point.unit, span)


def _alarm(profile: Profile, alarm: AlarmDefinition) -> tuple[Any, ...]:
    point = profile.point(alarm.channel)
    unit = "" if point is None else point.unit
    limit = f"{alarm.setpoint:g} {unit}"
    if alarm.in_states and point is not None:
        limit = ", ".join(f"{n} {point.states[str(n)]}" for n in alarm.in_states)
    return (
        alarm.channel,
        alarm.condition,
        limit,
        "" if alarm.in_states else f"{alarm.deadband:g}",
        f"{_seconds(alarm.on_delay_ns)} / {_seconds(alarm.off_delay_ns)}",
        alarm.priority,
        "yes" if alarm.latch else "",
        alarm.response_en,
        alarm.response_zh,
        alarm.clause,
        "yes" if alarm.source_verified else "no",
    )


def _seconds(ns: int) -> str:
    return f"{ns / 1e9:g}"
