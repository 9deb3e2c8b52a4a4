"""Structured logs: one JSON object a line on stderr, secrets redacted, floods summed up."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

SECRET_KEYS = re.compile(
    r"(passw|secret|token|authorization|cookie|credential|api_?key|private_?key)", re.IGNORECASE
)
SECRET_TEXT = re.compile(
    r"whsec_[A-Za-z0-9+/=]+"  # a signing secret of the Standard Webhooks
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JSON web token
    r"|(?i:\b(?:bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,})"  # what follows in an Authorization header
    r"|(?i:\b\w*(?:passw|secret|token|api_?key|signature)\w*=[^\s&\"'<>]+)"  # name=value
)
URL = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)([^\s\"'<>]+)")
SECRET_SEGMENT = re.compile(r"(?<=/)(?=[\w-]*\d)[\w-]{24,}(?=/|$)")
"""A part of a URL's path that is a secret by its looks, as chat services put it there."""
REDACTED = "[redacted]"
SUMMED_UP = frozenset({"info", "warning", "error"})
"""Levels of which repetitions are counted; a critical one is always written."""
SAME_MESSAGE_S = 1.0
"""The same event within this time is counted, not written; the count stands on the next one."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values under telling keys at any depth, and secrets inside texts: signing secrets, bearer tokens,
    and of a URL its user and password, its query and what in its path looks like a token."""
    for key, value in event.items():
        event[key] = _hidden(key, value)
    return event


def _hidden(key: object, value: Any) -> Any:
    if isinstance(key, str) and SECRET_KEYS.search(key):
        return REDACTED
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(str(name)): _hidden(name, inner) for name, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_hidden(None, inner) for inner in value]
    return _text(value if isinstance(value, str) else repr(value))


def _text(text: str) -> str:
    return SECRET_TEXT.sub(REDACTED, URL.sub(_url, text))


def _url(found: re.Match[str]) -> str:
    place, fragment, _ = found[2].partition("#")
    place, query, _ = place.partition("?")
    authority, slash, path = place.partition("/")
    _, at, host = authority.rpartition("@")
    shown = found[1] + (f"{REDACTED}@" if at else "") + host + SECRET_SEGMENT.sub(REDACTED, slash + path)
    return shown + (f"?{REDACTED}" if query else f"#{REDACTED}" if fragment else "")


class SumUp:
    """Drops repetitions of one event name at one level, and says on the next how many."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[float, int]] = {}

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """A structlog processor."""
        name = (method, str(event.get("event")))
        now = float(event.get("_monotonic_s", 0.0))
        event.pop("_monotonic_s", None)
        before, suppressed = self._last.get(name, (float("-inf"), 0))
        if method in SUMMED_UP and now - before < SAME_MESSAGE_S:
            self._last[name] = (before, suppressed + 1)
            raise structlog.DropEvent
        self._last[name] = (now, 0)
        if suppressed:
            event["repeated"] = suppressed
        return event


def configure(process: str, monotonic_ns: Any, level: str = "info") -> None:
    """Set up logging of this process; ``monotonic_ns`` is the clock by which repetitions are summed up."""

    def stamp(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["_monotonic_s"] = monotonic_ns() / 1e9
        event["process"] = process
        return event

    structlog.configure(
        processors=[
            stamp,
            SumUp(),
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
