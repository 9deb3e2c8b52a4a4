"""``[[topic]]``: where a vendor's devices publish, if not at the topic of the house.

A pattern is a topic whose levels are texts, ``+`` (any one level, not looked at) or hold one of {enterprise},
{site}, {device} and {stream}, with text before or after it: ``up/{enterprise}/dev-{device}``. What a pattern
does not name stands beside it as a constant, or (enterprise and site) follows from the fleet list.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from device_profiles._model import Topic
from device_profiles._tables import ID, Table

HOUSE = "rg"
HOUSE_LEVELS = 5
MAX_TOPICS = 32
MAX_LEVELS = 32
NAMES = ("enterprise", "site", "device", "stream")
ANY = "+"
_ID = r"[A-Za-z0-9._:-]{1,64}"
_LEVEL = r"[ !\"$-*,-.0-~]{0,128}"  # printable ASCII without / + #
_HOLDS = re.compile(r"([^{}]*)\{([^{}]*)\}([^{}]*)")


class Level(NamedTuple):
    """One level of a pattern. name: one of NAMES, ``+``, or "" where ``before`` is all of it."""

    before: str
    name: str = ""
    after: str = ""


def topics(root: Table, streams: Collection[str]) -> tuple[Topic, ...]:
    """The ``[[topic]]`` tables of a profile; ``streams``: what a device may send, channels too."""
    return tuple(_topic(table, streams) for table in root.tables("topic", MAX_TOPICS))


def _topic(table: Table, streams: Collection[str]) -> Topic:
    pattern = table.text("pattern")
    problems = list(problems_of(pattern)) if pattern else []
    for problem in problems:
        table.note("pattern", problem)
    named = set() if problems else {level.name for level in levels(pattern)}
    found = {key: table.identifier(key) for key in ("enterprise", "site", "stream") if table.has(key)}
    for key in found:
        if key in named:
            table.note(key, f"stands in the pattern as {{{key}}} too; keep one")
    if pattern and not problems and "stream" not in named and "stream" not in found:
        table.note("stream", "is missing: the pattern holds no {stream}; say which stream comes there")
    said = found.get("stream", "")
    if ID.fullmatch(said) and said not in streams:
        table.note("stream", f"{said!r} is neither a channel nor a stream; choose from {', '.join(streams)}")
    table.close()
    return Topic(pattern="" if problems else pattern, **found)


def problems_of(pattern: str) -> Iterator[str]:
    """What is wrong with a pattern: "<what>; <fix>"."""
    if len(pattern) > 1000 or pattern.count("/") >= MAX_LEVELS:
        yield f"is too long; {MAX_LEVELS} levels at most"
        return
    found = levels(pattern)
    wrong = list(_wrong_levels(pattern, found))
    yield from wrong
    if wrong:
        return
    names = [level.name for level in found if level.name in NAMES]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"holds {{{name}}} twice; keep one, and write + for the other"
    if "device" not in names:
        yield "holds no {device}; say at which level the device's id stands"
    if pattern.startswith("$"):
        yield "begins with $, which brokers keep for themselves; leave it out"
    if len(found) == HOUSE_LEVELS and _may_be(found[0], HOUSE):
        yield f"could be a topic of the house, {HOUSE}/...; begin it with a text of its own"


def _wrong_levels(pattern: str, found: tuple[Level, ...]) -> Iterator[str]:
    for text, level in zip(pattern.split("/"), found, strict=True):
        if level.name not in {"", ANY, *NAMES}:
            known = ", ".join(f"{{{name}}}" for name in NAMES)
            yield f"level {text!r}: {{{level.name}}} is none of {known}; correct it"
        elif any(letter in "+#{}" or letter.isspace() for letter in level.before + level.after):
            yield f"level {text!r} is none; give a text, one placeholder with text around it, or + alone"
        elif not (level.before + level.after).isprintable():
            yield f"level {text[:40]!a}: holds control characters; remove them"


def _may_be(level: Level, text: str) -> bool:
    if not level.name:
        return level.before == text
    return text.startswith(level.before) and text.endswith(level.after)


@functools.cache
def levels(pattern: str) -> tuple[Level, ...]:
    """A pattern's levels."""
    return tuple(_level(text) for text in pattern.split("/"))


def _level(text: str) -> Level:
    if text == ANY:
        return Level("", ANY)
    holds = _HOLDS.fullmatch(text)
    return Level(*holds.groups()) if holds and holds[2] else Level(text)


@functools.cache
def expression(pattern: str) -> re.Pattern[bytes]:
    """Matches a topic's bytes; the groups are named as the placeholders."""
    parts = []
    for level in levels(pattern):
        middle = {"": "", ANY: _LEVEL}.get(level.name, f"(?P<{level.name}>{_ID})")
        parts.append(re.escape(level.before) + middle + re.escape(level.after))
    return re.compile("/".join(parts).encode())


def subscription(pattern: str) -> str:
    """The MQTT topic filter that gives all of it."""
    return "/".join(ANY if level.name else level.before for level in levels(pattern))


def filled(topic: Topic, known: Mapping[str, str], other: str = ANY) -> str:
    """Where one device publishes: placeholders by their values, and ``other`` for a level not known."""
    parts = []
    for level in levels(topic.pattern):
        inner = known.get(level.name, "")
        parts.append(f"{level.before}{inner}{level.after}" if inner or not level.name else other)
    return "/".join(parts)


def covers(wide: str, narrow: str) -> bool:
    """Whether a subscription to ``wide`` gives all that one to ``narrow`` gives; neither holds ``#``."""
    theirs = narrow.split("/")
    ours = wide.split("/")
    return (
        len(ours) == len(theirs)
        and all(a in {ANY, b} for a, b in zip(ours, theirs, strict=True))
        and not (ours[0] == ANY and theirs[0].startswith("$"))
    )


def has_topics(text: str) -> bool:
    """Whether a profile's text has ``[[topic]]`` tables; such a profile counts before it has a device."""
    if "topic" not in text:
        return False
    try:
        return "topic" in tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
