"""Who was expected when: every configuration that was in force, as one row a device and stretch of time.

Guarantee: the rows follow from the ConfigChange entries of the journal, which the ledger's notes name by
position. They are kept in ``lookback/fleet.npz`` together with the notes they were made from; other notes
there mean that the rows are derived again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from device_profiles import Profile, parse
from gateway.errors import JournalError
from gateway.journal import JournalReader
from gateway.kpi import derived_file
from gateway.kpi.stretches import MS, OPEN_MS
from gateway.kpi.summary import KEY_BYTES, Noted, Summary, key_of
from gateway.monitor.channels import Device
from gateway.monitor.entries import ConfigChange
from gateway.monitor.roster import unpack
from gateway.paths import DataFolder

FORMAT = 1
FILE = "fleet.npz"
ROW = np.dtype(
    [
        ("key", f"S{KEY_BYTES}"),
        ("begin_ms", "<i8"),
        ("end_ms", "<i8"),
        ("commissioned_ms", "<i8"),
        ("enterprise", "<i4"),
        ("county", "<i4"),
        ("sector", "<i4"),
        ("family", "<i4"),
        ("layout", "<i4"),
    ],
    align=True,
)
"""One device as it was expected from begin to end; texts are places in the fleet's ``words``."""


class Layout(msgspec.Struct, frozen=True, array_like=True):
    """The channels of a profile, and which of them no rule judges."""

    profile: str
    channels: tuple[str, ...]
    ruleless: tuple[bool, ...]


@dataclass(slots=True)
class Fleet:
    """Rows in the order in which devices came; ``names[row]`` is the device's key."""

    rows: npt.NDArray[np.void] = field(default_factory=lambda: np.zeros(0, ROW))
    names: str = ""
    """Keys, a line each: taken apart only when somebody asks for names."""
    words: list[str] = field(default_factory=list)
    layouts: list[Layout] = field(default_factory=list)
    notes: list[Noted] = field(default_factory=list)
    order: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """The rows sorted by key."""
    stopped: list[tuple[int, int]] = field(default_factory=list)
    """Stretches in ms in which no core ran."""

    def channel_counts(self) -> npt.NDArray[np.int64]:
        """How many channels each row has."""
        widths = np.array([len(layout.channels) for layout in self.layouts], np.int64)
        return widths[self.rows["layout"]] if len(self.rows) else np.zeros(0, np.int64)


def rebuilt(ledger: Path, summary: Summary) -> bool:
    """Derive all rows anew and keep them; whether those that were kept told the same."""
    data = DataFolder(ledger.parent)
    path = data.root / "lookback" / FILE
    loaded = derived_file.load(path)
    before = _stored(path, summary.notes)
    fresh = Fleet()
    _Builder(fresh).extend(
        JournalReader(data.journal), summary.notes[: len(before.notes) if before else None]
    )
    _save(fresh, path)
    if before is None:
        return loaded is None
    return (
        np.array_equal(before.rows, fresh.rows)
        and np.array_equal(before.order, fresh.order)
        and (before.names, before.words, before.layouts, before.stopped)
        == (fresh.names, fresh.words, fresh.layouts, fresh.stopped)
    )


def fleet_of(ledger: Path, summary: Summary) -> Fleet:
    """The rows of every configuration the ledger tells of. JournalError when one is no longer in the
    journal."""
    data = DataFolder(ledger.parent)
    path = data.root / "lookback" / FILE
    found = _stored(path, summary.notes) or Fleet()
    fresh = summary.notes[len(found.notes) :]
    if fresh:
        _Builder(found).extend(JournalReader(data.journal), fresh)
        _save(found, path)
    return found


def _stored(path: Path, notes: list[Noted]) -> Fleet | None:
    loaded = derived_file.load(path)
    if loaded is None:
        return None
    head, arrays = loaded
    if head.get("format") != FORMAT:
        return None
    made_from = msgspec.convert(head["notes"], list[Noted])
    if made_from != notes[: len(made_from)]:
        return None
    return Fleet(
        arrays["rows"],
        arrays["names"].tobytes().decode(),
        head["words"],
        msgspec.convert(head["layouts"], list[Layout]),
        made_from,
        arrays["order"],
        [(begin, end) for begin, end in head["stopped"]],
    )


def _save(fleet: Fleet, path: Path) -> bool:
    head = {
        "format": FORMAT,
        "words": fleet.words,
        "layouts": fleet.layouts,
        "notes": fleet.notes,
        "stopped": fleet.stopped,
    }
    names = np.frombuffer(fleet.names.encode(), np.uint8)
    return derived_file.save(path, head, {"rows": fleet.rows, "order": fleet.order, "names": names})


