"""InfluxDB line protocol, written by us: what goes in comes out again (tests/sinks/test_lines.py parses it
back), a number that is not finite is never written, and two points never share a place unless they are the
same point.

Measurements and their points:

``reading``
    tags enterprise, site, asset, device, channel, family, unit (all fixed by the channel, so they add no
    series); fields value (float, absent when bad), quality (0 good, 1 uncertain, 2 bad), reason (text, when
    not good), late, disorder, retained, suspect (1, only when so). Time: the device's. Readings of suspect
    time stand at the time of reception instead, moved by at most 1.08 s so that they do not cover each
    other, with the device's time as field event_ns.
``alarm``
    tags alarm, category, condition, enterprise, site, asset, device, channel, family; fields event (id),
    state, before, cause, priority, occurrence, active, latched, value, limit, reason, reason_zh, actor,
    comment, at_ns. Time: at_ns moved by at most 1.1 ms (journal position and index of the event's id).
``command``, ``note``
    tags action or kind; fields event, reason and, of commands, accepted, actor, role.
``gateway``
    fields are the figures, float.

Control characters become spaces, a backslash in a tag becomes U+FF3C: line protocol cannot carry them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from detectors import DISORDER, LATE, REASONS, RETAINED, SUSPECT
from gateway.alarms.events import AlarmEvent, CommandEvent, Event
from gateway.monitor.channels import Channel, ChannelTable
from gateway.sinks import ReadingsBatch

Tags = Mapping[str, str]
Field = str | float | int
MAX_TEXT = 4096
"""Characters kept of a text field; InfluxDB refuses a point whose strings pass 64 KB."""

_CONTROL = dict.fromkeys([*range(32), *range(127, 160), 8232, 8233, *range(55296, 57344)], " ")
_TAG = str.maketrans({"\\": "＼", ",": "\\,", "=": "\\=", " ": "\\ "})
_MEASUREMENT = str.maketrans({"\\": "＼", ",": "\\,", " ": "\\ "})
_TEXT = str.maketrans({"\\": "\\\\", '"': '\\"'})
_TIME_FLAGS = ((LATE, "late"), (SUSPECT, "suspect"), (RETAINED, "retained"), (DISORDER, "disorder"))


def clean(text: str) -> str:
    """Text without the characters that line protocol cannot carry."""
    return text.translate(_CONTROL)


def head(measurement: str, tags: Tags) -> str:
    """``measurement,tag=value,...``; tags without a value are left out, as InfluxDB demands."""
    parts = [clean(measurement).translate(_MEASUREMENT)]
    parts += [
        f"{clean(key).translate(_TAG)}={clean(value).translate(_TAG)}" for key, value in tags.items() if value
    ]
    return ",".join(parts)


def tail(fields: Mapping[str, Field | None]) -> str:
    """``key=value,...``; None, empty text and non-finite numbers are left out; "" when nothing is left."""
    parts = []
    for key, value in fields.items():
        if value is None or value == "" or (isinstance(value, float) and not math.isfinite(value)):
            continue
        name = clean(key).translate(_TAG)
        if isinstance(value, str):
            parts.append(f'{name}="{clean(value[:MAX_TEXT]).translate(_TEXT)}"')
        elif isinstance(value, float):
            parts.append(f"{name}={value!r}")
        else:
            parts.append(f"{name}={int(value)}i")
    return ",".join(parts)


def channel_tags(channel: Channel) -> dict[str, str]:
    """The tags of a channel's readings."""
    return {
        "enterprise": channel.enterprise,
        "site": channel.site,
        "asset": channel.asset,
        "device": channel.device,
        "channel": channel.channel,
        "family": channel.family,
        "unit": channel.unit,
    }


