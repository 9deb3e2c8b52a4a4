"""``riskgate profiles try``: what one payload gives by a profile, which limits it would pass, or why it is
refused and what to do. Judged by the same code as in the gateway; no gateway need run, nothing is stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from device_profiles import AlarmDefinition, Profile, ProfileError, parse, quality
from device_profiles._parse import DEFAULT_STREAMS
from device_profiles._reader import Taken, codec_of, take
from device_profiles._tables import ID
from device_profiles._topics import HOUSE, HOUSE_LEVELS
from device_profiles.codecs import Refusal
from gateway.errors import ConfigError
from gateway.monitor.addresses import Addresses
from gateway.profiles_command import Rows, text_of

MAX_READ = 1 << 20
"""Bytes of a payload that are read: more than any codec takes."""
SUSPECT_BEFORE_MS = 946_684_800_000  # 2000-01-01
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_REASONS = {
    quality.SENSOR_FAULT: "sensor fault",
    quality.OUT_OF_RANGE: "out of range",
    quality.MISSING: "no reading",
    quality.SATURATED: "saturated loop",
}

ADVICE = {
    "empty": "send at least one reading, or check where the profile looks for records",
    "oversize": "send fewer readings in a payload, or raise max_payload_bytes in the profile",
    "not_utf8": "have the device send UTF-8, not GBK or UTF-16",
    "not_json": "correct the JSON at that character; no byte order mark, no trailing comma",
    "not_finite": "send null where there is no reading, never NaN or Infinity",
    "duplicate_key": "let each key stand once in its object",
    "too_deep": "flatten the payload to 32 levels",
    "wrong_type": "send the type that is expected, or say in the profile how it is written",
    "missing_field": "send that field, or correct its path in the profile; optional = true lets it be absent",
    "unknown_stream": "publish to a channel or a stream of the profile, or add a [[stream]]",
    "unknown_channel": "add a [[point]], correct the name, or list it under ignored in a mapping",
    "wrong_unit": "have the device send the profile's unit, or change the profile to what it sends",
    "device_mismatch": "let the payload name the device of its topic, or publish to the right topic",
    "unequal_columns": "give every column as many values as there are times",
    "bad_length": "send whole records of 20 bytes, and their number in the header",
    "unsupported": "send SenML of version 10 with absolute times",
    "unknown_code": "list that code in the mapping: values, qualities or quality_else",
    "bad_topic": "publish to rg/<enterprise>/<site>/<device>/<stream>, ids of A-Z a-z 0-9 . _ : -, or say "
    "where the vendor publishes in a [[topic]] of the profile",
}
"""Refusal reason -> what to do."""


@dataclass(slots=True)
class Tried:
    """Tables (first row the heading) of what a payload gives."""

    title: str
    readings: Rows = field(default_factory=list)
    refused: Rows = field(default_factory=list)


def attempt(
    folders: list[Path], wanted: str, payload: bytes, stream: str | None = None, topic: str | None = None
) -> Tried:
    """Read a payload by a profile: a file, or the id of a known one.

    Raises ConfigError for a profile that cannot be read, or a stream that must be named and is not.
    """
    profile = _profile(folders, wanted)
    device = None
    try:
        if topic is not None:
            device, stream = _parts(profile, topic, stream)
        stream = stream or _only_stream(profile)
        title = f"{profile.id}, stream {stream}, codec {codec_of(profile, stream)}"
        taken, refused = take(profile, stream, payload, device)
    except Refusal as refusal:
        tried = Tried(f"{profile.id}: the whole payload is refused")
        return _with_refused(tried, [("all", refusal.reason, refusal.detail)])
    tried = Tried(title)
    if taken:
        tried.readings = [_HEADING, *(_reading(profile, reading) for reading in taken)]
    return _with_refused(tried, refused)


def payload_of(given: str, standard_input: BinaryIO) -> bytes:
    """The bytes of a payload: "-" is standard input, else a file, else the text itself."""
    if given == "-":
        return standard_input.read(MAX_READ)
    try:
        if Path(given).is_file():
            with Path(given).open("rb") as file:
                return file.read(MAX_READ)
    except (OSError, ValueError):  # too long for a name, or a zero in it: the payload itself
        return given.encode("utf-8", "surrogateescape")
    if given and given.lstrip()[:1] not in {"{", "[", '"'} and given.endswith((".json", ".txt", ".bin")):
        raise ConfigError(
            [f"payload {given}: there is no such file; check the path, or give the JSON itself"]
        )
    return given.encode("utf-8", "surrogateescape")


_HEADING = ("channel", "time", "value", "unit", "quality", "would pass")


def _profile(folders: list[Path], wanted: str) -> Profile:
    file = Path(wanted)
    name, text, place = wanted, "", wanted
    if file.is_file():
        name = f"{file.resolve().parent.name}/{file.stem}"
        try:
            text = file.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError(
                [f"{wanted}: byte {error.start} is not UTF-8; save the file as UTF-8"]
            ) from None
    elif wanted.endswith(".toml"):
        raise ConfigError([f"{wanted}: there is no such file; check the path, or give a profile's id"])
    else:
        text, place = text_of(folders, wanted)
    try:
        return parse(name, text, draft=True)
    except ProfileError as error:
        raise ConfigError([f"{place}: {p.removeprefix(f'{name}: ')}" for p in error.problems]) from None


def _parts(profile: Profile, topic: str, stream: str | None) -> tuple[str, str]:
    """(device, stream) of a topic, which may be one of the profile's own."""
    levels = topic.split("/")
    if len(levels) == HOUSE_LEVELS and levels[0] == HOUSE and all(map(ID.fullmatch, levels[1:])):
        device, said = levels[3], levels[4]
    else:
        name = topic.encode("utf-8", "surrogateescape")
        found = Addresses({profile.id: profile}, ()).find(name)
        if found is None:
            raise Refusal("bad_topic", topic[:200])
        device, said = name[found.begin : found.end].decode(), found.stream
    if stream is not None and stream != said:
        raise ConfigError([f"--stream {stream}: --topic is of {said}; give one of the two"])
    return device, said


