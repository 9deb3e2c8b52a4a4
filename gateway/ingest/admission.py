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


class Admission:
    """Answers "may this enter?" in well under a microsecond for a topic seen before.

    ``limit_of`` gives the payload limit in bytes for a device key "<enterprise>/<site>/<device>"; for one it
    does not know it returns ``UNKNOWN_LIMIT``. It is asked for every packet, on the network thread; another
    thread may replace it when the configuration changes.
    """

    def __init__(self, limit_of: Callable[[str], int]) -> None:
        self.limit_of = limit_of
        self._devices: dict[bytes, str] = {}

    def refuse(self, topic: bytes, payload: bytes) -> str:
        """Why this packet may not enter: "bad_topic" or "oversize"; "" means admitted.

        The topic must be rg/<enterprise>/<site>/<device>/<stream>, each id [A-Za-z0-9._:-]{1,64}: so no
        wildcard, no ``$``, no control character, no character outside ASCII and no other depth.
        """
        device = self._devices.get(topic)
        if device is None:
            match = _TOPIC.fullmatch(topic)
            if match is None:
                return "bad_topic"
            if len(self._devices) >= MAX_CACHED:
                self._devices.clear()
            device = self._devices[topic] = match[1].decode("ascii")
        return "oversize" if len(payload) > min(self.limit_of(device), ABSOLUTE_LIMIT) else ""