class Encoder:
    """Lines of batches; keeps the fixed first part of each channel's lines."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        """names: other measurement names for "reading", "alarm", "command", "note", "gateway"."""
        self._names = dict(names or {})
        self._table: ChannelTable | None = None
        self._version = -1
        self._heads: dict[int, str] = {}

    def _name(self, measurement: str) -> str:
        return self._names.get(measurement, measurement)

    def _head(self, slot: int, table: ChannelTable) -> str:
        if table is not self._table or table.version != self._version:
            self._heads = {}
            self._table, self._version = table, table.version
        found = self._heads.get(slot)
        if found is None:
            found = self._heads[slot] = head(self._name("reading"), channel_tags(table.channel(slot)))
        return found

    def readings(self, batch: ReadingsBatch) -> list[str]:
        """One line a reading, in the batch's order."""
        r, table = batch.readings, batch.channels
        lines: list[str] = []
        slots, times, values = r.slot.tolist(), r.event_ns.tolist(), r.value.tolist()
        plain = ((r.quality == 0) & (r.time == 0) & np.isfinite(r.value)).tolist()
        for row, (slot, at, value) in enumerate(zip(slots, times, values, strict=True)):
            start = self._heads.get(slot) if table is self._table else None
            if start is None or table.version != self._version:
                start = self._head(slot, table)
            if plain[row]:
                lines.append(f"{start} value={value!r},quality=0i {at}")
            else:
                lines.append(self._odd(start, batch, row))
        return lines

    def _odd(self, start: str, batch: ReadingsBatch, row: int) -> str:
        r = batch.readings
        flags = int(r.time[row])
        fields: dict[str, Field | None] = {
            "value": float(r.value[row]),
            "quality": int(r.quality[row]),
            "reason": REASONS[r.reason[row]],
        }
        fields |= {name: 1 for bit, name in _TIME_FLAGS if flags & bit}
        at = int(r.event_ns[row])
        if flags & SUSPECT:
            fields["event_ns"] = at
            at = int(r.received_ns[row]) + self._apart_ns(batch, row)
        return f"{start} {tail(fields)} {at}"

    @staticmethod
    def _apart_ns(batch: ReadingsBatch, row: int) -> int:
        """The row's place among the readings of its journal position: equal however often it is sent."""
        positions = batch.positions()
        first = int(np.searchsorted(positions, positions[row]))
        return (int(positions[row]) & 0xFFFF) << 14 | (row - first) & 0x3FFF

    def event(self, event: Event) -> str:
        """One line of one event."""
        if isinstance(event, AlarmEvent):
            return self._alarm(event)
        if isinstance(event, CommandEvent):
            start = head(self._name("command"), {"action": event.action})
            fields: dict[str, Field | None] = {
                "event": event.id,
                "accepted": int(event.accepted),
                "actor": event.actor,
                "role": event.role,
                "reason": event.reason_en,
                "reason_zh": event.reason_zh,
            }
        else:
            start = head(self._name("note"), {"kind": event.kind})
            fields = {"event": event.id, "reason": event.reason_en, "reason_zh": event.reason_zh}
        fields["at_ns"] = event.at_ns
        return f"{start} {tail(fields)} {event.at_ns + apart_of_event_ns(event.id)}"

    def _alarm(self, event: AlarmEvent) -> str:
        names = (
            "alarm",
            "category",
            "condition",
            "enterprise",
            "site",
            "asset",
            "device",
            "channel",
            "family",
        )
        start = head(self._name("alarm"), {name: getattr(event, name) for name in names})
        fields: dict[str, Field | None] = {
            "event": event.id,
            "state": event.state,
            "before": event.before,
            "cause": event.cause,
            "priority": event.priority,
            "occurrence": event.occurrence,
            "active": int(event.process_active),
            "latched": int(event.latched),
            "value": None if event.value is None else float(event.value),
            "limit": None if event.limit is None else float(event.limit),
            "reason": event.reason_en,
            "reason_zh": event.reason_zh,
            "actor": event.actor,
            "comment": event.comment,
            "at_ns": event.at_ns,
        }
        return f"{start} {tail(fields)} {event.at_ns + apart_of_event_ns(event.id)}"

    def health(self, at_ns: int, figures: Mapping[str, float]) -> list[str]:
        """One line of the gateway's figures; none when no figure is finite."""
        fields = tail({name: float(value) for name, value in figures.items()})
        return [f"{head(self._name('gateway'), {})} {fields} {at_ns}"] if fields else []


def apart_of_event_ns(event_id: str) -> int:
    """Up to 1.05 ms from "<partition>-<position>-<index>": events of one moment get points of their own."""
    _, position, index = event_id.rsplit("-", 2)
    return (int(position) & 0xFFFF) << 4 | int(index) & 0xF
