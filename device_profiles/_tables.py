"""Typed reading of TOML tables that collects every problem instead of stopping at the first."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

T = TypeVar("T")
ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
MAX_TEXT = 1000
NS = 1_000_000_000
MAX_SECONDS = 10 * 366 * 86_400.0
"""Ten years: times beyond are a mistake of units."""


class Table:
    """One TOML table, its key path, and the list that problems go to.

    Every reader returns a value of the right type whatever stands there; a wrong one is noted. ``close``
    notes the keys that nobody asked for.
    """

    def __init__(self, values: Any, path: str, problems: list[str]) -> None:
        self.path = path
        self._problems = problems
        self._asked: set[str] = set()
        self._values: dict[str, Any] = {}
        if isinstance(values, dict):
            self._values = values
        else:
            self.note("", f"is {_kind(values)}; make it a table [{path}]")

    def note(self, key: str, what: str) -> None:
        """One more problem at a key of this table."""
        where = f"{self.path}.{key}" if key and self.path else key or self.path
        self._problems.append(f"{where}: {what}")

    def has(self, key: str) -> bool:
        """Whether the key is given."""
        self._asked.add(key)
        return key in self._values

    def text(self, key: str, default: str | None = None) -> str:
        """A non-empty text; ``default`` None makes it required."""
        if not self.has(key):
            return self._absent(key, default, "")
        value = self._values[key]
        if not isinstance(value, str) or not value.strip():
            self.note(key, f"is {_kind(value)}; give a text that is not empty")
            return ""
        if len(value) > MAX_TEXT:
            self.note(key, f"has {len(value)} characters; shorten it to {MAX_TEXT}")
        return value

    def payload(self, key: str) -> str:
        """A required text that may be empty and long."""
        if not self.has(key):
            return self._absent(key, None, "")
        value = self._values[key]
        if not isinstance(value, str):
            self.note(key, f"is {_kind(value)}; give the payload as a text in '...' or '''...'''")
            return ""
        return value

    def identifier(self, key: str) -> str:
        """A required id."""
        value = self.text(key)
        if value and not ID.fullmatch(value):
            self.note(key, f"{value!r} is no id; use 1 to 64 of A-Z a-z 0-9 . _ : -")
        return value

    def choice(self, key: str, choices: Collection[str], default: str | None = None) -> str:
        """One of the choices."""
        value = self.text(key, default)
        if value and value not in choices:
            near = difflib.get_close_matches(value, choices, 1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            self.note(key, f"{value!r} is not known; {hint}choose from {', '.join(sorted(choices))}")
            return default or sorted(choices)[0]
        return value

    def number(self, key: str, default: float | None = None) -> float:
        """A finite number."""
        if not self.has(key):
            return self._absent(key, default, 0.0)
        return self._finite(key, self._values[key])

    def numbers(self, key: str) -> tuple[float, ...]:
        """A list of finite numbers, empty by default."""
        return tuple(self._finite(f"{key}[{n}]", item) for n, item in enumerate(self._list(key)))

    def integers(self, key: str) -> tuple[int, ...]:
        """A list of whole numbers, empty by default."""
        found = []
        for n, item in enumerate(self._list(key)):
            if type(item) is not int or abs(item) > 1 << 31:
                self.note(f"{key}[{n}]", f"is {_kind(item)}; give a whole number")
            else:
                found.append(item)
        return tuple(found)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number of low..high."""
        if not self.has(key):
            return self._absent(key, default, low)
        value = self._values[key]
        if type(value) is not int or not low <= value <= high:
            told = str(value)[:24] if type(value) is int else _kind(value)
            self.note(key, f"is {told}; give a whole number from {low} to {high}")
            return low
        return value

    def boolean(self, key: str, default: bool | None = None) -> bool:
        """True or false."""
        if not self.has(key):
            return self._absent(key, default, False)
        value = self._values[key]
        if not isinstance(value, bool):
            self.note(key, f"is {_kind(value)}; give true or false")
            return False
        return value

    def seconds_ns(self, key: str, default_ns: int | None = None, above_zero: bool = True) -> int:
        """A duration given in seconds, in ns."""
        if not self.has(key):
            return self._absent(key, default_ns, NS)
        value = self._finite(key, self._values[key])
        if value < 0 or (value == 0 and above_zero) or value > MAX_SECONDS:
            self.note(
                key,
                f"is {value:g} s; give {'more than' if above_zero else 'at least'} 0 and at most ten years",
            )
            return NS
        return round(value * NS)

    def texts(self, key: str) -> dict[str, str]:
        """A table of whole number -> text, empty by default."""
        if not self.has(key):
            return {}
        table = Table(self._values[key], f"{self.path}.{key}", self._problems)
        found = {}
        for name in table._values:
            if not re.fullmatch(r"0|-?[1-9][0-9]{0,8}", name):
                table.note(name, "is no state; name states by whole numbers, as the device sends them")
            found[name] = table.text(name)
        return found

    def scalars(self, key: str) -> tuple[str | bool | int | float, ...]:
        """A list of texts, numbers and booleans, empty by default."""
        found: list[str | bool | int | float] = []
        for n, item in enumerate(self._list(key)):
            if isinstance(item, float | int) and not isinstance(item, bool):
                self._finite(f"{key}[{n}]", item)
                found.append(item)
            elif isinstance(item, str | bool):
                found.append(item)
            else:
                self.note(f"{key}[{n}]", f"is {_kind(item)}; give a text, a number or true or false")
        return tuple(found)

    def names(self) -> list[str]:
        """The keys that are given, whatever they mean."""
        return list(self._values)

    def values(self, key: str) -> dict[str, float]:
        """A table of text -> finite number, empty by default."""
        inner = self._inner(key)
        return {name: inner.number(name) for name in inner.names()}

    def choices(self, key: str, choices: Collection[str]) -> dict[str, str]:
        """A table of text -> one of the choices, empty by default."""
        inner = self._inner(key)
        return {name: inner.choice(name, choices) for name in inner.names()}

    def named(self, key: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Name -> texts, empty by default: a table of texts or lists of texts, or a list of texts that take
        the names in their order."""
        if not self.has(key):
            return {}
        given = self._values[key]
        if isinstance(given, list):
            if len(given) > len(names):
                self.note(key, f"has {len(given)} items; {len(names)} at most")
            given = dict(zip(names, given, strict=False))
        inner = Table(given, f"{self.path}.{key}", self._problems)
        found = {}
        for name in inner.names():
            several = isinstance(inner._values[name], list)
            texts = [str(t) for t in inner.scalars(name)] if several else [inner.text(name)]
            found[name] = tuple(text for text in texts if text)
        return found

    def _inner(self, key: str) -> Table:
        if not self.has(key):
            return Table({}, "", [])
        return Table(self._values[key], f"{self.path}.{key}", self._problems)

    def tables(self, key: str, limit: int) -> list[Table]:
        """The tables of ``[[key]]``."""
        found = self._list(key)
        if len(found) > limit:
            self.note(key, f"stands {len(found)} times; {limit} at most")
        prefix = f"{self.path}.{key}" if self.path else key
        return [Table(item, f"{prefix}[{n + 1}]", self._problems) for n, item in enumerate(found[:limit])]

    def table(self, key: str) -> Table:
        """A required table."""
        if not self.has(key):
            self.note(key, f"is missing; add a table [{key}]")
            return Table({}, key, [])
        return Table(self._values[key], key, self._problems)

    def close(self) -> None:
        """Note every key that was never asked for."""
        for key in self._values:
            if key not in self._asked:
                near = difflib.get_close_matches(key, self._asked, 1)
                hint = (
                    f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(sorted(self._asked))}"
                )
                self.note(key[:64], f"is not a key of a profile; {hint}")

    def _absent(self, key: str, default: T | None, stand_in: T) -> T:
        if default is None:
            self.note(key, "is missing; add it")
            return stand_in
        return default

    def _list(self, key: str) -> list[Any]:
        if not self.has(key):
            return []
        value = self._values[key]
        if not isinstance(value, list):
            self.note(key, f"is {_kind(value)}; give a list in [ ], or tables [[{key}]]")
            return []
        return value

    def _finite(self, key: str, value: Any) -> float:
        if type(value) not in {int, float}:
            self.note(key, f"is {_kind(value)}; give a number")
            return 0.0
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.note(key, "is not finite; give a number that a device can show")
            return 0.0
        return number


def _kind(value: object) -> str:
    if value == "":
        return "empty"
    names = {
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")