class _Builder:
    """Goes on where a fleet's rows end."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._rows: list[list[Any]] = [list(row) for row in fleet.rows.tolist()]
        self._names = fleet.names.split("\n") if fleet.names else []
        self._open = {self._names[n]: n for n, row in enumerate(self._rows) if row[2] == OPEN_MS}
        self._words = {word: place for place, word in enumerate(fleet.words)}
        self._layouts = {layout: place for place, layout in enumerate(fleet.layouts)}
        self._parsed: dict[tuple[str, str], Profile] = {}

    def extend(self, journal: JournalReader, notes: list[Noted]) -> None:
        """Take the notes in order."""
        fleet = self._fleet
        digest = next((n.digest for n in reversed(fleet.notes) if n.kind == "configuration"), "")
        for note in notes:
            fleet.notes.append(note)
            if note.kind == "started":
                self._started(journal, note)
            elif note.digest != digest:
                digest = note.digest
                self._configured(journal, note)
        fleet.rows = np.array([tuple(row) for row in self._rows], ROW)
        fleet.order = np.argsort(fleet.rows["key"], kind="stable")
        fleet.names = "\n".join(self._names)
        fleet.words, fleet.layouts = list(self._words), list(self._layouts)

    def _started(self, journal: JournalReader, note: Noted) -> None:
        if note.position > 1:
            last = journal.entry(note.position - 1).stamp.wall_ns // MS
            if last < note.at_ns // MS:
                self._fleet.stopped.append((last, note.at_ns // MS))

    def _configured(self, journal: JournalReader, note: Noted) -> None:
        entry = journal.entry(note.position)
        if not isinstance(entry, ConfigChange) or entry.digest != note.digest:
            raise JournalError(
                f"position {note.position} of the journal is not the configuration {note.digest[:12]} that "
                "the ledger tells of; run 'riskgate verify'"
            )
        config = unpack(entry)
        at_ms = note.at_ns // MS
        layouts = self._of_profiles(config.profiles)
        gone, self._open = self._open, {}
        for device in config.devices:
            key = device.key
            fresh = self._row(device, layouts[device.profile], at_ms)
            known = gone.pop(key, None)
            if known is not None and self._rows[known][3:] == fresh[3:]:
                self._open[key] = known
                continue
            if known is not None:
                self._rows[known][2] = at_ms
            self._open[key] = len(self._rows)
            self._rows.append(fresh)
            self._names.append(key)
        for row in gone.values():
            self._rows[row][2] = at_ms

    def _row(self, device: Device, layout: int, at_ms: int) -> list[Any]:
        return [
            key_of(device.key),
            at_ms,
            OPEN_MS,
            _day_ms(device.commissioned),
            self._word(device.enterprise),
            self._word(device.county),
            self._word(device.sector),
            self._word(device.profile.partition("/")[0]),
            layout,
        ]

    def _word(self, word: str) -> int:
        return self._words.setdefault(word, len(self._words))

    def _of_profiles(self, texts: dict[str, str]) -> dict[str, int]:
        """Profile -> the place of its layout; a channel may be judged by another profile's detector."""
        profiles = [self._parse(name, text) for name, text in texts.items()]
        inputs = {
            (one.profile or profile.id, one.channel)
            for profile in profiles
            for rule in profile.detectors
            for one in rule.inputs
        }
        found = {profile.id: layout_of(profile, inputs) for profile in profiles}
        return {name: self._layouts.setdefault(one, len(self._layouts)) for name, one in found.items()}

    def _parse(self, name: str, text: str) -> Profile:
        if (name, text) not in self._parsed:
            self._parsed[name, text] = parse(name, text)
        return self._parsed[name, text]


def layout_of(profile: Profile, inputs: set[tuple[str, str]]) -> Layout:
    """The channels of a profile. A channel has a rule if a limit or state alarm names it, or a detector, by
    itself or as an input: (profile, channel) of every input of the configuration."""
    judged = {alarm.channel for alarm in profile.alarms} | {rule.channel for rule in profile.detectors}
    judged |= {channel for name, channel in inputs if name == profile.id}
    channels = tuple(point.channel for point in profile.points)
    return Layout(profile.id, channels, tuple(channel not in judged for channel in channels))


def _day_ms(day: str) -> int:
    if not day:
        return 0
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)
