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

import msgspec
import numpy as np
import numpy.typing as npt

from detectors import DISORDER, LATE, REASONS, RETAINED, SUSPECT
from gateway.alarms.events import AlarmEvent, CommandEvent, Event
from gateway.monitor.channels import Channel, ChannelTable
from gateway.sinks import ReadingsBatch

Tags = Mapping[str, str]
Field = str | float | int
MAX_TEXT = 4096
"""Characters kept of a text field; InfluxDB refuses a point whose strings pass 64 KB."""

_VALUE = b"value="
_JSON = msgspec.json.Encoder()
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


class _Heads:
    """The fixed first part of each channel's lines, made when first asked for."""

    def __init__(self, measurement: str, table: ChannelTable) -> None:
        self.table, self.version = table, table.version
        self._measurement = measurement
        self._made = np.full(len(table), None, object)
        self._has = np.zeros(len(table), np.bool_)

    def of(self, slots: npt.NDArray[np.int32]) -> list[bytes]:
        """Newline, measurement, tags, a space and ``value=``, for each slot."""
        if len(self.table) > len(self._made):
            more = len(self.table) - len(self._made)
            self._made = np.append(self._made, np.full(more, None, object))
            self._has = np.append(self._has, np.zeros(more, np.bool_))
        if not self._has[slots].all():
            for slot in np.unique(slots[~self._has[slots]]).tolist():
                start = head(self._measurement, channel_tags(self.table.channel(slot)))
                self._made[slot] = f"\n{start} ".encode() + _VALUE
                self._has[slot] = True
        found: list[bytes] = self._made[slots].tolist()
        return found


class _Middles(dict[int, bytes]):
    """What stands between value and time, by quality, reason and flags: few kinds, however many lines."""

    def __missing__(self, code: int) -> bytes:
        flags = code & 0xFF
        fields: dict[str, Field | None] = {"quality": code >> 8 & 0xFF, "reason": REASONS[code >> 16]}
        fields |= {name: 1 for bit, name in _TIME_FLAGS if flags & bit}
        made = self[code] = f",{tail(fields)} ".encode()
        return made


class Encoder:
    """Lines of batches; keeps the fixed first part of each channel's lines, one batch's table at a time."""

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        """names: other measurement names for "reading", "alarm", "command", "note", "gateway"."""
        self._names = dict(names or {})
        self._heads: _Heads | None = None
        self._middles = _Middles()

    def _name(self, measurement: str) -> str:
        return self._names.get(measurement, measurement)

    def readings(self, batch: ReadingsBatch, size: int = 1 << 30) -> list[bytes]:
        """One line a reading, in the batch's order, ``size`` lines a piece; lines of a piece are joined by
        newlines, without one at its end.

        No line is put together by itself: each of its four parts is made for all rows at once, and all are
        joined at the end.
        """
        r, table = batch.readings, batch.channels
        heads = self._heads
        if heads is None or heads.table is not table or heads.version != table.version:
            heads = self._heads = _Heads(self._name("reading"), table)
        suspect = (r.time & SUSPECT) != 0
        stamps = r.event_ns
        if suspect.any():
            stamps = np.where(suspect, r.received_ns + _apart_ns(batch.positions()), stamps)
        codes = r.reason.astype(np.int32) << 16 | r.quality.astype(np.int32) << 8 | r.time
        parts = [self._middles[0]] * (4 * len(r))
        parts[0::4] = heads.of(r.slot)
        parts[1::4] = _numbers(r.value)
        parts[3::4] = _numbers(stamps)
        if codes.any():
            parts[2::4] = map(self._middles.__getitem__, codes.tolist())
        for row in np.flatnonzero(~np.isfinite(r.value)).tolist():
            at = 4 * row
            parts[at : at + 3] = parts[at].removesuffix(_VALUE), b"", parts[at + 2].removeprefix(b",")
        for row in np.flatnonzero(suspect).tolist():
            parts[4 * row + 2] = b"%b,event_ns=%di " % (parts[4 * row + 2][:-1], r.event_ns[row])
        pieces = range(0, len(parts), 4 * size)
        for at in pieces:
            parts[at] = parts[at][1:]
        return [b"".join(parts[at : at + 4 * size]) for at in pieces]

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


def _numbers(column: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> list[bytes]:
    """Each number's shortest text that reads back as the same number; not finite ones as ``null``."""
    return _JSON.encode(column.tolist())[1:-1].split(b",") if len(column) else []


def _apart_ns(positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Each row's place among the readings of its journal position: equal however often it is sent."""
    place = np.arange(len(positions)) - np.searchsorted(positions, positions)
    apart: npt.NDArray[np.int64] = (positions & 0xFFFF) << 14 | place & 0x3FFF
    return apart