def _only_stream(profile: Profile) -> str:
    own = [s.name for s in profile.streams if s.name not in DEFAULT_STREAMS]
    if len(own) == 1:
        return own[0]
    known = [*own, *(p.channel for p in profile.points), *DEFAULT_STREAMS]
    raise ConfigError([f"--stream: is missing; say to which the payload goes: {', '.join(known)}"])


def _reading(profile: Profile, taken: Taken) -> tuple[Any, ...]:
    point, value = taken.point, taken.value
    told = "" if math.isnan(value) else f"{value:.12g}"
    if point.kind == "discrete" and told:
        told = f"{told} {point.states.get(told, '')}".strip()
    grade = quality.NAMES[taken.grade]
    why = _REASONS.get(taken.reason)
    passes = "not judged: bad" if taken.grade == quality.BAD else "; ".join(_passed(profile, taken))
    return (
        point.channel,
        _time(taken.time_ms),
        told,
        point.unit,
        f"{grade} ({why})" if why else grade,
        passes,
    )


def _passed(profile: Profile, taken: Taken) -> Iterator[str]:
    for alarm in profile.alarms:
        if alarm.channel == taken.point.channel and _is_abnormal(alarm, taken.value):
            limit = "" if alarm.in_states else f" {alarm.setpoint:g} {taken.point.unit}"
            delay = f" after {alarm.on_delay_ns / 1e9:g} s" if alarm.on_delay_ns else ""
            yield f"{alarm.condition}{limit}, priority {alarm.priority}{delay}"


def _is_abnormal(alarm: AlarmDefinition, value: float) -> bool:
    """As the detectors limits and discrete begin."""
    if alarm.in_states:
        return value in alarm.in_states
    return value >= alarm.setpoint if alarm.condition.startswith("H") else value <= alarm.setpoint


def _time(time_ms: int | float | None) -> str:
    if time_ms is None:
        return "that of arrival"
    try:
        at = _EPOCH + timedelta(milliseconds=time_ms)
    except OverflowError:
        return f"{time_ms:.6g} ms: suspect"
    micros = at.microsecond
    text = at.strftime("%Y-%m-%dT%H:%M:%S") if at.year > 999 else at.isoformat()[:19]
    text += f".{micros:06d}".removesuffix("000") if micros else ""
    return f"{text}Z" + (": suspect" if time_ms < SUSPECT_BEFORE_MS else "")


def _with_refused(tried: Tried, refused: list[Any]) -> Tried:
    if refused:
        rows = [(number, reason, detail, ADVICE[reason]) for number, reason, detail in refused]
        tried.refused = [("row", "reason", "what", "what to do"), *rows]
    return tried
