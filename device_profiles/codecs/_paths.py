"""Where a value stands in a vendor's JSON: dotted names and places in lists, nothing cleverer.

``data.sensors[0].val``; a name with a dot, bracket or space stands in ``["..."]``. A path begins at the
record, or with ``$`` at the whole payload. Only a path of records may end in ``[*]``.

>>> find(path('data["a.b"][1]'), {"data": {"a.b": [1, 2]}}, None)
2
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from device_profiles.codecs import Refusal, _strict

MAX_STEPS = 16
_STEP = re.compile(
    r"""(?P<name>[^.\[\]"'\s*$]+) | \[(?P<place>0|[1-9][0-9]{0,5})\] | \["(?P<quoted>[^"]{1,200})"\]""",
    re.VERBOSE,
)


class _Absent:
    def __bool__(self) -> bool:
        return False


ABSENT: Final = _Absent()
"""Nothing stands there."""


class Path(NamedTuple):
    """A path that was read."""

    text: str
    from_root: bool
    steps: tuple[str | int, ...]


def path(text: str, *, records: bool = False) -> Path:
    """The path of a text; ValueError says what is wrong with it. ``records``: it ends in ``[*]``."""
    rest = text
    if records:
        if not text.endswith("[*]"):
            raise ValueError(f"{text!r} does not end in [*]; write such as data.list[*]")
        rest = text[:-3]
    from_root = rest.startswith("$")
    steps: list[str | int] = []
    at = int(from_root)
    while at < len(rest):
        first = not steps and not from_root
        dotted = rest[at] == "."
        found = _STEP.match(rest, at + dotted)
        named = found is not None and found["name"] is not None
        if found is None or (dotted == first if named else dotted):
            raise ValueError(
                f"{text!r} is no path from character {at + 1} on; write such as data.list[0].val, "
                'a name with dots as ["a.b"]'
            )
        steps.append(int(found["place"]) if found["place"] else found["quoted"] or found["name"])
        at = found.end()
    if len(steps) > MAX_STEPS:
        raise ValueError(f"{text[:40]!r}... has {len(steps)} steps; {MAX_STEPS} at most")
    if not steps and not records:
        raise ValueError(f"{text!r} names nothing; write such as data.val")
    return Path(text, from_root, tuple(steps))


def find(where: Path, record: Any, root: Any) -> Any:
    """What stands there, or ``ABSENT``; Refusal("wrong_type") when there is a value on the way that has no
    parts of that kind."""
    value = root if where.from_root else record
    for step in where.steps:
        if value is None:
            return ABSENT
        if isinstance(step, int):
            if not isinstance(value, list):
                _strict.wrong(where.text, "an array on the way", value)
            if step >= len(value):
                return ABSENT
            value = value[step]
        else:
            if not isinstance(value, dict):
                _strict.wrong(where.text, "an object on the way", value)
            if step not in value:
                return ABSENT
            value = value[step]
    return value


def required(where: Path, record: Any, root: Any) -> Any:
    """What stands there; Refusal("missing_field") for nothing."""
    value = find(where, record, root)
    if value is ABSENT:
        raise Refusal("missing_field", where.text)
    return value
