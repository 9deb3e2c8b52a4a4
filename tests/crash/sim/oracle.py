"""What must have taken effect, worked out from the raw packets with json and sets, not by the gateway's code.

It reads what the journal holds in order and keeps every name ever seen, where the monitor keeps a window: a
repetition that the monitor forgot shows up as a difference.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from gateway.monitor.entries import FLAG_DUP, FLAG_RETAINED

Row = tuple[str, int | None, str]
"""(channel key, event time in ms or None when the device sends none, value as rounded text)."""


@dataclass(slots=True)
class Expected:
    """The oracle's whole answer."""

    effective: Counter[Row] = field(default_factory=Counter)
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    packets: int = 0


@dataclass(slots=True)
class Oracle:
    """Fed with the journal's packets in order."""

    faulty: dict[tuple[bytes, bytes], str]
    """(topic, payload) of every packet the world made wrong on purpose -> the reason it must be refused."""
    scale: dict[str, tuple[float, float]]
    """Channel key -> (low, span) of the channels that come as 4-20 mA."""
    fleet: set[str] = field(default_factory=set)
    expected: Expected = field(default_factory=Expected)
    names: set[Any] = field(default_factory=set)
    timeless: dict[tuple[bytes, bytes], int] = field(default_factory=dict)

    def packet(self, epoch: int, topic: bytes, payload: bytes, flags: int) -> None:
        """One journalled packet."""
        expected = self.expected
        expected.packets += 1
        key = "/".join(topic.decode().split("/")[1:4])
        if key not in self.fleet:
            expected.rejected["unknown_device"] += 1
            return
        reason = self.faulty.get((topic, payload))
        if reason is not None:
            expected.rejected[reason] += 1
            return
        body = json.loads(payload)
        stream = topic.decode().split("/")[4]
        rows = _rows(body, stream)
        retained = bool(flags & FLAG_RETAINED)
        named = "seq" in body and not retained
        repeated = named and (key, body["boot"], body["seq"]) in self.names
        if rows[0][1] is None:
            earlier = self.timeless.get((topic, payload), epoch)
            repeated = repeated or (bool(flags & FLAG_DUP) and earlier < epoch)
            self.timeless[(topic, payload)] = epoch
        for channel, time_ms, value in rows:
            name = (key, channel, time_ms, value)
            if repeated or (time_ms is not None and name in self.names):
                expected.duplicates += 1
                continue
            where = f"{key}/{channel}"
            expected.effective[(where, time_ms, text(self._engineering(where, value)))] += 1
            if time_ms is not None and not retained:
                self.names.add(name)
        if named:
            self.names.add((key, body["boot"], body["seq"]))

    def _engineering(self, where: str, value: float | None) -> float | None:
        if value is None or where not in self.scale:
            return value
        low, span = self.scale[where]
        return low + (value - 4.0) / 16.0 * span


def _rows(body: dict[str, Any], stream: str) -> list[tuple[str, int | None, float | None]]:
    if "readings" in body:
        return [(r["channel"], r.get("time_ms"), r["value"]) for r in body["readings"]]
    if "channels" in body:
        times = body["time_ms"]
        return [
            (channel, times[step], column[step])
            for step in range(len(times))
            for channel, column in body["channels"].items()
        ]
    return [(stream, body.get("time_ms"), body["value"])]


def text(value: float | None) -> str:
    """A value as the comparison sees it: six decimals, for the oracle scales mA its own way."""
    if value is None or math.isnan(value):
        return "none"
    return f"{value:.6f}"
