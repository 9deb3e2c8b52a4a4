"""Strict JSON: the one place that reads a payload slowly and says what is wrong with it.

The codecs first try a typed decode that accepts only the plain, correct form. Whatever it does not take
comes here, and what is decided here depends on the bytes alone: depth is counted, not left to the stack,
and integers have a fixed limit of digits, so that a replay refuses what live refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, cast

from device_profiles.codecs import Refusal

MAX_DEPTH = 32
"""Levels of objects and arrays. Our own payloads have four."""
MAX_DIGITS = 4300
"""Digits of an integer; Python's and msgspec's own limit, made independent of the environment."""
QUALITIES = ("good", "uncertain", "bad")

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)
_NAMES = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


def read(payload: bytes) -> dict[str, Any]:
    """The object that the payload is; Refusal with the reason if it is none, or not strictly JSON.

    Raises Refusal: empty, not_utf8, not_json, not_finite, duplicate_key, too_deep, wrong_type.
    """
    return table(anything(payload), "the payload")


def read_array(payload: bytes) -> list[Any]:
    """The array that the payload is; raises as ``read``."""
    value = anything(payload)
    if not isinstance(value, list):
        wrong("the payload", "an array", value)
    return value


def anything(payload: bytes) -> Any:
    """Whatever the payload is; raises as ``read``, but for wrong_type."""
    if not payload.strip():
        raise Refusal("empty", "no bytes, or only spaces")
    _check_depth(payload)
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refusal("not_utf8", f"byte {error.start}: {error.reason}") from None
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Refusal("not_json", f"character {error.pos}: {error.msg}") from None
    except RecursionError:
        raise Refusal("too_deep", f"more than {MAX_DEPTH} levels") from None


def table(value: Any, what: str) -> dict[str, Any]:
    """``value`` if it is an object."""
    if not isinstance(value, dict):
        wrong(what, "an object", value)
    return value


def array(source: Mapping[str, Any], key: str) -> list[Any]:
    """A required array."""
    value = _required(source, key)
    if not isinstance(value, list):
        wrong(key, "an array", value)
    return value


def value_of(source: Mapping[str, Any], key: str = "value") -> float | None:
    """A required number; null is None."""
    return number(_required(source, key), key)


def number(value: Any, what: str) -> float | None:
    """A finite float64, or None for null. A bool or a string is not a number."""
    if value is None:
        return None
    if type(value) not in {int, float}:
        wrong(what, "a number or null", value)
    try:
        return float(value)
    except OverflowError:
        raise Refusal("not_finite", f"{what}: beyond the largest float64") from None


def time_of(value: Any, what: str = "time_ms") -> int | float | None:
    """A time as the device sent it: int or finite float, or None for null."""
    if value is not None and type(value) not in {int, float}:
        wrong(what, "unix milliseconds as a number", value)
    return cast("int | float | None", value)


def counter(source: Mapping[str, Any], key: str) -> int | None:
    """An optional integer of 0 or more; null counts as absent."""
    value = source.get(key)
    if value is None:
        return None
    if type(value) is not int or value < 0:
        wrong(key, "a whole number of 0 or more", value)
    return value


def text(source: Mapping[str, Any], key: str) -> str | None:
    """An optional string; null counts as absent."""
    value = source.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        wrong(key, "a string", value)
    return whole(value, key)


def required_text(source: Mapping[str, Any], key: str) -> str:
    """A required string."""
    value = _required(source, key)
    if not isinstance(value, str):
        wrong(key, "a string", value)
    return whole(value, key)


def whole(value: str, what: str) -> str:
    """``value`` unless an escape left half a surrogate pair in it: no file or database can hold that."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refusal("not_utf8", f"{what}: half of a surrogate pair") from None
    return value


def quality(source: Mapping[str, Any]) -> Literal["good", "uncertain", "bad"] | None:
    """The optional claim "good", "uncertain" or "bad"; null counts as absent."""
    value = source.get("quality")
    if value is not None and value not in QUALITIES:
        raise Refusal("wrong_type", f"quality: expected one of {', '.join(QUALITIES)}")
    return cast('Literal["good", "uncertain", "bad"] | None', value)


def wrong(what: str, expected: str, value: object) -> NoReturn:
    """Refuse a value of another type."""
    got = _NAMES.get(type(value), "something else")
    if isinstance(value, int | float) and not isinstance(value, bool):
        got = "a number" if "number" not in expected else "another number"
    raise Refusal("wrong_type", f"{what}: expected {expected}, got {got}")


def _required(source: Mapping[str, Any], key: str) -> Any:
    if key not in source:
        raise Refusal("missing_field", key)
    return source[key]


def _check_depth(payload: bytes) -> None:
    if payload.count(b"[") + payload.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for token in _TOKENS.finditer(payload):
        first = payload[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise Refusal("too_deep", f"more than {MAX_DEPTH} levels")
        elif first in b"]}":
            depth -= 1


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Refusal("duplicate_key", twice[:64].encode("utf-8", "backslashreplace").decode())
    return found


def _float(digits: str) -> float:
    value = float(digits)
    if value - value != 0.0:
        raise Refusal("not_finite", digits[:32])
    return value


def _int(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_DIGITS:
        raise Refusal("not_finite", f"an integer of more than {MAX_DIGITS} digits")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise Refusal("not_finite", name)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_float=_float, parse_int=_int, parse_constant=_constant, strict=True
)
