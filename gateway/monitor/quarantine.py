"""Devices that speak but are not in the fleet: bounded, with counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_UNKNOWN = 1000
"""Unknown devices listed one by one; beyond that only counted."""


@dataclass(slots=True)
class Unknown:
    """One device that speaks but is not in the fleet."""

    packets: int
    first_ns: int
    last_ns: int
    topic: str


class Quarantine:
    """Who they are, since when, and how often."""

    def __init__(self) -> None:
        self.devices: dict[str, Unknown] = {}
        self.beyond = 0

    def note(self, key: str, topic: str, at_ns: int) -> None:
        """One more packet of an unknown device."""
        known = self.devices.get(key)
        if known is not None:
            known.packets += 1
            known.last_ns = at_ns
            known.topic = topic
        elif len(self.devices) < MAX_UNKNOWN:
            self.devices[key] = Unknown(1, at_ns, at_ns, topic)
        else:
            self.beyond += 1

    def export(self) -> dict[str, Any]:
        """Plain values."""
        rows = {k: [u.packets, u.first_ns, u.last_ns, u.topic] for k, u in self.devices.items()}
        return {"devices": rows, "beyond": self.beyond}

    def load(self, stored: dict[str, Any]) -> None:
        """Back to exported values."""
        self.devices = {key: Unknown(*row) for key, row in stored["devices"].items()}
        self.beyond = stored["beyond"]
