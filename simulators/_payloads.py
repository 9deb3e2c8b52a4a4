"""Samples to topics and payloads, in the three JSON forms; counters name every payload for de-duplication.

Within one boot every payload of a device has the next sequence number, whatever its form. A payload is made
once and sent again as it is: the bytes of a repetition are the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, Literal, NamedTuple

from simulators import Sample

TIMES_MAX = 2000
"""Longer uploads are cut into several payloads."""
Form = Literal["json", "json_batch", "json_columns"]


class Message(NamedTuple):
    """One MQTT publish."""

    topic: str
    payload: str


class Raw(NamedTuple):
    """One MQTT publish of any bytes: a recorded one."""

    topic: str
    payload: bytes


class Counters:
    """Boot and sequence numbers of the devices; ``boot`` must differ at every start of the publisher."""

    def __init__(self, boot: int) -> None:
        self.boot = boot
        self._next: dict[str, int] = {}

    def take(self, device: str) -> dict[str, Any]:
        """The head of this device's next payload."""
        number = self._next.get(device, 0)
        self._next[device] = number + 1
        return {"device": device.rpartition("/")[2], "boot": self.boot, "seq": number}


def encode(
    samples: Iterable[Sample], form: Form, counters: Counters, units: Mapping[str, str] | None = None
) -> list[Message]:
    """Messages of one step's samples, device by device in the order given.

    "json_columns": channels with the same times share a payload of TIMES_MAX times at most; where a quality
    is claimed or a reading comes twice, the device is sent as "json_batch".
    """
    units = units or {}
    messages: list[Message] = []
    for _, grouped in groupby(samples, key=lambda sample: sample.device):
        rows = list(grouped)
        if form == "json":
            messages += [_single(row, counters, units) for row in rows]
        elif form == "json_columns" and _plain(rows):
            messages += [columns(part, counters, units) for part in _rectangles(rows)]
        else:
            parts = (rows[n : n + TIMES_MAX] for n in range(0, len(rows), TIMES_MAX))
            messages += [_batch(part, counters, units) for part in parts]
    return messages


def columns(
    rows: Sequence[Sample],
    counters: Counters,
    units: Mapping[str, str],
    original_time_ms: Sequence[int] | None = None,
) -> Message:
    """One columnar payload of one device's rectangular rows."""
    device = rows[0].device
    times = sorted({row.time_ns for row in rows})
    channels: dict[str, list[float | None]] = {}
    for row in rows:
        channels.setdefault(row.channel, []).append(row.value)
    body = counters.take(device)
    body["time_ms"] = [time_ms(t) for t in times]
    if original_time_ms is not None:
        body["original_time_ms"] = list(original_time_ms)
    body["channels"] = channels
    known = {channel: units[channel] for channel in channels if channel in units}
    if known:
        body["units"] = known
    return _message(device, "columns", body)


def time_ms(time_ns: int) -> int | float:
    """Unix milliseconds, whole where possible."""
    whole, rest = divmod(time_ns, 1_000_000)
    return whole if rest == 0 else time_ns / 1e6


def _plain(rows: Sequence[Sample]) -> bool:
    """No quality claimed, no reading twice."""
    seen = {(row.channel, row.time_ns) for row in rows}
    return len(seen) == len(rows) and all(row.quality is None for row in rows)


def _rectangles(rows: Sequence[Sample]) -> Iterator[list[Sample]]:
    """The rows in parts with every channel at every time, in the order in which channels first come."""
    by_channel: dict[str, list[Sample]] = {}
    for row in rows:
        by_channel.setdefault(row.channel, []).append(row)
    alike: dict[tuple[int, ...], list[list[Sample]]] = {}
    for mine in by_channel.values():
        mine.sort(key=lambda row: row.time_ns)
        alike.setdefault(tuple(row.time_ns for row in mine), []).append(mine)
    for times, channels in alike.items():
        for first in range(0, len(times), TIMES_MAX):
            yield [row for mine in channels for row in mine[first : first + TIMES_MAX]]


def _single(row: Sample, counters: Counters, units: Mapping[str, str]) -> Message:
    return _message(row.device, row.channel, {**counters.take(row.device), **_fields(row, units)})


def _batch(rows: Sequence[Sample], counters: Counters, units: Mapping[str, str]) -> Message:
    readings = [{"channel": row.channel, **_fields(row, units)} for row in rows]
    return _message(rows[0].device, "batch", {**counters.take(rows[0].device), "readings": readings})


def _fields(row: Sample, units: Mapping[str, str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"time_ms": time_ms(row.time_ns), "value": row.value}
    if row.channel in units:
        fields["unit"] = units[row.channel]
    if row.quality is not None:
        fields["quality"] = row.quality
    return fields


def _message(device: str, stream: str, body: Mapping[str, Any]) -> Message:
    payload = json.dumps(body, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Message(f"rg/{device}/{stream}", payload)
