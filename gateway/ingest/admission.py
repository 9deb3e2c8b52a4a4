"""Which packets may enter the journal: a fixed topic shape and a size limit, checked before any parsing."""

from __future__ import annotations

import re
from collections.abc import Callable

UNKNOWN_LIMIT = 16 * 1024
"""Bytes of payload from a device that is not in the fleet: enough for a JSON reading."""
ABSOLUTE_LIMIT = 256 * 1024
"""Bytes of payload from any device, whatever its profile says."""
MAX_CACHED = 1 << 16
"""Topics remembered. A fleet has fewer; beyond that somebody invents topics and the cache starts anew."""

_ID = rb"[A-Za-z0-9._:-]{1,64}"
_TOPIC = re.compile(rb"rg/(" + rb"/".join([_ID] * 3) + rb")/" + _ID)


def unknown_limit(_device: str) -> int:
    """The limit when no fleet is loaded: every device is unknown."""
    return UNKNOWN_LIMIT


class Admission:
    """Answers "may this enter?" in well under a microsecond for a topic seen before.

    ``limit_of`` gives the payload limit in bytes for a device key "<enterprise>/<site>/<device>"; for one it
    does not know it returns ``UNKNOWN_LIMIT``. Another thread may call ``swap`` at any time.
    """

    def __init__(self, limit_of: Callable[[str], int]) -> None:
        self._rules: tuple[Callable[[str], int], dict[bytes, int]] = (limit_of, {})

    def swap(self, limit_of: Callable[[str], int]) -> None:
        """The configuration changed: other limits, from the next packet on."""
        # One assignment, so that no limit of the old function is ever put into the new function's cache.
        self._rules = (limit_of, {})

    def refuse(self, topic: bytes, payload: bytes) -> str:
        """Why this packet may not enter: "bad_topic" or "oversize"; "" means admitted.

        The topic must be rg/<enterprise>/<site>/<device>/<stream>, each id [A-Za-z0-9._:-]{1,64}: so no
        wildcard, no ``$``, no control character, no character outside ASCII and no other depth.
        """
        limit_of, limits = self._rules
        limit = limits.get(topic)
        if limit is None:
            match = _TOPIC.fullmatch(topic)
            if match is None:
                return "bad_topic"
            limit = min(limit_of(match[1].decode("ascii")), ABSOLUTE_LIMIT)
            if len(limits) >= MAX_CACHED:
                limits.clear()
            limits[topic] = limit
        return "oversize" if len(payload) > limit else ""
