"""The local store of readings, on by default: trends, exports and evidence without any server.

One SQLite file per UTC day under ``history/`` of the data folder, compressed per channel and hour once the
hour is over. Each reading is stored exactly once, however often and however cut its batch comes. Readings of
suspect time are filed under the time they were received, so a device that believes it is 1970 neither
spreads over files nor hides.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from detectors import SUSPECT
from gateway.monitor.channels import Channel
from gateway.paths import DataFolder
from gateway.sinks import Batch, Delivered, Later, ReadingsBatch, Refused, SinkContext
from gateway.sinks._columns import Rows
from gateway.sinks._day_file import DAY_NS, HOUR_NS, DayReader, DayWriter, day_name

OPEN_FILES_MAX = 4
COMPACT_EVERY_NS = 60_000_000_000


class Settings(BaseModel):
    """The table ``[sinks.<name>]`` with ``kind = "history"``."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    kind: Literal["history"] = "history"
    folder: str = "."
    """Folder that relative paths are relative to; set by the configuration. Not used."""
    retention_days: int = Field(default=90, ge=0)
    """Whole days kept, counted back from the newest; 0 keeps everything."""
    linger_s: float = Field(default=1.0, ge=0, le=60)
    """One durable write gathers the readings of this long."""


def probe(settings: Settings, context: SinkContext) -> Delivered | Later | Refused:
    """Whether its folder, or where it will be made, can be written."""
    del settings
    folder = DataFolder(Path(context.folder)).history
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Delivered(f"{folder} can be written")
    return Refused(f"{nearest} cannot be written: give this user the rights, or choose another --data")


class Sink:
    """See the module's docstring."""

    wants = frozenset({"readings"})
    outward = False

    def __init__(self, settings: Settings, context: SinkContext) -> None:
        self.linger_s = settings.linger_s
        self._retention_days = settings.retention_days
        self._context = context
        self._folder = DataFolder(Path(context.folder)).history
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._files: dict[int, DayWriter] = {}
        self._newest_hour = 0
        self._compact_after_ns = 0

    def deliver(self, batch: Batch) -> Delivered | Later | Refused:
        """Store a batch; an error of the disk comes out as it is, and delivery tries again."""
        if not isinstance(batch, ReadingsBatch):
            return Refused("the history keeps readings only")
        stored = 0
        if len(batch.readings):
            channels, which, rows = _rows_of(batch)
            days = rows.filed_ns // DAY_NS
            for day in np.unique(days).tolist():
                chosen = days == day
                stored += self._file(day).append(channels, which[chosen], rows.take(chosen), batch.last)
            self._newest_hour = max(self._newest_hour, int(rows.filed_ns.max() // HOUR_NS))
        self._tidy()
        return Delivered(f"{stored} readings stored")

    def close(self) -> None:
        """Close every file."""
        for file in self._files.values():
            file.close()
        self._files.clear()

    def _file(self, day: int) -> DayWriter:
        file = self._files.pop(day, None)
        if file is None:
            file = DayWriter(self._folder / day_name(day))
            if len(self._files) >= OPEN_FILES_MAX:
                self._files.pop(next(iter(self._files))).close()
        self._files[day] = file  # last used, last in order
        return file

    def _tidy(self) -> None:
        """At most one bounded compaction a call; old days are dropped when there is none left to do."""
        now = self._context.wall_ns()
        if now < self._compact_after_ns or not self._newest_hour:
            return
        newest_day = self._newest_hour // 24
        for day in sorted({*self._files, newest_day - 1} & set(self._days())):
            if self._file(day).compact(self._newest_hour):
                return
        self._compact_after_ns = now + COMPACT_EVERY_NS
        if self._retention_days:
            for day in self._days():
                if day < newest_day - self._retention_days:
                    self._drop(day)

    def _days(self) -> list[int]:
        return days_in(self._folder)

    def _drop(self, day: int) -> None:
        file = self._files.pop(day, None)
        if file is not None:
            file.close()
        path = self._folder / day_name(day)
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)


def _rows_of(batch: ReadingsBatch) -> tuple[list[Channel], npt.NDArray[np.int64], Rows]:
    r = batch.readings
    slots, which = np.unique(r.slot, return_inverse=True)
    channels = [batch.channels.channel(slot) for slot in slots.tolist()]
    suspect = (r.time & SUSPECT) != 0
    rows = Rows(
        np.zeros(len(r), np.int32),
        np.where(suspect, r.received_ns, r.event_ns),
        r.event_ns,
        r.received_ns,
        batch.positions(),
        r.packet,
        r.value,
        r.quality,
        r.reason,
        r.time,
    )
    return channels, which, rows


def days_in(folder: Path) -> list[int]:
    """The days, counted from 1970-01-01, that have a file."""
    names = [path.name.removesuffix(".db") for path in folder.glob("????-??-??.db")]
    return sorted(int(np.datetime64(name, "D").astype(np.int64)) for name in names)


@dataclass(frozen=True, slots=True)
class Stored:
    """Readings of one channel within one hour, ordered by filed time, then journal position."""

    channel: Channel
    rows: Rows


class HistoryReader:
    """Reads the store from any process, while it is written or not; opens files read-only."""

    def __init__(self, folder: Path) -> None:
        """folder: ``DataFolder.history``."""
        self._folder = folder

    def channels(self, start_ns: int, end_ns: int) -> list[Channel]:
        """Channels with a reading in one of the days of the interval, sorted."""
        found: set[Channel] = set()
        for day in self._days(start_ns, end_ns):
            reader = DayReader(self._folder / day_name(day))
            try:
                found.update(reader.channels().values())
            finally:
                reader.close()
        return sorted(found)

    def readings(self, channel_key: str | None, start_ns: int, end_ns: int) -> Iterator[Stored]:
        """Readings with start_ns <= filed time < end_ns, hour by hour, channels sorted within an hour.

        channel_key: "<enterprise>/<site>/<device>/<channel>", None = all. Memory: one hour at a time.
        """
        for day in self._days(start_ns, end_ns):
            reader = DayReader(self._folder / day_name(day))
            try:
                numbers = reader.channels(channel_key)
                if not numbers:
                    continue
                for hour in reader.hours(start_ns // HOUR_NS, (end_ns - 1) // HOUR_NS):
                    for channel, rows in reader.hour(hour, numbers, channel_key is None):
                        inside = (rows.filed_ns >= start_ns) & (rows.filed_ns < end_ns)
                        if inside.any():
                            yield Stored(channel, rows.take(inside))
            finally:
                reader.close()

    def _days(self, start_ns: int, end_ns: int) -> list[int]:
        return [day for day in days_in(self._folder) if start_ns // DAY_NS <= day <= (end_ns - 1) // DAY_NS]
