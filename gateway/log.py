"""Structured logs: one JSON object a line on stderr, secrets redacted, floods summed up."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

SECRET_KEYS = re.compile(r"(password|secret|token|authorization|cookie)", re.IGNORECASE)
SECRET_TEXT = re.compile(
    r"(whsec_[A-Za-z0-9+/=]+|(?<=://)[^/@\s:]+:[^/@\s]+(?=@)|(?i:bearer|token)\s+[A-Za-z0-9._~+/=-]{8,})"
)
REDACTED = "[redacted]"
SAME_MESSAGE_S = 1.0
"""The same event within this time is counted, not written; the count stands on the next one."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values under telling keys, and secrets inside texts."""
    for key, value in event.items():
        if SECRET_KEYS.search(key):
            event[key] = REDACTED
        elif isinstance(value, str):
            event[key] = SECRET_TEXT.sub(REDACTED, value)
    return event


class SumUp:
    """Drops repetitions of one event name, and says on the next how many."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[float, int]] = {}

    def __call__(
        self, _logger: object, method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """A structlog processor."""
        name = str(event.get("event"))
        now = float(event.get("_monotonic_s", 0.0))
        event.pop("_monotonic_s", None)
        before, suppressed = self._last.get(name, (float("-inf"), 0))
        if method in {"info", "warning"} and now - before < SAME_MESSAGE_S:
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
